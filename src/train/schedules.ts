/**
 * Learning rates that change as training goes on, by their Keras names: functions of the step, counted from 0 over all
 * epochs, so that a run that is resumed goes on with the rate it would have had.
 *
 *   model.compile({ optimizer: adam({ learningRate: cosineDecay({ learningRate: 1e-3, steps: 5000 }) }), ... });
 */
import { ArgumentError, NumericsError } from '../core/errors.js';

/** The learning rate of a step. Must be a finite number that is not negative at every step of a run. */
export type LearningRateSchedule = (step: number) => number;

/** The rate at a step. Throws `NumericsError` for one that is negative or not finite, and names the step. */
export function rateAt(schedule: LearningRateSchedule, step: number): number {
  const rate = schedule(step);
  if (rate >= 0 && rate < Infinity) return rate;
  const required = 'a learning rate that is finite and not negative is required';
  throw new NumericsError('schedule', `${required}. Received ${rate} at step ${step}.`);
}

function requireRate(where: string, name: string, rate: number): void {
  if (rate >= 0 && rate < Infinity) return;
  throw new ArgumentError(where, `a finite ${name} that is not negative is required. Received ${rate}.`);
}

function requireSteps(where: string, name: string, steps: number, least: number): void {
  if (Number.isSafeInteger(steps) && steps >= least) return;
  throw new ArgumentError(where, `${name} must be an integer of at least ${least}. Received ${steps}.`);
}

/** What falls on and on. */
export interface DecayOptions {
  /** At step 0. */
  readonly learningRate: number;
  /** The steps in which `decayRate` has its effect once. */
  readonly decaySteps: number;
  /** The rate is multiplied by it every `decaySteps` steps. */
  readonly decayRate: number;
  /** All at once after `decaySteps` instead of a little at each (default false). */
  readonly staircase?: boolean;
}

/** learningRate * decayRate^(step / decaySteps). */
export function exponentialDecay(options: DecayOptions): LearningRateSchedule {
  const { learningRate, decaySteps, decayRate, staircase = false } = options;
  requireRate('exponentialDecay', 'learningRate', learningRate);
  requireRate('exponentialDecay', 'decayRate', decayRate);
  requireSteps('exponentialDecay', 'decaySteps', decaySteps, 1);
  return (step) => {
    const times = step / decaySteps;
    return learningRate * decayRate ** (staircase ? Math.floor(times) : times);
  };
}

/** learningRate / (1 + decayRate * step / decaySteps). */
export function inverseTimeDecay(options: DecayOptions): LearningRateSchedule {
  const { learningRate, decaySteps, decayRate, staircase = false } = options;
  requireRate('inverseTimeDecay', 'learningRate', learningRate);
  requireRate('inverseTimeDecay', 'decayRate', decayRate);
  requireSteps('inverseTimeDecay', 'decaySteps', decaySteps, 1);
  return (step) => {
    const times = step / decaySteps;
    return learningRate / (1 + decayRate * (staircase ? Math.floor(times) : times));
  };
}

export interface PolynomialDecayOptions {
  /** At step 0. */
  readonly learningRate: number;
  /** Steps of the decay; the rate stays at its end afterwards. */
  readonly steps: number;
  /** The last rate (default 0.0001). */
  readonly endLearningRate?: number;
  /** Default 1: along a straight line. */
  readonly power?: number;
  /** Instead of staying, the decay is stretched to the next multiple of `steps` each time that it ends (default false). */
  readonly cycle?: boolean;
}

/** (learningRate - endLearningRate) * (1 - step / steps)^power + endLearningRate. */
export function polynomialDecay(options: PolynomialDecayOptions): LearningRateSchedule {
  const { learningRate, steps, endLearningRate = 1e-4, power = 1, cycle = false } = options;
  requireRate('polynomialDecay', 'learningRate', learningRate);
  requireRate('polynomialDecay', 'endLearningRate', endLearningRate);
  requireRate('polynomialDecay', 'power', power);
  requireSteps('polynomialDecay', 'steps', steps, 1);
  return (step) => {
    const end = cycle ? steps * Math.max(1, Math.ceil(step / steps)) : steps;
    const left = 1 - Math.min(step, end) / end;
    return (learningRate - endLearningRate) * left ** power + endLearningRate;
  };
}

/** Half a cosine, from `from` where `share` is 0 to `to` where it is 1 and beyond. */
const cosine = (from: number, to: number, share: number): number =>
  to + ((from - to) * (1 + Math.cos(Math.PI * Math.min(share, 1)))) / 2;

export interface CosineDecayOptions {
  /** The highest, which the decay begins with. */
  readonly learningRate: number;
  /** Steps of the decay; the rate stays at its end afterwards. */
  readonly steps: number;
  /** The share of the learning rate that is left at the end (default 0). */
  readonly alpha?: number;
  /** Steps before the decay in which the rate rises evenly from 0 (default 0). */
  readonly warmupSteps?: number;
}

/** Warm-up, then half a cosine (Loshchilov and Hutter, ICLR 2017). */
export function cosineDecay(options: CosineDecayOptions): LearningRateSchedule {
  const { learningRate, steps, alpha = 0, warmupSteps = 0 } = options;
  requireRate('cosineDecay', 'learningRate', learningRate);
  requireRate('cosineDecay', 'alpha', alpha);
  requireSteps('cosineDecay', 'steps', steps, 1);
  requireSteps('cosineDecay', 'warmupSteps', warmupSteps, 0);
  return (step) =>
    step < warmupSteps
      ? (learningRate * step) / warmupSteps
      : cosine(learningRate, alpha * learningRate, (step - warmupSteps) / steps);
}

