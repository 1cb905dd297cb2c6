/** NPY files: every element type, both directions, and what is refused. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DType } from '../src/core/dtype.js';
import { FormatError, IndexError, QuernError, UnsupportedError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import { permutation } from '../src/core/random.js';
import { readNpy, writeNpy } from '../src/data/npy.js';

interface File {
  readonly descr: string;
  readonly shape: string;
  readonly body: Uint8Array;
  readonly order?: string;
  readonly version?: number;
  readonly header?: string;
}

/** A file as NumPy would write it, or not quite. */
function npy({ descr, shape, body, order = 'False', version = 1, header }: File): Uint8Array {
  const dictionary = header ?? `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
  const text = new TextEncoder().encode(`${dictionary}${' '.repeat(5)}\n`);
  const begin = version === 1 ? 10 : 12;
  const bytes = new Uint8Array(begin + text.length + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  bytes.set(text, begin);
  bytes.set(body, begin + text.length);
  return bytes;
}

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice();

const isError =
  (type: new (...args: never[]) => Error, message = /./) =>
  (error: unknown): boolean =>
    error instanceof type && message.test(error.message);

/** numpy.save of numpy.arange(6, dtype='<f4').reshape(2, 3) / 2, byte for byte. */
const saved = (() => {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".padEnd(117);
  const head = new TextEncoder().encode(`\u0000NUMPY\u0001\u0000v\u0000${header}\n`);
  head[0] = 0x93;
  return new Uint8Array([...head, ...bytesOf(new Float32Array([0, 0.5, 1, 1.5, 2, 2.5]))]);
})();

test('the file that NumPy writes is read, and written byte for byte', () => {
  const array = readNpy(saved);
  assert.equal([array.dtype, array.shape, [...array.data]], ['f32', [2, 3], [0, 0.5, 1, 1.5, 2, 2.5]]);
  assert.equal([...writeNpy(array)], [...saved]);
});

test('every element type of every version is read', () => {
  const files: readonly [string, ArrayBufferView, DType, readonly number[]][] = [
    ['<f4', new Float32Array([1.5, -2, NaN]), 'f32', [1.5, -2, NaN]],
    ['<f8', new Float64Array([0.1, -1e300 * 0, -Infinity]), 'f32', [Math.fround(0.1), -0, -Infinity]],
    ['<i4', new Int32Array([1, -2, 2147483647]), 'i32', [1, -2, 2147483647]],
    ['<i8', new BigInt64Array([1n, -2147483648n, 7n]), 'i32', [1, -2147483648, 7]],
    ['|u1', new Uint8Array([0, 128, 255]), 'u8', [0, 128, 255]],
    ['|i1', new Int8Array([0, -128, 127]), 'i8', [0, -128, 127]],
    ['|b1', new Uint8Array([0, 1, 1]), 'bool', [0, 1, 1]],
  ];
  for (const [descr, array, dtype, values] of files) {
    for (const version of [1, 2, 3]) {
      const bytes = npy({ descr, shape: '(3,)', body: bytesOf(array), version });
      const read = readNpy(bytes);
      assert.equal([read.dtype, read.shape, [...read.data]], [dtype, [3], values], descr);
      // An array within a larger buffer, at an odd place.
      const inside = new Uint8Array(bytes.length + 9);
      inside.set(bytes, 5);
      assert.equal([...readNpy(inside.subarray(5, 5 + bytes.length)).data], values);
    }
  }
  const big = readNpy(npy({ descr: '>i4', shape: '(2,)', body: new Uint8Array([0, 0, 1, 2, 255, 255, 255, 254]) }));
  assert.equal([...big.data], [258, -2]);
  const reordered = "{'shape': (1,2),'descr':'|u1' , 'fortran_order': False}";
  assert.equal(readNpy(npy({ descr: '', shape: '', header: reordered, body: new Uint8Array([3, 4]) })).shape, [1, 2]);
  assert.equal(readNpy(npy({ descr: '|u1', shape: '()', body: new Uint8Array([3]) })).shape, []);
  assert.equal(readNpy(npy({ descr: '<f4', shape: '(3, 0, 2)', body: new Uint8Array() })).shape, [3, 0, 2]);
});

test('what is written is read back', () => {
  const shapes = [[], [0], [5], [2, 3], [2, 1, 3, 4], new Array<number>(20).fill(1)];
  for (const dtype of ['f32', 'i32', 'u8', 'i8', 'bool'] as const) {
    for (const shape of shapes) {
      const array = ndarray(
        dtype,
        shape,
        Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i % 2),
      );
      const bytes = writeNpy(array);
      const head = new DataView(bytes.buffer).getUint16(8, true) + 10;
      assert.is(head % 64, 0);
      assert.equal(readNpy(bytes), array);
    }
  }
  const view = { dtype: 'f32', shape: [2], data: new Float32Array([1, 2, 3, 4]).subarray(1, 3) } as const;
  assert.equal([...readNpy(writeNpy(view)).data], [2, 3]);
  const deep = ndarray('u8', new Array<number>(33).fill(1), [1]);
  assert.throws(() => writeNpy(deep), isError(UnsupportedError, /rank of at most 32/));
});

test('values that do not fit are refused with their position', () => {
  const wide = npy({ descr: '<i8', shape: '(2,)', body: bytesOf(new BigInt64Array([0n, 2147483648n])) });
  assert.throws(() => readNpy(wide), isError(IndexError, /2147483648 at position 1/));
  const large = npy({ descr: '<f8', shape: '(3,)', body: bytesOf(new Float64Array([0, 1, 1e39])) });
  assert.throws(() => readNpy(large), isError(IndexError, /f32 .*1e\+39 at position 2/));
  const bool = npy({ descr: '|b1', shape: '(2,)', body: new Uint8Array([1, 2]) });
  assert.throws(() => readNpy(bool), isError(IndexError, /bool .* 2 at position 1/));
});

test('what is not exactly one NPY file of C order is refused, cut at every byte', () => {
  for (let length = 0; length < saved.length; length++) {
    assert.throws(() => readNpy(saved.subarray(0, length)), isError(FormatError));
  }
  assert.throws(() => readNpy(new Uint8Array([...saved, 0]), 'mine'), isError(FormatError, /\[mine\] .*24 bytes.* 25/));
  const body = new Uint8Array(4);
  const with_ = (change: Partial<File>) => () => readNpy(npy({ descr: '|u1', shape: '(4,)', body, ...change }));
  assert.throws(with_({ order: 'True' }), isError(UnsupportedError, /ascontiguousarray/));
  for (const descr of ['<f2', '<c8', '|O', '<U3', '|f4', '=f4', '', '<i2', '|u1x']) {
    assert.throws(with_({ descr }), isError(UnsupportedError), descr);
  }
  for (const version of [0, 4, 9]) assert.throws(with_({ version }), isError(UnsupportedError, /version/));
  for (const shape of ['(4)', '4', '(-4,)', '(4,,)', '(,)', '(4 4)', '(4.,)', '[4]', '(99999999999999999999,)']) {
    assert.throws(with_({ shape }), isError(FormatError), shape);
  }
  const headers = [
    '',
    '{}',
    "{'descr': '|u1', 'shape': (4,)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (4,), 'x': 'y'}",
    "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (4,)}",
    "{'descr': False, 'fortran_order': False, 'shape': (4,)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (4,)} + 1",
    "{'descr': '|u1' 'fortran_order': False 'shape': (4,)}",
  ];
  for (const header of headers) assert.throws(with_({ header }), isError(FormatError), header);
  const huge = with_({ shape: `(${new Array<number>(8).fill(4294967295).join(', ')})` });
  assert.throws(huge, isError(FormatError));
});

test('damaged bytes are read or refused with a typed error, never otherwise', () => {
  for (let round = 0; round < 3000; round++) {
    const bytes = saved.slice();
    const order = permutation([round, 0], 256);
    for (let i = 0; i <= round % 4; i++) bytes[(order[i] ?? 0) % 80] = order[i + 4] ?? 0;
    try {
      readNpy(bytes);
    } catch (error) {
      assert.instance(error, QuernError);
    }
  }
});

test.run();
