/** Models of several inputs and outputs: how layers are connected, shared, merged, frozen, saved, and what is refused. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Backend } from '../src/backend/backend.js';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { ArgumentError, DTypeError, FormatError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { saveFile } from '../src/format/file.js';
import { writeSafetensors } from '../src/format/safetensors.js';
import type { Program } from '../src/graph/program.js';
import { relu } from '../src/nn/activation.js';
import { architectureOf, sequence } from '../src/nn/architecture.js';
import { batchNormalization } from '../src/nn/batch-normalization.js';
import { decodeArchitecture, encodeArchitecture } from '../src/nn/codec.js';
import { layer, mergeLayer } from '../src/nn/custom.js';
import { dense } from '../src/nn/dense.js';
import { dropout } from '../src/nn/dropout.js';
import { embedding } from '../src/nn/embedding.js';
import { flatten } from '../src/nn/flatten.js';
import { initializers } from '../src/nn/initializers.js';
import { input } from '../src/nn/input.js';
import type { MergeLayer } from '../src/nn/layer.js';
import { add, average, concatenate, dot, maximum, minimum, multiply, subtract } from '../src/nn/merge.js';
import { nested } from '../src/nn/nested.js';
import { l2 } from '../src/nn/regularizers.js';
import { connect } from '../src/nn/signal.js';
import { add as plus, mul } from '../src/ops/binary.js';
import { quantize } from '../src/compress/quantize.js';
import type { Prediction } from '../src/train/evaluation.js';
import { loadFrozenModel } from '../src/train/frozen.js';
import { loadModel, model, type Model, sequential } from '../src/train/model.js';
import { adam, sgd } from '../src/train/optimizers.js';
import { trainingBackends } from './support/backends.js';
import { rejection } from './support/rejection.js';

const backend = referenceBackend;
const f32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('f32', shape, data);
const i32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('i32', shape, data);
const quiet = { verbose: 0 } as const;
const loosely = (value: unknown): never => value as never;

const folder = mkdtempSync(join(tmpdir(), 'quern-functional-'));
test.after(() => rmSync(folder, { recursive: true }));

function near(actual: ArrayLike<number> | undefined, expected: ArrayLike<number>, tolerance = 1e-5): void {
  assert.is(actual?.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [is, wanted] = [actual?.[i] ?? NaN, expected[i] ?? NaN];
    assert.ok(Math.abs(is - wanted) <= tolerance, `element ${i}: ${wanted} is required, ${is} received`);
  }
}

const bytesOf = (given: Model<never>, prefix = ''): string =>
  [...given.variables()]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, { data }]) => `${name}=${Array.from(data).join()}`)
    .join('\n');

/** Rows of a, b with the sum of their differences, and whether it is positive. */
function pairs(count: number): { a: NDArray; b: NDArray; sum: NDArray; isPositive: NDArray } {
  const [a, b] = [normal([3, 1], 2 * count), normal([3, 2], 3 * count)];
  const sums = Array.from({ length: count }, (_, i) => {
    return (a[2 * i] ?? 0) + (a[2 * i + 1] ?? 0) - (b[3 * i] ?? 0);
  });
  return {
    a: ndarray('f32', [count, 2], a),
    b: ndarray('f32', [count, 3], b),
    sum: f32([count, 1], sums),
    isPositive: i32(
      [count],
      sums.map((value) => Number(value > 0)),
    ),
  };
}

/** Two inputs, two outputs. */
function twoHeaded(options: { readonly seed?: number; readonly rate?: number } = {}) {
  const [a, b] = [input({ shape: [2], name: 'a' }), input({ shape: [3], name: 'b' })];
  const both = concatenate()([dense({ units: 6, activation: 'tanh' })(a), dense({ units: 6, activation: 'tanh' })(b)]);
  const trunk = dropout({ rate: options.rate ?? 0.1 })(dense({ units: 8, activation: 'relu', name: 'trunk' })(both));
  const outputs = {
    sum: dense({ units: 1, name: 'sum' })(trunk),
    sign: dense({ units: 2, activation: 'softmax', name: 'sign' })(trunk),
  };
  const made = model([a, b], outputs, { backend, seed: options.seed ?? 2 });
  made.compile({
    optimizer: adam({ learningRate: 0.02 }),
    loss: { sum: 'meanSquaredError', sign: 'sparseCategoricalCrossentropy' },
    lossWeights: { sign: 0.5 },
    metrics: { sign: ['accuracy'] },
  });
  return made;
}

