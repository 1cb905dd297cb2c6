/** Movement that is written with other ops, and strided slices, against loops over the elements of the result. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import type { Shape } from '../src/core/shape.js';
import { Trace } from '../src/graph/trace.js';
import * as ops from '../src/ops/functions.js';
import type { PadMode } from '../src/ops/padding.js';
import type { Pair } from '../src/ops/schema.js';
import type { Tensor } from '../src/ops/tensor.js';
import { computed } from './support/traced.js';
import { checkGradients, gives } from './support/functions.js';

const drawn = (...shape: number[]): NDArray => ndarray('f32', shape, normal([29, shape.length], sizeOf(shape)));
const counted = (...shape: number[]): NDArray =>
  ndarray(
    'i32',
    shape,
    Int32Array.from({ length: sizeOf(shape) }, (_, i) => i),
  );

/** The array whose elements are those of `x` at what `source` makes of their own positions; null gives `value`. */
function picked(
  x: NDArray,
  shape: readonly number[],
  source: (index: readonly number[]) => readonly number[] | null,
  value = 0,
): NDArray {
  const data = Array.from({ length: sizeOf(shape) }, (_, at) => {
    const index = shape.map((extent, axis) => Math.floor(at / sizeOf(shape.slice(axis + 1))) % extent);
    const from = source(index);
    return from ? (x.data[from.reduce((sum, i, axis) => sum * (x.shape[axis] ?? 1) + i, 0)] ?? NaN) : value;
  });
  return ndarray(x.dtype, shape, data);
}

const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 });

test('strided slices of random ranges are those of Python', async () => {
  const position = fc.option(fc.integer({ min: -7, max: 7 }));
  const step = fc.constantFrom(1, 2, 3, -1, -2, -3);
  const use = shapes.chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      ranges: fc.array(fc.tuple(position, position, step), { minLength: shape.length, maxLength: shape.length }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(use, async ({ shape, ranges }) => {
      const taken = ranges.map(([begin, end, step], axis) => {
        const n = shape[axis] ?? 1;
        // Python's definition: https://docs.python.org/3/reference/datamodel.html#slice.indices
        const clamp = (p: number): number =>
          step > 0 ? Math.min(Math.max(p < 0 ? p + n : p, 0), n) : Math.min(Math.max(p < 0 ? p + n : p, -1), n - 1);
        const start = begin === null ? (step > 0 ? 0 : n - 1) : clamp(begin);
        const stop = end === null ? (step > 0 ? n : -1) : clamp(end);
        const found: number[] = [];
        for (let i = start; step > 0 ? i < stop : i > stop; i += step) found.push(i);
        return found;
      });
      const x = drawn(...shape);
      const required = picked(
        x,
        taken.map(({ length }) => length),
        (index) => index.map((i, axis) => taken[axis]?.[i] ?? 0),
      );
      const fn = (x: Tensor): Tensor =>
        ops.stridedSlice(
          x,
          ranges.map(([begin]) => begin),
          ranges.map(([, end]) => end),
          ranges.map(([, , step]) => step),
        );
      await gives(fn, [x], required);
      checkGradients(fn, [x]);
    }),
    { numRuns: 20 },
  );
});

