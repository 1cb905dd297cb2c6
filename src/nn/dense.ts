/** The fully connected layer. */
import { ShapeError } from '../core/errors.js';
import { printShape } from '../core/shape.js';
import { add } from '../ops/binary.js';
import { matmul } from '../ops/linear.js';
import { type ActivationName, activate, activationName } from './activations.js';
import { type Constraint, constraint, projectionOf } from './constraints.js';
import { type InitializerName, initializerName, initializers } from './initializers.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { count, flag, optional } from './options.js';
import { penaltyOf, type Regularizer, regularizer } from './regularizers.js';

export interface DenseOptions {
  /** The size of the last axis of the output. */
  readonly units: number;
  /** `linear` unless said. */
  readonly activation?: ActivationName;
  /** True unless said. */
  readonly useBias?: boolean;
  /** `glorotUniform` unless said. */
  readonly kernelInitializer?: InitializerName;
  /** `zeros` unless said. */
  readonly biasInitializer?: InitializerName;
  /** Added to the loss in training; none unless said. */
  readonly kernelRegularizer?: Regularizer | null;
  /** Holds after each step of training; none unless said. */
  readonly kernelConstraint?: Constraint | null;
}

export const denseKind: LayerKind<DenseOptions> = {
  kind: 'dense',
  fields: {
    units: count,
    activation: optional(activationName, 'linear'),
    useBias: optional(flag, true),
    kernelInitializer: optional(initializerName, 'glorotUniform'),
    biasInitializer: optional(initializerName, 'zeros'),
    kernelRegularizer: regularizer,
    kernelConstraint: constraint,
  },
  call: (options, x, scope) => {
    const { units, activation, useBias, kernelInitializer, biasInitializer } = options;
    const features = x.shape.at(-1);
    if (x.rank < 2 || typeof features !== 'number') {
      throw new ShapeError(scope.path, `x [batch, ..., features] is required. Received ${printShape(x.shape)}.`);
    }
    const kernel = scope.variable('kernel', {
      shape: [features, units],
      initial: initializers[kernelInitializer],
      penalty: penaltyOf(options.kernelRegularizer),
      projection: projectionOf(options.kernelConstraint),
    });
    const product = matmul(x, kernel);
    if (!useBias) return activate(activation, product);
    const bias = scope.variable('bias', { shape: [units], initial: initializers[biasInitializer] });
    return activate(activation, add(product, bias));
  },
};

/** activation(x @ kernel + bias): x [batch, ..., features] -> [batch, ..., units]. */
export const dense = (options: DenseOptions & Naming): Layer => makeLayer(denseKind, options);
