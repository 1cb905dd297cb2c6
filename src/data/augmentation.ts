/**
 * Augmentation of images: small random changes that leave the class as it is. What happens to an image follows from the
 * seed, the epoch and the image's index alone, so that a run repeats itself in any order and any number of batches.
 *
 *   const steps = [affine({ rotation: 10, shift: 0.1, scale: 0.1 }), horizontalFlip(), cutout({ size: 8 })];
 *   const changed = augment(images, steps, { seed: 1, epoch });
 */
import { DTypeError, ShapeError } from '../core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../core/ndarray.js';
import { type Key, threefry } from '../core/random.js';
import type { AugmentationSpec } from './augmentations.js';

/** One image: f32 [height, width, channels]. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/** Makes another image of one, with random numbers from `key` alone. The size it gives follows from the size it gets. */
export interface Augmentation {
  (picture: Picture, key: Key): Picture;
  /** What a worker thread makes it of again: all steps of this room have it. */
  readonly spec?: AugmentationSpec;
}

/** Random numbers for one picture, the same for the same seed, epoch and row. */
export interface Draw {
  /** Default 0. */
  readonly seed?: number;
  /** Default 0. */
  readonly epoch?: number;
  /** The index of each image among all (default 0, 1, 2 and so on), as where a batch was taken from a shuffled set. */
  readonly rows?: Int32Array;
}

const imageStream = 0xfffffffc;

/** Applies the steps in turn to every image of f32 [n, height, width, channels]. */
export function augment(images: NDArray, steps: readonly Augmentation[], draw: Draw = {}): NDArray<'f32'> {
  const { seed = 0, epoch = 0, rows } = draw;
  const { dtype, shape, data } = images;
  if (dtype !== 'f32' || !(data instanceof Float32Array)) {
    throw new DTypeError('augment', `f32 [n, height, width, channels] is required. Received ${dtype}.`);
  }
  const [count = 0, height = 0, width = 0, channels = 0] = shape;
  if (shape.length !== 4) {
    throw new ShapeError('augment', `f32 [n, height, width, channels] is required. Received [${shape.join(', ')}].`);
  }
  if (rows && rows.length !== count) {
    throw new ShapeError('augment', `${count} rows are required, one for each image. Received ${rows.length}.`);
  }
  const size = height * width * channels;
  const change = (i: number): Picture => {
    const key = threefry([seed, epoch], rows?.[i] ?? i, imageStream);
    const picture = { height, width, channels, data: data.subarray(i * size, (i + 1) * size) };
    return steps.reduce<Picture>((made, step, at) => step(made, threefry(key, at, imageStream)), picture);
  };
  // The first tells how large images become; where there are none it is made of nothing.
  const first = change(0);
  const inner = [first.height, first.width, first.channels];
  const changed = new Float32Array(count * sizeOf(inner));
  for (let i = 0; i < count; i++) changed.set((i === 0 ? first : change(i)).data, i * sizeOf(inner));
  return ndarray('f32', [count, ...inner], changed);
}
