/** Worker threads in browsers. */
import { UnsupportedError } from '../../core/errors.js';
import { startPool, type ThreadHost } from './threads.js';

/**
 * What starts threads in a browser, for `openModel` with a `-threads` module:
 *
 *   const threads = { count: 4, host: webThreads() };
 *   const { executable } = await openModel(bytes, { module, threads });
 *
 * A page's main thread never sleeps: it computes its share and spins for the rest; call from a worker where that matters.
 * `script` is the address of the worker's script where a bundler has moved `worker-web.js`. Throws `UnsupportedError` unless
 * the page is cross-origin isolated: without the two headers there is no shared memory.
 */
export function webThreads(script?: string | URL): ThreadHost {
  if (!globalThis.crossOriginIsolated) {
    throw new UnsupportedError(
      'threads',
      'a cross-origin isolated page is required. Serve it with `Cross-Origin-Opener-Policy: same-origin` and ' +
        '`Cross-Origin-Embedder-Policy: require-corp`, or run one thread.',
    );
  }
  return {
    mayWait: 'DedicatedWorkerGlobalScope' in globalThis,
    start: (count, start) =>
      startPool(count, start, (message, { failed, ended }) => {
        const worker = script
          ? new Worker(script, { type: 'module' })
          : new Worker(new URL('./worker-web.js', import.meta.url), { type: 'module' });
        const fail = (reason: string): void => {
          failed(reason);
          ended();
        };
        worker.addEventListener('error', (event) => fail(event.message || 'its script could not be loaded'));
        worker.addEventListener('messageerror', () => fail('the module could not be sent to it'));
        worker.postMessage(message);
      }),
  };
}
