/** Mixup: examples that lie between two others, and so do their labels (Zhang et al., ICLR 2018). */
import { DTypeError, ShapeError } from '../core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../core/ndarray.js';
import { type Key, permutation, threefry, uniform } from '../core/random.js';
import { requireWithin } from './augmentations.js';
import { rowsOf } from './rows.js';

const mixStream = 0xfffffffb;

export interface MixupOptions {
  /** Both parameters of the beta distribution that shares are drawn from (default 0.2), from 0.01 to 2. */
  readonly alpha?: number;
  /** Default 0. */
  readonly seed?: number;
  /** What tells batches apart: each draws other partners and shares (default 0). */
  readonly step?: number;
}

/**
 * Mixes each example with another of the batch, and their labels by the same share (Zhang et al., ICLR 2018): f32
 * x [n, ...] and y [n, classes], such as `oneHot` makes.
 */
export function mixup(x: NDArray, y: NDArray, options: MixupOptions = {}): { x: NDArray<'f32'>; y: NDArray<'f32'> } {
  const { alpha = 0.2, seed = 0, step = 0 } = options;
  requireWithin('mixup', 'an alpha', alpha, 0.01, 2);
  if (x.dtype !== 'f32' || y.dtype !== 'f32') {
    throw new DTypeError('mixup', `f32 examples and labels are required. Received ${x.dtype} and ${y.dtype}.`);
  }
  const count = rowsOf(x);
  if (rowsOf(y) !== count) {
    throw new ShapeError('mixup', `as many labels as examples are required. Received ${rowsOf(y)}, ${count}.`);
  }
  const partners = permutation([seed, step], count);
  const shares = Array.from({ length: count }, (_, i) => symmetricBeta(alpha, threefry([seed, step], i, mixStream)));
  const mix = ({ shape, data }: NDArray): NDArray<'f32'> => {
    const size = sizeOf(shape.slice(1));
    const mixed = new Float32Array(data.length);
    for (let i = 0; i < mixed.length; i++) {
      const row = Math.floor(i / size);
      const share = shares[row] ?? 1;
      mixed[i] = share * (data[i] ?? NaN) + (1 - share) * (data[(partners[row] ?? row) * size + (i % size)] ?? NaN);
    }
    return ndarray('f32', shape, mixed);
  };
  return { x: mix(x), y: mix(y) };
}

/** A number from Beta(alpha, alpha): Jöhnk 1964, in logarithms so that powers of a small alpha do not vanish. */
function symmetricBeta(alpha: number, key: Key): number {
  for (let attempt = 0; ; attempt++) {
    const [first = 0, second = 0] = uniform(threefry(key, attempt, mixStream), 2);
    const [a, b] = [Math.log(1 - first) / alpha, Math.log(1 - second) / alpha];
    if (Math.exp(a) + Math.exp(b) <= 1) return 1 / (1 + Math.exp(b - a));
  }
}
