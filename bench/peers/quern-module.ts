/** Quern where a host hands over a compiled module: pages and Workers. One thread, inference. */
import { createExecutable } from '../../src/backend/wasm/executable.js';
import { inferenceLowerings } from '../../src/backend/wasm/lower/inference.js';
import type { ContenderMaker } from './contender.js';
import { prepareTraced } from './traced.js';

export const moduleMaker =
  (module: WebAssembly.Module, simd: 'simd' | 'relaxed'): ContenderMaker =>
  () => {
    const description = `wasm infer-${simd}`;
    return Promise.resolve({
      version: `Quern, ${simd}, 1 thread`,
      prepare: (task) =>
        prepareTraced(task, (program) => createExecutable(program, { module, description }, inferenceLowerings)),
    });
  };
