/**
 * Resizing of tensors x [n, ...spatial, c], axis by axis: each entry of the result is a weighted sum of neighbours. Places
 * are counted from the centres of pixels, as in Keras and `tf.image.resize` without antialiasing: entry i of the result
 * lies at (i + 1/2) size / outputSize - 1/2 of x.
 */
import { ShapeError } from '../core/errors.js';
import { ndarray } from '../core/ndarray.js';
import { type Dim, isFixed, mulDims, printShape } from '../core/shape.js';
import { add, mul } from './binary.js';
import { gather } from './gather.js';
import { broadcastTo, reshape } from './move.js';
import { eachAxis, spatialOf } from './pooling.js';
import { requireDType } from './rules.js';
import { constant } from './source.js';
import type { Tensor } from './tensor.js';

/**
 * `nearest` takes the nearest entry, of two equally near ones the later; `bilinear` the two neighbours, as their nearness
 * says; `bicubic` four, by the kernel of Keys (1981) with a = -1/2.
 */
export type Interpolation = 'nearest' | 'bilinear' | 'bicubic';

export const interpolations = ['nearest', 'bilinear', 'bicubic'] as const satisfies readonly Interpolation[];

export interface ResizeOptions {
  /** Default `bilinear`. */
  readonly interpolation?: Interpolation;
  /** Whether the first and the last entries lie on those of x, as ONNX's `align_corners`; false unless said. */
  readonly alignCorners?: boolean;
}

/** The weights of neighbours by their distance, which is below `reach`. */
const kernels: Readonly<
  Record<Interpolation, { readonly reach: number; readonly weight: (distance: number) => number }>
> = {
  nearest: { reach: 0.5, weight: () => 1 },
  bilinear: { reach: 1, weight: (d) => 1 - d },
  bicubic: { reach: 2, weight: (d) => (d < 1 ? (1.5 * d - 2.5) * d * d + 1 : ((-0.5 * d + 2.5) * d - 4) * d + 2) },
};

interface Tap {
  readonly index: number;
  readonly weight: number;
}

/** The neighbours of `place` within an axis of `size` entries. Those beyond it are left out and the others count more. */
function tapsOf(place: number, size: number, interpolation: Interpolation): readonly Tap[] {
  const { reach, weight } = kernels[interpolation];
  const first = Math.floor(place - reach) + 1;
  const taps = Array.from({ length: 2 * reach }, (_, k) => ({
    index: first + k,
    weight: weight(Math.abs(place - first - k)),
  }));
  const inside = taps.filter(({ index }) => index >= 0 && index < size);
  const total = inside.reduce((sum, { weight }) => sum + weight, 0);
  return taps.map(({ index, weight }) => ({
    index: Math.min(Math.max(index, 0), size - 1),
    weight: index >= 0 && index < size ? weight / total : 0,
  }));
}

/** `x` with `outputSize` entries along `axis`, of which it has `size`. */
function resizeAxis(x: Tensor, axis: number, size: number, outputSize: number, options: ResizeOptions): Tensor {
  const { interpolation = 'bilinear', alignCorners = false } = options;
  const placeOf = (i: number): number =>
    alignCorners
      ? (i * (size - 1)) / Math.max(outputSize - 1, 1)
      : ((2 * i + 1) * size - outputSize) / (2 * outputSize);
  const entries = Array.from({ length: outputSize }, (_, i) => tapsOf(placeOf(i), size, interpolation));
  const weighted = (entries[0] ?? []).flatMap((_, k) => {
    const taps = entries.map((entry) => entry[k] ?? { index: 0, weight: 0 });
    if (taps.every(({ weight }) => weight === 0)) return [];
    const indices = ndarray(
      'i32',
      [outputSize],
      taps.map(({ index }) => index),
    );
    const neighbours = gather(x, constant(x.recorder, indices), axis);
    if (taps.every(({ weight }) => weight === 1)) return [neighbours];
    const shape = [outputSize, ...x.shape.slice(axis + 1).map(() => 1)];
    const weights = ndarray(
      'f32',
      shape,
      taps.map(({ weight }) => weight),
    );
    return [mul(neighbours, constant(x.recorder, weights))];
  });
  return weighted.reduce(add);
}

/** Every entry `factors[i]` times along spatial axis `i` of x [n, ...spatial, c], of any size. */
export function repeatEach(x: Tensor, factors: number | readonly number[]): Tensor {
  const spatial = spatialOf('repeatEach', x);
  const counts = eachAxis('repeatEach', 'factors', factors, spatial.length);
  const [n = 0, c = 0] = [x.shape[0], x.shape.at(-1)];
  const spread = (widths: readonly number[]): Dim[] => [n, ...spatial.flatMap((size, i) => [size, widths[i] ?? 1]), c];
  const copies = broadcastTo(reshape(x, spread(counts.map(() => 1))), spread(counts));
  return reshape(copies, [n, ...spatial.map((size, i) => mulDims(size, counts[i] ?? 1)), c]);
}

/** x [n, ...spatial, c] with spatial axes of `size`; `nearest` takes any dtype, the others f32. */
export function resize(x: Tensor, size: number | readonly number[], options: ResizeOptions = {}): Tensor {
  const spatial = spatialOf('resize', x);
  if (options.interpolation !== 'nearest') requireDType('resize', x, ['f32']);
  if (!isFixed(spatial) || spatial.includes(0)) {
    throw new ShapeError('resize', `spatial axes of fixed size from 1 are required. Received ${printShape(x.shape)}.`);
  }
  const wanted = eachAxis('resize', 'size', size, spatial.length);
  const repeats = spatial.map((extent, i) => (wanted[i] ?? 1) / extent);
  const canRepeat = options.interpolation === 'nearest' && !options.alignCorners && repeats.every(Number.isInteger);
  if (canRepeat) return repeatEach(x, repeats);
  return spatial.reduce((y, extent, i) => {
    const target = wanted[i] ?? extent;
    return target === extent ? y : resizeAxis(y, i + 1, extent, target, options);
  }, x);
}
