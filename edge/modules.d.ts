/** What a bundler makes of the files that a Worker carries beside its script. */

declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

declare module '*.bin' {
  const bytes: ArrayBuffer;
  export default bytes;
}

declare module '*.html' {
  const text: string;
  export default text;
}
