/** The ops of neural networks: what their shape rules take and refuse, and values worked out by hand. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { executeGraph } from '../src/backend/reference/execute.js';
import { ArgumentError, DTypeError, IndexError, ShapeError } from '../src/core/errors.js';
import { type Key, normal, randomWords, unitFloat } from '../src/core/random.js';
import { type Dim, evaluateDim, type Shape } from '../src/core/shape.js';
import { gradients } from '../src/graph/autodiff.js';
import { Trace } from '../src/graph/trace.js';
import { mul } from '../src/ops/binary.js';
import { conv2d, conv2dFilterGrad, conv2dInputGrad, slide } from '../src/ops/conv.js';
import type { ReferenceArray } from '../src/ops/definition.js';
import { matmul } from '../src/ops/linear.js';
import { sparseCategoricalCrossentropy } from '../src/ops/loss.js';
import { layerNormalization, logSoftmax, softmax } from '../src/ops/normalize.js';
import { adam, sgd } from '../src/ops/optimizer.js';
import { maxPool2d } from '../src/ops/pool.js';
import { dequantize, quantize } from '../src/ops/quantize.js';
import { dropout } from '../src/ops/random.js';
import { sum } from '../src/ops/reduce.js';
import { none, type OpAttrs, type Pair } from '../src/ops/schema.js';
import { bind, type Tensor, type TensorType } from '../src/ops/tensor.js';

const symbols = { batch: { max: 8 }, height: { max: 64 } };

const f32 = (...shape: Dim[]): TensorType => ({ dtype: 'f32', shape });
const i32 = (...shape: Dim[]): TensorType => ({ dtype: 'i32', shape });

function traced(types: readonly TensorType[]): readonly [Trace, readonly Tensor[]] {
  const trace = new Trace('test', symbols);
  return [trace, types.map((type, i) => trace.input(`x${i}`, type))];
}

/** Hands `fn` inputs of the types; a fixed number of them, so that it may name each. */
type Recording<T> = (a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor) => T;

function call<T>(fn: Recording<T>, tensors: readonly Tensor[]): T {
  const [a, b = a, c = b, d = c, e = d, f = e] = tensors;
  if (!a || !b || !c || !d || !e || !f) throw new Error('at least one input is required');
  return fn(a, b, c, d, e, f);
}

/** The shape of what `fn` records on inputs of the types. */
function shapeOf(fn: Recording<Tensor>, ...types: TensorType[]): Shape {
  return call(fn, traced(types)[1]).shape;
}

const refused = (
  fn: Recording<unknown>,
  error: new (where: string, message: string) => Error,
  ...types: TensorType[]
) =>
  assert.throws(
    () => call(fn, traced(types)[1]),
    (thrown: unknown) => thrown instanceof error && /^\[\w+\] .*Received/.test(thrown.message),
  );

interface Values {
  readonly type: TensorType;
  readonly values: readonly number[];
}

const floats = (shape: readonly number[], values: readonly number[]): Values => ({ type: f32(...shape), values });
const ints = (shape: readonly number[], values: readonly number[]): Values => ({ type: i32(...shape), values });
const randoms = (key: Key, ...shape: number[]): Values =>
  floats(shape, [
    ...normal(
      key,
      shape.reduce((a, b) => a * b, 1),
    ),
  ]);

function arrayOf({ type, values }: Values): ReferenceArray {
  const data = { f32: Float64Array, i32: Int32Array, u8: Uint8Array, i8: Int8Array, bool: Uint8Array }[type.dtype];
  return { dtype: type.dtype, shape: type.shape.map(Number), data: data.from(values) };
}

/** The elements of what `fn` records, run on the reference. */
function runAll(fn: Recording<readonly Tensor[]>, ...inputs: Values[]): number[][] {
  const [trace, tensors] = traced(inputs.map(({ type }) => type));
  const outputs = call(fn, tensors);
  const graph = trace.finish(Object.fromEntries(outputs.map((output, i) => [`y${i}`, output])));
  const values = executeGraph(graph, new Map(inputs.map((input, id) => [id, arrayOf(input)])), {});
  return outputs.map((output) => [...(values.get(output.id)?.data ?? [])]);
}

