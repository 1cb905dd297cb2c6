/** The convolution over images. */
import { ShapeError } from '../core/errors.js';
import { printShape } from '../core/shape.js';
import { add } from '../ops/binary.js';
import { conv2d as convolve, pairOf } from '../ops/conv.js';
import type { Padding, Pair } from '../ops/schema.js';
import { type ActivationName, activate, activationName } from './activations.js';
import { type Constraint, constraint, projectionOf } from './constraints.js';
import { type InitializerName, initializerName, initializers } from './initializers.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { count, countPair, flag, oneOf, optional } from './options.js';
import { penaltyOf, type Regularizer, regularizer } from './regularizers.js';

export interface Conv2dOptions {
  /** Channels of the output. */
  readonly filters: number;
  /** Height and width of the window; one number for both. */
  readonly kernelSize: number | Pair;
  /** 1 unless said. */
  readonly strides?: number | Pair;
  /** `valid` unless said. */
  readonly padding?: Padding;
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

export const conv2dKind: LayerKind<Conv2dOptions> = {
  kind: 'conv2d',
  fields: {
    filters: count,
    kernelSize: countPair,
    strides: optional(countPair, 1),
    padding: optional(oneOf('valid', 'same'), 'valid'),
    activation: optional(activationName, 'linear'),
    useBias: optional(flag, true),
    kernelInitializer: optional(initializerName, 'glorotUniform'),
    biasInitializer: optional(initializerName, 'zeros'),
    kernelRegularizer: regularizer,
    kernelConstraint: constraint,
  },
  call: (options, x, scope) => {
    const { filters, kernelSize, strides, padding, activation, useBias } = options;
    const channels = x.shape[3];
    if (x.rank !== 4 || typeof channels !== 'number') {
      throw new ShapeError(
        scope.path,
        `images [batch, height, width, channels] are required. Received ${printShape(x.shape)}.`,
      );
    }
    const kernel = scope.variable('kernel', {
      shape: [...pairOf(kernelSize), channels, filters],
      initial: initializers[options.kernelInitializer],
      penalty: penaltyOf(options.kernelRegularizer),
      projection: projectionOf(options.kernelConstraint),
    });
    const convolved = convolve(x, kernel, { strides, padding });
    if (!useBias) return activate(activation, convolved);
    const bias = scope.variable('bias', { shape: [filters], initial: initializers[options.biasInitializer] });
    return activate(activation, add(convolved, bias));
  },
};

/** activation(x * kernel + bias): images [batch, height, width, channels] -> [batch, height', width', filters]. */
export const conv2d = (options: Conv2dOptions & Naming): Layer => makeLayer(conv2dKind, options);
