/**
 * Optimizers, by their Keras names and with their Keras defaults. An optimizer records, in a graph, how each parameter
 * follows from its gradient; what it remembers and its learning rate are variables below its name.
 *
 *   const parameters = scope.trainables();
 *   adam().update(scope, parameters, gradients(loss, Object.values(parameters)));
 */
import { ArgumentError } from '../core/errors.js';
import { ndarray } from '../core/ndarray.js';
import type { Named } from '../core/tree.js';
import type { Scope } from '../graph/builder.js';
import { add } from '../ops/binary.js';
import { adam as adamStep, sgd as sgdStep } from '../ops/optimizer.js';
import type { Tensor } from '../ops/tensor.js';

export interface Optimizer {
  /** The path of its variables: `name/learningRate`, `name/m/dense/kernel`. */
  readonly name: string;
  /** Records the update of every parameter from its gradient. */
  readonly update: (scope: Scope, parameters: Named<Tensor>, gradients: readonly Tensor[]) => void;
}

interface Naming {
  /** Tells apart the optimizers of one program. */
  readonly name?: string;
}

export interface SgdOptions extends Naming {
  /** Default 0.01. */
  readonly learningRate?: number;
  /** Default 0: no velocity is kept. */
  readonly momentum?: number;
  /** Default false. */
  readonly nesterov?: boolean;
}

export interface AdamOptions extends Naming {
  /** Default 0.001. */
  readonly learningRate?: number;
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
}

function requireRate(where: string, name: string, value: number, least: number, below: number): void {
  if (value >= least && value < below) return;
  throw new ArgumentError(where, `a ${name} in [${least}, ${below}) is required. Received ${value}.`);
}

/** A variable of the optimizer: f32, zeros unless said, not trained. */
function remember(scope: Scope, name: string, shape: Tensor['shape'], value = 0): Tensor {
  const initial = (extents: readonly number[]) => ndarray('f32', extents, new Float32Array([value]));
  return scope.variable(name, { shape, trainable: false, ...(value === 0 ? {} : { initial }) });
}

/** Gradient descent, with momentum where it is asked for. */
export function sgd({ name = 'sgd', learningRate = 0.01, momentum = 0, nesterov = false }: SgdOptions = {}): Optimizer {
  requireRate(name, 'learning rate', learningRate, 0, Infinity);
  requireRate(name, 'momentum', momentum, 0, 1);
  return {
    name,
    update: (scope, parameters, gradients) =>
      scope.within(name, () => {
        const rate = remember(scope, 'learningRate', [], learningRate);
        Object.entries(parameters).forEach(([path, parameter], i) => {
          const old = momentum > 0 ? remember(scope, `velocity/${path}`, parameter.shape) : null;
          const next = sgdStep(parameter, gradients[i] as Tensor, rate, old, { momentum, nesterov });
          scope.assign(parameter, next.parameter);
          if (old && next.velocity) scope.assign(old, next.velocity);
        });
      }),
  };
}

/** Adam (Kingma and Ba, ICLR 2015). */
export function adam(options: AdamOptions = {}): Optimizer {
  const { name = 'adam', learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  requireRate(name, 'learning rate', learningRate, 0, Infinity);
  requireRate(name, 'beta1', beta1, 0, 1);
  requireRate(name, 'beta2', beta2, 0, 1);
  requireRate(name, 'epsilon', epsilon, 0, Infinity);
  return {
    name,
    update: (scope, parameters, gradients) =>
      scope.within(name, () => {
        const rate = remember(scope, 'learningRate', [], learningRate);
        const steps = scope.variable('steps', { shape: [], dtype: 'i32' });
        const step = add(steps, 1);
        scope.assign(steps, step);
        Object.entries(parameters).forEach(([path, parameter], i) => {
          const m = remember(scope, `m/${path}`, parameter.shape);
          const v = remember(scope, `v/${path}`, parameter.shape);
          const moments = { m, v, step };
          const next = adamStep(parameter, gradients[i] as Tensor, rate, moments, { beta1, beta2, epsilon });
          scope.assign(parameter, next.parameter);
          scope.assign(m, next.m);
          scope.assign(v, next.v);
        });
      }),
  };
}

const optimizers = { adam, sgd };

/** Names stand for the optimizer with its defaults. */
export type OptimizerName = keyof typeof optimizers;

export function optimizerOf(optimizer: Optimizer | OptimizerName): Optimizer {
  if (typeof optimizer !== 'string') return optimizer;
  if (Object.hasOwn(optimizers, optimizer)) return optimizers[optimizer]();
  const known = Object.keys(optimizers).join(', ');
  throw new ArgumentError('compile', `an optimizer among ${known} is required. Received '${optimizer}'.`);
}