for (const each of trainingBackends) {
  test(`a model of two inputs and two outputs learns, on ${each.name}`, async () => {
    const { a, b, sum, isPositive } = pairs(96);
    const [left, right] = [input({ shape: [2], name: 'a' }), input({ shape: [3], name: 'b' })];
    const hidden = dense({ units: 12, activation: 'tanh' })(concatenate()([left, right]));
    const made = model(
      { a: left, b: right },
      { sum: dense({ units: 1 })(hidden), sign: dense({ units: 2, activation: 'softmax' })(hidden) },
      { backend: each, seed: 2 },
    );
    made.compile({
      optimizer: adam({ learningRate: 0.03 }),
      loss: { sum: 'meanSquaredError', sign: 'sparseCategoricalCrossentropy' },
      metrics: { sign: ['accuracy'] },
    });
    const labels = { sum, sign: isPositive };
    await made.fit({ a, b }, labels, { epochs: 25, batchSize: 16, ...quiet });
    const measured = await made.evaluate({ a, b }, labels);
    assert.ok((measured['signAccuracy'] ?? 0) > 0.9 && (measured['sumLoss'] ?? 9) < 0.3, JSON.stringify(measured));
    const predicted = await made.predict([a, b]);
    assert.equal(
      [predicted.sum.shape, predicted.sign.shape],
      [
        [96, 1],
        [96, 2],
      ],
    );
    made.close();
  });
}

test('arrays come by name or in order, and logs are named after outputs', async () => {
  const { a, b, sum, isPositive } = pairs(24);
  const labels = { sign: isPositive, sum };
  const byName = twoHeaded();
  const { history } = await byName.fit({ b, a }, labels, {
    epochs: 2,
    batchSize: 8,
    validationSplit: 0.25,
    ...quiet,
  });
  const names = ['loss', 'sumLoss', 'signLoss', 'signAccuracy'];
  assert.equal(Object.keys(history), [
    ...names,
    ...names.map((name) => `val${name[0]?.toUpperCase()}${name.slice(1)}`),
  ]);
  for (const prefix of ['', 'val']) {
    const at = (name: string): number =>
      history[prefix ? `val${name[0]?.toUpperCase()}${name.slice(1)}` : name]?.[1] ?? NaN;
    assert.ok(Math.abs(at('loss') - at('sumLoss') - 0.5 * at('signLoss')) < 1e-6);
  }
  const inOrder = twoHeaded();
  await inOrder.fit([a, b], [sum, isPositive], { epochs: 2, batchSize: 8, validationSplit: 0.25, ...quiet });
  assert.is(bytesOf(inOrder as Model<never>), bytesOf(byName as Model<never>));
  const given = await byName.fit([a, b], labels, { validationData: [{ a, b }, labels], ...quiet });
  const measured = await byName.evaluate([a, b], labels, { batchSize: 7 });
  assert.equal(Object.keys(measured), names);
  assert.ok(Math.abs((given.history['valSumLoss']?.[0] ?? 0) - (measured['sumLoss'] ?? 1)) < 1e-6);
  const whole = await byName.predict({ a, b }, { batchSize: 24 });
  const parts = await byName.predict([a, b], { batchSize: 5 });
  near(parts.sum.data, whole.sum.data);
  near(parts.sign.data, whole.sign.data);
});

test('data that do not fit are refused by name', async () => {
  const { a, b, sum, isPositive } = pairs(12);
  const made = twoHeaded();
  const labels = { sum, sign: isPositive };
  const refuse = async (
    x: unknown,
    y: unknown,
    kind: typeof ArgumentError | typeof ShapeError | typeof DTypeError,
    message: RegExp,
  ) => {
    const error = await rejection(made.fit(loosely(x), loosely(y), quiet));
    assert.instance(error, kind);
    assert.match(error.message, message);
  };
  await refuse(a, labels, ArgumentError, /\[x\] an array for each of a, b is required\. Received one array/);
  await refuse([a], labels, ArgumentError, /each of a, b is required\. Received 1 arrays/);
  await refuse({ a }, labels, ArgumentError, /Received arrays for a\./);
  await refuse({ a, b, c: a }, labels, ArgumentError, /Received arrays for a, b, c/);
  await refuse({ a, c: b }, labels, ArgumentError, /Received arrays for a, c/);
  await refuse({ a, b }, { sum }, ArgumentError, /\[y\] an array for each of sum, sign/);
  await refuse(undefined, labels, ArgumentError, /Received none/);
  await refuse([b, a], labels, ShapeError, /\[x\.a\] f32 \[batch, 2\] is required/);
  await refuse({ a, b: sum }, labels, ShapeError, /\[x\.b\]/);
  await refuse({ a, b }, { sum, sign: sum }, DTypeError, /\[y\.sign\] i32/);
  const { b: longer } = pairs(13);
  await refuse({ a, b: longer }, labels, ShapeError, /12 x\.a and 13 x\.b and 12 y\.sum/);
  assert.match((await rejection(made.predict({ a, b: longer }))).message, /12 x\.a and 13 x\.b/);
});

