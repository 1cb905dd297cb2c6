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
  const bytes = bytesOf(file);
  if (!WebAssembly.validate(bytes)) {
    throw new UnsupportedError('wasm', `an engine that runs ${file}.wasm is required. Received one that refuses it.`);
  }
  const module = new WebAssembly.Module(bytes);
  compiled.set(file, module);
  return module;
}

/** The best module for a purpose that this engine takes. */
export function chooseModule(purpose: Purpose): ModuleName {
  return runsHere(`${purpose}-relaxed`) ? `${purpose}-relaxed` : `${purpose}-simd`;
}