const run = (fn: Recording<Tensor>, ...inputs: Values[]): number[] => runAll((...t) => [fn(...t)], ...inputs)[0] ?? [];

function near(actual: readonly number[] | undefined, expected: readonly number[], tolerance = 1e-12): void {
  assert.is(actual?.length, expected.length);
  expected.forEach((value, i) => {
    const difference = Math.abs((actual?.[i] ?? NaN) - value);
    assert.ok(difference <= tolerance, `[${i}]: ${value} is required, ${actual?.[i]} received`);
  });
}

// Matrix products

const a22 = floats([2, 2], [1, 2, 3, 4]);
const b22 = floats([2, 2], [5, 6, 7, 8]);

test('matmul multiplies, either side transposed', () => {
  near(
    run((a, b) => matmul(a, b), a22, b22),
    [19, 22, 43, 50],
  );
  near(
    run((a, b) => matmul(a, b, { transposeA: true }), a22, b22),
    [26, 30, 38, 44],
  );
  near(
    run((a, b) => matmul(a, b, { transposeB: true }), a22, b22),
    [17, 23, 39, 53],
  );
  near(
    run((a, b) => matmul(a, b, { transposeA: true, transposeB: true }), a22, b22),
    [23, 31, 34, 46],
  );
});

test('a fused matmul adds its bias before the activation', () => {
  const attrs: OpAttrs['matmul'] = { transposeA: false, transposeB: false, activation: 'relu' };
  near(
    run((a, b, c) => bind('matmul', attrs, a, b, c), a22, b22, floats([2], [-20, 1])),
    [0, 23, 23, 51],
  );
});

test('batches of matrices broadcast, symbolic ones among them', () => {
  const product: Recording<Tensor> = (a, b) => matmul(a, b);
  assert.equal(shapeOf(product, f32(3, 1, 2, 4), f32(2, 4, 5)), [3, 2, 2, 5]);
  assert.equal(shapeOf(product, f32('batch', 3, 4), f32(4, 5)), ['batch', 3, 5]);
  assert.equal(shapeOf(product, f32('batch', 4), f32(4, 5)), ['batch', 5]);
  assert.equal(shapeOf(product, f32('batch', 2, 3, 4), f32('batch', 1, 4, 5)), ['batch', 2, 3, 5]);
  const rows = run(product, floats([2, 1, 2], [1, 2, 3, 4]), b22);
  near(rows, [19, 22, 43, 50]);
});

test('the gradient of a weight that a batch shares is one product, not one for each entry', () => {
  const [trace, [x, w]] = traced([f32('batch', 5, 4), f32(4, 3)]);
  assert.ok(x && w);
  const [gradient] = gradients(sum(matmul(x, w)), [w]);
  assert.equal(gradient?.shape, [4, 3]);
  const products = trace.nodes.filter(({ op }) => op === 'matmul').map(({ outputs }) => trace.tensor(outputs[0] ?? -1));
  assert.equal(products.at(-1)?.shape, [4, 3]);
});

test('matmul refuses what does not multiply', () => {
  const product: Recording<Tensor> = (a, b) => matmul(a, b);
  refused(product, ShapeError, f32(2, 3), f32(4, 5));
  refused(product, ShapeError, f32(2, 'batch'), f32(3, 5));
  refused(product, ShapeError, f32(3), f32(3, 5));
  refused(product, ShapeError, f32(2, 2, 3), f32(3, 3, 4));
  refused(product, DTypeError, i32(2, 2), i32(2, 2));
  const attrs: OpAttrs['matmul'] = { transposeA: false, transposeB: false, activation: 'linear' };
  refused((a, b, c) => bind('matmul', attrs, a, b, c), ShapeError, f32(2, 3), f32(3, 4), f32(3));
  refused((a, b, c) => bind('matmul', attrs, a, b, c), ShapeError, f32(2, 3), f32(3, 4), f32(1, 4));
  refused((a) => bind('matmul', attrs, a), ArgumentError, f32(2, 3));
});

// Convolution

const image = floats([1, 3, 3, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9]);

test('conv2d slides its kernel without a flip', () => {
  const kernel = floats([2, 2, 1, 1], [1, 2, 3, 4]);
  near(
    run((x, k) => conv2d(x, k), image, kernel),
    [37, 47, 67, 77],
  );
});

