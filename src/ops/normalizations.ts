/**
 * Normalizations that are written with other ops: batch (Ioffe and Szegedy 2015), group (Wu and He 2018), instance
 * (Ulyanov, Vedaldi and Lempitsky 2016), RMS (Zhang and Sennrich 2019) and to unit length. Channels are the last axis.
 */
import { ShapeError } from '../core/errors.js';
import { printShape } from '../core/shape.js';
import { add, maximum, mul, sub } from './binary.js';
import { neg, rsqrt, square } from './elementwise.js';
import { reshape } from './move.js';
import { requireLastAxis } from './normalize.js';
import { mean, type ReduceOptions, sum } from './reduce.js';
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

/** Mean 0 and variance 1 along the axes. */
function standardized(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const centered = sub(x, mean(x, { axes, keepDims: true }));
  return mul(centered, rsqrt(add(mean(square(centered), { axes, keepDims: true }), epsilon)));
}

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
  return moved(scaled(reshape(standardized(grouped, axes, epsilon), x.shape), gamma), beta);
}

/** x [batch, ..., channels] with mean 0 and variance 1 over the places of each example's channels; then gamma x + beta. */
export function instanceNormalization(x: Tensor, { gamma, beta }: Affine, { epsilon = 1e-3 } = {}): Tensor {
  if (x.rank < 3) {
    const received = printShape(x.shape);
    throw new ShapeError('instanceNormalization', `x [batch, ..., channels] is required. Received ${received}.`);
  }
  const axes = x.shape.slice(1, -1).map((_, i) => i + 1);
  return moved(scaled(standardized(x, axes, epsilon), gamma), beta);
}

/** x / max(|x|, 1e-12), |x| the root of the sum of squares along the axes, the last unless said. */
export function unitNormalization(x: Tensor, { axes = -1 }: Pick<ReduceOptions, 'axes'> = {}): Tensor {
  return mul(x, rsqrt(maximum(sum(square(x), { axes, keepDims: true }), 1e-24)));
}
