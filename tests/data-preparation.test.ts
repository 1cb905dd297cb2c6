/** Splits, folds, labels and scaling: that they hold what they promise, and what they say of data that cannot. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DTypeError, IndexError, NumericsError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal, permutation } from '../src/core/random.js';
import { irisSpecies, loadIris } from '../src/data/iris.js';
import { oneHot } from '../src/data/labels.js';
import { rowsOf, takeRows } from '../src/data/rows.js';
import { minMaxScaler, standardScaler } from '../src/data/scale.js';
import { kFold, split, stratifiedKFold } from '../src/data/split.js';

const i32 = (...data: number[]): NDArray<'i32'> => ndarray('i32', [data.length], data);

const isError =
  (type: new (...args: never[]) => Error, message = /./) =>
  (error: unknown): boolean =>
    error instanceof type && message.test(error.message);

const ascending = (rows: Iterable<number>): number[] => [...rows].sort((a, b) => a - b);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** How many of each label there are among rows. */
function countsOf(labels: NDArray, rows: Int32Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(labels.data[row] ?? -1, (counts.get(labels.data[row] ?? -1) ?? 0) + 1);
  return counts;
}

/** Three classes of very different sizes, in no order. */
const uneven = ((): NDArray<'i32'> => {
  const order = permutation([8, 8], 500);
  return i32(...Array.from(order, (value) => (value < 20 ? 7 : value < 120 ? -1 : 3)));
})();

test('a split has every row once, of the sizes that were asked for', () => {
  for (const [count, validation, testing] of [
    [10, 0.2, 0.1],
    [1000, 0.15, 0.15],
    [7, 0, 0.3],
    [101, 0.5, 0.25],
  ] as const) {
    const parts = split(count, { validation, test: testing, seed: 3 });
    assert.equal(ascending([...parts.train, ...parts.validation, ...parts.test]), upTo(count));
    assert.is(parts.validation.length + parts.test.length, Math.round(count * (validation + testing)));
    assert.ok(Math.abs(parts.test.length - count * testing) <= 1);
    assert.equal(split(count, { validation, test: testing, seed: 3 }), parts);
  }
  const [one, other] = [1, 2].map((seed) => split(100, { test: 0.5, seed }));
  assert.is.not(one?.test.join(), other?.test.join());
  assert.is.not(one?.test.join(), ascending(one?.test ?? []).join());
});

test('a stratified split has of every class its share', () => {
  for (let seed = 0; seed < 20; seed++) {
    const parts = split(500, { validation: 0.2, test: 0.1, stratify: uneven, seed });
    assert.equal(ascending([...parts.train, ...parts.validation, ...parts.test]), upTo(500));
    assert.equal([parts.train.length, parts.validation.length, parts.test.length], [350, 100, 50]);
    const shares = { train: 0.7, validation: 0.2, test: 0.1 };
    const sizes = countsOf(uneven, Int32Array.from(upTo(500)));
    for (const name of ['train', 'validation', 'test'] as const) {
      for (const [label, count] of countsOf(uneven, parts[name])) {
        assert.ok(Math.abs(count - (sizes.get(label) ?? 0) * shares[name]) < 2, `${name} ${label} ${count}`);
      }
      assert.is(countsOf(uneven, parts[name]).size, 3);
    }
  }
});

test('every row is tested in exactly one fold', () => {
  for (const [count, folds] of [
    [10, 3],
    [100, 5],
    [7, 7],
    [2, 2],
  ] as const) {
    const all = [...kFold(count, { folds, seed: 1 })];
    assert.is(all.length, folds);
    assert.equal(ascending(all.flatMap(({ test: rows }) => [...rows])), upTo(count));
    for (const fold of all) {
      assert.equal(ascending([...fold.train, ...fold.test]), upTo(count));
      assert.ok(Math.abs(fold.test.length - count / folds) < 1);
    }
  }
  const folds = [...stratifiedKFold(uneven, { seed: 2 })];
  assert.equal(ascending(folds.flatMap(({ test: rows }) => [...rows])), upTo(500));
  for (const fold of folds) {
    assert.equal(
      [...countsOf(uneven, fold.test)].sort(([a], [b]) => a - b),
      [
        [-1, 20],
        [3, 76],
        [7, 4],
      ],
    );
  }
  const uneasy = [...stratifiedKFold(i32(0, 0, 0, 1, 1, 1, 1), { folds: 3 })];
  for (const fold of uneasy) {
    const counts = countsOf(i32(0, 0, 0, 1, 1, 1, 1), fold.test);
    assert.is(counts.get(0), 1);
    assert.ok([1, 2].includes(counts.get(1) ?? 0));
  }
});

