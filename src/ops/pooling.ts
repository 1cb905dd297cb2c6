/**
 * Pooling of tensors x [n, ...spatial, c] with any number of spatial axes, written with the pooling of images and with
 * reductions. Windows of several axes are pooled two axes at a time: a maximum of maxima, a mean of means.
 */
import { ArgumentError, ShapeError } from '../core/errors.js';
import { ndarray } from '../core/ndarray.js';
import { isFixed, printShape, type Shape, sizeOfShape } from '../core/shape.js';
import { avgPool2d } from './average-pool.js';
import { mul, pow } from './binary.js';
import { equal, where } from './compare.js';
import { slide } from './conv.js';
import { abs, sqrt, square } from './elementwise.js';
import { gather } from './gather.js';
import { reshape } from './move.js';
import { maxPool2d } from './pool.js';
import { max, mean, sum } from './reduce.js';
import type { Padding, Pair } from './schema.js';
import { pad } from './slice.js';
import { constant } from './source.js';
import type { Tensor } from './tensor.js';

export interface PoolOptions {
  /** Default 2: one number for all spatial axes, or one for each. */
  readonly poolSize?: number | readonly number[];
  /** Steps between windows; the pool size unless said. */
  readonly strides?: number | readonly number[];
  /** Default `valid`. Padding never is a maximum, and does not count in a mean. */
  readonly padding?: Padding;
}

/** How a window slides along each spatial axis. */
interface Windows {
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: Padding;
}

/** The spatial dimensions of x [n, ...spatial, c]; throws where there are none. */
export function spatialOf(op: string, x: Tensor): Shape {
  if (x.rank < 3) throw new ShapeError(op, `x [n, ...spatial, c] is required. Received ${printShape(x.shape)}.`);
  return x.shape.slice(1, -1);
}

/** One number for each of `count` axes: `value`, or those that it holds. */
export function eachAxis(
  op: string,
  what: string,
  value: number | readonly number[],
  count: number,
): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(count).fill(value) : value;
  if (list.length === count && list.every((each) => Number.isSafeInteger(each) && each > 0)) return list;
  const axes = count === 1 ? '1 axis' : `${count} axes`;
  throw new ArgumentError(op, `${what}: positive integers for ${axes} are required. Received [${list.join(', ')}].`);
}

function windowsOf(
  op: string,
  x: Tensor,
  { poolSize = 2, strides = poolSize, padding = 'valid' }: PoolOptions,
): Windows {
  const { length } = spatialOf(op, x);
  return {
    poolSize: eachAxis(op, 'poolSize', poolSize, length),
    strides: eachAxis(op, 'strides', strides, length),
    padding,
  };
}

/** Pools the first two spatial axes as those of images, whose pixels hold what lies behind; then the next two. */
function byImages(x: Tensor, { poolSize, strides, padding }: Windows, pool: typeof maxPool2d): Tensor {
  let y = x;
  for (let first = 1; first <= poolSize.length; first += 2) {
    const isPair = first < poolSize.length;
    const behind = first + (isPair ? 2 : 1);
    const pairOf = (values: readonly number[]): Pair => {
      const [a = 1, b = 1] = values.slice(first - 1, behind - 1);
      return isPair ? [a, b] : [1, a];
    };
    const axes = isPair ? y.shape.slice(first, behind) : [1, ...y.shape.slice(first, behind)];
    const images = reshape(y, [sizeOfShape(y.shape.slice(0, first)), ...axes, sizeOfShape(y.shape.slice(behind))]);
    const pooled = pool(images, { poolSize: pairOf(poolSize), strides: pairOf(strides), padding });
    y = reshape(pooled, [
      ...y.shape.slice(0, first),
      ...pooled.shape.slice(isPair ? 1 : 2, 3),
      ...y.shape.slice(behind),
    ]);
  }
  return y;
}

/** The largest element of each window of x [n, ...spatial, c]; a NaN is the largest. */
export const maxPool = (x: Tensor, options: PoolOptions = {}): Tensor =>
  byImages(x, windowsOf('maxPool', x, options), maxPool2d);

/** The mean of each window of x [n, ...spatial, c]. */
export const averagePool = (x: Tensor, options: PoolOptions = {}): Tensor =>
  byImages(x, windowsOf('averagePool', x, options), avgPool2d);

/** The root of order p of the sum of |x|^p over each window of x [n, ...spatial, c] (ONNX LpPool); p is 2 unless said. */
export function lpPool(x: Tensor, { p = 2, ...options }: PoolOptions & { readonly p?: number } = {}): Tensor {
  if (!(p >= 1 && p < Infinity)) throw new ArgumentError('lpPool', `p from 1 is required. Received ${p}.`);
  const windows = windowsOf('lpPool', x, options);
  const powers = p === 1 ? abs(x) : p === 2 ? square(x) : pow(abs(x), p);
  const surrounded = windows.padding === 'same' ? padded(powers, windows) : powers;
  const count = windows.poolSize.reduce((product, extent) => product * extent, 1);
  const total = mul(byImages(surrounded, { ...windows, padding: 'valid' }, avgPool2d), count);
  if (p === 1) return total;
  // At 0, where the root is not differentiable, the gradient is 0.
  const isZero = equal(total, 0);
  const positive = where(isZero, 1, total);
  return where(isZero, 0, p === 2 ? sqrt(positive) : pow(positive, 1 / p));
}

