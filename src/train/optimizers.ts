/**
 * Optimizers, by their Keras names and with their Keras defaults. An optimizer records, in a graph, how each parameter
 * follows from its gradient; what it remembers and its learning rate are variables below its name.
 *
 *   const parameters = scope.trainables();
 *   adam().update(scope, parameters, gradients(loss, Object.values(parameters)));
 */
import { ArgumentError } from '../core/errors.js';
import type { Scope } from '../graph/builder.js';
import { add, div, maximum, mul, sub } from '../ops/binary.js';
import { sign, sqrt, square } from '../ops/elementwise.js';
import { adam as adamStep, sgd as sgdStep } from '../ops/optimizer.js';
import type { Tensor } from '../ops/tensor.js';
import { makeOptimizer, type Optimizer, type OptimizerOptions, requireRange } from './optimizer.js';

export type { Optimizer, OptimizerOptions } from './optimizer.js';

export interface SgdOptions extends OptimizerOptions {
  /** Default 0: no velocity is kept. */
  readonly momentum?: number;
  /** Default false. */
  readonly nesterov?: boolean;
}

export interface AdamOptions extends OptimizerOptions {
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
}

export interface RmspropOptions extends OptimizerOptions {
  /** The share of the mean of squares that a step keeps (default 0.9). */
  readonly rho?: number;
  /** Default 0: no velocity is kept. */
  readonly momentum?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
  /** Whether the gradient's variance takes the place of the mean of its squares (default false). */
  readonly centered?: boolean;
}

export interface AdagradOptions extends OptimizerOptions {
  /** What the sum of squares begins with (default 0.1). */
  readonly initialAccumulatorValue?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
}

export interface LionOptions extends OptimizerOptions {
  /** The share of the moment in a step's direction (default 0.9). */
  readonly beta1?: number;
  /** The share of the moment that a step keeps (default 0.99). */
  readonly beta2?: number;
}

/** old * share + now * (1 - share) */
const blend = (old: Tensor, now: Tensor, share: number): Tensor => add(mul(old, share), mul(now, 1 - share));

/** Gradient descent, with momentum where it is asked for. */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { name = 'sgd', learningRate = 0.01, momentum = 0, nesterov = false } = options;
  requireRange(name, 'momentum', momentum, 0, 1);
  return makeOptimizer({ ...options, name, learningRate }, (scope) => ({ parameter, gradient, rate, remember }) => {
    const old = momentum > 0 ? remember('velocity') : null;
    const next = sgdStep(parameter, gradient, rate, old, { momentum, nesterov });
    if (old && next.velocity) scope.assign(old, next.velocity);
    return next.parameter;
  });
}

/** Adam (Kingma and Ba, ICLR 2015). */
export function adam(options: AdamOptions = {}): Optimizer {
  const { name = 'adam', beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  requireRange(name, 'beta1', beta1, 0, 1);
  requireRange(name, 'beta2', beta2, 0, 1);
  requireRange(name, 'epsilon', epsilon, 0, Infinity);
  return makeOptimizer({ ...options, name }, (scope) => {
    const steps = scope.variable('steps', { shape: [], dtype: 'i32' });
    const step = add(steps, 1);
    scope.assign(steps, step);
    return ({ parameter, gradient, rate, remember }) => {
      const [m, v] = [remember('m'), remember('v')];
      const next = adamStep(parameter, gradient, rate, { m, v, step }, { beta1, beta2, epsilon });
      scope.assign(m, next.m);
      scope.assign(v, next.v);
      return next.parameter;
    };
  });
}

/** Adam with weights that decay by themselves, not through their gradient (Loshchilov and Hutter, ICLR 2019). */
export const adamW = (options: AdamOptions = {}): Optimizer =>
  adam({ ...options, name: options.name ?? 'adamW', weightDecay: options.weightDecay ?? 0.004 });

/** RMSprop (Tieleman and Hinton 2012). */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const { name = 'rmsprop', rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = options;
  requireRange(name, 'rho', rho, 0, 1);
  requireRange(name, 'momentum', momentum, 0, 1);
  requireRange(name, 'epsilon', epsilon, 0, Infinity);
  const blended = (scope: Scope, old: Tensor, now: Tensor): Tensor => {
    const next = blend(old, now, rho);
    scope.assign(old, next);
    return next;
  };
  return makeOptimizer({ ...options, name }, (scope) => ({ parameter, gradient, rate, remember }) => {
    const squares = blended(scope, remember('velocity'), square(gradient));
    // Rounding must not make a variance negative.
    const spread = centered
      ? maximum(sub(squares, square(blended(scope, remember('averageGradient'), gradient))), 0)
      : squares;
    const move = div(mul(gradient, rate), sqrt(add(spread, epsilon)));
    if (momentum === 0) return sub(parameter, move);
    const old = remember('momentum');
    const speed = add(mul(old, momentum), move);
    scope.assign(old, speed);
    return sub(parameter, speed);
  });
}

/** Adagrad (Duchi, Hazan and Singer, JMLR 2011). */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  const { name = 'adagrad', initialAccumulatorValue = 0.1, epsilon = 1e-7 } = options;
  requireRange(name, 'initialAccumulatorValue', initialAccumulatorValue, 0, Infinity);
  requireRange(name, 'epsilon', epsilon, 0, Infinity);
  return makeOptimizer({ ...options, name }, (scope) => ({ parameter, gradient, rate, remember }) => {
    const old = remember('accumulator', initialAccumulatorValue);
    const total = add(old, square(gradient));
    scope.assign(old, total);
    return sub(parameter, div(mul(gradient, rate), sqrt(add(total, epsilon))));
  });
}

/** Lion: steps of one size, along the sign of a moment (Chen et al., NeurIPS 2023). */
export function lion(options: LionOptions = {}): Optimizer {
  const { name = 'lion', beta1 = 0.9, beta2 = 0.99 } = options;
  requireRange(name, 'beta1', beta1, 0, 1);
  requireRange(name, 'beta2', beta2, 0, 1);
  return makeOptimizer({ ...options, name }, (scope) => ({ parameter, gradient, rate, remember }) => {
    const m = remember('m');
    scope.assign(m, blend(m, gradient, beta2));
    return sub(parameter, mul(sign(blend(m, gradient, beta1)), rate));
  });
}

const optimizers = { adagrad, adam, adamW, lion, rmsprop, sgd };

/** Names stand for the optimizer with its defaults. */
export type OptimizerName = keyof typeof optimizers;

export function optimizerOf(optimizer: Optimizer | OptimizerName): Optimizer {
  if (typeof optimizer !== 'string') return optimizer;
  if (Object.hasOwn(optimizers, optimizer)) return optimizers[optimizer]();
  const known = Object.keys(optimizers).join(', ');
  throw new ArgumentError('compile', `an optimizer among ${known} is required. Received '${optimizer}'.`);
}