test('data that cannot be split are refused', () => {
  assert.throws(() => split(0, { test: 0.5 }), isError(ArgumentError, /at least one example/));
  assert.throws(() => split(3, { test: 0.1 }), isError(ArgumentError, /leave none to test/));
  assert.throws(() => split(3, { test: 0.9 }), isError(ArgumentError, /leave none to train/));
  for (const [validation, testing] of [
    [0, 0],
    [0.5, 0.5],
    [-0.1, 0.5],
    [NaN, 0.5],
  ] as const) {
    assert.throws(
      () => split(10, { validation, test: testing }),
      isError(ArgumentError, /together above 0 and below 1/),
    );
  }
  assert.throws(() => split(10, { test: 0.5, seed: 0.5 }), isError(ArgumentError, /integer seed/));
  const half = { test: 0.5 } as const;
  assert.throws(() => split(3, { ...half, stratify: i32(0, 1) }), isError(ShapeError, /3 labels .* Received 2/));
  assert.throws(
    () => split(3, { ...half, stratify: i32(4, 4, 4) }),
    isError(ArgumentError, /two classes .* All are 4/),
  );
  assert.throws(() => split(3, { ...half, stratify: i32(0, 0, 1) }), isError(ArgumentError, /Class 1 has 1/));
  const floats = ndarray('f32', [3], [0, 1, 1]);
  assert.throws(() => split(3, { ...half, stratify: floats }), isError(DTypeError, /integers/));
  const wide = ndarray('i32', [2, 2], [0, 1, 1, 0]);
  assert.throws(() => split(2, { ...half, stratify: wide }), isError(ShapeError, /one label for each/));
  assert.throws(() => [...kFold(3, { folds: 4 })], isError(ArgumentError, /from 2 to 3 folds/));
  assert.throws(() => [...kFold(3, { folds: 1 })], isError(ArgumentError, /from 2 to 3 folds/));
  assert.throws(() => [...stratifiedKFold(i32(0, 0, 0, 1), { folds: 2 })], isError(ArgumentError, /Class 1 has 1/));
  assert.throws(() => [...stratifiedKFold(i32(), {})], isError(ArgumentError, /at least one example/));
});

test('rows are taken in the order that is asked for', () => {
  const x = ndarray('f32', [3, 2], [0, 1, 10, 11, 20, 21]);
  const taken = takeRows(x, Int32Array.of(2, 0, 2));
  assert.equal(
    [taken.shape, [...taken.data]],
    [
      [3, 2],
      [20, 21, 0, 1, 20, 21],
    ],
  );
  assert.equal(takeRows(x, Int32Array.of()).shape, [0, 2]);
  assert.throws(() => takeRows(x, Int32Array.of(0, 3)), isError(IndexError, /from 0 to 2 .* 3/));
  assert.throws(() => takeRows(x, Int32Array.of(-1)), isError(IndexError));
});

test('labels become rows with a single one', () => {
  const hot = oneHot(i32(2, 0, 1));
  assert.equal([hot.dtype, hot.shape, [...hot.data]], ['f32', [3, 3], [0, 0, 1, 1, 0, 0, 0, 1, 0]]);
  assert.equal([...oneHot(ndarray('u8', [2, 1], [0, 1]), 3).data], [1, 0, 0, 0, 1, 0]);
  assert.throws(() => oneHot(i32(0, 3), 3), isError(IndexError, /from 0 to 2 .* 3 in row 1/));
  assert.throws(() => oneHot(i32(0, -1)), isError(IndexError, /-1 in row 1/));
  assert.throws(() => oneHot(i32()), isError(ArgumentError, /at least one/));
  assert.throws(() => oneHot(i32(0), 0), isError(ArgumentError, /positive number of classes/));
  assert.throws(() => oneHot(ndarray('f32', [1], [0])), isError(DTypeError));
});