test('a 3x3 kernel with same padding sees zeros around the image', () => {
  const same: Recording<Tensor> = (x, k) => conv2d(x, k, { padding: 'same' });
  const ones = floats([3, 3, 1, 1], Array<number>(9).fill(1));
  near(run(same, image, ones), [12, 21, 16, 27, 45, 33, 24, 39, 28]);
  const corner = floats([3, 3, 1, 1], [1, 0, 0, 0, 0, 0, 0, 0, 0]);
  near(run(same, image, corner), [0, 0, 0, 0, 1, 2, 0, 4, 5]);
});

test('channels are mixed by a 1x1 kernel, bias and relu come last', () => {
  const x = floats([1, 1, 2, 2], [1, 2, 3, 4]);
  const kernel = floats([1, 1, 2, 3], [1, 0, 10, 0, 1, 100]);
  near(
    run((x, k) => conv2d(x, k), x, kernel),
    [1, 2, 210, 3, 4, 430],
  );
  const attrs: OpAttrs['conv2d'] = { strides: [1, 1], padding: 'valid', activation: 'relu' };
  const bias = floats([3], [-2, 0.5, 0]);
  near(
    run((x, k, b) => bind('conv2d', attrs, x, k, b), x, kernel, bias),
    [0, 2.5, 210, 1, 4.5, 430],
  );
});

test('same padding with a stride puts the odd zero behind, as Keras does', () => {
  const row = floats([1, 1, 5, 1], [1, 2, 3, 4, 5]);
  const strided: Recording<Tensor> = (x, k) => conv2d(x, k, { strides: [1, 2], padding: 'same' });
  near(run(strided, row, floats([1, 2, 1, 1], [1, 10])), [21, 43, 5]);
  near(run(strided, row, floats([1, 4, 1, 1], [1, 10, 100, 1000])), [3210, 5432, 54]);
  near(run(strided, row, floats([1, 1, 1, 1], [1])), [1, 3, 5]);
  assert.equal(slide('test', 5, 2, 2, 'same'), { output: 3, low: 0, high: 1 });
  assert.equal(slide('test', 5, 4, 2, 'same'), { output: 3, low: 1, high: 2 });
  assert.equal(slide('test', 6, 3, 2, 'same'), { output: 3, low: 0, high: 1 });
  assert.equal(slide('test', 7, 3, 2, 'same'), { output: 4, low: 1, high: 1 });
  assert.equal(slide('test', 4, 1, 3, 'same'), { output: 2, low: 0, high: 0 });
  assert.equal(slide('test', 0, 3, 1, 'same').output, 0);
  assert.equal(slide('test', 7, 3, 2, 'valid'), { output: 3, low: 0, high: 0 });
});

test('a symbolic size slides as each of its extents does', () => {
  assert.is(slide('test', 'height', 3, 1, 'valid').output, 'height-2');
  assert.equal(slide('test', 'height', 3, 1, 'same'), { output: 'height', low: 1, high: 1 });
  for (let window = 1; window <= 5; window++) {
    for (let stride = 1; stride <= (window === 1 ? 3 : window); stride++) {
      for (const padding of ['valid', 'same'] as const) {
        const symbolic = slide('test', 'height', window, stride, padding);
        for (let height = window; height < 24; height++) {
          const at = (dim: Dim) => evaluateDim(dim, { height });
          const { output, low, high } = symbolic;
          const found = { output: at(output), low: at(low), high: at(high) };
          assert.equal(found, slide('test', height, window, stride, padding), `${window}, ${stride}, ${height}`);
        }
      }
    }
  }
  assert.throws(() => slide('test', 'height', 2, 3, 'same'), /fixed size/);
});

test('the gradients of a convolution are its adjoints', () => {
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((total, x, i) => total + x * (b[i] ?? NaN), 0);
  for (const padding of ['valid', 'same'] as const) {
    for (const strides of [
      [1, 1],
      [2, 1],
      [2, 3],
    ] satisfies Pair[]) {
      const options = { strides, padding };
      const x = randoms([1, 0], 2, 7, 6, 3);
      const kernel = randoms([2, 0], 4, 2, 3, 5);
      const shape = shapeOf((x, k) => conv2d(x, k, options), x.type, kernel.type).map(Number);
      const dy = randoms([3, 0], ...shape);
      const [y, dx, dkernel] = runAll(
        (x, k, dy) => [
          conv2d(x, k, options),
          conv2dInputGrad(dy, k, [7, 6], options),
          conv2dFilterGrad(x, dy, [4, 2], options),
        ],
        x,
        kernel,
        dy,
      );
      const product = dot(y ?? [], dy.values);
      near([dot(dx ?? [], x.values), dot(dkernel ?? [], kernel.values)], [product, product], 1e-9);
    }
  }
});

