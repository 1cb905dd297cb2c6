/**
 * What an optimizer is, and what all have in common: the learning rate, clipping, weight decay, and one rule for each
 * parameter. What is remembered are variables below the optimizer's name.
 */
import { ArgumentError } from '../core/errors.js';
import { ndarray, sizeOf } from '../core/ndarray.js';
import type { Named } from '../core/tree.js';
import type { Scope } from '../graph/builder.js';
import { mul, sub } from '../ops/binary.js';
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

/** An optimizer; `begin` is called once for each graph and returns the rule for its parameters. */
export function makeOptimizer(
  options: OptimizerOptions & { readonly name: string },
  begin: (scope: Scope) => Rule,
): Optimizer {
  const { name, learningRate = 0.001, weightDecay = 0 } = options;
  const schedule = typeof learningRate === 'number' ? undefined : learningRate;
  const firstRate = typeof learningRate === 'number' ? learningRate : rateAt(learningRate, 0);
  requireRange(name, 'learning rate', firstRate, 0, Infinity);
  requireRange(name, 'weightDecay', weightDecay, 0, Infinity);
  checkClipping(name, options);
  return {
    name,
    ...(schedule && { schedule }),
    update: (scope, parameters, gradients) =>
      scope.within(name, () => {
        const rate = remember(scope, 'learningRate', [], firstRate);
        const rule = begin(scope);
        const clipped = clip(gradients, options);
        const kept = weightDecay > 0 ? sub(1, mul(rate, weightDecay)) : null;
        Object.entries(parameters).forEach(([path, parameter], i) => {
          const next = rule({
            parameter: kept ? mul(parameter, kept) : parameter,
            gradient: clipped[i] as Tensor,
            rate,
            remember: (key, value) => remember(scope, `${key}/${path}`, parameter.shape, value),
          });
          scope.assign(parameter, scope.projected(parameter, next));
        });
      }),
  };
}
