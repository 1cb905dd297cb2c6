/**
 * Normalizations that are written with other ops: batch (Ioffe and Szegedy 2015), group (Wu and He 2018), which with as
 * many groups as channels is instance normalization, and RMS (Zhang and Sennrich 2019). Channels are the last axis.
 */
import { ShapeError } from '../core/errors.js';
import { printShape } from '../core/shape.js';
import { add, mul, sub } from './binary.js';
import { neg, rsqrt, square } from './elementwise.js';
import { reshape } from './move.js';
import { requireLastAxis } from './normalize.js';
import { mean } from './reduce.js';
import type { Tensor } from './tensor.js';

export interface Moments {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** What is applied to the channels of a normalized tensor: each of shape [channels], left out where it is null. */
export interface Affine {
  readonly gamma: Tensor | null;
  readonly beta: Tensor | null;
}

const scaled = (x: Tensor, gamma: Tensor | null): Tensor => (gamma ? mul(x, gamma) : x);
const moved = (x: Tensor, beta: Tensor | null): Tensor => (beta ? add(x, beta) : x);

/** The mean of each channel of x [..., channels] and of its squared distance from it: [channels]. */
export function channelMoments(x: Tensor): Moments {
  requireLastAxis('channelMoments', x);
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const middle = mean(x, { axes });
  return { mean: middle, variance: mean(square(sub(x, middle)), { axes }) };
}

/**
 * gamma (x - mean) / sqrt(variance + epsilon) + beta, with moments of shape [channels]: one multiplication and one
 * addition for each element.
 */
export function batchNormalization(
  x: Tensor,
  { mean: middle, variance }: Moments,
  { gamma, beta }: Affine,
  { epsilon = 1e-3 } = {},
): Tensor {
  const scale = scaled(rsqrt(add(variance, epsilon)), gamma);
  const shift = mul(middle, scale);
  return add(mul(x, scale), beta ? sub(beta, shift) : neg(shift));
}

/** x / sqrt(mean(x^2) + epsilon) along the last axis, times `scale` [channels]. */
export function rmsNormalization(x: Tensor, scale: Tensor, { epsilon = 1e-6 } = {}): Tensor {
  requireLastAxis('rmsNormalization', x);
  return mul(mul(x, rsqrt(add(mean(square(x), { axes: -1, keepDims: true }), epsilon))), scale);
}

/**
 * x [batch, ..., channels] with mean 0 and variance 1 over each example's groups of neighbouring channels, at all places
 * at once; then gamma x + beta.
 */
export function groupNormalization(
  x: Tensor,
  { gamma, beta }: Affine,
  { groups, epsilon = 1e-3 }: { readonly groups: number; readonly epsilon?: number },
): Tensor {
  const channels = x.shape.at(-1);
  if (x.rank < 2 || typeof channels !== 'number' || !(groups > 0) || channels % groups !== 0) {
    const required = `x [batch, ..., channels] with channels a multiple of ${groups} groups is required`;
    throw new ShapeError('groupNormalization', `${required}. Received ${printShape(x.shape)}.`);
  }
  const grouped = reshape(x, [...x.shape.slice(0, -1), groups, channels / groups]);
  const axes = grouped.shape.flatMap((_, axis) => (axis === 0 || axis === x.rank - 1 ? [] : [axis]));
  const centered = sub(grouped, mean(grouped, { axes, keepDims: true }));
  const variance = mean(square(centered), { axes, keepDims: true });
  return moved(scaled(reshape(mul(centered, rsqrt(add(variance, epsilon))), x.shape), gamma), beta);
}
