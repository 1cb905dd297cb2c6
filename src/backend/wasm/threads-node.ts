/** Worker threads on Node, Deno and Bun, through `node:worker_threads`. */
import { Worker } from 'node:worker_threads';
import { ABORT, GENERATION, STOP } from './control.js';
import type { ThreadHost, ThreadPool, ThreadStart } from './threads.js';

/** Sets a word of the control block and wakes every sleeper. */
function signal(memory: WebAssembly.Memory, word: number): void {
  const words = new Int32Array(memory.buffer);
  Atomics.store(words, word >> 2, 1);
  Atomics.notify(words, GENERATION >> 2);
}

/** Ends the workers of an executable that was dropped without being closed. */
const dropped = new FinalizationRegistry<WebAssembly.Memory>((memory) => signal(memory, STOP));

export const nodeThreads: ThreadHost = {
  mayWait: true,
  start(count: number, { module, memory, scratch }: ThreadStart): ThreadPool {
    let alive = count;
    let failure = '';
    for (let thread = 1; thread <= count; thread++) {
      const worker = new Worker(new URL('./worker-node.js', import.meta.url), {
        workerData: { module, memory, scratch: scratch(thread) },
      });
      worker.unref();
      worker.on('error', (error) => {
        failure = `: ${error.message}`;
        signal(memory, ABORT);
      });
      worker.on('exit', () => alive--);
    }
    const pool: ThreadPool = {
      alive: () => alive,
      failure: () => failure,
      stop: () => signal(memory, STOP),
    };
    dropped.register(pool, memory);
    return pool;
  },
};
