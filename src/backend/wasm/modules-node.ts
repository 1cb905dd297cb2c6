/** Finds, chooses and compiles the modules on Node, Deno and Bun: the files in dist/wasm. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { IoError, UnsupportedError } from '../../core/errors.js';

export type Purpose = 'infer' | 'train';
export type Simd = 'simd' | 'relaxed';
export type ModuleName = `${Purpose}-${Simd}`;

const compiled = new Map<string, WebAssembly.Module>();

export const modulePath = (name: string): string =>
  fileURLToPath(new URL(`../../../wasm/${name}.wasm`, import.meta.url));

function bytesOf(name: string): Uint8Array<ArrayBuffer> {
  try {
    return readFileSync(modulePath(name));
  } catch (error) {
    throw new IoError('wasm', `the module ${name}.wasm is required; run \`npm run build\`.`, { cause: error });
  }
}

/** Whether this engine takes a module. */
export const runsHere = (name: ModuleName): boolean => WebAssembly.validate(bytesOf(name));

/** Compiles a module, once for each process. Throws `UnsupportedError` where the engine refuses its instructions. */
export function compileModule(name: ModuleName, threads: boolean): WebAssembly.Module {
  const file = threads ? `${name}-threads` : name;
  const known = compiled.get(file);
  if (known) return known;
  try {
    const module = new WebAssembly.Module(bytesOf(file));
    compiled.set(file, module);
    return module;
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    throw new UnsupportedError('wasm', `an engine that runs ${file}.wasm is required. Received: ${error.message}`);
  }
}

/** A module of one function, which swizzles zeros the relaxed way: the quickest question to an engine. */
const relaxedProbe = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0],
  ...[10, 15, 1, 13, 0, 0x41, 0, 0xfd, 15, 0x41, 0, 0xfd, 15, 0xfd, 0x80, 2, 11],
);

/** The best module for a purpose that this engine takes. */
export function chooseModule(purpose: Purpose): ModuleName {
  return WebAssembly.validate(relaxedProbe) ? `${purpose}-relaxed` : `${purpose}-simd`;
}
