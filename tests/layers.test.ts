/** Layers for pooling, resizing, noise, shapes and preprocessing: Keras's names and defaults, arithmetic by hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as quern from '../src/index.js';
import { ArgumentError, NumericsError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { sequence } from '../src/nn/architecture.js';
import { decodeArchitecture, encodeArchitecture } from '../src/nn/codec.js';
import type { Layer, Mode } from '../src/nn/layer.js';
import * as ops from '../src/ops/functions.js';
import type { Tensor } from '../src/ops/tensor.js';
import { trainingBackends } from './support/backends.js';
import { checkGradients, normals, sameEverywhere } from './support/decompositions.js';
import { applyLayers } from './support/layers.js';
import { rejection } from './support/rejection.js';
import { runTraced } from './support/traced.js';

const f32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('f32', shape, data);

const counting = (shape: readonly number[]): NDArray =>
  f32(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1),
  );

function near(actual: ArrayLike<number> | undefined, expected: readonly number[], tolerance = 1e-5): void {
  assert.is(actual?.length, expected.length);
  expected.forEach((value, i) => {
    const received = actual?.[i] ?? NaN;
    assert.ok(Math.abs(received - value) <= tolerance, `[${i}]: ${value} is required, ${received} received`);
  });
}

/** A layer's output, in inference or under the key (7, 1), and the variables that it declared. */
async function apply(layer: Layer, x: NDArray, training = false) {
  const key = ndarray('i32', [2], [7, 1]);
  const { outputs, variables } = await runTraced({ x, key }, ({ x, key }, scope) => {
    const mode: Mode = training ? { training, key: () => key as Tensor } : { training };
    return { y: applyLayers([layer], x as Tensor, scope, mode) };
  });
  return { shape: outputs['y']?.shape, data: outputs['y']?.data, variables };
}

test('every layer is its JSON again', () => {
  const layers = [
    quern.averagePooling1d(),
    quern.averagePooling2d({ poolSize: [2, 3], strides: 1, padding: 'same' }),
    quern.averagePooling3d({ poolSize: [1, 2, 3] }),
    quern.maxPooling1d({ poolSize: 4 }),
    quern.maxPooling2d(),
    quern.maxPooling3d(),
    quern.globalAveragePooling1d(),
    quern.globalAveragePooling2d({ keepDims: true }),
    quern.globalAveragePooling3d(),
    quern.globalMaxPooling1d(),
    quern.globalMaxPooling2d(),
    quern.globalMaxPooling3d(),
    quern.adaptiveAveragePooling1d({ outputSize: 2 }),
    quern.adaptiveAveragePooling2d({ outputSize: [2, 3] }),
    quern.adaptiveAveragePooling3d({ outputSize: 2 }),
    quern.adaptiveMaxPooling1d({ outputSize: 2 }),
    quern.adaptiveMaxPooling2d({ outputSize: 1 }),
    quern.adaptiveMaxPooling3d({ outputSize: [1, 2, 3] }),
    quern.upSampling1d({ size: 3 }),
    quern.upSampling2d({ size: [2, 1], interpolation: 'bilinear' }),
    quern.upSampling3d(),
    quern.resizing({ height: 8, width: 9, interpolation: 'bicubic' }),
    quern.rescaling({ scale: 1 / 255 }),
    quern.normalization({ mean: [1, 2], variance: 4 }),
    quern.instanceNormalization({ center: false }),
    quern.unitNormalization({ axis: [1, 2] }),
    quern.spatialDropout1d({ rate: 0.5 }),
    quern.spatialDropout2d({ rate: 0.5 }),
    quern.spatialDropout3d({ rate: 0.5 }),
    quern.gaussianNoise({ stddev: 0.1 }),
    quern.gaussianDropout({ rate: 0.1 }),
    quern.alphaDropout({ rate: 0.1 }),
    quern.leakyRelu({ negativeSlope: 0.1 }),
    quern.elu({ alpha: 2 }),
    quern.prelu({ sharedAxes: [1, 2] }),
    quern.reshape({ targetShape: [2, -1] }),
    quern.permute({ dims: [2, 1] }),
    quern.repeatVector({ n: 3 }),
  ];
  const text = encodeArchitecture(sequence(layers)) ?? '';
  assert.is(encodeArchitecture(decodeArchitecture(text)), text);
  assert.is(layers.length, new Set(layers.map(({ kind }) => kind)).size);
});