export interface CosineDecayRestartsOptions {
  /** The highest, which the first decay begins with. */
  readonly learningRate: number;
  /** Steps of the first decay. */
  readonly firstDecaySteps: number;
  /** Each decay is so many times as long as the one before, at least 1 (default 2). */
  readonly tMul?: number;
  /** Each decay begins with so many times the rate of the one before (default 1). */
  readonly mMul?: number;
  /** The share of a decay's first rate that is left at its end (default 0). */
  readonly alpha?: number;
}

/** One half cosine after another, ever longer (Loshchilov and Hutter, ICLR 2017). */
export function cosineDecayRestarts(options: CosineDecayRestartsOptions): LearningRateSchedule {
  const where = 'cosineDecayRestarts';
  const { learningRate, firstDecaySteps, tMul = 2, mMul = 1, alpha = 0 } = options;
  for (const [name, rate] of Object.entries({ learningRate, mMul, alpha })) requireRate(where, name, rate);
  requireSteps(where, 'firstDecaySteps', firstDecaySteps, 1);
  if (!(tMul >= 1 && tMul < Infinity)) {
    throw new ArgumentError(where, `a finite tMul of at least 1 is required. Received ${tMul}.`);
  }
  return (step) => {
    let [start, length, top] = [0, firstDecaySteps, learningRate];
    while (step >= start + length) [start, length, top] = [start + length, length * tMul, top * mMul];
    return cosine(top, alpha * top, (step - start) / length);
  };
}

export interface WarmupOptions {
  /** Steps in which the rate rises evenly from 0. */
  readonly steps: number;
  /** What follows, from its own step 0; a number stays. */
  readonly then: number | LearningRateSchedule;
}

/** A rate that rises evenly, from 0 to the first of another schedule, which follows. */
export function warmup({ steps, then }: WarmupOptions): LearningRateSchedule {
  requireSteps('warmup', 'steps', steps, 1);
  if (typeof then === 'number') requireRate('warmup', 'learning rate', then);
  const rate = typeof then === 'number' ? () => then : then;
  return (step) => (step < steps ? (rate(0) * step) / steps : rate(step - steps));
}

export interface PiecewiseConstantDecayOptions {
  /** Ascending steps: after each of them the next value holds. */
  readonly boundaries: readonly number[];
  /** One more than boundaries. */
  readonly values: readonly number[];
}

/** values[i] up to and at boundaries[i], the last value afterwards. */
export function piecewiseConstantDecay(options: PiecewiseConstantDecayOptions): LearningRateSchedule {
  const [boundaries, values] = [[...options.boundaries], [...options.values]];
  const isAscending = boundaries.every((step, i) => i === 0 || step > (boundaries[i - 1] ?? Infinity));
  if (!isAscending || values.length !== boundaries.length + 1) {
    const received = `boundaries ${boundaries.join(', ') || 'none'} and values ${values.join(', ') || 'none'}`;
    const required = 'ascending boundaries and one value more are required';
    throw new ArgumentError('piecewiseConstantDecay', `${required}. Received ${received}.`);
  }
  boundaries.forEach((step, i) => requireSteps('piecewiseConstantDecay', `boundaries[${i}]`, step, 0));
  values.forEach((value, i) => requireRate('piecewiseConstantDecay', `values[${i}]`, value));
  return (step) => {
    const at = boundaries.findIndex((boundary) => step <= boundary);
    return values.at(at) ?? NaN;
  };
}

export interface OneCycleOptions {
  /** The rate at the top of the cycle. */
  readonly maxLearningRate: number;
  /** Steps of the whole cycle. */
  readonly steps: number;
  /** The share of the steps in which the rate rises (default 0.3). */
  readonly rise?: number;
  /** The first rate is the highest divided by this (default 25). */
  readonly divisor?: number;
  /** The last rate is the first divided by this (default 10000). */
  readonly finalDivisor?: number;
}

/** Up along half a cosine and down along another (Smith and Topin 2018). */
export function oneCycle(options: OneCycleOptions): LearningRateSchedule {
  const { maxLearningRate, steps, rise = 0.3, divisor = 25, finalDivisor = 1e4 } = options;
  requireRate('oneCycle', 'maxLearningRate', maxLearningRate);
  requireSteps('oneCycle', 'steps', steps, 2);
  if (!(rise > 0 && rise < 1)) {
    throw new ArgumentError('oneCycle', `a rise in (0, 1) is required. Received ${rise}.`);
  }
  for (const [name, value] of Object.entries({ divisor, finalDivisor })) {
    if (value >= 1 && value < Infinity) continue;
    throw new ArgumentError('oneCycle', `a finite ${name} of at least 1 is required. Received ${value}.`);
  }
  const first = maxLearningRate / divisor;
  const top = rise * steps;
  return (step) =>
    step < top
      ? cosine(first, maxLearningRate, step / top)
      : cosine(maxLearningRate, first / finalDivisor, (step - top) / (steps - 1 - top || 1));
}