test('losses, their weights and metrics belong to outputs', async () => {
  const { a, b, sum } = pairs(12);
  const made = twoHeaded();
  const compile = (options: object) => () => made.compile(loosely({ optimizer: 'sgd', ...options }));
  assert.throws(compile({ loss: { other: 'meanSquaredError' } }), /a loss for outputs among sum, sign.*'other'/);
  assert.throws(compile({ loss: {} }), /a loss for an output is required/);
  assert.throws(compile({ loss: { sum: 'meanSquaredError' }, lossWeights: { sign: 1 } }), /among sum is.*'sign'/);
  assert.throws(compile({ loss: { sum: 'meanSquaredError' }, lossWeights: { sum: -1 } }), /from 0.*'sum'.*-1/);
  assert.throws(compile({ loss: { sum: 'meanSquaredError' }, metrics: { sign: ['accuracy'] } }), /metrics.*'sign'/);
  assert.throws(
    compile({ loss: { sum: 'meanSquaredError' }, metrics: { sum: ['meanSquaredError', 'meanSquaredError'] } }),
    /metrics of different names/,
  );
  // An output without a loss takes no labels, and is not trained.
  made.compile({ optimizer: 'sgd', loss: { sum: 'meanSquaredError' } });
  const before = bytesOf(made as Model<never>, 'sign');
  await made.fit({ a, b }, sum, quiet);
  assert.is(bytesOf(made as Model<never>, 'sign'), before);
  // One loss is for every output.
  const [x] = [input({ shape: [2] })];
  const twin = model(x, { one: dense({ units: 1 })(x), two: dense({ units: 1 })(x) }, { backend });
  twin.compile({ optimizer: 'sgd', loss: 'meanSquaredError', metrics: ['meanAbsoluteError'] });
  const { history } = await twin.fit(a, [sum, sum], quiet);
  const names = ['loss', 'oneLoss', 'oneMeanAbsoluteError', 'twoLoss', 'twoMeanAbsoluteError'];
  assert.equal(Object.keys(history).sort(), [...names].sort());
});

test('a layer that is used twice has its variables once, and learns from both uses', async () => {
  const [a, b] = [input({ shape: [1], name: 'a' }), input({ shape: [1], name: 'b' })];
  const scale = dense({ units: 1, useBias: false, kernelInitializer: 'ones', name: 'scale', kernelRegularizer: l2(1) });
  const made = model([a, b], add()([scale(a), scale(b)]), { backend });
  assert.equal([...made.variables().keys()], ['scale/kernel']);
  made.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'meanSquaredError' });
  const { history } = await made.fit([f32([1, 1], [2]), f32([1, 1], [3])], f32([1, 1], [4]), quiet);
  // k (2 + 3) = 5: the loss is (5 - 4)^2 + k^2; its gradient 2 (5 - 4) (2 + 3) + 2 k = 12.
  assert.equal(history['loss'], [2]);
  near(made.variables().get('scale/kernel')?.data, [1 - 0.1 * 12]);
  assert.match(
    made.summary(() => {}),
    /scale \(dense\) +\[batch, 1\] +1 +\d+ +a, b\n/,
  );
});

test('batch normalization that is used twice moves its statistics twice', async () => {
  const [a, b] = [input({ shape: [1], name: 'a' }), input({ shape: [1], name: 'b' })];
  const normalized = batchNormalization({ momentum: 0.5 });
  const made = model([a, b], dense({ units: 1 })(add()([normalized(a), normalized(b)])), { backend });
  made.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  await made.fit([f32([2, 1], [1, 3]), f32([2, 1], [10, 10])], f32([2, 1], [0, 0]), quiet);
  // Means 2 and 10 from 0: (0 / 2 + 2 / 2) / 2 + 10 / 2.
  near(made.variables().get('batchNormalization/movingMean')?.data, [5.5]);
});

test('merging layers are the arithmetic', async () => {
  const [x, y] = [f32([2, 2], [1, -2, 3, 4]), f32([2, 2], [5, 6, -7, 8])];
  const merged = async (merge: MergeLayer, xs: readonly NDArray[] = [x, y]): Promise<NDArray> => {
    const heads = xs.map(({ shape }) => input({ shape: shape.slice(1) }));
    return model(heads, merge(heads), { backend }).predict(xs);
  };
  near((await merged(add())).data, [6, 4, -4, 12]);
  near((await merged(add(), [x, y, x])).data, [7, 2, -1, 16]);
  near((await merged(subtract())).data, [-4, -8, 10, -4]);
  near((await merged(multiply())).data, [5, -12, -21, 32]);
  near((await merged(average(), [x, y, x])).data, [7 / 3, 2 / 3, -1 / 3, 16 / 3]);
  near((await merged(maximum())).data, [5, 6, 3, 8]);
  near((await merged(minimum())).data, [1, -2, -7, 4]);
  assert.equal((await merged(concatenate())).shape, [2, 4]);
  near((await merged(concatenate())).data, [1, -2, 5, 6, 3, 4, -7, 8]);
  near((await merged(dot({ axes: 1 }))).data, [5 - 12, -21 + 32]);
  near((await merged(dot({ axes: -1, normalize: true }))).data, [-7 / Math.sqrt(5 * 61), 11 / Math.sqrt(25 * 113)]);
  // Matrices, example by example: [2, 3] and [4, 3] along their last axes, [2, 4].
  const [m, n] = [normal([1, 1], 12), normal([1, 2], 24)];
  const products = await merged(dot({ axes: 2 }), [ndarray('f32', [2, 2, 3], m), ndarray('f32', [2, 4, 3], n)]);
  assert.equal(products.shape, [2, 2, 4]);
  const expected = [0, 1].flatMap((example) =>
    [0, 1].flatMap((row) =>
      [0, 1, 2, 3].map((column) =>
        [0, 1, 2].reduce(
          (sum, k) => sum + (m[example * 6 + row * 3 + k] ?? 0) * (n[example * 12 + column * 3 + k] ?? 0),
          0,
        ),
      ),
    ),
  );
  near(products.data, expected);
  // Axis 1 of the first with axis 2 of the second.
  const crossed = await merged(dot({ axes: [1, 2] }), [ndarray('f32', [2, 3, 2], m), ndarray('f32', [2, 4, 3], n)]);
  assert.equal(crossed.shape, [2, 2, 4]);
  near(crossed.data.subarray(0, 1), [[0, 1, 2].reduce((sum, k) => sum + (m[2 * k] ?? 0) * (n[k] ?? 0), 0)]);
});

