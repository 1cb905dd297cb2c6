/** What a worker thread does: serves runs inside WebAssembly until it is told to stop. A trap stops the run for everybody. */
import { ABORT } from './control.js';
import { instantiate } from './module.js';
import type { WorkerStart } from './threads.js';

export function serve({ module, memory, scratch }: WorkerStart): void {
  try {
    instantiate(module, memory).serve(scratch);
  } catch (error) {
    Atomics.store(new Int32Array(memory.buffer), ABORT >> 2, 1);
    throw error;
  }
}
