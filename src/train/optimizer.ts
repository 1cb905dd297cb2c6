/**
 * What an optimizer is, and what all have in common: the learning rate, clipping, weight decay, and one rule for each
 * parameter. What is remembered are variables below the optimizer's name.
 */
import { ArgumentError } from '../core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../core/ndarray.js';
import type { Named } from '../core/tree.js';
import type { Scope } from '../graph/builder.js';
import { add, mul, sub } from '../ops/binary.js';
import type { Tensor } from '../ops/tensor.js';
import { checkClipping, clip, type Clipping } from './clipping.js';
import { type LearningRateSchedule, rateAt } from './schedules.js';

/** How gradients change weights, recorded as ops of the training step. */
export interface Optimizer {
  /** The path of its variables: `name/learningRate`, `name/m/dense/kernel`. */
  readonly name: string;
  /** Records the update of every parameter from its gradient. */
  readonly update: (scope: Scope, parameters: Named<Tensor>, gradients: readonly Tensor[]) => void;
  /** Sets `name/learningRate` before each step of `fit`. */
  readonly schedule?: LearningRateSchedule;
  /** The variable that holds the moving average of a parameter, where the optimizer keeps averages. */
  readonly averageOf?: (parameter: string) => string;
}

export interface OptimizerOptions extends Clipping {
  /** Tells apart the optimizers of one program. */
  readonly name?: string;
  /** Default 0.001, of sgd 0.01. */
  readonly learningRate?: number | LearningRateSchedule;
  /**
   * The share of each parameter that goes away in a step, times the learning rate (Loshchilov and Hutter 2019). Default 0,
   * of adamW 0.004.
   */
  readonly weightDecay?: number;
  /**
   * Keeps an exponential moving average of every parameter (default false). `fit` validates with the averages, and ends
   * with them as the weights; see `averaged`.
   */
  readonly useEma?: boolean;
  /** The share of the average that a step keeps, in [0, 1) (default 0.99). The first step begins it with the weights. */
  readonly emaMomentum?: number;
}

/** One parameter in a step. */
export interface Step {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly rate: Tensor;
  /** An f32 variable of the parameter's shape, below `name/key`: zeros unless said. */
  readonly remember: (key: string, value?: number) => Tensor;
}

/** Returns the parameter's next value, and assigns to what it remembers. */
export type Rule = (step: Step) => Tensor;

/** Throws `ArgumentError` for a number outside [least, below). */
export function requireRange(where: string, name: string, value: number, least: number, below: number): void {
  if (value >= least && value < below) return;
  throw new ArgumentError(where, `a ${name} in [${least}, ${below}) is required. Received ${value}.`);
}

/** A variable of the optimizer: f32, zeros unless said, not trained. */
function remember(scope: Scope, name: string, shape: Tensor['shape'], value = 0): Tensor {
  const initial = (extents: readonly number[]) =>
    ndarray('f32', extents, new Float32Array(sizeOf(extents)).fill(value));
  return scope.variable(name, { shape, trainable: false, ...(value === 0 ? {} : { initial }) });
}

/** Below the optimizer's name: the averages, and what the next step keeps of them. */
const [averagePath, momentumName] = ['average', 'emaMomentum'];

/**
 * The values with every parameter replaced by its moving average: what predicts best where an optimizer keeps averages.
 * The same values where it keeps none, or before its first step.
 */
export function averaged(
  { name, averageOf }: Optimizer,
  values: ReadonlyMap<string, NDArray>,
): ReadonlyMap<string, NDArray> {
  if (!averageOf || !values.get(`${name}/${momentumName}`)?.data[0]) return values;
  return new Map([...values].map(([path, value]) => [path, values.get(averageOf(path)) ?? value]));
}

/** An optimizer; `begin` is called once for each graph and returns the rule for its parameters. */
export function makeOptimizer(
  options: OptimizerOptions & { readonly name: string },
  begin: (scope: Scope) => Rule,
): Optimizer {
  const { name, learningRate = 0.001, weightDecay = 0, useEma = false, emaMomentum = 0.99 } = options;
  const schedule = typeof learningRate === 'number' ? undefined : learningRate;
  const firstRate = typeof learningRate === 'number' ? learningRate : rateAt(learningRate, 0);
  requireRange(name, 'learning rate', firstRate, 0, Infinity);
  requireRange(name, 'weightDecay', weightDecay, 0, Infinity);
  requireRange(name, 'emaMomentum', emaMomentum, 0, 1);
  checkClipping(name, options);
  return {
    name,
    ...(schedule && { schedule }),
    ...(useEma && { averageOf: (parameter) => `${name}/${averagePath}/${parameter}` }),
    update: (scope, parameters, gradients) =>
      scope.within(name, () => {
        const rate = remember(scope, 'learningRate', [], firstRate);
        const rule = begin(scope);
        const clipped = clip(gradients, options);
        // Zero before the first step, which therefore begins the averages.
        const share = useEma ? remember(scope, momentumName, []) : null;
        if (share) scope.assign(share, scope.constant(emaMomentum));
        const kept = weightDecay > 0 ? sub(1, mul(rate, weightDecay)) : null;
        Object.entries(parameters).forEach(([path, parameter], i) => {
          const updated = rule({
            parameter: kept ? mul(parameter, kept) : parameter,
            gradient: clipped[i] as Tensor,
            rate,
            remember: (key, value) => remember(scope, `${key}/${path}`, parameter.shape, value),
          });
          const next = scope.projected(parameter, updated);
          scope.assign(parameter, next);
          if (!share) return;
          const average = remember(scope, `${averagePath}/${path}`, parameter.shape);
          scope.assign(average, add(mul(average, share), mul(next, sub(1, share))));
        });
      }),
  };
}