test('convolutions keep a symbolic batch and refuse what does not fit', () => {
  const plain: Recording<Tensor> = (x, k) => conv2d(x, k);
  assert.equal(shapeOf(plain, f32('batch', 28, 28, 1), f32(3, 3, 1, 32)), ['batch', 26, 26, 32]);
  assert.equal(shapeOf(plain, f32('batch', 'height', 9, 2), f32(3, 5, 2, 4)), ['batch', 'height-2', 5, 4]);
  assert.equal(shapeOf(plain, f32(0, 5, 5, 1), f32(3, 3, 1, 2)), [0, 3, 3, 2]);
  assert.equal(
    shapeOf((x, dy) => conv2dFilterGrad(x, dy, [3, 3]), f32('batch', 5, 5, 2), f32('batch', 3, 3, 4)),
    [3, 3, 2, 4],
  );
  assert.equal(
    shapeOf((dy, k) => conv2dInputGrad(dy, k, [6, 5], { strides: 2 }), f32('batch', 2, 2, 4), f32(3, 3, 2, 4)),
    ['batch', 6, 5, 2],
  );
  refused(plain, ShapeError, f32(1, 5, 5, 2), f32(3, 3, 3, 4));
  refused(plain, ShapeError, f32(1, 2, 5, 1), f32(3, 3, 1, 1));
  refused(plain, ShapeError, f32(5, 5, 1), f32(3, 3, 1, 1));
  refused(plain, ShapeError, f32(1, 5, 5, 1), f32('batch', 3, 1, 1));
  refused(plain, DTypeError, i32(1, 5, 5, 1), i32(3, 3, 1, 1));
  refused((x, k) => conv2d(x, k, { strides: 0 }), ArgumentError, f32(1, 5, 5, 1), f32(3, 3, 1, 1));
  refused((x, k) => conv2d(x, k, { strides: 1.5 }), ArgumentError, f32(1, 5, 5, 1), f32(3, 3, 1, 1));
  refused((x, dy) => conv2dFilterGrad(x, dy, [3, 3]), ShapeError, f32(2, 5, 5, 2), f32(2, 3, 2, 4));
  refused((x, dy) => conv2dFilterGrad(x, dy, [3, 3]), ShapeError, f32(2, 5, 5, 2), f32(1, 3, 3, 4));
  refused((dy, k) => conv2dInputGrad(dy, k, [7, 5]), ShapeError, f32(1, 3, 3, 4), f32(3, 3, 2, 4));
  refused((dy, k) => conv2dInputGrad(dy, k, [5, 5]), ShapeError, f32(1, 3, 3, 4), f32(3, 3, 2, 3));
});

// Pooling

test('maxPool2d takes the largest of each window; padding never wins', () => {
  const x = floats([1, 4, 4, 1], [1, 2, 3, 4, 8, 7, 6, 5, -1, -2, -3, -4, -8, -7, -6, -5]);
  near(
    run((x) => maxPool2d(x), x),
    [8, 6, -1, -3],
  );
  near(
    run((x) => maxPool2d(x, { poolSize: 3, strides: 1 }), x),
    [8, 7, 8, 7],
  );
  const row = floats([1, 1, 3, 1], [-5, -6, -7]);
  near(
    run((x) => maxPool2d(x, { poolSize: [1, 2], padding: 'same' }), row),
    [-5, -7],
  );
  assert.equal(
    run((x) => maxPool2d(x, { poolSize: [1, 2] }), floats([1, 1, 4, 1], [1, NaN, 3, 2])),
    [NaN, 3],
  );
});