test('pads of random sizes are those of NumPy', async () => {
  const modes: readonly PadMode[] = ['constant', 'edge', 'reflect', 'symmetric', 'wrap'];
  const by = fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 7 }));
  const use = shapes.chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      paddings: fc.array(by, { minLength: shape.length, maxLength: shape.length }),
      mode: fc.constantFrom(...modes),
    }),
  );
  /** One step at a time from a place beyond the edge, turning round at the edges or coming in on the other side. */
  const walkBack = (place: number, n: number, mode: PadMode): number => {
    if (place >= 0 && place < n) return place;
    if (mode === 'edge' || n === 1) return place < 0 ? 0 : n - 1;
    if (mode === 'wrap') return walkBack(place < 0 ? place + n : place - n, n, mode);
    const edge = mode === 'reflect' ? 0 : 1;
    return walkBack(place < 0 ? -place - edge : 2 * (n - 1) - place + edge, n, mode);
  };
  await fc.assert(
    fc.asyncProperty(use, async ({ shape, paddings, mode }) => {
      const x = drawn(...shape);
      const grown = shape.map((n, axis) => n + (paddings[axis]?.[0] ?? 0) + (paddings[axis]?.[1] ?? 0));
      const required = picked(
        x,
        grown,
        (index) => {
          const places = index.map((i, axis) => i - (paddings[axis]?.[0] ?? 0));
          if (mode !== 'constant') return places.map((place, axis) => walkBack(place, shape[axis] ?? 1, mode));
          return places.every((place, axis) => place >= 0 && place < (shape[axis] ?? 1)) ? places : null;
        },
        2.5,
      );
      const fn = (x: Tensor): Tensor => ops.pad(x, paddings, { mode, value: 2.5 });
      await gives(fn, [x], required);
    }),
    { numRuns: 20 },
  );
  for (const mode of modes) {
    const paddings: readonly Pair[] = [
      [1, 2],
      [0, 4],
    ];
    checkGradients((x) => ops.pad(x, paddings, { mode, value: 2 }), [drawn(2, 3)]);
  }
  await gives(
    (x) => ops.pad(x, [[1, 0]]),
    [drawn(2)],
    picked(drawn(2), [3], ([i = 0]) => (i === 0 ? null : [i - 1])),
  );
});

