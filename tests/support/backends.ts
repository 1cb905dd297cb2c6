/** The backends under test: the reference, and the WebAssembly modules that this engine takes, with one and two threads. */
import type { Backend } from '../../src/backend/backend.js';
import { referenceBackend } from '../../src/backend/reference/reference.js';
import { wasmBackend } from '../../src/backend/wasm/backend.js';
import { type ModuleName, runsHere } from '../../src/backend/wasm/modules-node.js';

export interface BackendUnderTest {
  readonly backend: Backend;
  /** Whether it runs gradients and optimizers. */
  readonly training: boolean;
}

const modules: readonly ModuleName[] = ['infer-simd', 'infer-relaxed', 'train-simd', 'train-relaxed'];

/** Modules that this engine refuses, with the reason. */
export const refused: readonly { readonly module: ModuleName; readonly reason: string }[] = modules
  .filter((module) => !runsHere(module))
  .map((module) => ({ module, reason: `${process.release.name} ${process.version} refuses relaxed SIMD` }));

/** Modules that this engine takes. */
export const acceptedModules = modules.filter(runsHere);

export const reference: BackendUnderTest = { backend: referenceBackend, training: true };

export const wasmBackends: readonly BackendUnderTest[] = [1, 2].flatMap((threads) =>
  acceptedModules.map((module) => ({
    backend: wasmBackend({ module, threads }),
    training: module.startsWith('train'),
  })),
);

/** Those that run everything. */
export const trainingBackends: readonly Backend[] = [reference, ...wasmBackends]
  .filter(({ training }) => training)
  .map(({ backend }) => backend);

/** One line for each: what runs, and what does not and why. */
export function printBackends(): string {
  const running = [reference, ...wasmBackends].map(({ backend }) => `# runs ${backend.name}`);
  return [...running, ...refused.map(({ module, reason }) => `# skipped wasm ${module}: ${reason}`)].join('\n');
}