test('pooling layers: windows of 2 that stride by their size, unless said', async () => {
  const row = counting([1, 5, 1]);
  near((await apply(quern.averagePooling1d(), row)).data, [1.5, 3.5]);
  near((await apply(quern.maxPooling1d({ strides: 1, poolSize: 3 }), row)).data, [3, 4, 5]);
  const image = counting([1, 4, 4, 1]);
  near((await apply(quern.averagePooling2d(), image)).data, [3.5, 5.5, 11.5, 13.5]);
  near((await apply(quern.averagePooling2d({ poolSize: 3, padding: 'same' }), image)).data, [3.5, 5.5, 11.5, 13.5]);
  near((await apply(quern.maxPooling3d(), counting([1, 2, 2, 2, 2]))).data, [15, 16]);
  near((await apply(quern.averagePooling3d(), counting([1, 2, 2, 2, 2]))).data, [8, 9]);
});

test('global and adaptive pooling layers', async () => {
  const image = counting([2, 2, 2, 2]);
  near((await apply(quern.globalAveragePooling2d(), image)).data, [4, 5, 12, 13]);
  near((await apply(quern.globalMaxPooling2d(), image)).data, [7, 8, 15, 16]);
  assert.equal((await apply(quern.globalMaxPooling2d({ keepDims: true }), image)).shape, [2, 1, 1, 2]);
  near((await apply(quern.adaptiveMaxPooling1d({ outputSize: 2 }), counting([1, 5, 1]))).data, [3, 5]);
  assert.equal(
    (await apply(quern.adaptiveAveragePooling2d({ outputSize: [2, 3] }), normals([1, 5, 7, 2]))).shape,
    [1, 2, 3, 2],
  );
});

test('layers that enlarge', async () => {
  near((await apply(quern.upSampling1d(), counting([1, 2, 1]))).data, [1, 1, 2, 2]);
  near((await apply(quern.upSampling2d({ size: [1, 2] }), counting([1, 2, 1, 2]))).data, [1, 2, 1, 2, 3, 4, 3, 4]);
  near(
    (await apply(quern.upSampling2d({ size: [2, 1], interpolation: 'bilinear' }), f32([1, 2, 1, 1], [0, 8]))).data,
    [0, 2, 6, 8],
  );
  assert.equal((await apply(quern.upSampling3d(), normals([2, 1, 2, 3, 2]))).shape, [2, 2, 4, 6, 2]);
  const bytes = ndarray('u8', [1, 1, 2, 1], [0, 200]);
  near((await apply(quern.resizing({ height: 1, width: 4 }), bytes)).data, [0, 50, 150, 200]);
});

test('rescaling and normalization take raw data, and momentsOf its figures', async () => {
  const bytes = ndarray('u8', [1, 3], [0, 51, 255]);
  near((await apply(quern.rescaling({ scale: 1 / 127.5, offset: -1 }), bytes)).data, [-1, -0.6, 1]);
  const x = f32([4, 2], [1, 10, 3, 10, 5, 10, 7, 10]);
  const moments = quern.momentsOf(x);
  assert.equal(moments, { mean: [4, 10], variance: [5, 0] });
  const { data } = await apply(quern.normalization(moments), x);
  near(
    data,
    [-3, 0, -1, 0, 1, 0, 3, 0].map((value) => value / Math.sqrt(5)),
  );
  near((await apply(quern.normalization({ mean: 1, variance: 4 }), counting([1, 3]))).data, [0, 0.5, 1]);
});

test('instance and unit normalization', async () => {
  const x = f32([1, 4, 2], [1, 10, 2, 10, 3, 10, 6, 10]);
  const { data, variables } = await apply(quern.instanceNormalization({ epsilon: 1e-9 }), x);
  near(
    data,
    [-2, 0, -1, 0, 0, 0, 3, 0].map((value) => value / Math.sqrt(3.5)),
  );
  assert.equal([...variables.keys()], ['instanceNormalization/gamma', 'instanceNormalization/beta']);
  near((await apply(quern.unitNormalization(), f32([2, 2], [3, 4, 0, 0]))).data, [0.6, 0.8, 0, 0]);
  near(
    (await apply(quern.unitNormalization({ axis: [1, 2] }), f32([1, 2, 2], [1, 1, 1, 1]))).data,
    [0.5, 0.5, 0.5, 0.5],
  );
  const both = {
    instance: (x: Tensor) => ops.instanceNormalization(x, { gamma: null, beta: null }),
    unit: (x: Tensor) => ops.unitNormalization(x),
  };
  await sameEverywhere('normalization', normals([2, 3, 5, 6]), both);
  for (const [name, fn] of Object.entries(both)) checkGradients(name, normals([2, 3, 2, 3]), fn);
});

