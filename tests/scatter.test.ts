/** Gathering and scattering by positions, and sums, means and extremes of segments, against loops over all positions. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fromHost } from '../src/backend/reference/execute.js';
import { DTypeError, IndexError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../src/core/ndarray.js';
import { normal, randomWords } from '../src/core/random.js';
import type { Shape } from '../src/core/shape.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import { Trace } from '../src/graph/trace.js';
import * as ops from '../src/ops/functions.js';
import { type ScatterReduction, scatterReductions } from '../src/ops/schema.js';
import type { Tensor } from '../src/ops/tensor.js';
import { reference, wasmBackends } from './support/backends.js';
import { differences } from './support/compare.js';
import { checkGradients, type Function, gives, results } from './support/functions.js';
import { rejection } from './support/rejection.js';

const drawn = (seed: number, ...shape: number[]): NDArray => ndarray('f32', shape, normal([17, seed], sizeOf(shape)));
const whole = (shape: readonly number[], values: readonly number[]): NDArray => ndarray('i32', shape, values);
/** Integers below `limit`. */
const below = (seed: number, limit: number, ...shape: number[]): NDArray =>
  whole(
    shape,
    Array.from(randomWords([19, seed], 0, sizeOf(shape)), (word) => (word >>> 0) % limit),
  );

const near = { absolute: 1e-5, relative: 1e-5 };

test('takeAlongAxis by hand', async () => {
  const x = ndarray('f32', [2, 3], [1, 2, 3, 4, 5, 6]);
  const take =
    (axis: number): Function =>
    (x, i) =>
      ops.takeAlongAxis(x, i, axis);
  await gives(take(-1), [x, whole([2, 2], [2, 0, 1, 1])], ndarray('f32', [2, 2], [3, 1, 5, 5]));
  await gives(take(0), [x, whole([1, 3], [1, 0, 1])], ndarray('f32', [1, 3], [4, 2, 6]));
  await gives(take(1), [x, whole([1, 1], [2])], ndarray('f32', [2, 1], [3, 6]));
  checkGradients(take(1), [x, whole([2, 4], [2, 0, 2, 1, 1, 1, 0, 0])]);
});

const joined: Readonly<Record<ScatterReduction, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  max: Math.max,
  min: Math.min,
};

