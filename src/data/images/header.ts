/**
 * What the first bytes of a PNG or a JPEG say of it: enough to refuse what does not fit before anything is unfolded. PNG
 * third edition, 5.2 and 11.2.1; JPEG (ITU-T T.81), annex B.
 */
import { FormatError, UnsupportedError } from '../../core/errors.js';

export interface ImageHeader {
  readonly format: 'png' | 'jpeg';
  readonly height: number;
  readonly width: number;
  /** Whether it has no colours; what is indexed by a palette counts as coloured. */
  readonly isGray: boolean;
}

/** More pixels are refused. */
const maxPixels = 2 ** 26;

const pngMagic = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Reads the header of an image. Throws `FormatError` for what is neither PNG nor JPEG; `where` names the file. */
export function readImageHeader(bytes: Uint8Array, where: string): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = pngMagic.every((byte, i) => bytes[i] === byte) ? pngHeader(view) : jpegHeader(view);
  if (!header) {
    const received = `[${[...bytes.subarray(0, 8)].join(', ')}] and ${Math.max(0, bytes.length - 8)} bytes more`;
    throw new FormatError(where, `a PNG or a JPEG with its size is required. Received ${received}.`);
  }
  const { height, width } = header;
  if (height * width === 0)
    throw new FormatError(where, `at least one pixel is required. Received ${width} x ${height}.`);
  if (height * width <= maxPixels) return header;
  throw new UnsupportedError(where, `at most ${maxPixels} pixels are required. Received ${width} x ${height}.`);
}

function pngHeader(view: DataView): ImageHeader | undefined {
  const ihdr = 0x49484452;
  if (view.byteLength < 33 || view.getUint32(12) !== ihdr) return undefined;
  const isGray = view.getUint8(25) === 0 || view.getUint8(25) === 4;
  return { format: 'png', width: view.getUint32(16), height: view.getUint32(20), isGray };
}

/** Goes from marker to marker until one begins a frame. */
function jpegHeader(view: DataView): ImageHeader | undefined {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  for (let at = 2; at + 9 < view.byteLength;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
      return { format: 'jpeg', height, width, isGray: view.getUint8(at + 9) === 1 };
    }
    // A fill byte stands before a marker; all other segments say how long they are.
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}
