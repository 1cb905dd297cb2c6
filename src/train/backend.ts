/** The backend that models run on unless they are given one: WebAssembly, loaded when it is first needed. */
import type { Backend } from '../backend/backend.js';

/** The backend, made when it is first asked for and then kept. */
export function lazyBackend(given: Backend | undefined, training: boolean): () => Promise<Backend> {
  let backend: Promise<Backend> | undefined = given && Promise.resolve(given);
  return () => {
    backend ??= import('../backend/wasm/backend.js').then(({ wasmBackend }) =>
      wasmBackend({ training, threads: 'auto' }),
    );
    return backend;
  };
}
