/** The steps of augmentation. Each carries its kind and options, so that a worker thread can make it again. */
import { ArgumentError, ShapeError } from '../core/errors.js';
import { normal, uniform } from '../core/random.js';
import type { Augmentation, Picture } from './augmentation.js';

/** The options of each kind. */
interface OptionsOf {
  readonly affine: AffineOptions;
  readonly horizontalFlip: FlipOptions;
  readonly randomCrop: CropOptions;
  readonly brightness: BrightnessOptions;
  readonly pixelNoise: NoiseOptions;
  readonly cutout: CutoutOptions;
}

type Kind = keyof OptionsOf;

/** A step as plain data. */
export type AugmentationSpec = {
  [K in Kind]: { readonly kind: K; readonly options: OptionsOf[K] };
}[Kind];

function step<K extends Kind>(kind: K, options: OptionsOf[K], change: Augmentation): Augmentation {
  return Object.assign(change, { spec: { kind, options } as AugmentationSpec });
}

/** Throws `ArgumentError` unless `value` is from `least` to `most`. */
export function requireWithin(where: string, name: string, value: number, least: number, most: number): void {
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
export function affine(options: AffineOptions): Augmentation {
  const { rotation = 0, shift = 0, scale = 0, fill = 0 } = options;
  requireWithin('affine', 'a rotation', rotation, 0, 180);
  requireWithin('affine', 'a shift', shift, 0, 1);
  requireWithin('affine', 'a scale', scale, 0, 0.99);
  return step('affine', options, (picture, key) => {
    const { height, width, channels } = picture;
    const [turn = 0, down = 0, right = 0, size = 0] = uniform(key, 4, -1, 1);
    const angle = (turn * rotation * Math.PI) / 180;
    // Where the pixel at (y, x) comes from: the inverse of scaling, turning and shifting, about the middle.
    const [cos, sin] = [Math.cos(angle) / (1 + size * scale), Math.sin(angle) / (1 + size * scale)];
    const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
    const [offsetY, offsetX] = [middleY + down * shift * height, middleX + right * shift * width];
    const data = new Float32Array(height * width * channels);
    let to = 0;
    for (let y = 0; y < height; y++) {
      const dy = y - offsetY;
      const [rowY, rowX] = [middleY + cos * dy, middleX + sin * dy];
      for (let x = 0; x < width; x++, to += channels) {
        const dx = x - offsetX;
        sample(picture, rowY - sin * dx, rowX + cos * dx, fill, data, to);
      }
    }
    return { height, width, channels, data };
  });
}

/** Writes the pixel between four of the image to `to` of `made`; `fill` stands around the image. */
function sample(picture: Picture, y: number, x: number, fill: number, made: Float32Array, to: number): void {
  const { height, width, channels, data } = picture;
  const top = Math.floor(y);
  const left = Math.floor(x);
  const down = y - top;
  const right = x - left;
  const hasAbove = top >= 0 && top < height;
  const hasBelow = top >= -1 && top < height - 1;
  const hasLeft = left >= 0 && left < width;
  const hasRight = left >= -1 && left < width - 1;
  const above = (top * width + left) * channels;
  const below = above + width * channels;
  for (let c = 0; c < channels; c++) {
    const aboveLeft = hasAbove && hasLeft ? (data[above + c] as number) : fill;
    const aboveRight = hasAbove && hasRight ? (data[above + channels + c] as number) : fill;
    const belowLeft = hasBelow && hasLeft ? (data[below + c] as number) : fill;
    const belowRight = hasBelow && hasRight ? (data[below + channels + c] as number) : fill;
    const upper = aboveLeft * (1 - right) + aboveRight * right;
    const lower = belowLeft * (1 - right) + belowRight * right;
    made[to + c] = upper * (1 - down) + lower * down;
  }
}

export interface FlipOptions {
  /** How often (default 0.5). */
  readonly probability?: number;
}

/** Mirrors left and right. */
export function horizontalFlip(options: FlipOptions = {}): Augmentation {
  const { probability = 0.5 } = options;
  requireWithin('horizontalFlip', 'a probability', probability, 0, 1);
  return step('horizontalFlip', options, (picture, key) => {
    const { height, width, channels } = picture;
    const [drawn = 0] = uniform(key, 1);
    if (drawn >= probability) return picture;
    return paint(picture, height, width, (data, at, y, x) => {
      const from = (y * width + width - 1 - x) * channels;
      for (let c = 0; c < channels; c++) data[at + c] = picture.data[from + c] ?? 0;
    });
  });
}

export interface CropOptions {
  /** Of what is cut out; the image's own unless said. */
  readonly height?: number;
  /** The image's own unless said. */
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
  return step('randomCrop', options, (picture, key) => {
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
  });
}

export interface BrightnessOptions {
  /** The most that is added or taken away. */
  readonly delta: number;
  /** Default 0. */
  readonly low?: number;
  /** Default 1. */
  readonly high?: number;
}

/** Adds one number of up to `delta` either way to all pixels, and keeps them from `low` to `high`. */
export function brightness(options: BrightnessOptions): Augmentation {
  const { delta, low = 0, high = 1 } = options;
  requireWithin('brightness', 'a delta', delta, 0, Number.MAX_VALUE);
  if (!(low < high)) {
    throw new ArgumentError('brightness', `low below high is required. Received ${low} and ${high}.`);
  }
  return step('brightness', options, (picture, key) => {
    const [added = 0] = uniform(key, 1, -delta, delta);
    return { ...picture, data: picture.data.map((value) => Math.min(Math.max(value + added, low), high)) };
  });
}

export interface NoiseOptions {
  /** Of the numbers that are added, whose mean is 0. */
  readonly deviation: number;
}

/** Adds to each pixel a number of its own, of mean 0 and this deviation. */
export function pixelNoise(options: NoiseOptions): Augmentation {
  const { deviation } = options;
  requireWithin('pixelNoise', 'a deviation', deviation, 0, Number.MAX_VALUE);
  return step('pixelNoise', options, (picture, key) => {
    const noise = normal(key, picture.data.length);
    return { ...picture, data: picture.data.map((value, i) => value + deviation * (noise[i] ?? 0)) };
  });
}

export interface CutoutOptions {
  /** Of each side, in pixels. */
  readonly size: number;
  /** Default 0. */
  readonly fill?: number;
}

/** Wipes out a square about a pixel drawn evenly, as far as it is within the image (DeVries and Taylor 2017). */
export function cutout(options: CutoutOptions): Augmentation {
  const { size, fill = 0 } = options;
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new ArgumentError('cutout', `a size of at least one whole pixel is required. Received ${size}.`);
  }
  return step('cutout', options, (picture, key) => {
    const { height, width, channels } = picture;
    const [drawnY = 0, drawnX = 0] = uniform(key, 2);
    const top = Math.floor(drawnY * height) - (size >> 1);
    const left = Math.floor(drawnX * width) - (size >> 1);
    return paint(picture, height, width, (data, at, y, x) => {
      const isWiped = y >= top && y < top + size && x >= left && x < left + size;
      for (let c = 0; c < channels; c++) data[at + c] = isWiped ? fill : (picture.data[at + c] ?? 0);
    });
  });
}

const kinds: { readonly [K in Kind]: (options: OptionsOf[K]) => Augmentation } = {
  affine,
  horizontalFlip,
  randomCrop,
  brightness,
  pixelNoise,
  cutout,
};

const made = <K extends Kind>(kind: K, options: OptionsOf[K]): Augmentation => kinds[kind](options);

/** The step of its plain data. */
export const augmentationOf = ({ kind, options }: AugmentationSpec): Augmentation => made(kind, options as never);