test('merging layers say what they do not take', () => {
  const [a, b, c] = [input({ shape: [2] }), input({ shape: [3] }), input({ shape: [2, 2] })];
  const refuse = (
    make: () => unknown,
    message: RegExp,
    kind: typeof ShapeError | typeof ArgumentError = ShapeError,
  ) => {
    assert.throws(make, (error: unknown) => error instanceof kind && message.test(error.message));
  };
  refuse(
    () => model([a, b], add({ name: 'sum' })([a, b])),
    /\[sum\] shapes that broadcast.*\[batch, 2\], \[batch, 3\]/,
  );
  refuse(() => model([a, c], concatenate()([a, c])), /\[concatenate\] shapes that are alike but for axis -1/);
  refuse(() => model([a, b], dot({ axes: 1 })([a, b])), /\[dot\] as many elements along axes 1 and 1/);
  refuse(() => model([a, b], dot({ axes: 0 })([a, b])), /\[dot\] axes behind the batch/);
  const third = input({ shape: [2] });
  refuse(() => model([a, third, b], subtract()([a, third, b])), /\[subtract\] two inputs are required\. Received 3/);
  refuse(() => add()([a]), /\[add\] at least 2 signals are required\. Received 1/, ArgumentError);
  refuse(() => add()(loosely(a)), /must be a list of signals/, ArgumentError);
  refuse(() => concatenate({ axis: 0.5 }), /axis must be an integer/, ArgumentError);
  refuse(() => dot(loosely({ axes: [1] })), /axes must be one integer or two/, ArgumentError);
});

test('a model is named and connected as it was written, or refused', () => {
  const [a, b] = [input({ shape: [2], name: 'a' }), input({ shape: [2], name: 'b' })];
  const refuse = (make: () => unknown, message: RegExp) => {
    assert.throws(
      make,
      (error: unknown) => error instanceof ArgumentError && message.test(error.message),
      `${message}`,
    );
  };
  const one = dense({ units: 1 });
  refuse(
    () => model(a, [dense({ units: 1, name: 'd' })(a), dense({ units: 1, name: 'd' })(a)]),
    /different names.*'d' twice/,
  );
  refuse(() => model(a, add()([one(a), one(b)])), /\[model\] outputs that follow from 'a'.*depends on 'b' too/);
  refuse(() => model([a, b], one(a)), /inputs that lead to an output are required\. 'b' leads to none/);
  refuse(() => model([a, a], one(a)), /Received 'a' twice/);
  refuse(() => model([a, input({ shape: [2], name: 'a' })], one(a)), /inputs of different names.*'a' twice/);
  refuse(() => model(a, [one(a), one(a)]), /outputs of different names.*'dense' twice/);
  refuse(() => model(a, a), /at least one layer/);
  refuse(() => model([], one(a)), /at least one input/);
  refuse(() => model(a, []), /at least one output/);
  refuse(() => model(a, loosely(one)), /what a layer makes of one, is required\. Received a layer that was not called/);
  refuse(() => model(loosely(one(a)), one(a)), /inputs made by input/);
  refuse(() => one(loosely(one)), /\[dense\] an input.*Received a layer that was not called/);
  refuse(() => one(loosely([a, b])), /\[dense\] an input/);
  refuse(() => model(a, { 'a b': one(a) }), /names of outputs are letters.*'a b'/);
  refuse(() => model(a, one(a), { name: 'a/b' }), /a name of letters/);
  // An output of another model depends on that model's input.
  const other = model(a, one(a));
  refuse(() => model(b, other.apply(a)), /depends on 'a' too/);
  const circle = one(a);
  Object.assign(circle.application.inputs, [circle]);
  refuse(() => model(a, circle), /without a circle are required\. 'dense' depends on itself/);
});