test('the gradient of a pool goes to the first maximum, and adds up where windows overlap', () => {
  const pool: Recording<Tensor> = (x, dy) => {
    const y = maxPool2d(x, { poolSize: [1, 2], strides: 1 });
    return gradients(sum(mul(y, dy)), [x])[0] ?? x;
  };
  const dy = floats([1, 1, 3, 1], [1, 10, 100]);
  near(run(pool, floats([1, 1, 4, 1], [1, 5, 5, 2]), dy), [0, 11, 100, 0]);
  near(run(pool, floats([1, 1, 4, 1], [0, 0, 0, 0]), dy), [1, 10, 100, 0]);
});

test('pools keep a symbolic batch and refuse windows that do not fit', () => {
  const pool: Recording<Tensor> = (x) => maxPool2d(x);
  assert.equal(shapeOf(pool, f32('batch', 26, 26, 32)), ['batch', 13, 13, 32]);
  assert.equal(
    shapeOf((x) => maxPool2d(x, { padding: 'same' }), f32('batch', 5, 7, 3)),
    ['batch', 3, 4, 3],
  );
  refused(pool, ShapeError, f32(1, 1, 4, 1));
  refused(pool, ShapeError, f32(4, 4, 1));
  refused(pool, DTypeError, { dtype: 'bool', shape: [1, 4, 4, 1] });
  refused((x) => maxPool2d(x, { poolSize: 0 }), ArgumentError, f32(1, 4, 4, 1));
  refused((x) => maxPool2d(x, { strides: 0 }), ArgumentError, f32(1, 4, 4, 1));
});

// Normalisation

test('softmax and its logarithm, along any axis', () => {
  const x = floats([2, 2], [0, Math.log(3), Math.log(7), 0]);
  near(
    run((x) => softmax(x), x),
    [0.25, 0.75, 0.875, 0.125],
  );
  near(
    run((x) => softmax(x, 0), x),
    [0.125, 0.75, 0.875, 0.25],
  );
  near(
    run((x) => logSoftmax(x), x),
    [0.25, 0.75, 0.875, 0.125].map(Math.log),
  );
  near(
    run((x) => logSoftmax(x, 0), x),
    [0.125, 0.75, 0.875, 0.25].map(Math.log),
  );
  assert.equal(
    shapeOf((x) => softmax(x, 1), f32('batch', 3, 5)),
    ['batch', 3, 5],
  );
});

test('logits far apart stay finite', () => {
  const far = floats([1, 3], [1000, 0, -1000]);
  near(
    run((x) => softmax(x), far),
    [1, 0, 0],
  );
  near(
    run((x) => logSoftmax(x), far),
    [0, -1000, -2000],
  );
});

test('layerNormalization centres and scales each row', () => {
  const x = floats([2, 2], [1, 3, 10, 10]);
  const gamma = floats([2], [2, 3]);
  const beta = floats([2], [0.5, -0.5]);
  near(
    run((x, g, b) => layerNormalization(x, g, b, { epsilon: 3 }), x, gamma, beta),
    [-0.5, 1, 0.5, -0.5],
  );
});

test('normalisations refuse scalars, other dtypes and parameters of another width', () => {
  refused((x) => bind('softmax', none, x), ShapeError, f32());
  refused((x) => softmax(x), DTypeError, i32(2, 3));
  refused((x) => softmax(x, 2), ArgumentError, f32(2, 3));
  refused((x, g, b) => layerNormalization(x, g, b), ShapeError, f32(2, 3), f32(2), f32(2));
  refused((x, g, b) => layerNormalization(x, g, b), ShapeError, f32(2, 3), f32(1, 3), f32(3));
  refused((x, g, b) => layerNormalization(x, g, b, { epsilon: -1 }), ArgumentError, f32(2, 3), f32(3), f32(3));
});

// Losses

test('the cross-entropy of a row is the surprise at its label', () => {
  const logits = floats([2, 3], [0, 0, Math.log(2), 5, 5, 5]);
  const labels = ints([2], [2, 0]);
  near(run(sparseCategoricalCrossentropy, logits, labels), [Math.log(2), Math.log(3)]);
  const third = 1 / 3;
  const gradient: Recording<Tensor> = (x, labels) =>
    gradients(sum(sparseCategoricalCrossentropy(x, labels)), [x])[0] ?? x;
  near(run(gradient, logits, labels), [0.25, 0.25, -0.5, third - 1, third, third]);
});

