/** Layers, initial values, losses and metrics: Keras's names and defaults, and arithmetic worked out by hand. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DTypeError, FormatError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { gradients } from '../src/graph/autodiff.js';
import { activation, relu, softmax } from '../src/nn/activation.js';
import { layersOf, sequence } from '../src/nn/architecture.js';
import { decodeArchitecture, encodeArchitecture } from '../src/nn/codec.js';
import { conv2d } from '../src/nn/conv2d.js';
import { layer } from '../src/nn/custom.js';
import { dense } from '../src/nn/dense.js';
import { dropout } from '../src/nn/dropout.js';
import { embedding } from '../src/nn/embedding.js';
import { flatten } from '../src/nn/flatten.js';
import { type InitializerName, initializers } from '../src/nn/initializers.js';
import { input } from '../src/nn/input.js';
import type { Layer } from '../src/nn/layer.js';
import * as losses from '../src/nn/losses.js';
import * as metrics from '../src/nn/metrics.js';
import { layerNormalization } from '../src/nn/normalization.js';
import { maxPooling2d } from '../src/nn/pooling.js';
import { sigmoid, softmax as softmaxOp } from '../src/ops/functions.js';
import { sum } from '../src/ops/reduce.js';
import type { Tensor } from '../src/ops/tensor.js';
import { applyLayers } from './support/layers.js';
import { computed, runTraced } from './support/traced.js';

const f32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('f32', shape, data);
const i32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('i32', shape, data);

function near(actual: ArrayLike<number> | undefined, expected: readonly number[], tolerance = 1e-6): void {
  assert.is(actual?.length, expected.length);
  expected.forEach((value, i) => {
    const difference = Math.abs((actual?.[i] ?? NaN) - value);
    assert.ok(difference <= tolerance, `element ${i}: ${value} is required, ${actual?.[i]} received`);
  });
}

/** A layer's output in inference and the variables it declared. */
async function apply(layer: Layer, x: NDArray) {
  const { outputs, variables } = await runTraced({ x }, (inputs, scope) => ({
    y: applyLayers([layer], inputs['x'] as Tensor, scope, { training: false }),
  }));
  return { y: outputs['y'], variables };
}

test('layers are named as Keras names them', () => {
  const architecture = sequence([
    dense({ units: 1 }),
    dense({ units: 1, name: 'dense_1' }),
    dense({ units: 1 }),
    relu(),
    relu(),
    dense({ units: 1, name: 'head' }),
  ]);
  assert.equal(
    layersOf(architecture).map(({ name }) => name),
    ['dense', 'dense_1', 'dense_2', 'relu', 'relu_1', 'head'],
  );
  assert.throws(() => sequence([relu({ name: 'a' }), relu({ name: 'a' })]), /different names.*'a' twice/);
  assert.throws(() => sequence([]), /at least one layer/);
  assert.throws(() => sequence([input({ shape: [1] })]), /at least one layer/);
  assert.throws(() => sequence([relu(), input({ shape: [1] })]), /an input only first/);
});

test('options that a layer does not take are refused by name', () => {
  const refuse = (make: () => unknown, message: RegExp): void => {
    try {
      make();
    } catch (error) {
      assert.instance(error, ArgumentError);
      assert.match((error as Error).message, message);
      return;
    }
    assert.unreachable(`${message} is required`);
  };
  const loosely = (value: unknown): never => value as never;
  refuse(() => dense(loosely({})), /\[dense\] units must be a positive integer\. Received nothing/);
  refuse(() => dense({ units: 0 }), /\[dense\] units must be a positive integer\. Received 0/);
  refuse(() => dense({ units: 2.5 }), /Received 2.5/);
  refuse(() => dense(loosely(64)), /\[dense\] options must be an object\. Received 64/);
  refuse(() => dense(loosely({ units: 1, activations: 'relu' })), /activation, useBias.*Received 'activations'/);
  refuse(() => dense(loosely({ units: 1, activation: 'rleu' })), /'linear' or .*'relu'.*Received "rleu"/);
  refuse(() => dense({ units: 1, name: 'a/b' }), /name must be/);
  refuse(() => conv2d(loosely({ filters: 1, kernelSize: [3] })), /kernelSize must be one positive integer or two/);
  refuse(() => conv2d(loosely({ filters: 1, kernelSize: 3, padding: 'full' })), /padding must be 'valid' or 'same'/);
  refuse(() => dropout({ rate: 1 }), /rate must be a number in \[0, 1\)/);
  refuse(() => layerNormalization({ epsilon: 0 }), /epsilon must be a positive number/);
  refuse(() => input(loosely({ shape: 28 })), /shape must be an array/);
  refuse(() => input(loosely({ shape: [1], dtype: 'f64' })), /dtype must be/);
});