test('names: inputs, outputs, layers', async () => {
  const [x, y] = [input({ shape: [2] }), input({ shape: [2] })];
  const h = relu()(add()([dense({ units: 2 })(x), dense({ units: 2 })(y)]));
  const two = model([x, y], [dense({ units: 1, name: 'left' })(h), dense({ units: 1, name: 'right' })(h)], { backend });
  assert.equal(
    [...two.variables().keys()].filter((name) => name.endsWith('bias')),
    ['dense/bias', 'dense_1/bias', 'left/bias', 'right/bias'],
  );
  const zeros = f32([1, 2], [0, 0]);
  assert.equal(Object.keys(await two.predict({ input: zeros, input_1: zeros })), ['left', 'right']);
  // A record's names win, and one output is one array.
  const one = model({ left: x, right: y }, { sum: h }, { backend });
  assert.equal((await one.predict({ left: zeros, right: zeros })).shape, [1, 2]);
  assert.equal(Object.keys(one.contents().program.graphs['predict']?.outputs ?? {}), ['sum']);
});

test('models are layers of models: shared, named, with the weights that they have', async () => {
  const encoder = sequential([input({ shape: [3] }), dense({ units: 4 }), batchNormalization(), relu()], {
    backend,
    name: 'encoder',
    seed: 5,
  });
  const [a, b] = [input({ shape: [3], name: 'a' }), input({ shape: [3], name: 'b' })];
  const distance = subtract()([encoder.apply(a), encoder.apply(b)]);
  const twin = model([a, b], dense({ units: 1 })(distance), { backend, seed: 9 });
  assert.equal(
    [...twin.variables().keys()],
    [
      'encoder/dense/kernel',
      'encoder/dense/bias',
      'encoder/batchNormalization/gamma',
      'encoder/batchNormalization/beta',
      'encoder/batchNormalization/movingMean',
      'encoder/batchNormalization/movingVariance',
      'dense/kernel',
      'dense/bias',
    ],
  );
  assert.equal(twin.variables().get('encoder/dense/kernel'), encoder.variables().get('dense/kernel'));
  assert.match(
    twin.summary(() => {}),
    /encoder \(model\) +\[batch, 4\] +32 +\d+ +a, b\n/,
  );
  // What the whole learns is its own.
  const before = bytesOf(encoder as Model<never>);
  twin.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
  await twin.fit([f32([2, 3], [1, 2, 3, 4, 5, 6]), f32([2, 3], [6, 5, 4, 3, 2, 1])], f32([2, 1], [1, 0]), quiet);
  assert.is(bytesOf(encoder as Model<never>), before);
  const path = join(folder, 'twin.safetensors');
  await twin.save(path);
  const again = await loadModel(path, { backend });
  const x = [f32([1, 3], [1, 0, 1]), f32([1, 3], [0, 1, 1])];
  near((await again.predict(x)).data, (await twin.predict(x)).data, 1e-6);

  const stacked = sequential([encoder, dense({ units: 2 })], { backend });
  assert.equal((await stacked.predict(f32([1, 3], [1, 2, 3]))).shape, [1, 2]);
  assert.equal(stacked.variables().get('encoder/dense/kernel'), encoder.variables().get('dense/kernel'));

  const split = model(a, { twice: add()([a, a]), half: layer((t) => mul(t, 0.5))(a) }, { backend, name: 'split' });
  const { twice, half } = split.apply(b);
  const sum = model(b, add()([twice, half]), { backend });
  near((await sum.predict(f32([1, 3], [1, 2, 3]))).data, [2.5, 5, 7.5]);
  assert.throws(() => split.apply([a, b]), /\[split\] a signal for each input \(a\)/);
  const wide = input({ shape: [4] });
  assert.throws(() => model(wide, encoder.apply(wide)), /\[encoder\] f32 \[batch, 3\] is required for 'input'/);
  const shared = dense({ units: 3 });
  const inner = model(a, shared(a), { backend });
  assert.throws(() => model(a, add()([inner.apply(a), shared(a)])), /'dense' also inside a model that is a layer/);
});

test('layers of the user are functions with parameters', async () => {
  const scaled = layer((x, scope) => mul(x, scope.variable('scale', { shape: [2], initial: initializers.ones })), {
    name: 'scaled',
  });
  const noisy = layer((x, _, mode) => (mode.training ? mul(x, 0) : x));
  const [a, b] = [input({ shape: [2], name: 'a' }), input({ shape: [2], name: 'b' })];
  const first = mergeLayer(([p, q]) => plus(mul(p ?? loosely(0), 2), q ?? loosely(0)));
  const made = model([a, b], noisy(first([scaled(a), scaled(b)])), { backend });
  const x = [f32([1, 2], [1, 2]), f32([1, 2], [10, 20])];
  near((await made.predict(x)).data, [12, 24]);
  made.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  assert.equal((await made.fit(x, f32([1, 2], [3, 1]), quiet)).history['loss'], [5]);
  assert.equal([...made.contents().variables.keys()], ['scaled/scale']);
  const path = join(folder, 'own.safetensors');
  await made.save(path);
  near((await (await loadFrozenModel(path, { backend })).predict(x)).data, [12, 24]);
  const error = await rejection(loadModel(path, { backend }));
  assert.instance(error, FormatError);
  assert.match(error.message, /loadFrozenModel reads/);
  assert.throws(() => layer(loosely(7)), /what is recorded must be a function/);
  assert.throws(() => layer((t) => t, loosely({ units: 3 })), /Received "units"/);
  assert.throws(
    () => model(a, layer(() => loosely(3))(a)),
    /\[layer\] a tensor is required of the function\. Received number/,
  );
});

