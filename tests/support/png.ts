/** Small PNGs, written plainly: what tests read back. */
import { deflateSync } from 'node:zlib';
import { crc32 } from '../../src/format/crc32.js';

export interface Png {
  readonly width: number;
  readonly height: number;
  /** 0 gray, 2 colours, 3 palette, 4 gray and alpha, 6 colours and alpha. */
  readonly colorType: number;
  readonly depth?: number;
  /** The packed rows, without their filter bytes. */
  readonly rows: readonly (readonly number[] | Uint8Array)[];
  readonly palette?: readonly number[];
  /** Of the palette. */
  readonly alphas?: readonly number[];
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

export function writePng({ width, height, colorType, depth = 8, rows, palette, alphas }: Png): Uint8Array {
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([depth, colorType], 8);
  const chunks = [
    new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    ...(palette ? [chunk('PLTE', Uint8Array.from(palette))] : []),
    ...(alphas ? [chunk('tRNS', Uint8Array.from(alphas))] : []),
    chunk('IDAT', deflateSync(Uint8Array.from(rows.flatMap((row) => [0, ...row])))),
    chunk('IEND', new Uint8Array()),
  ];
  return new Uint8Array(Buffer.concat(chunks));
}

/** A gray PNG of values from 0 to 255. */
export const grayPng = (width: number, height: number, value: (y: number, x: number) => number): Uint8Array =>
  writePng({
    ...{ width, height, colorType: 0 },
    rows: Array.from({ length: height }, (_, y) => Array.from({ length: width }, (__, x) => value(y, x))),
  });