test('a sequence is its JSON, and JSON from strangers is refused', () => {
  const layers = sequence([
    input({ shape: [8, 8, 1], name: 'image' }),
    conv2d({ filters: 4, kernelSize: [3, 2], strides: 2, padding: 'same', activation: 'relu' }),
    maxPooling2d(),
    layerNormalization(),
    flatten(),
    dropout({ rate: 0.25 }),
    dense({ units: 3, useBias: false, kernelInitializer: 'heNormal' }),
    activation({ activation: 'tanh' }),
    relu(),
    softmax({ name: 'last' }),
  ]);
  const text = encodeArchitecture(layers) ?? '';
  const again = decodeArchitecture(text);
  assert.is(encodeArchitecture(again), text);
  assert.equal(again.inputs, { image: { shape: [8, 8, 1], dtype: 'f32' } });
  assert.equal(
    layersOf(again).map(({ name }) => name),
    layersOf(layers).map(({ name }) => name),
  );
  assert.is(encodeArchitecture(sequence([layer((x) => x)])), undefined);
  const hostile = [
    '',
    'null',
    '{}',
    '[]',
    '[1]',
    '[null]',
    '[{"kind":"dense"}]',
    '[{"kind":"dense","name":"a","options":null}]',
    '[{"kind":"dense","name":"a","options":{"units":1e9.5}}]',
    '[{"kind":"dense","name":"a","options":{"units":-1}}]',
    '[{"kind":"constructor","name":"a","options":{}}]',
    '[{"kind":"__proto__","name":"a","options":{}}]',
    '[{"kind":"relu","name":"a/b","options":{}}]',
    '[{"kind":"relu","name":7,"options":{}}]',
    '[{"kind":"relu","name":"a","options":{"__proto__":{},"x":1}}]',
  ];
  for (const each of hostile) {
    try {
      decodeArchitecture(each);
      assert.unreachable(`${each} is to be refused`);
    } catch (error) {
      assert.instance(error, FormatError, `${each}: ${String(error)}`);
    }
  }
});

test('initial values have the bounds and moments that Keras gives them', () => {
  const moments = (name: InitializerName, shape: readonly number[]) => {
    const { data } = initializers[name](shape, [3, 1]);
    const values = Array.from(data);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    return { mean, variance, most: Math.max(...values.map(Math.abs)) };
  };
  const glorot = moments('glorotUniform', [3, 3, 32, 64]);
  const limit = Math.sqrt(6 / (9 * 32 + 9 * 64));
  assert.ok(glorot.most <= limit && glorot.most > 0.999 * limit);
  assert.ok(Math.abs(glorot.variance / (limit ** 2 / 3) - 1) < 0.03);
  const dense2 = moments('glorotUniform', [100, 50]);
  assert.ok(dense2.most <= Math.sqrt(6 / 150) && dense2.most > 0.99 * Math.sqrt(6 / 150));
  const he = moments('heNormal', [200, 100]);
  assert.ok(Math.abs(he.variance / (2 / 200) - 1) < 0.03, `variance ${he.variance}`);
  assert.ok(he.most <= (2 * Math.sqrt(2 / 200)) / 0.8796);
  const uniform = moments('uniform', [1000, 8]);
  assert.ok(uniform.most <= 0.05 && uniform.most > 0.0499);
  assert.equal([...initializers.ones([3], [0, 0]).data], [1, 1, 1]);
  assert.equal([...initializers.zeros([2], [0, 0]).data], [0, 0]);
  assert.equal(initializers.heNormal([4, 4], [5, 6]), initializers.heNormal([4, 4], [5, 6]));
  assert.not.equal(initializers.heNormal([4, 4], [5, 6]), initializers.heNormal([4, 4], [5, 7]));
  assert.is(initializers.heNormal([0], [5, 6]).data.length, 0);
});