test('frozen layers are neither trained nor differentiated, and the optimizer keeps the rest', async () => {
  const { a, b, sum, isPositive } = pairs(24);
  const labels = { sum, sign: isPositive };
  const made = twoHeaded({ rate: 0.001 });
  const fit = () => made.fit({ a, b }, labels, { batchSize: 8, ...quiet });
  await fit();
  const weightsOf = (prefix: string) => bytesOf(made as Model<never>, prefix);
  const remembered = (prefix: string) => bytesOf(made as Model<never>, `adam/m/${prefix}`);
  const [frozen, moments] = [['dense/', 'dense_1/'].map(weightsOf).join(), remembered('trunk')];
  made.freeze('dense*');
  assert.is(remembered('trunk'), moments);
  assert.is(remembered('dense'), '');
  await fit();
  assert.is(['dense/', 'dense_1/'].map(weightsOf).join(), frozen);
  assert.is.not(remembered('trunk'), moments);
  assert.match(
    made.summary(() => {}),
    /dense \(dense, frozen\)[^]*trunk \(dense\)[^]*Trainable: 131, not trainable: 42/,
  );
  made.unfreeze(['dense', 'dense_1']);
  await fit();
  assert.is.not(['dense/', 'dense_1/'].map(weightsOf).join(), frozen);
  assert.throws(() => made.freeze('other'), /\[freeze\] layers among .*trunk.* are required\. Received 'other'/);
  assert.throws(() => made.unfreeze(['trunk', 'x*']), /\[unfreeze\].*'x\*'/);
});

test('nothing is computed for what is frozen', async () => {
  const stepOf = async (trainable: boolean) => {
    const programs: Program[] = [];
    const spy: Backend = {
      ...backend,
      compile: (program, options) => {
        programs.push(program);
        return backend.compile(program, options);
      },
    };
    const layers = [input({ shape: [2] }), dense({ units: 3, name: 'below', trainable }), dense({ units: 1 })];
    const made = sequential(layers, { backend: spy });
    made.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
    await made.fit(f32([1, 2], [1, 2]), f32([1, 1], [1]), quiet);
    const step = programs[0]?.graphs['trainStep'];
    return {
      gradients: step?.nodes.filter(({ name }) => name.startsWith('below/gradient')).length ?? NaN,
      updates: Object.keys(step?.updates ?? {}).filter((name) => name.includes('below')).length,
    };
  };
  assert.equal(await stepOf(false), { gradients: 0, updates: 0 });
  const { gradients, updates } = await stepOf(true);
  assert.ok(gradients > 0 && updates === 6, `${gradients} gradients, ${updates} updates`);
});

test('batch normalization that is frozen goes by its moving moments, and files keep what is frozen', async () => {
  const layers = () => [
    input({ shape: [2] }),
    batchNormalization({ name: 'norm', trainable: false }),
    dense({ units: 1, kernelInitializer: 'ones' }),
  ];
  const made = sequential(layers(), { backend });
  made.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  const before = bytesOf(made as Model<never>, 'norm');
  const [x, y] = [f32([2, 2], [4, 6, 8, 2]), f32([2, 1], [0, 0])];
  const scale = 1 / Math.sqrt(1.001);
  const { history } = await made.fit(x, y, quiet);
  near(history['loss'], [(10 * scale) ** 2], 1e-4);
  assert.is(bytesOf(made as Model<never>, 'norm'), before);
  const path = join(folder, 'frozen.safetensors');
  await made.save(path);
  const again = await loadModel(path, { backend });
  assert.match(
    again.summary(() => {}),
    /norm \(batchNormalization, frozen\)/,
  );
  again.unfreeze();
  again.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  await again.fit(x, y, quiet);
  near(again.variables().get('norm/movingMean')?.data, [0.06, 0.04]);
});

test('models inside are frozen whole or in part', () => {
  const base = sequential([input({ shape: [2] }), dense({ units: 2, name: 'one' }), dense({ units: 2, name: 'two' })], {
    backend,
    name: 'base',
  });
  const whole = sequential([base, dense({ units: 1 })], { backend });
  const head = input({ shape: [2] });
  const made = model(head, whole.apply(head), { backend });
  const trainable = () => /Trainable: (\d+)/.exec(made.summary(() => {}))?.[1];
  assert.is(trainable(), '15');
  made.freeze('sequential/base');
  assert.is(trainable(), '3');
  made.unfreeze('*/two');
  assert.is(trainable(), '9');
  made.freeze();
  assert.is(trainable(), '0');
});

