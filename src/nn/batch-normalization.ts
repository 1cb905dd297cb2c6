/** Batch normalization (Ioffe and Szegedy, ICML 2015), as in Keras 3. */
import type { Scope } from '../graph/builder.js';
import { add, mul } from '../ops/binary.js';
import { batchNormalization as normalize, channelMoments, type Moments } from '../ops/normalizations.js';
import type { Tensor } from '../ops/tensor.js';
import { initializers } from './initializers.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { affineOf, channelsOf } from './normalization.js';
import { flag, fraction, optional, positive } from './options.js';

export interface BatchNormalizationOptions {
  /** The share of the moving mean and variance that a step of training keeps, in [0, 1); 0.99 unless said. */
  readonly momentum?: number;
  /** Added to the variance; 0.001 unless said. */
  readonly epsilon?: number;
  /** Whether what is learned is added; true unless said. */
  readonly center?: boolean;
  /** Whether what is learned is multiplied by; true unless said. */
  readonly scale?: boolean;
}

/**
 * moving * momentum + now * (1 - momentum). In this form the old value is not the last op's operand, so no backend may
 * write the new one over it before the step's loss is known to be finite.
 */
const movedTowards = (moving: Tensor, now: Tensor, momentum: number): Tensor =>
  add(mul(moving, momentum), mul(now, 1 - momentum));

function movingMoments(scope: Scope, shape: readonly number[]): Moments {
  return {
    mean: scope.variable('movingMean', { shape, trainable: false, initial: initializers.zeros }),
    variance: scope.variable('movingVariance', { shape, trainable: false, initial: initializers.ones }),
  };
}

export const batchNormalizationKind: LayerKind<BatchNormalizationOptions> = {
  kind: 'batchNormalization',
  fields: {
    momentum: optional(fraction, 0.99),
    epsilon: optional(positive, 0.001),
    center: optional(flag, true),
    scale: optional(flag, true),
  },
  call: ({ momentum, epsilon, center, scale }, x, scope, mode) => {
    const shape = channelsOf(x, scope);
    const affine = affineOf(scope, shape, { center, scale });
    const moving = movingMoments(scope, shape);
    if (!mode.training || scope.isFrozen) return normalize(x, moving, affine, { epsilon });
    const now = channelMoments(x);
    scope.advance(moving.mean, (mean) => movedTowards(mean, now.mean, momentum));
    scope.advance(moving.variance, (variance) => movedTowards(variance, now.variance, momentum));
    return normalize(x, now, affine, { epsilon });
  },
};

/**
 * Each channel of x [batch, ..., channels] with mean 0 and variance 1, then scaled and moved by what is learned: shapes
 * stay. In training over the batch, whose moments the moving ones follow; otherwise, and where the layer is
 * not trainable, by the moving ones.
 */
export const batchNormalization = (options: BatchNormalizationOptions & Naming = {}): Layer =>
  makeLayer(batchNormalizationKind, options);
