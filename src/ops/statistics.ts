/**
 * Reductions written with others: the smallest's index, variance, the logarithm of a sum of exponentials, norms, and what
 * is true of any, of all and of how many.
 */
import { add, sub } from './binary.js';
import { cast } from './cast.js';
import { equal, where } from './compare.js';
import { abs, exp, log, neg, sqrt, square } from './elementwise.js';
import { reshape } from './move.js';
import { isFinite } from './numbers.js';
import { argmax, max, mean, min, type ReduceOptions, sum } from './reduce.js';
import type { Tensor } from './tensor.js';

/** The index of the first minimum along `axis` (default the last), i32; the axis goes away. */
export function argmin(x: Tensor, axis = -1): Tensor {
  // Of integers -1 - x, for -x of the least one is itself.
  return argmax(x.dtype === 'f32' ? neg(x) : sub(-1, cast(x, 'i32')), axis);
}

/** The mean of the squared distances to the mean. */
export function variance(x: Tensor, options: ReduceOptions = {}): Tensor {
  return mean(square(sub(x, mean(x, { ...options, keepDims: true }))), options);
}

/** The root of the variance; its gradient is not finite where all elements are equal. */
export const std = (x: Tensor, options: ReduceOptions = {}): Tensor => sqrt(variance(x, options));

/** log(sum(exp(x))), without overflow; of nothing and of -Infinity alone it is -Infinity. */
export function logSumExp(x: Tensor, options: ReduceOptions = {}): Tensor {
  const largest = max(x, { ...options, keepDims: true });
  const shift = where(isFinite(largest), largest, 0);
  const total = log(sum(exp(sub(x, shift)), options));
  return add(total, options.keepDims ? shift : reshape(shift, total.shape));
}

/** Which norm: 1 the sum of the sizes, 2 (the default) the root of the sum of the squares, `infinity` the largest size. */
export interface NormOptions extends ReduceOptions {
  readonly order?: 1 | 2 | 'infinity';
}

/** The norm along the axes. The gradient of the norm 2 of zeros is 0. */
export function norm(x: Tensor, { order = 2, ...options }: NormOptions = {}): Tensor {
  if (order === 1) return sum(abs(x), options);
  if (order === 'infinity') return max(abs(x), options);
  const total = sum(square(x), options);
  const isZero = equal(total, 0);
  return where(isZero, 0, sqrt(where(isZero, 1, total)));
}

const bytesOfTruth = (x: Tensor): Tensor => cast(cast(x, 'bool'), 'u8');

/** Whether any element, of any dtype, is not 0: bool, false of nothing. */
export const any = (x: Tensor, options: ReduceOptions = {}): Tensor => cast(max(bytesOfTruth(x), options), 'bool');

/** Whether no element is 0: bool, true of nothing. */
export const all = (x: Tensor, options: ReduceOptions = {}): Tensor => cast(min(bytesOfTruth(x), options), 'bool');

/** How many elements are not 0: i32, exact up to 2^24 of them. */
export const countNonzero = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  cast(sum(cast(cast(x, 'bool'), 'f32'), options), 'i32');

/** The distance from the smallest to the largest element. */
export const ptp = (x: Tensor, options: ReduceOptions = {}): Tensor => sub(max(x, options), min(x, options));
