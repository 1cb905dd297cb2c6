/** Worker threads on Node, Deno and Bun, through `node:worker_threads`. */
import { Worker } from 'node:worker_threads';
import { startPool, type ThreadHost } from './threads.js';

export const nodeThreads: ThreadHost = {
  mayWait: true,
  start: (count, start) =>
    startPool(count, start, (workerData, { failed, ended }) => {
      const worker = new Worker(new URL('./worker-node.js', import.meta.url), { workerData });
      worker.unref();
      worker.on('error', ({ message }) => failed(message));
      worker.on('exit', ended);
    }),
};
