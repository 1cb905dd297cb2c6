/** A worker thread: serves runs inside WebAssembly until it is told to stop. A trap stops the run for everybody. */
import { workerData } from 'node:worker_threads';
import { ABORT } from './control.js';
import { instantiate } from './module.js';

const { module, memory, scratch } = workerData as {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  scratch: number;
};

try {
  instantiate(module, memory).serve(scratch);
} catch (error) {
  Atomics.store(new Int32Array(memory.buffer), ABORT >> 2, 1);
  throw error;
}