/** With the zeros of `same` padding around it. */
function padded(x: Tensor, { poolSize, strides }: Windows): Tensor {
  const around = spatialOf('lpPool', x).map((size, i) => {
    const { low, high } = slide('lpPool', size, poolSize[i] ?? 1, strides[i] ?? 1, 'same');
    if (typeof low === 'number' && typeof high === 'number') return [low, high] as const;
    throw new ShapeError('lpPool', `spatial axes of fixed size are required. Received ${printShape(x.shape)}.`);
  });
  return pad(x, [[0, 0], ...around, [0, 0]]);
}

export interface GlobalPoolOptions {
  /** Whether the spatial axes stay, with 1 each; false unless said. */
  readonly keepDims?: boolean;
}

const spatialAxes = (op: string, x: Tensor): number[] => spatialOf(op, x).map((_, i) => i + 1);

/** The mean over all places: x [n, ...spatial, c] -> [n, c]. */
export const globalAveragePool = (x: Tensor, { keepDims = false }: GlobalPoolOptions = {}): Tensor =>
  mean(x, { axes: spatialAxes('globalAveragePool', x), keepDims });

/** The maximum over all places: x [n, ...spatial, c] -> [n, c]. */
export const globalMaxPool = (x: Tensor, { keepDims = false }: GlobalPoolOptions = {}): Tensor =>
  max(x, { axes: spatialAxes('globalMaxPool', x), keepDims });

/** The bins of an axis: from floor(i size / count) to below ceil((i + 1) size / count). */
function binsOf(size: number, count: number): readonly { readonly start: number; readonly length: number }[] {
  return Array.from({ length: count }, (_, i) => {
    const start = Math.floor((i * size) / count);
    return { start, length: Math.ceil(((i + 1) * size) / count) - start };
  });
}

/**
 * Parts each spatial axis into as many bins as `outputSize` says and folds them: equal bins by `pool`, others axis by
 * axis. There the entries of each bin are laid out along an axis of their own, a short bin's last one repeated.
 */
function adaptivePool(
  op: string,
  x: Tensor,
  outputSize: number | readonly number[],
  pool: typeof maxPool,
  fold: (bins: Tensor, axis: number, lengths: readonly number[]) => Tensor,
): Tensor {
  const spatial = spatialOf(op, x);
  const counts = eachAxis(op, 'outputSize', outputSize, spatial.length);
  if (!isFixed(spatial) || spatial.includes(0)) {
    throw new ShapeError(op, `spatial axes of fixed size from 1 are required. Received ${printShape(x.shape)}.`);
  }
  const divides = spatial.map((size, i) => size % (counts[i] ?? 1) === 0);
  const poolSize = spatial.map((size, i) => (divides[i] ? size / (counts[i] ?? 1) : 1));
  const pooled = poolSize.some((size) => size > 1) ? pool(x, { poolSize }) : x;
  return spatial.reduce((y, size, i) => {
    if (divides[i]) return y;
    const bins = binsOf(size, counts[i] ?? 1);
    const longest = Math.max(...bins.map(({ length }) => length));
    const indices = bins.flatMap(({ start, length }) =>
      Array.from({ length: longest }, (_, k) => start + Math.min(k, length - 1)),
    );
    const laid = gather(y, constant(y.recorder, ndarray('i32', [bins.length, longest], indices)), i + 1);
    return fold(
      laid,
      i + 2,
      bins.map(({ length }) => length),
    );
  }, pooled);
}

/** The mean of each of `outputSize` bins, which may overlap, along the spatial axes of x [n, ...spatial, c]. */
export const adaptiveAveragePool = (x: Tensor, outputSize: number | readonly number[]): Tensor =>
  adaptivePool('adaptiveAveragePool', x, outputSize, averagePool, (bins, axis, lengths) => {
    const longest = Number(bins.shape[axis]);
    const shares = lengths.flatMap((length) =>
      Array.from({ length: longest }, (_, k) => (k < length ? 1 / length : 0)),
    );
    const shape: readonly number[] = [lengths.length, longest, ...bins.shape.slice(axis + 1).map(() => 1)];
    return sum(mul(bins, constant(bins.recorder, ndarray('f32', shape, shares))), { axes: axis });
  });

/** The maximum of each of `outputSize` bins, which may overlap, along the spatial axes of x [n, ...spatial, c]. */
export const adaptiveMaxPool = (x: Tensor, outputSize: number | readonly number[]): Tensor =>
  adaptivePool('adaptiveMaxPool', x, outputSize, maxPool, (bins, axis) => max(bins, { axes: axis }));