for (const reduction of scatterReductions) {
  const scatter: Function = (x, i, u) => ops.scatterNd(x, i, u, { reduction });

  test(`scatterNd of random shapes, reduction ${reduction}`, async () => {
    const use = fc.record({
      shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      count: fc.integer({ min: 0, max: 6 }),
      depth: fc.integer({ min: 1, max: 3 }),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(use, async ({ shape, count, depth, seed }) => {
        const axes = Math.min(depth, shape.length);
        const rest = shape.slice(axes);
        const inner = sizeOf(rest);
        const words = randomWords([23, seed], 0, count * axes);
        const positions = Array.from(words, (word, at) => (word >>> 0) % (shape[at % axes] ?? 1));
        const [x, updates] = [drawn(seed, ...shape), drawn(seed + 1, count, ...rest)];
        const y = Float64Array.from(x.data);
        for (let i = 0; i < count; i++) {
          const place = positions
            .slice(i * axes, i * axes + axes)
            .reduce((at, p, axis) => at * (shape[axis] ?? 1) + p, 0);
          for (let j = 0; j < inner; j++) {
            y[place * inner + j] = joined[reduction](y[place * inner + j] ?? NaN, updates.data[i * inner + j] ?? NaN);
          }
        }
        const required = ndarray('f32', shape, Float32Array.from(y));
        await gives(scatter, [x, whole([count, axes], positions), updates], required, near);
      }),
      { numRuns: 10 },
    );
  });

  test(`gradients of scatterNd and scatterElements, reduction ${reduction}`, () => {
    const positions = whole([4, 2], [0, 1, 2, 0, 0, 1, 1, 1]);
    checkGradients(scatter, [drawn(1, 3, 2, 2), positions, drawn(2, 4, 2)]);
    const elements: Function = (x, i, u) => ops.scatterElements(x, i, u, 1, { reduction });
    checkGradients(elements, [drawn(3, 2, 3), below(4, 3, 2, 5), drawn(5, 2, 5)]);
  });
}

test('gatherNd of random shapes', async () => {
  const x = drawn(1, 3, 4, 2);
  const gather: Function = (x, i) => ops.gatherNd(x, i);
  const at = (...index: number[]): number =>
    x.data[index.reduce((sum, p, axis) => sum * (x.shape[axis] ?? 1) + p, 0)] ?? NaN;
  await gives(gather, [x, whole([2, 3], [2, 3, 1, 0, 1, 0])], ndarray('f32', [2], [at(2, 3, 1), at(0, 1, 0)]));
  const pairs = whole([2, 1, 2], [1, 2, 0, 3]);
  await gives(gather, [x, pairs], ndarray('f32', [2, 1, 2], [at(1, 2, 0), at(1, 2, 1), at(0, 3, 0), at(0, 3, 1)]));
  await gives(gather, [x, whole([1, 1], [2])], ndarray('f32', [1, 4, 2], x.data.slice(16)));
  checkGradients(gather, [x, pairs]);
  const types = [{ dtype: 'f32', shape: ['batch', 4, 2] }, pairs] as const;
  await gives(
    gather,
    [x, pairs],
    ndarray('f32', [2, 1, 2], [at(1, 2, 0), at(1, 2, 1), at(0, 3, 0), at(0, 3, 1)]),
    undefined,
    types,
  );
});

test('segments by hand, in any order, with a segment without entries', async () => {
  const x = ndarray('f32', [5, 2], [1, 10, 2, 20, 3, 30, 4, 40, 5, 50]);
  const segments = whole([5], [3, 0, 0, 3, 1]);
  const of =
    (fn: typeof ops.segmentSum): Function =>
    (x, segments) =>
      fn(x, segments, 4);
  await gives(of(ops.segmentSum), [x, segments], ndarray('f32', [4, 2], [5, 50, 5, 50, 0, 0, 5, 50]));
  await gives(of(ops.segmentMean), [x, segments], ndarray('f32', [4, 2], [2.5, 25, 5, 50, 0, 0, 2.5, 25]));
  const none = [Infinity, Infinity] as const;
  await gives(of(ops.segmentMax), [x, segments], ndarray('f32', [4, 2], [3, 30, 5, 50, -none[0], -none[1], 4, 40]));
  await gives(of(ops.segmentMin), [x, segments], ndarray('f32', [4, 2], [2, 20, 5, 50, ...none, 1, 10]));
  const full = whole([5], [1, 0, 0, 1, 1]);
  for (const fn of [ops.segmentSum, ops.segmentMean, ops.segmentMax, ops.segmentMin]) {
    checkGradients((x, segments) => fn(x, segments, 2), [drawn(1, 5, 2), full]);
  }
});

test('additions are made in one order, whatever the number of threads', async () => {
  const x = drawn(1, 700, 9);
  const updates = drawn(2, 5000, 9);
  const rows = below(3, 700, 5000, 1);
  const scatter: Function = (x, i, u) => ops.scatterElements(x, i, u, 0, { reduction: 'add' });
  const found = [...(await results(scatter, [x, rows, updates]))].slice(1);
  const [, first] = found[0] as (typeof found)[number];
  for (const [name, received] of found) {
    assert.equal(differences(fromHost(first), received, { absolute: 0, relative: 0 }), [], name);
  }
});

test('an index out of range stops the run with the name of its node', async () => {
  const functions: Readonly<Record<string, Function>> = {
    gatherElements: (x, i) => ops.takeAlongAxis(x, i, 0),
    scatterElements: (x, i) => ops.scatterElements(x, i, x, 0),
    gather: (x, i) => ops.gatherNd(x, ops.stack([i, i as Tensor], -1)),
    gatherGrad: (x, i) => ops.segmentSum(ops.reshape(x, [4]), ops.reshape(i, [4]), 2),
  };
  const builder = new ProgramBuilder();
  const x = drawn(1, 2, 2);
  for (const [name, fn] of Object.entries(functions)) {
    builder.trace(name, { x, i: whole([2, 2], [0, 0, 0, 0]) }, ({ x, i }) => ({ y: fn(x as Tensor, i as Tensor) }));
  }
  for (const { backend } of [reference, ...wasmBackends]) {
    const executable = await backend.compile(builder.program());
    for (const name of Object.keys(functions)) {
      for (const index of [-1, 2, 2147483647]) {
        const error = await rejection(executable.run(name, { x, i: whole([2, 2], [0, 1, index, 0]) }));
        assert.instance(error, IndexError, `${backend.name} ${name}`);
        assert.match(error.message, new RegExp(`^\\[${name}`), backend.name);
      }
      await executable.run(name, { x, i: whole([2, 2], [0, 1, 1, 0]) });
    }
    executable.close();
  }
});

test('what does not fit is refused', () => {
  const trace = new Trace('test', { batch: { max: 4 } });
  let inputs = 0;
  const f32 = (...shape: Shape): Tensor => trace.input(`x${inputs++}`, { dtype: 'f32', shape });
  const i32 = (...shape: Shape): Tensor => trace.input(`x${inputs++}`, { dtype: 'i32', shape });
  const refuses = (build: () => unknown, kind: new (...args: never[]) => Error): void => {
    assert.throws(build, (error: unknown) => error instanceof kind);
  };
  refuses(() => ops.takeAlongAxis(f32(2, 3), i32(3), 0), ShapeError);
  refuses(() => ops.takeAlongAxis(f32(2, 3), i32(2, 2), 0), ShapeError);
  refuses(() => ops.takeAlongAxis(f32(2, 3), f32(2, 3), 0), DTypeError);
  refuses(() => ops.scatterElements(f32(2, 3), i32(2, 3), f32(2, 2), 1), ShapeError);
  refuses(() => ops.scatterElements(f32(2, 3), i32(2, 3), i32(2, 3), 1), DTypeError);
  refuses(() => ops.gatherNd(f32(2, 3), i32(4, 3)), ShapeError);
  refuses(() => ops.gatherNd(f32(2, 3), i32(4, 'batch')), ShapeError);
  refuses(() => ops.gatherNd(f32(2, 3), f32(4, 2)), DTypeError);
  refuses(() => ops.scatterNd(f32(2, 3), i32(4, 1), f32(4, 2)), ShapeError);
  refuses(() => ops.segmentSum(f32('batch', 3), i32(4), 2), ShapeError);
  refuses(() => ops.segmentMax(f32(4, 3), i32(3), 2), ShapeError);
});

test.run();
