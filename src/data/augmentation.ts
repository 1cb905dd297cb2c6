/**
 * Augmentation of images: small random changes that leave the class as it is. What happens to an image follows from the
 * seed, the epoch and the image's index alone, so that a run repeats itself in any order and any number of batches.
 *
 *   const steps = [affine({ rotation: 10, shift: 0.1, scale: 0.1 }), horizontalFlip(), cutout({ size: 8 })];
 *   const changed = augment(images, steps, { seed: 1, epoch });
 */
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../core/ndarray.js';
import { type Key, normal, permutation, threefry, uniform } from '../core/random.js';
import { rowsOf } from './rows.js';

/** One image: f32 [height, width, channels]. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/** Makes another image of one, with random numbers from `key` alone. The size it gives follows from the size it gets. */
export type Augmentation = (picture: Picture, key: Key) => Picture;

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
const mixStream = 0xfffffffb;

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

function requireWithin(where: string, name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new ArgumentError(where, `${name} from ${least} to ${most} is required. Received ${value}.`);
}

/** Calls `fill` with the place of every row of pixels. */
function paint(
  { channels }: Pick<Picture, 'channels'>,
  height: number,
  width: number,
  fill: (data: Float32Array, at: number, y: number, x: number) => void,
): Picture {
  const data = new Float32Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) fill(data, (y * width + x) * channels, y, x);
  }
  return { height, width, channels, data };
}

export interface AffineOptions {
  /** Turned by up to so many degrees either way (default 0). */
  readonly rotation?: number;
  /** Moved by up to this share of the height and of the width either way (default 0). */
  readonly shift?: number;
  /** Made larger or smaller by up to this share (default 0), below 1. */
  readonly scale?: number;
  /** What comes in from outside the image (default 0). */
  readonly fill?: number;
}

/** Turns about the middle, scales and shifts, in one bilinear sampling. */
export function affine({ rotation = 0, shift = 0, scale = 0, fill = 0 }: AffineOptions): Augmentation {
  requireWithin('affine', 'a rotation', rotation, 0, 180);
  requireWithin('affine', 'a shift', shift, 0, 1);
  requireWithin('affine', 'a scale', scale, 0, 0.99);
  return (picture, key) => {
    const { height, width, channels } = picture;
    const [turn = 0, down = 0, right = 0, size = 0] = uniform(key, 4, -1, 1);
    const angle = (turn * rotation * Math.PI) / 180;
    // Where the pixel at (y, x) comes from: the inverse of scaling, turning and shifting, about the middle.
    const [cos, sin] = [Math.cos(angle) / (1 + size * scale), Math.sin(angle) / (1 + size * scale)];
    const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
    const [offsetY, offsetX] = [middleY + down * shift * height, middleX + right * shift * width];
    return paint(picture, height, width, (data, at, y, x) => {
      const [dy, dx] = [y - offsetY, x - offsetX];
      const fromY = middleY + cos * dy - sin * dx;
      const fromX = middleX + sin * dy + cos * dx;
      for (let c = 0; c < channels; c++) data[at + c] = bilinear(picture, fromY, fromX, c, fill);
    });
  };
}

/** The image between its pixels; `fill` stands around it. */
function bilinear({ height, width, channels, data }: Picture, y: number, x: number, c: number, fill: number): number {
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const [down, right] = [y - top, x - left];
  const at = (row: number, column: number): number =>
    row >= 0 && row < height && column >= 0 && column < width
      ? (data[(row * width + column) * channels + c] ?? fill)
      : fill;
  const above = at(top, left) * (1 - right) + at(top, left + 1) * right;
  const below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
  return above * (1 - down) + below * down;
}

/** Mirrors left and right with this probability (default 0.5). */
export function horizontalFlip({ probability = 0.5 } = {}): Augmentation {
  requireWithin('horizontalFlip', 'a probability', probability, 0, 1);
  return (picture, key) => {
    const { height, width, channels } = picture;
    const [drawn = 0] = uniform(key, 1);
    if (drawn >= probability) return picture;
    return paint(picture, height, width, (data, at, y, x) => {
      const from = (y * width + width - 1 - x) * channels;
      for (let c = 0; c < channels; c++) data[at + c] = picture.data[from + c] ?? 0;
    });
  };
}

