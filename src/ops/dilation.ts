/**
 * Convolutions whose taps lie apart (Yu, Koltun 2016), written with convolutions whose taps do not. Either zeros stand
 * between the taps, or the image is dealt out into one image for each offset, which makes every rate-th pixel neighbours:
 * the same products and no others, at the price of moving the image there and its result back. Zeros are taken where they
 * at most double the taps, and for images of symbolic size.
 */
import { ArgumentError, ShapeError } from '../core/errors.js';
import { addDims, type Dim, floorDivDim, isFixed, mulDims, printShape } from '../core/shape.js';
import { type Conv2dOptions, paddingOf, pairOf, slides } from './conv.js';
import { reshape, transpose } from './move.js';
import { requireIntegers, requireRank } from './rules.js';
import type { Convolution, Pair } from './schema.js';
import { pad, slice } from './slice.js';
import type { Tensor, TensorType } from './tensor.js';

export interface DilatedOptions extends Conv2dOptions {
  /** Pixels from one tap to the next (default 1); above 1 not together with strides above 1. */
  readonly dilationRate?: number | Pair;
}

/** More taps than this, for each that counts, and dealing out the image is cheaper. */
const mostGrowth = 2;

/** What a kernel spans, its taps `rate` apart. */
export const spanOf = (taps: number, rate: number): number => (taps - 1) * rate + 1;

/** The extents of a kernel. Throws `ShapeError` unless it has that rank and no symbols. */
export function kernelShape(op: string, kernel: TensorType, rank: number): readonly number[] {
  requireRank(op, 'kernel', kernel, rank);
  if (isFixed(kernel.shape)) return kernel.shape;
  throw new ShapeError(op, `a kernel of fixed size is required. Received ${printShape(kernel.shape)}.`);
}

/** Throws `ArgumentError` unless the rates are positive integers, all 1 where a stride is not. */
export function requireRates(op: string, rates: readonly number[], strides: readonly number[]): void {
  requireIntegers(op, 'dilationRate', rates, rates.length, 1);
  if (rates.some((rate) => rate > 1) && strides.some((stride) => stride > 1)) {
    const received = `dilationRate [${rates.join(', ')}], strides [${strides.join(', ')}]`;
    throw new ArgumentError(op, `strides of 1 are required where a dilationRate is above 1. Received ${received}.`);
  }
}

/** `x` with zeros between its elements along `axis`, so that they lie `step` apart. */
export function spread(x: Tensor, axis: number, step: number): Tensor {
  const count = x.shape[axis] ?? 0;
  if (step === 1 || count === 1) return x;
  const whole = x.shape.with(axis, addDims(mulDims(addDims(count, -1), step), 1));
  const starts = whole.map(() => 0);
  return slice(spaced(x, axis, step), starts, whole);
}

/** `x` with `step - 1` zeros after each of its elements along `axis`. */
export function spaced(x: Tensor, axis: number, step: number): Tensor {
  if (step === 1) return x;
  const count = x.shape[axis] ?? 0;
  const single = reshape(x, x.shape.toSpliced(axis, 1, count, 1));
  const paddings = single.shape.map((_, i): Pair => [0, i === axis + 1 ? step - 1 : 0]);
  return reshape(pad(single, paddings), x.shape.with(axis, mulDims(count, step)));
}

/** The convolution of x [n, h, w, c] by `convolve`, which knows no dilation; the kernel is [kh, kw, ...]. */
export function dilated(
  op: string,
  x: Tensor,
  kernel: Tensor,
  { strides = 1, padding = 'valid', dilationRate = 1 }: DilatedOptions,
  convolve: (x: Tensor, kernel: Tensor, attrs: Convolution) => Tensor,
): Tensor {
  const attrs: Convolution = { strides: pairOf(strides), padding: paddingOf(padding) };
  const rates = pairOf(dilationRate);
  requireRates(op, rates, attrs.strides);
  requireRank(op, 'x', x, 4);
  const [kh = 0, kw = 0] = kernelShape(op, kernel, kernel.rank);
  const spans: Pair = [spanOf(kh, rates[0]), spanOf(kw, rates[1])];
  const [n = 0, h = 0, w = 0] = x.shape;
  if (spans[0] === kh && spans[1] === kw) return convolve(x, kernel, attrs);
  if (typeof h !== 'number' || typeof w !== 'number' || spans[0] * spans[1] <= mostGrowth * kh * kw) {
    return convolve(x, spread(spread(kernel, 0, rates[0]), 1, rates[1]), attrs);
  }
  if (typeof attrs.padding !== 'string') requireIntegers(op, 'padding', attrs.padding, 4);
  const [rows, columns] = slides(op, h, w, spans, attrs);
  const dealt = deal(x, [ends(h, rows, rates[0]), ends(w, columns, rates[1])], rates);
  const parts = convolve(dealt, kernel, { strides: [1, 1], padding: 'valid' });
  return slice(undeal(parts, n, rates), [0, 0, 0, 0], [n, rows.output, columns.output, parts.shape[3] ?? 0]);
}

/** Zeros before and after an axis, so that it is a multiple of the rate. */
function ends(size: number, { low, high }: { readonly low: number; readonly high: number }, rate: number): Pair {
  const whole = low + size + high;
  return [low, high + Math.ceil(whole / rate) * rate - whole];
}

/** [n, h, w, c] padded and dealt out, into [n * rates, h / rate, w / rate, c]. */
function deal(x: Tensor, [rows, columns]: readonly [Pair, Pair], [down, across]: Pair): Tensor {
  const sides: readonly Pair[] = [[0, 0], rows, columns, [0, 0]];
  const framed = sides.flat().every((zeros) => zeros === 0) ? x : pad(x, sides);
  const [n = 0, h = 0, w = 0, c = 0] = framed.shape;
  const [height, width] = [floorDivDim(h, down), floorDivDim(w, across)];
  const split = transpose(reshape(framed, [n, height, down, width, across, c]), [0, 2, 4, 1, 3, 5]);
  return reshape(split, [mulDims(n, down * across), height, width, c]);
}

/** The inverse of dealing out `n` images. */
function undeal(parts: Tensor, n: Dim, [down, across]: Pair): Tensor {
  const [, h = 0, w = 0, c = 0] = parts.shape;
  const joined = transpose(reshape(parts, [n, down, across, h, w, c]), [0, 3, 1, 4, 2, 5]);
  return reshape(joined, [n, mulDims(h, down), mulDims(w, across), c]);
}