test('dense is x @ kernel + bias, then the activation', async () => {
  const x = f32([2, 3], [1, 2, 3, -1, 0, 2]);
  const { y, variables } = await apply(dense({ units: 2, activation: 'relu', biasInitializer: 'ones' }), x);
  assert.equal([...variables.keys()], ['dense/kernel', 'dense/bias']);
  assert.equal(variables.get('dense/kernel')?.shape, [3, 2]);
  const k = Array.from(variables.get('dense/kernel')?.data ?? []);
  const at = (row: number, unit: number): number => {
    const product = [0, 1, 2].reduce((total, i) => total + (x.data[row * 3 + i] ?? 0) * (k[i * 2 + unit] ?? 0), 1);
    return Math.max(product, 0);
  };
  near(y?.data, [at(0, 0), at(0, 1), at(1, 0), at(1, 1)]);
  assert.equal((await apply(dense({ units: 5, useBias: false }), f32([2, 4, 3], normalList(24)))).y?.shape, [2, 4, 5]);
});

test('conv2d, pooling and flatten give the shapes and parameters of the MNIST network', async () => {
  const layers = [
    conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
    maxPooling2d(),
    conv2d({ filters: 64, kernelSize: 3 }),
    maxPooling2d({ poolSize: [2, 2] }),
    conv2d({ filters: 64, kernelSize: 3 }),
    flatten(),
    dense({ units: 64 }),
    dense({ units: 10 }),
  ];
  const shapes: string[] = [];
  const { variables } = await runTraced({ x: f32([1, 28, 28, 1], normalList(784)) }, ({ x }, scope) => ({
    y: applyLayers(layers, x as Tensor, scope, { training: false }, ({ shape }) => shapes.push(shape.join('x'))),
  }));
  assert.equal(shapes, ['1x26x26x32', '1x13x13x32', '1x11x11x64', '1x5x5x64', '1x3x3x64', '1x576', '1x64', '1x10']);
  const sizes = new Map([...variables].map(([name, { data }]) => [name, data.length]));
  assert.is(sizes.get('conv2d/kernel'), 288);
  assert.is(sizes.get('conv2d_1/kernel'), 18432);
  assert.is(sizes.get('dense_1/bias'), 10);
  assert.is(
    [...sizes.values()].reduce((a, b) => a + b, 0),
    93322,
  );
});

