/**
 * NPY files, as NumPy saves one array (NEP 1 and `numpy.lib.format`): the magic `\x93NUMPY`, a version, the length of the
 * header (16 bits in version 1, 32 in 2 and 3), the header, which is a Python dictionary of `descr`, `fortran_order` and
 * `shape`, then the elements, row-major, and nothing after them.
 */
import { allocate, type DType } from '../core/dtype.js';
import { FormatError, IndexError, UnsupportedError } from '../core/errors.js';
import { type NDArray, sizeOf } from '../core/ndarray.js';

interface Element {
  readonly dtype: DType;
  readonly bytes: number;
  readonly read: (view: DataView, at: number, isLittle: boolean) => number;
}

/** The element types by NumPy's names; 64-bit ones are narrowed, and refused where a value does not fit. */
const elements: ReadonlyMap<string, Element> = new Map([
  ['f4', { dtype: 'f32', bytes: 4, read: (view, at, isLittle) => view.getFloat32(at, isLittle) }],
  ['f8', { dtype: 'f32', bytes: 8, read: (view, at, isLittle) => view.getFloat64(at, isLittle) }],
  ['i4', { dtype: 'i32', bytes: 4, read: (view, at, isLittle) => view.getInt32(at, isLittle) }],
  ['i8', { dtype: 'i32', bytes: 8, read: (view, at, isLittle) => Number(view.getBigInt64(at, isLittle)) }],
  ['u1', { dtype: 'u8', bytes: 1, read: (view, at) => view.getUint8(at) }],
  ['i1', { dtype: 'i8', bytes: 1, read: (view, at) => view.getInt8(at) }],
  ['b1', { dtype: 'bool', bytes: 1, read: (view, at) => view.getUint8(at) }],
]);

const descriptions: Readonly<Record<DType, string>> = { f32: '<f4', i32: '<i4', u8: '|u1', i8: '|i1', bool: '|b1' };

const magic = [0x93, ...new TextEncoder().encode('NUMPY')];
const maxRank = 32;
/** Headers are padded so that elements begin at a multiple of this. */
const alignment = 64;

/** Whether reading lost nothing but precision. */
const fits: Readonly<Record<DType, (value: number) => boolean>> = {
  f32: (value) => Number.isFinite(Math.fround(value)) || !Number.isFinite(value),
  i32: (value) => value === (value | 0),
  u8: () => true,
  i8: () => true,
  bool: (value) => value <= 1,
};

/**
 * Reads an NPY file into an array of its own. Throws `FormatError` for anything that is not exactly one NPY array,
 * `UnsupportedError` for element types and orders that have no place here, `IndexError` for a 64-bit value out of range;
 * `where` names the file.
 */
export function readNpy(bytes: Uint8Array, where = 'npy'): NDArray {
  const { descr, shape, start } = readHead(bytes, where);
  const [order = '', name] = [descr[0], descr.slice(1)];
  const element = elements.get(name);
  if (!element || !(element.bytes === 1 ? '|<>' : '<>').includes(order)) {
    const known = [...elements.keys()].join(', ');
    throw new UnsupportedError(where, `elements among ${known} are required. Received '${descr}'.`);
  }
  // A product of doubles: it may round where it is huge, and is then no less unequal to the file's length.
  const required = sizeOf(shape) * element.bytes;
  if (bytes.length - start !== required) {
    throw new FormatError(
      where,
      `[${shape.join(', ')}] of ${name} takes ${required} bytes. Received ${bytes.length - start}.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, required);
  const data = allocate(element.dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    const value = element.read(view, i * element.bytes, order !== '>');
    if (!fits[element.dtype](value)) {
      throw new IndexError(where, `values of ${element.dtype} are required. Received ${value} at position ${i}.`);
    }
    data[i] = value;
  }
  return { dtype: element.dtype, shape, data };
}

/** The NPY file of an array, version 1. */
export function writeNpy({ dtype, shape, data }: NDArray): Uint8Array {
  if (shape.length > maxRank) {
    throw new UnsupportedError('npy', `a rank of at most ${maxRank} is required. Received ${shape.length}.`);
  }
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${descriptions[dtype]}', 'fortran_order': False, 'shape': (${extents}), }`;
  const start = Math.ceil((10 + header.length + 1) / alignment) * alignment;
  const text = new TextEncoder().encode(`${header.padEnd(start - 11)}\n`);
  const bytes = new Uint8Array(start + data.byteLength);
  bytes.set([...magic, 1, 0, text.length & 255, text.length >> 8]);
  bytes.set(text, 10);
  // Typed arrays are little-endian wherever WebAssembly runs.
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return bytes;
}

interface Head {
  readonly descr: string;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly start: number;
}

function readHead(bytes: Uint8Array, where: string): Head {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw new FormatError(where, `an NPY file begins with \\x93NUMPY. Received [${bytes.subarray(0, 6).join(', ')}].`);
  }
  const [major, minor] = [view.getUint8(6), view.getUint8(7)];
  if (major < 1 || major > 3 || minor !== 0) {
    throw new UnsupportedError(where, `version 1.0, 2.0 or 3.0 is required. Received ${major}.${minor}.`);
  }
  const [length, begin] = major === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12];
  const start = begin + length;
  if (start > bytes.length) {
    throw new FormatError(where, `a header of ${length} bytes is required. Received ${bytes.length - begin}.`);
  }
  return { ...readDictionary(latin(bytes.subarray(begin, Math.min(start, begin + 4096))), where), start };
}

const latin = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** An entry of the dictionary, and the comma that follows it unless it is the last. */
const entry = /\s*'(\w+)'\s*:\s*(?:'([^']*)'|(True|False)|\(([\d,\s]*)\))\s*(,|(?=\}))/y;

/** Python's dictionary of exactly these three entries, in any order. */
function readDictionary(text: string, where: string): Pick<Head, 'descr' | 'shape'> {
  const fail = (): never => {
    const required = "a header {'descr': ..., 'fortran_order': ..., 'shape': (...)} is required";
    throw new FormatError(where, `${required}. Received ${JSON.stringify(text.slice(0, 120))}.`);
  };
  const found = new Map<string, string>();
  const open = /^\s*\{/.exec(text) ?? fail();
  entry.lastIndex = open[0].length;
  let at = entry.lastIndex;
  for (let match = entry.exec(text); match; match = entry.exec(text)) {
    const [, key = '', quoted, flag, extents] = match;
    const kind = quoted !== undefined ? 'descr' : flag !== undefined ? 'fortran_order' : 'shape';
    if (key !== kind || found.has(key)) fail();
    found.set(key, quoted ?? flag ?? extents ?? '');
    at = entry.lastIndex;
  }
  const [descr, order, extents] = ['descr', 'fortran_order', 'shape'].map((key) => found.get(key));
  if (!/^\s*\}\s*$/.test(text.slice(at)) || descr === undefined || !order || extents === undefined) return fail();
  if (order === 'True') {
    throw new UnsupportedError(where, 'elements in C order are required. Save numpy.ascontiguousarray(array) instead.');
  }
  // `(3,)` has one extent, `()` none, and Python writes a comma behind the only one.
  if (!/^\s*$|^\s*\d+\s*,\s*$|^\s*\d+(\s*,\s*\d+)+\s*,?\s*$/.test(extents)) return fail();
  const shape = (extents.match(/\d+/g) ?? []).map(Number);
  if (shape.length > maxRank || !shape.every(Number.isSafeInteger)) return fail();
  return { descr, shape };
}
