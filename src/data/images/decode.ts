/**
 * PNG and JPEG as pixels from 0 (black) to 1. The decoders are in JavaScript, so that nothing is compiled or fetched when
 * Quern is installed: `fast-png` for all that PNG has (1 to 16 bits, palettes, alpha, interlacing of 8 and 16 bits),
 * `jpeg-js` for JPEG, baseline and progressive, gray, YCbCr and CMYK. Alpha is dropped, and what a file says of gamma,
 * colour profiles and orientation is passed over, as Keras does.
 */
import { FormatError, QuernError, UnsupportedError } from '../../core/errors.js';
import type { Picture } from '../augmentation.js';
import { readImageHeader } from './header.js';

/** One channel, or red, green and blue. */
export type ColorMode = 'grayscale' | 'rgb';

export const channelsOf: Readonly<Record<ColorMode, number>> = { grayscale: 1, rgb: 3 };

/** Pixels as a decoder gives them: `channels` 1 or 2 are gray, 3 or 4 are red, green and blue; an even one ends in alpha. */
interface Raw {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Uint8Array | Uint8ClampedArray | Uint16Array;
  /** What white is. */
  readonly most: number;
}

/**
 * Decodes an image: f32 [height, width, channels]. Colours become gray as in ITU-R BT.601; a gray image has three equal
 * channels in `rgb`. Throws `FormatError` for bytes that are no image or a broken one; `where` names the file.
 */
export async function decodeImage(bytes: Uint8Array, colorMode: ColorMode, where: string): Promise<Picture> {
  const { format } = readImageHeader(bytes, where);
  const vendor = await import('./vendor.js');
  try {
    return convert(
      format === 'png' ? decodePng(vendor, bytes, where) : decodeJpeg(vendor, bytes),
      channelsOf[colorMode],
    );
  } catch (cause) {
    if (cause instanceof QuernError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError(where, `a whole ${format.toUpperCase()} is required. It is broken: ${reason}.`, { cause });
  }
}

type Vendor = typeof import('./vendor.js');

function decodeJpeg({ jpeg }: Vendor, bytes: Uint8Array): Raw {
  const options = { useTArray: true, formatAsRGBA: false, tolerantDecoding: false } as const;
  return { ...jpeg.decode(bytes, options), channels: 3, most: 255 };
}

function decodePng({ decodePng: decode, convertIndexedToRgb }: Vendor, bytes: Uint8Array, where: string): Raw {
  const [bits = 0, interlacing] = [bytes[24], bytes[28]];
  if (interlacing === 1 && bits < 8) {
    throw new UnsupportedError(where, `8 or 16 bits are required of a PNG that is interlaced. Received ${bits}.`);
  }
  const png = decode(bytes, { checkCrc: true });
  const { height, width, depth, channels, data, palette } = png;
  if (palette && channels === 1) {
    const rgb = convertIndexedToRgb(png);
    return { height, width, data: rgb, channels: palette[0]?.length ?? 0, most: 255 };
  }
  return { height, width, channels, data: depth < 8 ? unpack(data, width, height, depth) : data, most: 2 ** depth - 1 };
}

/** Pixels of less than a byte, one by one; a row of them begins at a byte. */
function unpack(packed: Raw['data'], width: number, height: number, depth: number): Uint8Array {
  const bytesPerRow = Math.ceil((width * depth) / 8);
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const bit = (i % width) * depth;
    const byte = packed[Math.floor(i / width) * bytesPerRow + (bit >> 3)] ?? 0;
    return (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  });
}

function convert({ height, width, channels: given, data: raw, most }: Raw, channels: number): Picture {
  const pixels = height * width;
  if (raw.length !== pixels * given) {
    throw new Error(`${pixels * given} values are required and it holds ${raw.length}`);
  }
  const isGray = given < 3;
  const data = new Float32Array(pixels * channels);
  for (let i = 0; i < pixels; i++) {
    const red = (raw[i * given] ?? 0) / most;
    const green = isGray ? red : (raw[i * given + 1] ?? 0) / most;
    const blue = isGray ? red : (raw[i * given + 2] ?? 0) / most;
    if (channels === 1) {
      data[i] = isGray ? red : 0.299 * red + 0.587 * green + 0.114 * blue;
      continue;
    }
    data[3 * i] = red;
    data[3 * i + 1] = green;
    data[3 * i + 2] = blue;
  }
  return { height, width, channels, data };
}
