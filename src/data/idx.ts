/**
 * IDX files, as MNIST comes in (http://yann.lecun.com/exdb/mnist/): two zero bytes, an element type, a rank, the extents
 * as big-endian 32-bit integers, then the elements, big-endian and row-major, and nothing after them.
 */
import type { DType } from '../core/dtype.js';
import { FormatError, UnsupportedError } from '../core/errors.js';
import { type NDArray, ndarray } from '../core/ndarray.js';

interface Element {
  readonly dtype: DType;
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => number;
}

/** The element types by their code; 16-bit integers and doubles have no dtype here. */
const elements: ReadonlyMap<number, Element> = new Map([
  [0x08, { dtype: 'u8', bytes: 1, read: (view, at) => view.getUint8(at) }],
  [0x09, { dtype: 'i8', bytes: 1, read: (view, at) => view.getInt8(at) }],
  [0x0c, { dtype: 'i32', bytes: 4, read: (view, at) => view.getInt32(at) }],
  [0x0d, { dtype: 'f32', bytes: 4, read: (view, at) => view.getFloat32(at) }],
]);

const maxRank = 8;

/**
 * Reads an IDX file. Arrays of u8 are views of `bytes`. Throws `FormatError` for anything that is not exactly one IDX
 * array, `UnsupportedError` for an element type that has no dtype; `where` names the file.
 */
export function readIdx(bytes: Uint8Array, where = 'idx'): NDArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0) {
    throw new FormatError(where, `an IDX file begins with two zero bytes, a type and a rank. Received ${head(bytes)}.`);
  }
  const [code, rank] = [view.getUint8(2), view.getUint8(3)];
  const element = elements.get(code);
  if (!element) {
    const known = [...elements].map(([key, { dtype }]) => `${key} (${dtype})`).join(', ');
    throw new UnsupportedError(where, `an element type among ${known} is required. Received ${code}.`);
  }
  const start = 4 + 4 * rank;
  if (rank > maxRank || bytes.length < start) {
    throw new FormatError(
      where,
      `a rank of at most ${maxRank} and as many extents are required. Received rank ${rank} in ${bytes.length} bytes.`,
    );
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  // A product of doubles: it may round where it is huge, and is then no less unequal to the file's length.
  const required = shape.reduce((product, extent) => product * extent, element.bytes);
  if (bytes.length - start !== required) {
    throw new FormatError(
      where,
      `[${shape.join(', ')}] of ${element.dtype} takes ${required} bytes. Received ${bytes.length - start}.`,
    );
  }
  if (element.dtype === 'u8') return ndarray('u8', shape, bytes.subarray(start));
  const values = Array.from({ length: required / element.bytes }, (_, i) =>
    element.read(view, start + i * element.bytes),
  );
  return ndarray(element.dtype, shape, values);
}

const head = (bytes: Uint8Array): string => `[${bytes.subarray(0, 4).join(', ')}]`;
