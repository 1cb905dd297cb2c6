/** The process of the suite `ops`. */
import { wasmBackend } from '../../src/backend/wasm/backend.js';
import { chooseModule } from '../../src/backend/wasm/modules-node.js';
import { resolutionOf } from '../measure/clock.js';
import { peakOf } from '../measure/peak-node.js';
import { measureCases } from './cases.js';
import type { OpsAnswer, OpsRequest } from './messages.js';

const module = chooseModule('train');
const backend = wasmBackend({ module });
const place = {
  compile: backend.compile,
  peak: peakOf(module === 'train-relaxed' ? 'relaxed' : 'simd'),
  tick: resolutionOf(),
};

const say = (answer: OpsAnswer): boolean | undefined => process.send?.(answer);

process.on('message', ({ ops, seconds }: OpsRequest) => {
  void (async () => {
    for (const op of ops) await measureCases(op, seconds, place, (row) => say({ row }));
    say({ done: backend.name.replace('wasm train-', 'Quern, ') });
    process.disconnect();
  })();
});