test('conv2d with one filter of ones sums its window', async () => {
  const x = f32([1, 3, 3, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const ones = { filters: 1, kernelSize: 2, kernelInitializer: 'ones' } as const;
  near((await apply(conv2d(ones), x)).y?.data, [12, 16, 24, 28]);
  near((await apply(conv2d({ ...ones, padding: 'same' }), x)).y?.data, [12, 16, 9, 24, 28, 15, 15, 17, 9]);
  near((await apply(conv2d({ ...ones, padding: 'same', strides: [2, 1] }), x)).y?.data, [12, 16, 9, 15, 17, 9]);
});

test('maxPooling2d strides by its pool size unless told otherwise', async () => {
  const x = f32([1, 4, 4, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
  near((await apply(maxPooling2d(), x)).y?.data, [6, 8, 14, 16]);
  assert.equal((await apply(maxPooling2d({ strides: 1 }), x)).y?.shape, [1, 3, 3, 1]);
  assert.equal((await apply(maxPooling2d({ poolSize: 3, padding: 'same' }), x)).y?.shape, [1, 2, 2, 1]);
});

test('embedding takes rows, and only of i32', async () => {
  const { y, variables } = await apply(embedding({ inputDim: 5, outputDim: 2 }), i32([2, 2], [0, 4, 1, 4]));
  const table = Array.from(variables.get('embedding/embeddings')?.data ?? []);
  assert.equal(y?.shape, [2, 2, 2]);
  near(
    y?.data,
    [0, 4, 1, 4].flatMap((row) => table.slice(2 * row, 2 * row + 2)),
  );
  await throwsIn(
    apply(embedding({ inputDim: 5, outputDim: 2 }), f32([1], [0])),
    DTypeError,
    /\[embedding\] indices of i32/,
  );
});

test('layerNormalization has mean 0 and variance 1 along the last axis', async () => {
  const { y, variables } = await apply(layerNormalization({ epsilon: 1e-9 }), f32([1, 4], [1, 2, 3, 6]));
  near(
    y?.data,
    [-2, -1, 0, 3].map((d) => d / Math.sqrt(3.5)),
  );
  assert.equal([...(variables.get('layerNormalization/gamma')?.data ?? [])], [1, 1, 1, 1]);
  assert.equal(variables.get('layerNormalization/beta')?.shape, [4]);
});

test('dropout drops and scales in training, and does nothing in inference', async () => {
  const x = f32([4, 250], new Array<number>(1000).fill(2));
  assert.equal((await apply(dropout({ rate: 0.4 }), x)).y?.data, x.data);
  const { outputs } = await runTraced({ x, key: i32([2], [7, 1]) }, (inputs, scope) => {
    const layers = [dropout({ rate: 0.4 }), dropout({ rate: 0.4 })];
    const seen: Tensor[] = [];
    const mode = { training: true, key: () => inputs['key'] as Tensor } as const;
    applyLayers(layers, inputs['x'] as Tensor, scope, mode, (output) => seen.push(output));
    return { once: seen[0] as Tensor, twice: seen[1] as Tensor };
  });
  const once = Array.from(outputs['once']?.data ?? []);
  const kept = once.filter((value) => value !== 0);
  assert.ok(kept.every((value) => Math.abs(value - 2 / 0.6) < 1e-6));
  assert.ok(Math.abs(kept.length - 600) < 60, `${kept.length} of 1000 kept`);
  const twice = Array.from(outputs['twice']?.data ?? []).filter((value) => value !== 0).length;
  assert.ok(Math.abs(twice - 360) < 60, `two layers keep ${twice}: they draw from streams of their own`);
});

test('layers say what they do not take', async () => {
  await throwsIn(apply(dense({ units: 1, name: 'head' }), f32([3], [1, 2, 3])), ShapeError, /\[head\] x \[batch/);
  await throwsIn(
    apply(conv2d({ filters: 1, kernelSize: 3 }), f32([2, 3], normalList(6))),
    ShapeError,
    /\[conv2d\] images \[batch, height, width, channels\]/,
  );
});

const log = Math.log;
const softmaxOf = (logits: readonly number[]): number[] => {
  const powers = logits.map((z) => Math.exp(z - Math.max(...logits)));
  return powers.map((p) => p / powers.reduce((a, b) => a + b, 0));
};

test('sparseCategoricalCrossentropy is -log p of the label: from logits, from a softmax, from probabilities', async () => {
  const logits = f32([2, 3], [1, 2, 0.5, -1, 0, 3]);
  const labels = i32([2], [1, 0]);
  const expected = [-log(softmaxOf([1, 2, 0.5])[1] ?? 0), -log(softmaxOf([-1, 0, 3])[0] ?? 0)];
  const run = (fn: (z: Tensor, y: Tensor) => Tensor, z = logits) =>
    computed({ z, y: labels }, ({ z, y }) => fn(z as Tensor, y as Tensor));
  near(await run((z, y) => losses.sparseCategoricalCrossentropy({ fromLogits: true }).call(y, z)), expected);
  near(await run((z, y) => losses.sparseCategoricalCrossentropy().call(y, softmaxOp(z))), expected);
  const probabilities = f32([2, 3], [...softmaxOf([1, 2, 0.5]), ...softmaxOf([-1, 0, 3])]);
  near(await run((p, y) => losses.sparseCategoricalCrossentropy().call(y, p), probabilities), expected, 1e-5);
  // Through a softmax the loss is exact where its probability is 0 in float32.
  const far = f32([2, 3], [200, 0, 0, 0, 200, 0]);
  near(await run((z, y) => losses.sparseCategoricalCrossentropy().call(y, softmaxOp(z)), far), [200, 200]);
  assert.equal(losses.sparseCategoricalCrossentropy().labels({ dtype: 'f32', shape: ['batch', 4, 7] }), {
    dtype: 'i32',
    shape: ['batch', 4],
    classes: 7,
  });
  assert.throws(
    () => losses.sparseCategoricalCrossentropy().labels({ dtype: 'f32', shape: ['batch'] }),
    (error: unknown) => error instanceof ShapeError,
  );
});

test('categoricalCrossentropy is that of one-hot labels', async () => {
  const y = f32([2, 3], [0, 1, 0, 0.5, 0, 0.5]);
  const z = f32([2, 3], [1, 2, 0.5, -1, 0, 3]);
  const p = [softmaxOf([1, 2, 0.5]), softmaxOf([-1, 0, 3])] as const;
  const expected = [-log(p[0][1] ?? 0), -0.5 * log(p[1][0] ?? 0) - 0.5 * log(p[1][2] ?? 0)];
  const loss = losses.categoricalCrossentropy({ fromLogits: true });
  near(await computed({ z, y }, ({ z, y }) => loss.call(y as Tensor, z as Tensor)), expected);
});

test('binaryCrossentropy is exact at the ends, and its gradient is p - label everywhere', async () => {
  const list = [-100, -2, 0, 0, 1, 100];
  const [z, y] = [f32([6, 1], list), f32([6, 1], [0, 1, 0, 1, 1, 0])];
  const p = list.map((value) => 1 / (1 + Math.exp(-value)));
  const expected = [0, -log(p[1] ?? 0), log(2), log(2), -log(p[4] ?? 0), 100];
  const fromLogits = losses.binaryCrossentropy({ fromLogits: true });
  near(await computed({ z, y }, ({ z, y }) => fromLogits.call(y as Tensor, z as Tensor)), expected);
  const through = losses.binaryCrossentropy();
  near(await computed({ z, y }, ({ z, y }) => through.call(y as Tensor, sigmoid(z as Tensor))), expected);
  const gradient = await computed({ z, y }, ({ z, y }) => {
    return gradients(sum(fromLogits.call(y as Tensor, z as Tensor)), [z as Tensor])[0] as Tensor;
  });
  near(
    gradient,
    p.map((value, i) => value - (y.data[i] ?? 0)),
  );
  const given = f32([2, 1], [0.25, 1]);
  const labels = f32([2, 1], [1, 0]);
  const clipped = await computed({ given, labels }, (x) => through.call(x['labels'] as Tensor, x['given'] as Tensor));
  // 1 - 1e-7 is 1 - 2^-23 in float32.
  near(clipped, [-log(0.25), -log(2 ** -23)], 1e-5);
});

test('meanSquaredError and meanAbsoluteError are means along the last axis', async () => {
  const feeds = { p: f32([2, 2], [1, 2, 3, 5]), y: f32([2, 2], [0, 4, 3, 1]) };
  near(await computed(feeds, ({ p, y }) => losses.meanSquaredError().call(y as Tensor, p as Tensor)), [2.5, 8]);
  near(await computed(feeds, ({ p, y }) => losses.meanAbsoluteError().call(y as Tensor, p as Tensor)), [1.5, 2]);
});

test('accuracies count what is right', async () => {
  const p = f32([3, 2], [0.9, 0.1, 0.4, 0.6, 0.5, 0.5]);
  const feeds = { p, y: i32([3], [0, 0, 0]) };
  near(await computed(feeds, ({ p, y }) => metrics.accuracy().call(y as Tensor, p as Tensor)), [1, 0, 1]);
  const binary = { p: f32([4, 1], [0.9, 0.2, 0.5, 0.7]), y: f32([4, 1], [1, 0, 1, 0]) };
  near(await computed(binary, ({ p, y }) => metrics.binaryAccuracy().call(y as Tensor, p as Tensor)), [1, 1, 0, 0]);
  await throwsIn(
    computed(binary, ({ p, y }) => metrics.accuracy().call(y as Tensor, p as Tensor)),
    DTypeError,
    /\[accuracy\] labels of i32.*binaryAccuracy/,
  );
});

test('losses and metrics have names', () => {
  assert.is(losses.lossOf('meanSquaredError').name, 'meanSquaredError');
  assert.is(metrics.metricOf('accuracy').name, 'accuracy');
  assert.throws(() => losses.lossOf('toString' as never), /a loss among binaryCrossentropy, .*Received 'toString'/);
  assert.throws(() => metrics.metricOf('acc' as never), /a metric among accuracy, .*Received 'acc'/);
});

function normalList(length: number): number[] {
  return Array.from(normal([1, 2], length));
}

async function throwsIn(
  promise: Promise<unknown>,
  type: new (...args: never[]) => Error,
  message: RegExp,
): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, type);
  assert.match((error as Error).message, message);
}

test.run();
