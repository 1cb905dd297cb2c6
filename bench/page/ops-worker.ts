/** The suite `ops` in a page's worker: one message asks for all of it, and each row is answered as it is done. */
import { createExecutable } from '../../src/backend/wasm/executable.js';
import { lowerings } from '../../src/backend/wasm/lower/table.js';
import { leastTicks, resolutionOf } from '../measure/clock.js';
import { Peak } from '../measure/peak.js';
import { measureCases, type OpsPlace } from '../ops/cases.js';
import type { OpsAnswer, OpsRequest } from '../ops/messages.js';
import { type Bytes, compiledOf } from './modules.js';

const say = (answer: OpsAnswer): void => self.postMessage(answer);

function placeOf(bytes: Bytes): { readonly version: string; readonly place: OpsPlace } {
  const modules = compiledOf(bytes);
  const simd = modules['train-relaxed'] ? 'relaxed' : 'simd';
  const [module, loops] = [modules[`train-${simd}`], modules[`peak-${simd}`]];
  if (!module || !loops) throw new Error('the engine refuses the module');
  const tick = resolutionOf();
  if (!Number.isFinite(tick)) throw new Error('the clock stands still while it computes');
  const options = { module, description: `wasm train-${simd}` };
  return {
    version: `Quern, ${simd}, 1 thread`,
    place: {
      compile: (program) => createExecutable(program, options, lowerings),
      peak: new Peak(loops, Math.max(1, leastTicks * tick)),
      tick,
    },
  };
}

async function measureAll({ ops, seconds, bytes }: OpsRequest & { readonly bytes: Bytes }): Promise<void> {
  const { version, place } = placeOf(bytes);
  for (const op of ops) await measureCases(op, seconds, place, (row) => say({ row }));
  say({ done: version });
}

self.onmessage = ({ data }: MessageEvent<Parameters<typeof measureAll>[0]>): void => {
  void measureAll(data).catch((error: unknown) =>
    say({ done: error instanceof Error ? error.message : String(error) }),
  );
};