test('flip, roll, tile and repeat of random shapes', async () => {
  const use = fc.record({
    shape: shapes,
    axis: fc.nat(2),
    by: fc.integer({ min: -7, max: 7 }),
    times: fc.integer({ min: 0, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(use, async ({ shape, axis: chosen, by, times }) => {
      const axis = chosen % shape.length;
      const n = shape[axis] ?? 1;
      const x = counted(...shape);
      const along = (size: number, source: (i: number) => number): NDArray =>
        picked(x, shape.with(axis, size), (index) => index.with(axis, source(index[axis] ?? 0)));
      await gives(
        (x) => ops.flip(x, axis),
        [x],
        along(n, (i) => n - 1 - i),
      );
      await gives(
        (x) => ops.roll(x, by, axis),
        [x],
        along(n, (i) => (((i - by) % n) + n) % n),
      );
      await gives(
        (x) => ops.repeat(x, times, axis),
        [x],
        along(n * times, (i) => Math.floor(i / times)),
      );
      const repetitions = shape.map((_, i) => (i === axis ? times : 1));
      await gives(
        (x) => ops.tile(x, repetitions),
        [x],
        along(n * times, (i) => i % n),
      );
    }),
    { numRuns: 10 },
  );
  const x = counted(2, 3);
  await gives((x) => ops.flip(x), [x], ndarray('i32', [2, 3], [5, 4, 3, 2, 1, 0]));
  await gives((x) => ops.roll(x, 2), [x], ndarray('i32', [2, 3], [4, 5, 0, 1, 2, 3]));
  await gives((x) => ops.roll(x, [1, -1], [0, 1]), [x], ndarray('i32', [2, 3], [4, 5, 3, 1, 2, 0]));
  await gives((x) => ops.repeat(x, 2), [counted(2)], ndarray('i32', [4], [0, 0, 1, 1]));
  await gives((x) => ops.tile(x, [2, 2]), [counted(2)], ndarray('i32', [2, 4], [0, 1, 0, 1, 0, 1, 0, 1]));
  for (const fn of [
    ops.flip,
    (x: Tensor) => ops.roll(x, 1, 1),
    (x: Tensor) => ops.tile(x, 2),
    (x: Tensor) => ops.repeat(x, 2, 0),
  ]) {
    checkGradients((x) => fn(x), [drawn(2, 3)]);
  }
});

test('a symbolic batch goes through movement', async () => {
  const x = counted(3, 2);
  const types = [{ dtype: 'i32', shape: ['batch', 2] }] as const;
  const rows = (...order: number[]): NDArray => picked(x, [order.length, 2], ([i = 0, j = 0]) => [order[i] ?? 0, j]);
  const along = (fn: (x: Tensor) => Tensor, required: NDArray) => gives(fn, [x], required, undefined, types);
  await along((x) => ops.flip(x, 0), rows(2, 1, 0));
  await along((x) => ops.stridedSlice(x, [null], [null], [2]), rows(0, 2));
  await along((x) => ops.stridedSlice(x, [null], [null], [-1]), rows(2, 1, 0));
  await along((x) => ops.tile(x, [2, 1]), rows(0, 1, 2, 0, 1, 2));
  await along((x) => ops.repeat(x, 2, 0), rows(0, 0, 1, 1, 2, 2));
  await along(
    (x) =>
      ops.pad(
        x,
        [
          [0, 0],
          [1, 1],
        ],
        { mode: 'edge' },
      ),
    picked(x, [3, 4], ([i = 0, j = 0]) => [i, j < 2 ? 0 : 1]),
  );
  await along(
    (x) =>
      ops.pad(
        x,
        [
          [1, 0],
          [0, 0],
        ],
        { value: 9 },
      ),
    picked(x, [4, 2], ([i = 0, j = 0]) => (i === 0 ? null : [i - 1, j]), 9),
  );
  await along(
    (x) => ops.concat(ops.split(x, 2, 1).reverse(), 1),
    picked(x, [3, 2], ([i = 0, j = 0]) => [i, 1 - j]),
  );
  await along((x) => ops.split(ops.concat([x, ops.flip(x, 0)]), ['batch', 'batch'])[1] as Tensor, rows(2, 1, 0));
  await along((x) => ops.stack(ops.unstack(x, 1), 1), x);
  const none = counted(0, 2);
  await gives((x) => ops.flip(x, 0), [none], none, undefined, types);
});

test('axes come, go and change places', async () => {
  const shapeOf = (shape: Shape, fn: (x: Tensor) => Tensor): Shape =>
    fn(new Trace('test', { batch: { max: 4 } }).input('x', { dtype: 'f32', shape })).shape;
  assert.equal(
    shapeOf(['batch', 3], (x) => ops.expandDims(x, 0)),
    [1, 'batch', 3],
  );
  assert.equal(
    shapeOf(['batch', 3], (x) => ops.expandDims(x, [1, -1])),
    ['batch', 1, 3, 1],
  );
  assert.equal(
    shapeOf(['batch', 1, 3, 1], (x) => ops.squeeze(x)),
    ['batch', 3],
  );
  assert.equal(
    shapeOf(['batch', 1, 3, 1], (x) => ops.squeeze(x, -1)),
    ['batch', 1, 3],
  );
  assert.equal(
    shapeOf(['batch', 2, 3, 4], (x) => ops.swapaxes(x, 1, -1)),
    ['batch', 4, 3, 2],
  );
  assert.equal(
    shapeOf(['batch', 2, 3, 4], (x) => ops.moveaxis(x, 0, -1)),
    [2, 3, 4, 'batch'],
  );
  assert.equal(
    shapeOf(['batch', 2, 3, 4], (x) => ops.moveaxis(x, [3, 0], [0, 1])),
    [4, 'batch', 2, 3],
  );
  const x = counted(2, 3);
  await gives((x) => ops.moveaxis(x, 1, 0), [x], ndarray('i32', [3, 2], [0, 3, 1, 4, 2, 5]));
  await gives((x) => ops.swapaxes(x, 1, 1), [x], x);
});

test('stacks, parts, grids and diagonals', async () => {
  const x = counted(2, 3);
  await gives((x) => ops.stack([x, ops.neg(x)], -1), [counted(2)], ndarray('i32', [2, 2], [0, 0, 1, -1]));
  await gives((x) => ops.split(x, [1, 2], 1)[1] as Tensor, [x], ndarray('i32', [2, 2], [1, 2, 4, 5]));
  await gives((x) => ops.split(x, 3, -1)[2] as Tensor, [x], ndarray('i32', [2, 1], [2, 5]));
  await gives((x) => ops.unstack(x)[1] as Tensor, [x], ndarray('i32', [3], [3, 4, 5]));
  const grid = (i: number, indexing: 'xy' | 'ij') => (a: Tensor, b: Tensor) =>
    ops.meshgrid([a, b], { indexing })[i] as Tensor;
  const vectors = [counted(2), counted(3)];
  await gives(grid(0, 'xy'), vectors, ndarray('i32', [3, 2], [0, 1, 0, 1, 0, 1]));
  await gives(grid(1, 'xy'), vectors, ndarray('i32', [3, 2], [0, 0, 1, 1, 2, 2]));
  await gives(grid(0, 'ij'), vectors, ndarray('i32', [2, 3], [0, 0, 0, 1, 1, 1]));
  assert.equal(await computed({ x }, ({ x }) => ops.linspace((x as Tensor).recorder, -1, 1, 5)), [-1, -0.5, 0, 0.5, 1]);

  const square = counted(3, 4);
  for (const offset of [-4, -3, -2, -1, 0, 1, 2, 3, 4]) {
    const size = Math.max(0, Math.min(3 + Math.min(offset, 0), 4 - Math.max(offset, 0)));
    const required = picked(square, [size], ([i = 0]) => [i + Math.max(-offset, 0), i + Math.max(offset, 0)]);
    await gives((x) => ops.diagonal(x, { offset }), [square], required);
  }
  const cube = counted(2, 3, 2);
  await gives((x) => ops.diagonal(x, { axes: [0, 2] }), [cube], ndarray('i32', [3, 2], [0, 7, 2, 9, 4, 11]));
  await gives((x) => ops.trace(x), [ndarray('f32', [2, 2], [1, 2, 3, 4])], ndarray('f32', [], [5]));
  checkGradients((x) => ops.diagonal(x, { offset: 1 }), [drawn(3, 4)]);
  checkGradients((x) => ops.stack(ops.split(x, 2, 1), 0), [drawn(2, 4)]);
});

test('what does not fit is refused', () => {
  const trace = new Trace('test', { batch: { max: 4 } });
  const x = trace.input('x', { dtype: 'f32', shape: ['batch', 3] });
  const refuses = (build: () => unknown, kind: new (...args: never[]) => Error): void => {
    assert.throws(build, (error: unknown) => error instanceof kind);
  };
  refuses(() => ops.stridedSlice(x, [0, 0, 0], []), ArgumentError);
  refuses(() => ops.stridedSlice(x, [0.5], []), ArgumentError);
  refuses(() => ops.stridedSlice(x, [], [], [1, 0]), ArgumentError);
  refuses(() => ops.stridedSlice(x, [0], [2]), ShapeError);
  refuses(() => ops.flip(x, 2), ArgumentError);
  refuses(() => ops.roll(x, 1, 0), ShapeError);
  refuses(() => ops.roll(x, [1, 2], 1), ArgumentError);
  refuses(() => ops.tile(x, [1, -1]), ArgumentError);
  refuses(() => ops.repeat(x, 1.5, 0), ArgumentError);
  refuses(() => ops.split(x, 2, 1), ShapeError);
  refuses(() => ops.split(x, [1, 1], 1), ShapeError);
  refuses(() => ops.unstack(x, 0), ShapeError);
  refuses(() => ops.stack([]), ArgumentError);
  refuses(() => ops.squeeze(x, 1), ShapeError);
  refuses(() => ops.expandDims(x, [0, 0]), ArgumentError);
  refuses(() => ops.moveaxis(x, [0, 1], 0), ArgumentError);
  refuses(() => ops.diagonal(x), ShapeError);
  refuses(() => ops.meshgrid([x]), ShapeError);
  refuses(() => ops.pad(x, [[1, 1]]), ArgumentError);
  refuses(() => ops.pad(x, [[1, 1]], { value: 1 }), ArgumentError);
  refuses(
    () =>
      ops.pad(x, [
        [1, -1],
        [0, 0],
      ]),
    ArgumentError,
  );
  refuses(
    () =>
      ops.pad(
        x,
        [
          [1, 1],
          [0, 0],
        ],
        { mode: 'edge' },
      ),
    ShapeError,
  );
  refuses(
    () =>
      ops.pad(
        x,
        [
          [0, 0],
          [0, 0],
        ],
        { mode: 'mirror' as PadMode },
      ),
    ArgumentError,
  );
});

test.run();
