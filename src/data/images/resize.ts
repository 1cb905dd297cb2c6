/** Images of another size. */
import type { Picture } from '../augmentation.js';

/** [height, width] in pixels. */
export type ImageSize = readonly [height: number, width: number];

/** For each place along an axis, the places that it is made of: weights from `first`, which sum to 1. */
interface Tap {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * A triangle about each new pixel's middle: linear interpolation where an axis grows, an average of all that falls into
 * the pixel where it shrinks, so that fine detail does not alias.
 */
function tapsOf(from: number, to: number): Tap[] {
  const step = from / to;
  const reach = Math.max(step, 1);
  return Array.from({ length: to }, (_, place) => {
    const middle = (place + 0.5) * step - 0.5;
    const first = Math.max(0, Math.ceil(middle - reach));
    const last = Math.min(from - 1, Math.floor(middle + reach));
    const raw = Array.from({ length: last - first + 1 }, (_, i) => 1 - Math.abs(first + i - middle) / reach);
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return { first, weights: raw.map((weight) => weight / sum) };
  });
}

/** The image stretched to a size. */
export function resizeImage(picture: Picture, [height, width]: ImageSize): Picture {
  const { channels } = picture;
  if (picture.height === height && picture.width === width) return picture;
  const along = (data: Float32Array, rows: number, from: number, to: number, inner: number): Float32Array => {
    const resized = new Float32Array(rows * to * inner);
    const taps = tapsOf(from, to);
    for (let row = 0; row < rows; row++) {
      for (const [place, { first, weights }] of taps.entries()) {
        const target = (row * to + place) * inner;
        for (let tap = 0; tap < weights.length; tap++) {
          const weight = weights[tap] as number;
          const source = (row * from + first + tap) * inner;
          for (let i = 0; i < inner; i++)
            resized[target + i] = (resized[target + i] as number) + weight * (data[source + i] as number);
        }
      }
    }
    return resized;
  };
  const wide = along(picture.data, picture.height, picture.width, width, channels);
  return { height, width, channels, data: along(wide, 1, picture.height, height, width * channels) };
}

/** The largest window of a size's proportions about the middle of the image. */
export function cropToAspect(picture: Picture, [height, width]: ImageSize): Picture {
  const scale = Math.min(picture.height / height, picture.width / width);
  const [rows, columns] = [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
  const [top, left] = [(picture.height - rows) >> 1, (picture.width - columns) >> 1];
  const data = new Float32Array(rows * columns * picture.channels);
  for (let row = 0; row < rows; row++) {
    const from = ((top + row) * picture.width + left) * picture.channels;
    const line = picture.data.subarray(from, from + columns * picture.channels);
    data.set(line, row * columns * picture.channels);
  }
  return { height: rows, width: columns, channels: picture.channels, data };
}
