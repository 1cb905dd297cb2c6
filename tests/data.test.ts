/** IDX files, the MNIST digits, and rows in batches. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FormatError, QuernError, UnsupportedError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import { permutation } from '../src/core/random.js';
import { readIdx } from '../src/data/idx.js';
import { loadMnist } from '../src/data/mnist.js';
import { batches, rowsOf, sliceRows } from '../src/data/rows.js';

/** An IDX file of a type and shape, with these bytes after its head. */
function idx(code: number, shape: readonly number[], body: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(2, code);
  view.setUint8(3, shape.length);
  shape.forEach((extent, axis) => view.setUint32(4 + 4 * axis, extent));
  bytes.set(body, 4 + 4 * shape.length);
  return bytes;
}

test('an IDX file of each type is read', () => {
  const bytes = readIdx(idx(0x08, [2, 3], [1, 2, 3, 4, 5, 255]));
  assert.equal([bytes.dtype, bytes.shape, [...bytes.data]], ['u8', [2, 3], [1, 2, 3, 4, 5, 255]]);
  const signed = readIdx(idx(0x09, [2], [0x80, 0x7f]));
  assert.equal([signed.dtype, [...signed.data]], ['i8', [-128, 127]]);
  const integers = readIdx(idx(0x0c, [2], [0, 0, 1, 2, 255, 255, 255, 254]));
  assert.equal([integers.dtype, [...integers.data]], ['i32', [258, -2]]);
  const floats = readIdx(idx(0x0d, [2], [0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0]));
  assert.equal([floats.dtype, [...floats.data]], ['f32', [1.5, -2]]);
  const scalar = readIdx(idx(0x08, [], [7]));
  assert.equal([scalar.shape, [...scalar.data]], [[], [7]]);
  assert.is(readIdx(idx(0x08, [0, 28, 28], [])).data.length, 0);
  const inside = new Uint8Array(40);
  inside.set(idx(0x08, [2], [8, 9]), 11);
  assert.equal([...readIdx(inside.subarray(11, 21)).data], [8, 9]);
});

test('what is not exactly one IDX file is refused, cut at every byte', () => {
  const whole = idx(0x08, [2, 3], [1, 2, 3, 4, 5, 6]);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => readIdx(whole.subarray(0, length)), isError(FormatError));
  }
  assert.throws(() => readIdx(new Uint8Array([...whole, 0])), isError(FormatError));
  assert.throws(() => readIdx(new Uint8Array([1, ...whole.subarray(1)])), /two zero bytes/);
  assert.throws(() => readIdx(idx(0x0e, [1], [0, 0, 0, 0, 0, 0, 0, 0])), isError(UnsupportedError));
  assert.throws(() => readIdx(idx(0x08, new Array<number>(9).fill(1), [1])), /rank of at most 8/);
  const huge = new Array<number>(8).fill(0xffffffff);
  assert.throws(() => readIdx(idx(0x08, huge, [1])), isError(FormatError));
  assert.throws(() => readIdx(idx(0x0d, [0x40000000], []), 'big'), /\[big\] .*takes 4294967296 bytes/);
});

test('random bytes are read or refused with a typed error, never otherwise', () => {
  const seed = idx(0x08, [2, 3], [1, 2, 3, 4, 5, 6]);
  for (let round = 0; round < 3000; round++) {
    const bytes = seed.slice();
    const order = permutation([round, 0], 3 * bytes.length);
    for (let i = 0; i <= round % 4; i++) bytes[(order[i] ?? 0) % bytes.length] = (order[i + 4] ?? 0) * 7;
    try {
      readIdx(bytes);
    } catch (error) {
      assert.instance(error, QuernError);
    }
  }
});

test('MNIST is all there: its counts, its range, its first digits', () => {
  const { x, y } = loadMnist('test');
  assert.equal(x.shape, [10000, 28, 28, 1]);
  assert.equal(y.shape, [10000]);
  assert.equal([x.dtype, y.dtype], ['f32', 'i32']);
  assert.equal([...y.data.subarray(0, 10)], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  let [least, most] = [Infinity, -Infinity];
  for (const pixel of x.data) [least, most] = [Math.min(least, pixel), Math.max(most, pixel)];
  assert.equal([least, most], [0, 1]);
  const counts = new Array<number>(10).fill(0);
  for (const label of y.data) counts[label] = (counts[label] ?? 0) + 1;
  assert.equal(counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  const some = loadMnist('train', 5);
  assert.equal(some.x.shape, [5, 28, 28, 1]);
  assert.equal([...some.y.data], [5, 0, 4, 1, 9]);
});

const rows = ndarray('f32', [7, 2], [0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 60, 61]);
const labels = ndarray('i32', [7], [0, 1, 2, 3, 4, 5, 6]);

test('batches in order are views, and the last has what is left', () => {
  const seen = [...batches([rows, labels], 3)].map(({ arrays, size }) => ({ arrays, size }));
  assert.equal(
    seen.map(({ size }) => size),
    [3, 3, 1],
  );
  const [, second] = seen;
  assert.equal([...(second?.arrays[0]?.data ?? [])], [30, 31, 40, 41, 50, 51]);
  assert.is(second?.arrays[0]?.data.buffer, rows.data.buffer);
  assert.equal(seen[2]?.arrays[0]?.shape, [1, 2]);
});

test('batches in another order hold every row once, with its label', () => {
  const order = permutation([3, 1], 7);
  const found: number[] = [];
  for (const { arrays, size } of batches([rows, labels], 3, order)) {
    const [x, y] = arrays;
    assert.is(rowsOf(x ?? rows), size);
    for (let i = 0; i < size; i++) {
      const label = y?.data[i] ?? -1;
      assert.equal([...(x?.data.subarray(2 * i, 2 * i + 2) ?? [])], [10 * label, 10 * label + 1]);
      found.push(label);
    }
  }
  assert.equal(found, [...order]);
  assert.equal([...batches([sliceRows(rows, 0, 0)], 3)], []);
});

function isError(type: new (...args: never[]) => Error): (error: unknown) => boolean {
  return (error) => error instanceof type;
}

test.run();