test('weights are taken by name: all of them, or the part that fits', async () => {
  const part = (units: number, name = 'head') => [
    input({ shape: [3] }),
    dense({ units: 4, name: 'body' }),
    dense({ units, name }),
  ];
  const from = sequential(part(2), { backend, seed: 1 });
  from.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
  const path = join(folder, 'from.safetensors');
  await from.save(path, { optimizer: true });
  const same = sequential(part(2), { backend, seed: 2 });
  const all = ['body/kernel', 'body/bias', 'head/kernel', 'head/bias'];
  assert.equal(await same.loadWeights(path), { loaded: all, missing: [], unexpected: [], mismatched: [] });
  assert.equal(same.variables().get('head/kernel'), from.variables().get('head/kernel'));

  const wider = sequential(part(5), { backend, seed: 3 });
  const before = bytesOf(wider as Model<never>);
  const error = await rejection(wider.loadWeights(path));
  assert.instance(error, ArgumentError);
  assert.match(
    error.message,
    /2 differ: head\/kernel: f32 \[4, 5\], given f32 \[4, 2\]; head\/bias: f32 \[5\], given f32 \[2\]/,
  );
  assert.is(bytesOf(wider as Model<never>), before);
  assert.equal(await wider.loadWeights(path, { partial: true }), {
    loaded: ['body/kernel', 'body/bias'],
    missing: [],
    unexpected: [],
    mismatched: ['head/kernel', 'head/bias'],
  });
  assert.equal(wider.variables().get('body/kernel'), from.variables().get('body/kernel'));

  const other = sequential(part(2, 'other'), { backend, seed: 4 });
  assert.match(
    (await rejection(other.loadWeights(from))).message,
    /other\/kernel: f32 \[4, 2\], given none; .*head\/kernel: none, given f32/,
  );
  assert.equal((await other.loadWeights(from, { include: 'body/*' })).loaded, ['body/kernel', 'body/bias']);
  const rename = (name: string) => name.replace('head/', 'other/');
  assert.equal((await other.loadWeights(from, { rename })).missing, []);
  assert.equal(other.variables().get('other/bias'), from.variables().get('head/bias'));
  const nothing = rejection(other.loadWeights(from, { partial: true, rename: (name) => `x/${name}` }));
  assert.match((await nothing).message, /at least one weight that fits/);
  assert.match(
    (await rejection(other.loadWeights(from, { rename: () => 'one' }))).message,
    /rename to different names/,
  );

  const bytes = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer);
  const tensors = [
    { name: 'body.weight', dtype: 'F32', shape: [3, 4], bytes: bytes(Array.from({ length: 12 }, (_, i) => i)) },
    { name: 'body.bias', dtype: 'F32', shape: [4], bytes: bytes([1, 2, 3, 4]) },
  ] as const;
  const plain = join(folder, 'plain.safetensors');
  saveFile(plain, writeSafetensors(tensors, new Map()));
  const { loaded } = await other.loadWeights(plain, {
    include: 'body/*',
    rename: (name) => name.replace('.', '/').replace('weight', 'kernel'),
  });
  assert.equal(loaded, ['body/kernel', 'body/bias']);
  near(other.variables().get('body/bias')?.data, [1, 2, 3, 4]);
});

test('a file holds the architecture, and training goes on from it', async () => {
  const { a, b, sum, isPositive } = pairs(24);
  const labels = { sum, sign: isPositive };
  const made = twoHeaded();
  const schedule = { batchSize: 8, ...quiet };
  const checkpoint = { path: join(folder, 'run.safetensors') };
  await made.fit({ a, b }, labels, { epochs: 1, checkpoint, ...schedule });
  const resumed = twoHeaded();
  await resumed.fit({ a, b }, labels, { epochs: 2, checkpoint, ...schedule });
  const loaded = await loadModel<{ readonly sum: NDArray; readonly sign: NDArray }>(checkpoint.path, { backend });
  const [is, wanted] = [await loaded.predict({ a, b }), await resumed.predict({ a, b })];
  near(is.sign.data, wanted.sign.data);
  const other = rejection(
    twoHeaded().fit(
      { a: pairs(23).a, b: pairs(23).b },
      { sum: pairs(23).sum, sign: pairs(23).isPositive },
      { checkpoint, ...schedule },
    ),
  );
  assert.match((await other).message, /inputs\/a: f32 \[23, 2\].*labels\/sign/);

  const frozen = await loadFrozenModel<Prediction>(checkpoint.path, { backend });
  frozen.compile({ loss: { sum: 'meanSquaredError' }, metrics: { sum: ['meanAbsoluteError'] } });
  const measured = await frozen.evaluate([a, b], sum);
  assert.equal(Object.keys(measured), ['loss', 'sumLoss', 'sumMeanAbsoluteError']);
  const small = await quantize(made, { calibration: { a, b } });
  assert.equal(Object.keys(small.signature.outputs), ['sum', 'sign']);
});

