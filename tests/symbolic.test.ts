/** Kernels whose every size is symbolic: one plan, laid out for the bounds, gives what the reference gives at any extent. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fromHost } from '../src/backend/reference/execute.js';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { ProgramBuilder, type Scope } from '../src/graph/builder.js';
import { avgPool2d } from '../src/ops/average-pool.js';
import { add, div, maximum, mul, sub } from '../src/ops/binary.js';
import { cast } from '../src/ops/cast.js';
import { greater, notEqual, where } from '../src/ops/compare.js';
import { exp, relu, square } from '../src/ops/elementwise.js';
import { scatterElements, takeAlongAxis } from '../src/ops/elements.js';
import { gather } from '../src/ops/gather.js';
import { sparseCategoricalCrossentropy } from '../src/ops/loss.js';
import { broadcastTo, reshape, transpose } from '../src/ops/move.js';
import { layerNormalization, logSoftmax, softmax } from '../src/ops/normalize.js';
import { maxPool2d } from '../src/ops/pool.js';
import { randomUniform } from '../src/ops/random.js';
import { argmax, max, mean, sum } from '../src/ops/reduce.js';
import { concat, dynamicUpdateSlice, pad, slice } from '../src/ops/slice.js';
import { argsort, sort, topK } from '../src/ops/sort.js';
import { iota, size } from '../src/ops/source.js';
import { flip, stridedSlice } from '../src/ops/strided.js';
import { bind, type Tensor, type TensorType } from '../src/ops/tensor.js';
import { acceptedModules } from './support/backends.js';
import { differences } from './support/compare.js';
import { wasmBackend } from '../src/backend/wasm/backend.js';

const symbols = { m: 40, n: 40000 };

const types = {
  w: { dtype: 'f32', shape: ['m', 'n'] },
  v: { dtype: 'f32', shape: ['n'] },
  u: { dtype: 'f32', shape: ['m'] },
  x: { dtype: 'f32', shape: ['n', 3] },
  t: { dtype: 'f32', shape: ['m', 3, 'n'] },
  /** Indices below m, one for each of n. */
  i: { dtype: 'i32', shape: ['n'] },
  /** Indices below n, one for each of m. */
  j: { dtype: 'i32', shape: ['m'] },
} as const satisfies Record<string, TensorType>;

type Inputs = Readonly<Record<keyof typeof types, Tensor>>;

const bytes = (x: Tensor): Tensor => cast(mul(x, 20), 'i8');