test('activations with parameters', async () => {
  const x = f32([1, 2, 2], [-1, 2, -3, 4]);
  near((await apply(quern.leakyRelu(), x)).data, [-0.3, 2, -0.9, 4]);
  near((await apply(quern.elu({ alpha: 2 }), x)).data, [2 * Math.expm1(-1), 2, 2 * Math.expm1(-3), 4]);
  const shared = await apply(quern.prelu({ alphaInitializer: 'ones', sharedAxes: [1] }), x);
  near(shared.data, [-1, 2, -3, 4]);
  assert.equal(shared.variables.get('prelu/alpha')?.shape, [1, 2]);
  near((await apply(quern.prelu(), x)).data, [0, 2, 0, 4]);
});

test('layers that change the shape', async () => {
  const x = counting([2, 6]);
  assert.equal((await apply(quern.reshape({ targetShape: [3, -1] }), x)).shape, [2, 3, 2]);
  near((await apply(quern.permute({ dims: [2, 1] }), counting([1, 2, 3]))).data, [1, 4, 2, 5, 3, 6]);
  near((await apply(quern.repeatVector({ n: 2 }), counting([2, 2]))).data, [1, 2, 1, 2, 3, 4, 3, 4]);
});

const moments = (data: ArrayLike<number> | undefined) => {
  const values = Array.from(data ?? []);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  return { mean, variance };
};

function holdsMoments(data: ArrayLike<number> | undefined, mean: number, variance: number): void {
  const found = moments(data);
  assert.ok(Math.abs(found.mean - mean) < 0.04 && Math.abs(found.variance - variance) < 0.04, JSON.stringify(found));
}

test('noise has the moments that it promises in training, and there is none in inference', async () => {
  const zeros = f32([100, 100], new Array<number>(10000).fill(0));
  const ones = f32([100, 100], new Array<number>(10000).fill(1));
  holdsMoments((await apply(quern.gaussianNoise({ stddev: 0.5 }), zeros, true)).data, 0, 0.25);
  holdsMoments((await apply(quern.gaussianDropout({ rate: 0.2 }), ones, true)).data, 1, 0.25);
  holdsMoments((await apply(quern.alphaDropout({ rate: 0.3 }), normals([100, 100]), true)).data, 0, 1);
  for (const layer of [
    quern.gaussianNoise({ stddev: 0.5 }),
    quern.gaussianDropout({ rate: 0.2 }),
    quern.alphaDropout({ rate: 0.3 }),
  ]) {
    assert.equal((await apply(layer, ones)).data, ones.data);
    assert.equal((await apply(layer, ones, true)).data, (await apply(layer, ones, true)).data);
  }
});

test('spatial dropout drops whole channels', async () => {
  const layers = [
    [quern.spatialDropout1d({ rate: 0.5 }), [8, 6, 16]],
    [quern.spatialDropout2d({ rate: 0.5 }), [8, 2, 3, 16]],
    [quern.spatialDropout3d({ rate: 0.5 }), [8, 1, 2, 3, 16]],
  ] as const;
  for (const [layer, shape] of layers) {
    const x = f32(shape, new Array<number>(768).fill(1));
    const data = Array.from((await apply(layer, x, true)).data ?? []);
    for (let example = 0; example < 8; example++) {
      for (let channel = 0; channel < 16; channel++) {
        const places = [0, 1, 2, 3, 4, 5].map((place) => data[(example * 6 + place) * 16 + channel]);
        assert.ok(new Set(places).size === 1 && (places[0] === 0 || places[0] === 2));
      }
    }
    const dropped = data.filter((value) => value === 0).length / 768;
    assert.ok(dropped > 0.3 && dropped < 0.7, `${dropped} dropped`);
    assert.equal((await apply(layer, x)).data, x.data);
  }
});

test('normal numbers are the same on every backend that trains', async () => {
  const key = ndarray('i32', [2], [3, 4]);
  const all = await Promise.all(
    trainingBackends.map(async (backend) => {
      const builder = new quern.ProgramBuilder();
      builder.trace('main', { key }, ({ key }) => ({ y: ops.randomNormal([7, 143], key, 5) }));
      const executable = await backend.compile(builder.program());
      const { y } = await executable.run('main', { key });
      executable.close();
      return y?.data;
    }),
  );
  holdsMoments(all[0], 0, 1);
  for (const data of all) near(data, Array.from(all[0] ?? []));
});