test('an architecture is its JSON, and JSON from strangers is refused', () => {
  const [a, b] = [input({ shape: [2], name: 'a' }), input({ shape: [2], dtype: 'i32', name: 'b' })];
  const shared = dense({ units: 3, name: 'shared', trainable: false });
  const inner = architectureOf('model', a, [shared(a), relu()(a)]);
  const [left, right] = connect(nested(inner, 'inner'), [a]);
  const both = [left ?? a, embedding({ inputDim: 3, outputDim: 3 })(b), right ?? a];
  const whole = architectureOf('model', [a, b], { sum: concatenate({ axis: 1 })(both), left: left ?? a });
  const text = encodeArchitecture(whole) ?? '';
  assert.is(encodeArchitecture(decodeArchitecture(text)), text);
  assert.match(text, /"name":"shared","options":\{[^}]*\},"trainable":false/);
  // The form of version 1: a list of layers one after another.
  const list =
    '[{"kind":"input","name":"x","options":{"shape":[4],"dtype":"f32"}},{"kind":"relu","name":"r","options":{}}]';
  const sequenced = sequence([input({ shape: [4], name: 'x' }), relu({ name: 'r' })]);
  assert.is(encodeArchitecture(decodeArchitecture(list)), encodeArchitecture(sequenced));

  const parts = {
    inputs: { x: { shape: [4], dtype: 'f32' } },
    layers: [{ kind: 'relu', name: 'r', options: {} }],
    calls: [['r', [0]]],
    outputs: { y: 1 },
  };
  assert.equal(decodeArchitecture(JSON.stringify(parts)).outputs, { y: 1 });
  const layer = (kind: string, name: unknown = 'r', options: unknown = {}) => ({ layers: [{ kind, name, options }] });
  /** Each calls the one inside it a hundred times. */
  const bomb = (depth: number): object => {
    const [first] = depth === 0 ? parts.layers : [{ kind: 'model', name: 'r', options: bomb(depth - 1) }];
    const calls = Array.from({ length: 100 }, (_, i) => ['r', [i]]);
    return { ...parts, layers: [first], calls, outputs: { y: 100 } };
  };
  const deep = (depth: number): object => (depth === 0 ? parts : { ...parts, ...layer('model', 'r', deep(depth - 1)) });
  const hostile: readonly object[] = [
    { ...parts, more: 1 },
    { ...parts, inputs: [] },
    { ...parts, inputs: {} },
    { ...parts, inputs: { 'x/y': parts.inputs.x } },
    { ...parts, inputs: { x: { shape: [-1] } } },
    { ...parts, inputs: { x: 7 } },
    { ...parts, inputs: { ...parts.inputs, z: parts.inputs.x } },
    { ...parts, layers: {} },
    { ...parts, layers: [...parts.layers, ...parts.layers] },
    { ...parts, ...layer('constructor') },
    { ...parts, ...layer('layer') },
    { ...parts, ...layer('relu', 'constructor') },
    { ...parts, ...layer('relu', 'r', { units: 1 }) },
    { ...parts, ...layer('model') },
    { ...parts, layers: [{ kind: 'relu', name: 'r', options: {}, trainable: 'no' }] },
    { ...parts, calls: [] },
    { ...parts, calls: [['r', [1]]] },
    { ...parts, calls: [['r', [0.5]]] },
    { ...parts, calls: [['r', ['0']]] },
    { ...parts, calls: [['r', [0, 0]]] },
    { ...parts, calls: [['r']] },
    { ...parts, calls: [['other', [0]]] },
    { ...parts, calls: 'r' },
    { ...parts, outputs: { y: 2 } },
    { ...parts, outputs: { y: -1 } },
    { ...parts, outputs: { y: '1' } },
    { ...parts, outputs: { 'y z': 1 } },
    { ...parts, outputs: {} },
    bomb(5),
    deep(40),
  ];
  for (const each of hostile) {
    const json = JSON.stringify(each);
    try {
      decodeArchitecture(json);
    } catch (error) {
      assert.instance(error, FormatError, `${json.slice(0, 200)}: ${String(error)}`);
      continue;
    }
    assert.unreachable(`${json.slice(0, 200)} is to be refused`);
  }
});

test('an embedding and numbers meet in one model', async () => {
  const [word, number] = [input({ shape: [2], dtype: 'i32', name: 'word' }), input({ shape: [1], name: 'number' })];
  const meaning = flatten()(embedding({ inputDim: 5, outputDim: 3 })(word));
  const made = model({ word, number }, dense({ units: 1 })(concatenate()([meaning, number])), { backend });
  made.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
  const x = { word: i32([2, 2], [0, 1, 4, 2]), number: f32([2, 1], [0.5, 1]) };
  const { history } = await made.fit(x, f32([2, 1], [1, 0]), { epochs: 2, ...quiet });
  assert.is(history['loss']?.length, 2);
});

test.run();
