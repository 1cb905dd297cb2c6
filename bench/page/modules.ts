/** The modules that a page hands to its workers. */

/** In base64, each in an element of its name. */
export const moduleNames = ['infer-relaxed', 'infer-simd', 'peak-relaxed', 'peak-simd'] as const;

/** And those for the suite `ops`. */
export const trainingNames = ['train-relaxed', 'train-simd'] as const;

export type Bytes = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/** Those that the engine takes. */
export const compiledOf = (bytes: Bytes): Readonly<Record<string, WebAssembly.Module>> =>
  Object.fromEntries(
    Object.entries(bytes).flatMap(([name, each]) =>
      WebAssembly.validate(each) ? [[name, new WebAssembly.Module(each)] as const] : [],
    ),
  );
