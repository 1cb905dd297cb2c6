/** Examples as pictures: [height, width, channels] as the bytes of a PNG in a data URI. */
import { type NDArray, sizeOf } from '../core/ndarray.js';
import { encodePng } from './vendor.js';

const channelCounts = [1, 2, 3, 4] as const;

/** Whether rows of x are pictures: [n, height, width, channels] with one to four channels. */
export const arePictures = ({ shape }: NDArray): boolean =>
  shape.length === 4 && channelCounts.some((count) => count === shape[3]) && sizeOf(shape.slice(1)) > 0;

/** One row of x. Bytes are taken as they are; floats from 0 to 1 likewise, and others from their least to their largest. */
export function pictureOf({ dtype, shape, data }: NDArray, row: number): string {
  const [, height = 0, width = 0, last] = shape;
  const channels = channelCounts.find((count) => count === last) ?? 1;
  const size = height * width * channels;
  const pixels = data.subarray(row * size, (row + 1) * size);
  const [low, high] = dtype === 'u8' ? [0, 255] : rangeOf(pixels);
  const bytes = Uint8Array.from(pixels, (value) => Math.round((255 * (value - low)) / (high - low)));
  const png = encodePng({ width, height, channels, depth: 8, data: bytes });
  return `data:image/png;base64,${base64(png)}`;
}

/** From 0 to 1, or as far beyond as the pixels go. */
function rangeOf(pixels: ArrayLike<number>): readonly [low: number, high: number] {
  const finite = Array.from(pixels).filter(Number.isFinite);
  return [finite.reduce((a, b) => Math.min(a, b), 0), finite.reduce((a, b) => Math.max(a, b), 1)];
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