test('standardised columns have mean 0 and deviation 1, others are scaled alike, and constant ones are safe', () => {
  const noise = normal([1, 1], 3000);
  const x = ndarray(
    'f32',
    [1000, 3],
    noise.map((value, i) => [1e4 + 5 * value, 0.1, -3 + 1e-3 * value][i % 3] ?? 0),
  );
  const scaler = standardScaler(x);
  const scaled = scaler.transform(x);
  for (const column of [0, 2]) {
    const values = scaled.data.filter((_: number, i: number) => i % 3 === column);
    const mean = values.reduce((sum: number, value: number) => sum + value, 0) / 1000;
    const variance = values.reduce((sum: number, value: number) => sum + (value - mean) ** 2, 0) / 1000;
    assert.ok(Math.abs(mean) < 1e-5 && Math.abs(variance - 1) < 1e-5, `${mean} ${variance}`);
  }
  assert.ok(scaled.data.every((value: number, i: number) => i % 3 !== 1 || value === 0));
  const back = scaler.inverse(scaled);
  back.data.forEach((value, i) => assert.ok(Math.abs(value - (x.data[i] ?? 0)) <= 1e-6 * Math.abs(value)));
  const two = standardScaler(ndarray('f32', [2, 1], [1, 3]));
  assert.equal([two.offset, two.scale], [[2], [1]]);
  assert.equal([...two.transform(ndarray('f32', [1, 1], [5])).data], [3]);
});

test('columns go from their least and most to the ends that are asked for', () => {
  const x = ndarray('f32', [3, 2], [1, 7, 2, 7, 5, 7]);
  assert.equal([...minMaxScaler(x).transform(x).data], [0, 0, 0.25, 0, 1, 0]);
  const wide = minMaxScaler(x, { low: -1, high: 1 });
  assert.equal([...wide.transform(x).data], [-1, -1, -0.5, -1, 1, -1]);
  assert.equal([...wide.inverse(wide.transform(x)).data], [...x.data]);
  assert.throws(() => minMaxScaler(x, { low: 1, high: 1 }), isError(ArgumentError, /low below high/));
});

test('what has no figures is refused', () => {
  for (const scaler of [standardScaler, minMaxScaler]) {
    assert.throws(() => scaler(ndarray('f32', [0, 2])), isError(ArgumentError, /at least one example/));
    assert.throws(() => scaler(ndarray('f32', [2])), isError(ShapeError, /\[n, columns\]/));
    assert.throws(() => scaler(ndarray('i32', [2, 2])), isError(DTypeError));
    const bad = ndarray('f32', [2, 2], [0, 1, 2, NaN]);
    assert.throws(() => scaler(bad), isError(NumericsError, /NaN in row 1, column 1/));
    const fitted = scaler(ndarray('f32', [2, 2], [0, 1, 2, 3]));
    assert.throws(() => fitted.transform(ndarray('f32', [2, 3])), isError(ShapeError, /2 columns .* Received 3/));
  }
});

test('the irises are all there', () => {
  const { x, y } = loadIris();
  assert.equal([x.dtype, x.shape, y.dtype, y.shape], ['f32', [150, 4], 'i32', [150]]);
  assert.equal([...x.data.subarray(0, 4)], [5.1, 3.5, 1.4, 0.2].map(Math.fround));
  assert.equal(
    irisSpecies.map((_, species) => y.data.filter((label: number) => label === species).length),
    [50, 50, 50],
  );
  const means = [0, 1, 2, 3].map((column) => {
    const values = Array.from(x.data).filter((_, i) => i % 4 === column);
    return values.reduce((sum, value) => sum + value, 0) / rowsOf(x);
  });
  assert.equal(
    means.map((mean) => mean.toFixed(2)),
    ['5.84', '3.06', '3.76', '1.20'],
  );
});

test.run();