test('a network of these layers learns, is kept in a file, and becomes int8', async () => {
  const model = quern.sequential([
    quern.input({ shape: [9, 9, 1] }),
    quern.resizing({ height: 8, width: 8 }),
    quern.spatialDropout2d({ rate: 0.1 }),
    quern.conv2d({ filters: 8, kernelSize: 3, padding: 'same' }),
    quern.instanceNormalization(),
    quern.prelu({ sharedAxes: [1, 2] }),
    quern.averagePooling2d(),
    quern.gaussianNoise({ stddev: 0.01 }),
    quern.upSampling2d(),
    quern.adaptiveAveragePooling2d({ outputSize: 3 }),
    quern.globalMaxPooling2d(),
    quern.dense({ units: 2, activation: 'softmax' }),
  ]);
  const noise = normals([64, 9, 9, 1]);
  const y = ndarray(
    'i32',
    [64],
    Array.from({ length: 64 }, (_, i) => i % 2),
  );
  // Stripes: upright in the first class, level in the second.
  const x = f32(
    [64, 9, 9, 1],
    Array.from(noise.data, (value, i) => {
      const place = i % 162 < 81 ? i % 9 : Math.floor((i % 81) / 9);
      return 0.2 * value + (place % 4 < 2 ? 1 : 0);
    }),
  );
  model.compile({
    optimizer: quern.adam({ learningRate: 0.02 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  await model.fit(x, y, { epochs: 20, batchSize: 16, verbose: 0 });
  const { accuracy } = await model.evaluate(x, y);
  assert.ok((accuracy ?? 0) > 0.9, `accuracy ${accuracy}`);
  const expected = Array.from((await model.predict(x)).data);
  const folder = mkdtempSync(join(tmpdir(), 'quern-'));
  try {
    const path = join(folder, 'model.safetensors');
    await model.save(path);
    const again = await quern.loadModel(path);
    near((await again.predict(x)).data, expected);
    again.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
  const small = await quern.quantize(model, { calibration: x });
  near((await small.predict(x)).data, expected, 0.1);
  small.close();
  model.close();
});

test('bad input', async () => {
  const refuse = (fn: () => unknown, text: RegExp) =>
    assert.throws(fn, (error: unknown) => error instanceof ArgumentError && text.test(error.message), `${text}`);
  refuse(() => quern.averagePooling2d({ poolSize: [2, 2, 2] }), /\[averagePooling2d\] poolSize must be .* a list of 2/);
  refuse(() => quern.maxPooling1d({ strides: 0 }), /strides must be a positive integer\. Received 0/);
  refuse(() => quern.adaptiveMaxPooling2d({ outputSize: 0 }), /outputSize must be a positive integer/);
  refuse(() => quern.upSampling1d({ size: 1.5 }), /size must be a positive integer/);
  refuse(() => quern.rescaling({ scale: NaN }), /scale must be a finite number/);
  refuse(() => quern.normalization({ mean: [], variance: 1 }), /mean must be a number or a list/);
  refuse(() => quern.normalization({ mean: 0, variance: -1 }), /variance must be a number from 0/);
  refuse(() => quern.gaussianNoise({ stddev: -1 }), /stddev must be a number from 0/);
  refuse(() => quern.alphaDropout({ rate: 1 }), /rate must be a number in \[0, 1\)/);
  refuse(() => quern.unitNormalization({ axis: 0.5 }), /axis must be an integer/);
  refuse(() => quern.reshape({ targetShape: [-1, -1] }), /at most one -1/);
  refuse(() => quern.repeatVector({ n: 0 }), /n must be a positive integer/);
  refuse(() => quern.momentsOf(f32([0, 3], [])), /\[momentsOf\].*with data/);
  assert.throws(
    () => quern.momentsOf(f32([1, 2], [1, NaN])),
    (error: unknown) => error instanceof NumericsError,
  );
  const shapes: readonly (readonly [Layer, NDArray, RegExp])[] = [
    [quern.averagePooling1d(), normals([2, 3]), /\[averagePooling1d\] sequences \[batch, length, channels\]/],
    [quern.globalMaxPooling2d(), normals([2, 3, 4]), /\[globalMaxPooling2d\] images/],
    [quern.upSampling3d(), normals([2, 3, 4, 1]), /\[upSampling3d\] volumes/],
    [quern.spatialDropout1d({ rate: 0.5 }), normals([2, 3]), /sequences/],
    [quern.normalization({ mean: [1, 2], variance: 1 }), normals([2, 3]), /\[normalization\] x of 2 features/],
    [quern.prelu({ sharedAxes: [3] }), normals([2, 3]), /\[prelu\] sharedAxes below the rank/],
    [quern.permute({ dims: [1, 1] }), normals([2, 3, 4]), /\[permute\] dims with each of the axes 1 to 2 once/],
    [quern.repeatVector({ n: 2 }), normals([2, 3, 4]), /\[repeatVector\] x \[batch, features\]/],
    [quern.reshape({ targetShape: [4] }), normals([2, 3]), /\[reshape\] a shape of as many elements/],
    [quern.instanceNormalization(), normals([2, 3]), /\[instanceNormalization\] x \[batch, \.\.\., channels\]/],
  ];
  for (const [layer, x, text] of shapes) {
    const error = await rejection(apply(layer, x));
    assert.instance(error, ShapeError);
    assert.match((error as Error).message, text);
  }
});

test.run();
