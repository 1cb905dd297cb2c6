/** A place without a disk: pages and Workers, whose host hands over compiled modules. */
import { leastTicks, resolutionOf } from '../measure/clock.js';
import { Peak } from '../measure/peak.js';
import { time } from '../measure/timer.js';
import { type ContenderMaker, Unable } from '../peers/contender.js';
import { moduleMaker } from '../peers/quern-module.js';
import type { Place } from './answering.js';

/** What the engine takes of `infer-relaxed`, `peak-relaxed`, and their like without relaxed SIMD. */
export type Modules = Readonly<Partial<Record<string, WebAssembly.Module>>>;

/** `others` are contenders besides our own. */
export function modulesPlace(modules: Modules, others: Readonly<Record<string, ContenderMaker>> = {}): Place {
  const tick = resolutionOf();
  const simdOf = (name: string): 'relaxed' | 'simd' | undefined =>
    name === 'quern-simd' ? 'simd' : name !== 'quern' ? undefined : modules['infer-relaxed'] ? 'relaxed' : 'simd';
  return {
    maker: (name) => {
      if (!Number.isFinite(tick)) throw new Unable('the clock stands still while it computes');
      const simd = simdOf(name);
      const module = modules[`infer-${simd}`];
      const maker = others[name] ?? (simd && module && moduleMaker(module, simd));
      if (!maker) throw new Unable(simd ? 'the engine refuses the module' : 'no such contender');
      return maker;
    },
    peak: (name) => {
      const module = modules[`peak-${simdOf(name)}`];
      return module && new Peak(module, Math.max(1, leastTicks * tick));
    },
    time: ({ run }, seconds) => time(run, { seconds, sample: Math.max(0.05, (leastTicks * tick) / 1000) }),
  };
}