test('labels out of range stop the run, and labels of another shape the trace', () => {
  for (const label of [-1, 3]) {
    assert.throws(
      () => run(sparseCategoricalCrossentropy, floats([1, 3], [0, 0, 0]), ints([1], [label])),
      (error: unknown) => error instanceof IndexError && error.message.includes(`Received ${label}`),
    );
  }
  assert.equal(shapeOf(sparseCategoricalCrossentropy, f32('batch', 7, 3), i32('batch', 7)), ['batch', 7]);
  refused(sparseCategoricalCrossentropy, ShapeError, f32(2, 3), i32(2, 3));
  refused(sparseCategoricalCrossentropy, ShapeError, f32(2, 3), i32(3));
  refused(sparseCategoricalCrossentropy, DTypeError, f32(2, 3), f32(2));
});

// Dropout

test('dropout keeps what its key says, scaled, and passes gradients through the same elements', () => {
  const count = 4000;
  const rate = 0.3;
  const x = floats([count], Array<number>(count).fill(0.7));
  const [y = [], dx] = runAll(
    (x, key) => {
      const y = dropout(x, key, rate, 5);
      return [y, ...gradients(sum(y), [x])];
    },
    x,
    ints([2], [12, 34]),
  );
  near(
    y,
    [...randomWords([12, 34], 5, count)].map((word) => (unitFloat(word) >= rate ? 1 : 0)),
  );
  near(
    dx,
    y.map((value) => value / 0.7),
  );
  const kept = y.filter((value) => value !== 0).length / count;
  assert.ok(Math.abs(kept - 0.7) < 0.03, `${kept} kept`);
});

test('dropout refuses rates outside [0, 1) and keys that are not pairs', () => {
  const dropped: Recording<Tensor> = (x, key) => dropout(x, key, 0.5, 0);
  assert.equal(shapeOf(dropped, f32('batch', 3), i32(2)), ['batch', 3]);
  refused((x, key) => dropout(x, key, 1, 0), ArgumentError, f32(3), i32(2));
  refused((x, key) => dropout(x, key, NaN, 0), ArgumentError, f32(3), i32(2));
  refused((x, key) => dropout(x, key, 0.5, -1), ArgumentError, f32(3), i32(2));
  refused(dropped, ShapeError, f32(3), i32(3));
  refused(dropped, DTypeError, f32(3), f32(2));
});

// Quantization

const bytes = (dtype: 'u8' | 'i8', shape: readonly number[], values: readonly number[]): Values => ({
  type: { dtype, shape },
  values,
});

test('quantize rounds halves to even and saturates', () => {
  const x = floats([8], [0.25, 0.75, 1.25, -0.25, -0.75, 1000, -1000, 0.3]);
  const scale = floats([], [0.5]);
  const quantized: Recording<Tensor> = (x, scale, zeroPoint) => quantize(x, scale, zeroPoint);
  assert.equal(run(quantized, x, scale, bytes('i8', [], [0])), [0, 2, 2, 0, -2, 127, -128, 1]);
  assert.equal(run(quantized, x, scale, bytes('i8', [], [-3])), [-3, -1, -1, -3, -5, 127, -128, -2]);
  assert.equal(run(quantized, x, scale, bytes('u8', [], [10])), [10, 12, 12, 10, 8, 255, 0, 11]);
});

test('each channel has its own scale and zero point, there and back', () => {
  const x = floats([2, 2], [1, 1, -2, 3]);
  const scale = floats([2], [1, 0.5]);
  const zeroPoint = bytes('u8', [2], [5, 100]);
  const there: Recording<Tensor> = (x, scale, zeroPoint) => quantize(x, scale, zeroPoint, { axis: -1 });
  assert.equal(run(there, x, scale, zeroPoint), [6, 102, 3, 106]);
  const back: Recording<Tensor> = (x, s, z) => dequantize(quantize(x, s, z, { axis: 1 }), s, z, { axis: 1 });
  near(run(back, x, scale, zeroPoint), x.values);
  const rows: Recording<Tensor> = (x, scale, zeroPoint) => quantize(x, scale, zeroPoint, { axis: 0 });
  assert.equal(run(rows, x, scale, zeroPoint), [6, 6, 96, 106]);
});

