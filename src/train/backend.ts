/**
 * The backend that models run on unless they are given one: WebAssembly on all processors, loaded when it is first
 * needed. Losses are kernels of training modules, so whatever evaluates takes one of those.
 */
import type { Backend } from '../backend/backend.js';

/** The backend, made when it is first asked for and then kept. */
export function lazyBackend(given: Backend | undefined): () => Promise<Backend> {
  let backend: Promise<Backend> | undefined = given && Promise.resolve(given);
  return () => {
    backend ??= import('../backend/wasm/backend.js').then(({ wasmBackend }) =>
      wasmBackend({ training: true, threads: 'auto' }),
    );
    return backend;
  };
}