export interface CropOptions {
  /** Of what is cut out; the image's own unless said. */
  readonly height?: number;
  /** Pixels of the cut, at most those of the picture. */
  readonly width?: number;
  /** Pixels that are put around the image before (default 0). */
  readonly padding?: number;
  /** What they hold (default 0). */
  readonly fill?: number;
}

/** Cuts a window out of the image, at a place drawn evenly. */
export function randomCrop(options: CropOptions): Augmentation {
  const { padding = 0, fill = 0 } = options;
  for (const [name, value] of Object.entries({ height: 1, width: 1, ...options, padding, fill: 1 })) {
    if (Number.isSafeInteger(value) && value >= (name === 'padding' ? 0 : 1)) continue;
    throw new ArgumentError('randomCrop', `${name} must be a whole number of pixels. Received ${value}.`);
  }
  return (picture, key) => {
    const { channels } = picture;
    const { height = picture.height, width = picture.width } = options;
    const [freeY, freeX] = [picture.height + 2 * padding - height, picture.width + 2 * padding - width];
    if (freeY < 0 || freeX < 0) {
      const required = `an image of at least ${height} by ${width} with its padding is required`;
      throw new ShapeError('randomCrop', `${required}. Received ${picture.height} by ${picture.width}.`);
    }
    const [drawnY = 0, drawnX = 0] = uniform(key, 2);
    const top = Math.floor(drawnY * (freeY + 1)) - padding;
    const left = Math.floor(drawnX * (freeX + 1)) - padding;
    return paint(picture, height, width, (data, at, y, x) => {
      const [row, column] = [top + y, left + x];
      const isInside = row >= 0 && row < picture.height && column >= 0 && column < picture.width;
      const from = (row * picture.width + column) * channels;
      for (let c = 0; c < channels; c++) data[at + c] = isInside ? (picture.data[from + c] ?? fill) : fill;
    });
  };
}

/** Adds one number of up to `delta` either way to all pixels, and keeps them from `low` to `high` (0 and 1 unless said). */
export function brightness({ delta, low = 0, high = 1 }: { delta: number; low?: number; high?: number }): Augmentation {
  requireWithin('brightness', 'a delta', delta, 0, Number.MAX_VALUE);
  if (!(low < high)) {
    throw new ArgumentError('brightness', `low below high is required. Received ${low} and ${high}.`);
  }
  return (picture, key) => {
    const [added = 0] = uniform(key, 1, -delta, delta);
    return { ...picture, data: picture.data.map((value) => Math.min(Math.max(value + added, low), high)) };
  };
}

/** Adds to each pixel a number of its own, of mean 0 and this deviation. */
export function pixelNoise({ deviation }: { readonly deviation: number }): Augmentation {
  requireWithin('pixelNoise', 'a deviation', deviation, 0, Number.MAX_VALUE);
  return (picture, key) => {
    const noise = normal(key, picture.data.length);
    return { ...picture, data: picture.data.map((value, i) => value + deviation * (noise[i] ?? 0)) };
  };
}

/** Wipes out a square about a pixel drawn evenly, as far as it is within the image (DeVries and Taylor 2017). */
export function cutout({ size, fill = 0 }: { readonly size: number; readonly fill?: number }): Augmentation {
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new ArgumentError('cutout', `a size of at least one whole pixel is required. Received ${size}.`);
  }
  return (picture, key) => {
    const { height, width, channels } = picture;
    const [drawnY = 0, drawnX = 0] = uniform(key, 2);
    const top = Math.floor(drawnY * height) - (size >> 1);
    const left = Math.floor(drawnX * width) - (size >> 1);
    return paint(picture, height, width, (data, at, y, x) => {
      const isWiped = y >= top && y < top + size && x >= left && x < left + size;
      for (let c = 0; c < channels; c++) data[at + c] = isWiped ? fill : (picture.data[at + c] ?? 0);
    });
  };
}

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
