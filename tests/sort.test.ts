/** Sorting, the k largest and medians, against what sorting with a comparison gives. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DTypeError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { Trace } from '../src/graph/trace.js';
import * as ops from '../src/ops/functions.js';
import type { Tensor } from '../src/ops/tensor.js';
import { checkGradients, gives } from './support/functions.js';

const floats = (...values: number[]): NDArray => ndarray('f32', [values.length], values);
const whole = (...values: number[]): NDArray => ndarray('i32', [values.length], values);

test('sort and argsort by hand: ties by their index, NaN last, descending first', async () => {
  const x = floats(3, NaN, -1, 3, 0, -Infinity, NaN, Infinity);
  await gives((x) => ops.sort(x), [x], floats(-Infinity, -1, 0, 3, 3, Infinity, NaN, NaN));
  await gives((x) => ops.argsort(x), [x], whole(5, 2, 4, 0, 3, 7, 1, 6));
  const descending = { descending: true };
  await gives((x) => ops.sort(x, 0, descending), [x], floats(NaN, NaN, Infinity, 3, 3, 0, -1, -Infinity));
  await gives((x) => ops.argsort(x, 0, descending), [x], whole(1, 6, 7, 0, 3, 4, 2, 5));
  await gives((x) => ops.argsort(x), [floats(0, -0, 0, -1)], whole(3, 0, 1, 2));
  await gives((x) => ops.sort(x), [ndarray('u8', [4], [255, 0, 128, 127])], ndarray('u8', [4], [0, 127, 128, 255]));
});

test('the axis may be any', async () => {
  const x = ndarray('i32', [2, 3, 2], [5, 1, 4, 9, 6, 0, 2, 2, 8, 7, 3, 3]);
  await gives((x) => ops.sort(x, 0), [x], ndarray('i32', [2, 3, 2], [2, 1, 4, 7, 3, 0, 5, 2, 8, 9, 6, 3]));
  await gives((x) => ops.argsort(x, 1), [x], ndarray('i32', [2, 3, 2], [1, 2, 0, 0, 2, 1, 0, 0, 2, 2, 1, 1]));
  const least = (x: Tensor): Tensor => ops.topK(x, 1, { axis: 1, largest: false }).values;
  await gives(least, [x], ndarray('i32', [2, 1, 2], [4, 0, 2, 2]));
});

/** Few or many different numbers, with what is special among them. */
const element = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.float({ noNaN: false }),
  fc.constantFrom(NaN, 0, -0, Infinity, -Infinity),
);

test('topK of random rows is the first of a stable sort', async () => {
  const row = fc.array(element, { minLength: 1, maxLength: 400 });
  const use = row.chain((row) =>
    fc.record({ row: fc.constant(row), k: fc.integer({ min: 0, max: row.length }), largest: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(use, async ({ row, k, largest }) => {
      const rank = (x: number): number => (Number.isNaN(x) ? 2 : x === Infinity ? 1 : x === -Infinity ? -1 : 0);
      const before = (a: number, b: number): number => rank(a) - rank(b) || (rank(a) === 0 ? a - b : 0);
      const order = row.map((_, i) => i);
      order.sort((i, j) => before(row[i] ?? 0, row[j] ?? 0) * (largest ? -1 : 1) || i - j);
      const x = floats(...row);
      await gives((x) => ops.topK(x, k, { largest }).indices, [x], whole(...order.slice(0, k)));
      const values = order.slice(0, k).map((i) => row[i] ?? NaN);
      await gives((x) => ops.topK(x, k, { largest }).values, [x], floats(...values));
    }),
    { numRuns: 20 },
  );
});

test('a symbolic axis is sorted at every extent', async () => {
  const types = [{ dtype: 'f32', shape: ['batch', 2] }] as const;
  const x = ndarray('f32', [3, 2], [3, 1, 1, 2, 2, 3]);
  await gives((x) => ops.sort(x, 0), [x], ndarray('f32', [3, 2], [1, 1, 2, 2, 3, 3]), undefined, types);
  await gives((x) => ops.sort(x, 1), [x], ndarray('f32', [3, 2], [1, 3, 1, 2, 2, 3]), undefined, types);
  const none = ndarray('f32', [0, 2], []);
  await gives((x) => ops.sort(x, 0), [none], none, undefined, types);
});

test('gradients go back to where the elements stood', () => {
  const x = ndarray('f32', [2, 4], [3, 1, 4, 2, -1, 5, 0, 7]);
  checkGradients((x) => ops.square(ops.sort(x)), [x]);
  checkGradients((x) => ops.square(ops.sort(x, 0, { descending: true })), [x]);
  checkGradients((x) => ops.square(ops.topK(x, 2).values), [x]);
  checkGradients((x) => ops.median(x), [x]);
});

test('medians', async () => {
  await gives((x) => ops.median(x), [floats(5, 1, 3)], ndarray('f32', [], [3]));
  await gives((x) => ops.median(x), [floats(5, 1, 3, 4)], ndarray('f32', [], [3.5]));
  await gives((x) => ops.median(x), [floats(5, NaN, 3)], ndarray('f32', [], [NaN]));
  const x = ndarray('f32', [2, 3], [1, 9, 3, 4, 5, 0]);
  await gives((x) => ops.median(x, 0), [x], floats(2.5, 7, 1.5));
});

test('what cannot be sorted is refused', () => {
  const trace = new Trace('test', { batch: { max: 4 } });
  const x = trace.input('x', { dtype: 'f32', shape: ['batch', 3] });
  const flags = trace.input('flags', { dtype: 'bool', shape: [3] });
  const refuses = (build: () => unknown, kind: new (...args: never[]) => Error): void => {
    assert.throws(build, (error: unknown) => error instanceof kind);
  };
  refuses(() => ops.topK(x, 4), ShapeError);
  refuses(() => ops.topK(x, -1), ShapeError);
  refuses(() => ops.topK(x, 1, { axis: 0 }), ShapeError);
  refuses(() => ops.sort(x, 2), ArgumentError);
  refuses(() => ops.sort(flags), DTypeError);
  refuses(() => ops.median(x, 0), ShapeError);
});

test.run();