test('quantization refuses parameters that are not one for each channel', () => {
  const perTensor: Recording<Tensor> = (x, scale, zeroPoint) => quantize(x, scale, zeroPoint);
  const perChannel: Recording<Tensor> = (x, scale, zeroPoint) => quantize(x, scale, zeroPoint, { axis: 1 });
  const u8 = (...shape: number[]): TensorType => ({ dtype: 'u8', shape });
  assert.equal(shapeOf(perChannel, f32('batch', 3), f32(3), u8(3)), ['batch', 3]);
  refused(perTensor, ShapeError, f32(4, 3), f32(1), u8(1));
  refused(perChannel, ShapeError, f32(4, 3), f32(4), u8(4));
  refused(perChannel, ShapeError, f32(4, 3), f32(3), u8());
  refused(perChannel, ArgumentError, f32(3), f32(3), u8(3));
  refused(perTensor, DTypeError, f32(4, 3), f32(), i32());
  refused(perTensor, DTypeError, i32(4, 3), f32(), u8());
  refused((q, s, z) => dequantize(q, s, z), DTypeError, u8(3), f32(), { dtype: 'i8', shape: [] });
});

// Optimizers

test('sgd descends, with momentum and with Nesterov momentum, as Keras does', () => {
  const one = (value: number) => floats([1], [value]);
  const steps = (momentum: number, nesterov: boolean): Recording<readonly Tensor[]> => {
    return (p, g, v) => {
      const first = sgd(p, g, 0.125, momentum > 0 ? v : null, { momentum, nesterov });
      const second = sgd(first.parameter, g, 0.125, first.velocity, { momentum, nesterov });
      return [first.parameter, second.parameter];
    };
  };
  assert.equal(runAll(steps(0, false), one(1), one(0.5), one(0)), [[0.9375], [0.875]]);
  assert.equal(runAll(steps(0.5, false), one(1), one(0.5), one(0)), [[0.9375], [0.84375]]);
  assert.equal(runAll(steps(0.5, true), one(1), one(0.5), one(0)), [[0.90625], [0.796875]]);
});

test('the first two steps of adam, as Keras makes them', () => {
  const attrs: OpAttrs['adam'] = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
  const step = (state: readonly number[], gradient: number, t: number): number[] => {
    const [p = NaN, m = NaN, v = NaN] = state;
    const scalars = [p, gradient, 0.001, m, v].map((value) => floats([], [value]));
    return runAll((...x) => x[0].recorder.record('adam', attrs, x), ...scalars, ints([], [t])).flat();
  };
  const first = step([1, 0, 0], 0.5, 1);
  near(first, [0.9990000063245154, 0.05, 0.00025], 1e-14);
  near(step(first, -1, 2), [0.99936610881595, -0.055, 0.00124975], 1e-14);
});

test('adam and sgd give back parameter and state, and refuse state that does not belong', () => {
  const types = [f32(3, 4), f32(3, 4), f32(3, 4), f32(3, 4), i32()];
  const [, tensors] = traced(types);
  const next = call((p, g, m, v, step) => adam(p, g, 0.001, { m, v, step }), tensors);
  assert.equal(
    [next.parameter.shape, next.m.shape, next.v.shape],
    [
      [3, 4],
      [3, 4],
      [3, 4],
    ],
  );
  const updated: Recording<unknown> = (p, g, m, v, step) => adam(p, g, 0.001, { m, v, step });
  refused(updated, ShapeError, f32(3, 4), f32(4, 3), f32(3, 4), f32(3, 4), i32());
  refused(updated, ShapeError, f32(3), f32(3), f32(3), f32(3), i32(1));
  refused(updated, DTypeError, f32(3), f32(3), f32(3), f32(3), f32());
  const beta: Recording<unknown> = (p, g, m, v, step) => adam(p, g, 0.001, { m, v, step }, { beta2: 1 });
  refused(beta, ArgumentError, f32(3), f32(3), f32(3), f32(3), i32());
  refused((p, g) => sgd(p, g, 0.1, null, { momentum: 0.9 }), ArgumentError, f32(3), f32(3));
  refused((p, g, v) => sgd(p, g, 0.1, v), ArgumentError, f32(3), f32(3), f32(3));
  refused((p, g) => sgd(p, g, 0.1), ShapeError, f32(3), f32(4));
});

test.run();