const functions: Readonly<Record<string, (inputs: Inputs, scope: Scope) => Tensor>> = {
  addRow: ({ w, v }) => add(w, v),
  addColumn: ({ w, u }) => sub(reshape(u, ['m', 1]), w),
  addScalar: ({ w }) => div(1, add(square(w), 1)),
  outer: ({ u, v }) => mul(reshape(u, ['m', 1]), v),
  middle: ({ t, w }) => maximum(t, reshape(w, ['m', 1, 'n'])),
  compareColumn: ({ w, u }) => notEqual(cast(reshape(u, ['m', 1]), 'i32'), cast(w, 'i32')),
  whereRows: ({ w, u, v }) => where(greater(reshape(u, ['m', 1]), 0), w, v),
  whereBytes: ({ w, v }) => where(greater(v, 0), bytes(w), cast(cast(v, 'i32'), 'i8')),
  exponential: ({ w }) => exp(relu(w)),
  sumAll: ({ w }) => sum(w),
  sumRows: ({ w }) => sum(w, { axes: 1 }),
  sumColumns: ({ w }) => sum(w, { axes: 0 }),
  sumNarrow: ({ x }) => sum(x, { axes: 0 }),
  meanOuter: ({ t }) => mean(t, { axes: [0, 2] }),
  meanInner: ({ t }) => mean(t, { axes: 1 }),
  maxInner: ({ t }) => max(t, { axes: [1, 2], keepDims: true }),
  maxOuter: ({ t }) => max(cast(mul(t, 100), 'i32'), { axes: [0, 2] }),
  maxBytes: ({ w }) => max(bytes(w), { axes: 1 }),
  argmaxRows: ({ w }) => argmax(w, 1),
  argmaxColumns: ({ w }) => argmax(w, 0),
  argmaxBytes: ({ w }) => argmax(bytes(w), 0),
  softmaxRows: ({ w }) => softmax(w),
  logSoftmaxRows: ({ w }) => logSoftmax(w),
  layers: ({ w, v }) => layerNormalization(w, v, v),
  loss: ({ w, j }) => sparseCategoricalCrossentropy(w, j),
  flip: ({ w }) => transpose(w),
  flipBytes: ({ w }) => transpose(bytes(w)),
  rotate: ({ t }) => transpose(t, [2, 0, 1]),
  swap: ({ t }) => transpose(t, [1, 0, 2]),
  rowsFromOne: ({ w }) => slice(w, [1, 0], ['m-1', 'n']),
  columnOfView: ({ t }) => slice(reshape(t, ['m', 'n', 3]), [0, 0, 1], ['m', 'n', 1]),
  rowsOfView: ({ w }) => slice(reshape(exp(w), ['n', 'm']), [1, 0], ['n-1', 'm']),
  padded: ({ w }) =>
    pad(w, [
      [1, 2],
      [2, 1],
    ]),
  concatRows: ({ w, v }) => concat([w, reshape(v, [1, 'n']), w], 0),
  concatColumns: ({ w, u }) => concat([reshape(u, ['m', 1]), w, w], 1),
  broadcastRow: ({ v }) => broadcastTo(v, ['m', 'n']),
  broadcastColumn: ({ u }) => broadcastTo(reshape(u, ['m', 1]), ['m', 'n']),
  updated: ({ t, w }, scope) => {
    const starts = scope.constant(ndarray('i32', [3], [0, 2, 0]));
    return dynamicUpdateSlice(t, reshape(w, ['m', 1, 'n']), starts);
  },
  gatherRows: ({ x, j }) => gather(x, j, 0),
  gatherColumns: ({ w, j }) => gather(w, j, 1),
  scatterRows: ({ x, i }) => bind('gatherGrad', { axis: 0, size: 'm' }, x, i),
  scatterColumns: ({ w, i }) => bind('gatherGrad', { axis: 1, size: 'm' }, w, i),
  takenAlong: ({ w, i }) => takeAlongAxis(w, reshape(i, [1, 'n']), 0),
  scatteredAlong: ({ w, v, i }) =>
    scatterElements(w, reshape(i, [1, 'n']), reshape(v, [1, 'n']), 0, { reduction: 'add' }),
  sortedRows: ({ w }) => sort(w, 1),
  sortedColumns: ({ w }) => argsort(w, 0, { descending: true }),
  largest: ({ t }) => topK(t, 2, { axis: 1 }).values,
  reversed: ({ t }) => flip(t),
  everyOther: ({ w }) => stridedSlice(w, [null, null], [null, null], [2, -1]),
  backToOthers: ({ w, u }) => {
    const steps = [1, 3];
    return bind('stridedSliceGrad', { shape: ['m', '3*n'], starts: [0, 2], steps }, add(w, reshape(u, ['m', 1])));
  },
  positions: (_, { trace }) => iota(trace, ['m', 'n'], 0),
  counted: ({ t }) => size(t, [0, 2]),
  averaged: ({ w }) => avgPool2d(reshape(w, [1, 'm', 'n', 1]), { poolSize: 3, strides: 2, padding: 'same' }),
  shared: ({ w }) => {
    const window = { poolSize: [3, 2], strides: [1, 1], padding: 'same' } as const;
    return bind('avgPool2dGrad', { ...window, inputSize: ['m', 'n'] }, reshape(w, [1, 'm', 'n', 1]));
  },
  drawn: (_, scope) => randomUniform(['m', 'n'], scope.constant(ndarray('i32', [2], [1, 2])), 3),
  pooled: ({ w }) => maxPool2d(reshape(w, [1, 'm', 'n', 1]), { poolSize: 3, strides: 2, padding: 'same' }),
};

function program() {
  const builder = new ProgramBuilder({ symbols });
  for (const [name, fn] of Object.entries(functions)) {
    builder.trace(name, types, (inputs, scope) => ({ y: fn(inputs, scope) }));
  }
  return builder.program();
}

function feeds(m: number, n: number): Record<keyof typeof types, NDArray> {
  const drawn = (stream: number, ...shape: number[]): NDArray => {
    const length = shape.reduce((product, extent) => product * extent, 1);
    return ndarray('f32', shape, normal([5, stream], length));
  };
  const below = (limit: number, length: number): NDArray =>
    ndarray(
      'i32',
      [length],
      Int32Array.from({ length }, (_, k) => (k * 7) % limit),
    );
  return {
    w: drawn(0, m, n),
    v: drawn(1, n),
    u: drawn(2, m),
    x: drawn(3, n, 3),
    t: drawn(4, m, 3, n),
    i: below(m, n),
    j: below(n, m),
  };
}

const extents: readonly (readonly [m: number, n: number])[] = [
  [3, 17],
  [1, 1],
  [40, 70],
  [5, 1100],
  [1, 40000],
  [2, 4],
];

const tolerance = { absolute: 2e-5, relative: 2e-5 };

for (const module of acceptedModules.filter((name) => name.startsWith('train'))) {
  test(`${module}: ${Object.keys(functions).length} functions at ${extents.length} pairs of extents`, async () => {
    const reference = await referenceBackend.compile(program());
    const executable = await wasmBackend({ module, threads: 2 }).compile(program());
    for (const [m, n] of extents) {
      const inputs = feeds(m, n);
      for (const name of Object.keys(functions)) {
        const required = (await reference.run(name, inputs))['y'] as NDArray;
        const received = (await executable.run(name, inputs))['y'] as NDArray;
        const wide = name === 'sumAll' || name === 'scatterRows' ? { absolute: 1e-3, relative: 2e-5 } : tolerance;
        const allowed = required.dtype === 'f32' ? wide : { absolute: 0, relative: 0 };
        assert.equal(differences(fromHost(required), received, allowed), [], `${name} at m=${m}, n=${n}`);
      }
    }
    executable.close();
  });
}

test.run();
