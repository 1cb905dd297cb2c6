/** Profiles: every record, mapped to layers, with the work that the cost table counts; and the first node that makes a NaN. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Backend } from '../src/backend/backend.js';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { quantize } from '../src/compress/quantize.js';
import { ArgumentError, NumericsError, ShapeError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import { uniform } from '../src/core/random.js';
import { conv2d } from '../src/nn/conv2d.js';
import { dense } from '../src/nn/dense.js';
import { flatten } from '../src/nn/flatten.js';
import { input } from '../src/nn/input.js';
import { maxPooling2d } from '../src/nn/pooling.js';
import { type Model, sequential } from '../src/train/model.js';
import { type Profile, profile, requireFinite } from '../src/train/profile.js';
import { trainingBackends } from './support/backends.js';
import { rejection } from './support/rejection.js';

const test = suite('profile');

function network(backend: Backend = wasmBackend({ training: true })): Model {
  const layers = [
    input({ shape: [8, 8, 2] }),
    conv2d({ filters: 4, kernelSize: 3, activation: 'relu' }),
    maxPooling2d(),
    flatten(),
    dense({ units: 5, activation: 'softmax' }),
  ];
  const model = sequential(layers, { backend });
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' });
  return model;
}

const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.abs(expected), `${actual} ~ ${expected}`);

/** What must hold of every profile. */
function checkSums({ nodes, layers, ops, ms, msOfRecords, multiplyAdds, gflops, runs }: Profile): void {
  assert.ok(nodes.length > 0 && ms > 0 && runs === 3);
  for (const works of [nodes, layers, ops]) {
    near(
      works.reduce((sum, work) => sum + work.ms, 0),
      msOfRecords,
    );
    assert.is(
      works.reduce((sum, work) => sum + work.multiplyAdds, 0),
      multiplyAdds,
    );
  }
  near(gflops, (2 * multiplyAdds) / ms / 1e6);
  for (const node of nodes) {
    near(
      node.records.reduce((sum, record) => sum + record.ms, 0),
      node.ms,
    );
    assert.ok(node.records.length > 0 && node.records.every((record) => record.ms >= 0 && record.kernel !== ''));
  }
  assert.equal(
    layers.map((layer) => layer.ms),
    layers.map((layer) => layer.ms).sort((a, b) => b - a),
  );
}

for (const backend of trainingBackends) {
  test(`${backend.name}: a forward pass, layer by layer`, async () => {
    const model = network(backend);
    const result = await profile(model, { batchSize: 3, runs: 3 });
    checkSums(result);
    assert.equal(
      [...new Set(result.nodes.flatMap(({ layers }) => layers))].sort(),
      result.layers.map(({ name }) => name).sort(),
    );
    for (const layer of ['conv2d', 'maxPooling2d', 'dense']) {
      assert.ok(
        result.layers.some(({ name }) => name === layer),
        layer,
      );
    }
    // 3 images of 6 x 6 pixels, 4 filters, windows of 3 x 3 x 2: and what comes in and goes out in f32.
    const convolution = result.nodes.find(({ op }) => op === 'conv2d');
    assert.ok((convolution?.multiplyAdds ?? 0) >= 3 * 36 * 4 * 18);
    assert.ok((convolution?.bytes ?? 0) >= 4 * (3 * 64 * 2 + 18 * 4 + 3 * 36 * 4));
    model.close();
  });

  test(`${backend.name}: a training step, which trains nothing here`, async () => {
    const model = network(backend);
    const before = model.variables();
    const result = await profile(model, { graph: 'trainStep', batchSize: 3, runs: 3 });
    checkSums(result);
    for (const op of ['conv2d', 'conv2dFilterGrad', 'maxPool2dGrad', 'adam']) {
      assert.ok(
        result.ops.some(({ name }) => name === op),
        op,
      );
    }
    const filterGradient = result.nodes.find(({ op }) => op === 'conv2dFilterGrad');
    assert.equal(filterGradient?.layers, ['conv2d']);
    assert.equal(model.variables(), before);
    model.close();
  });
}

test('an int8 cluster is mapped to its layers, and its bytes are those of integers', async () => {
  const model = network();
  const small = await quantize(model, { calibration: ndarray('f32', [16, 8, 8, 2], uniform([1, 0], 16 * 128)) });
  const result = await profile(small, { batchSize: 3, runs: 3 });
  checkSums(result);
  const convolution = result.nodes.find(({ op }) => op === 'conv2d');
  assert.equal(convolution?.layers, ['conv2d', 'maxPooling2d']);
  assert.ok(convolution?.fused.includes('conv2d/quantize'));
  assert.ok(convolution?.records.some(({ kernel }) => kernel === 'convInteger'));
  assert.is(convolution?.multiplyAdds, 3 * 36 * 4 * 18);
  // u8 images in and pooled ones out, i8 weights, and at most 64 bytes of scales, zero points and biases.
  const bytes = 3 * 64 * 2 + 18 * 4 + 3 * 9 * 4;
  assert.ok((convolution?.bytes ?? 0) >= bytes && (convolution?.bytes ?? 0) <= bytes + 64, `${convolution?.bytes}`);
  model.close();
  small.close();
});

test('timing leaves an executable fit, whatever was packed', async () => {
  const model = network();
  const x = ndarray('f32', [2, 8, 8, 2], uniform([3, 0], 256));
  const executable = await wasmBackend({ training: true }).compile(
    { ...model.program, symbols: { batch: { max: 2 } } },
    { graphs: ['predict'] },
  );
  for (const [name, value] of model.contents().variables) executable.setVariable(name, value);
  const { records, ms } = await executable.time('predict', { input: x }, { runs: 4 });
  assert.is(ms.length, 4);
  for (const record of records) assert.is(record.ms.length, 4);
  const [here, there] = [executable.runSync('predict', { input: x })['output'], await model.predict(x)];
  assert.equal(Array.from(here?.data ?? []), Array.from(there.data));
  assert.instance(await rejection(executable.time('predict', { input: x }, { runs: 0 })), ArgumentError);
  executable.close();
  model.close();
});

test('the first node that makes a NaN is named', async () => {
  const model = network();
  const bias = ndarray('f32', [5], [0, 0, 0, 0, 3e38]);
  const kernel = model.variables().get('dense/kernel');
  model.setVariables({ 'dense/bias': bias, 'dense/kernel': { ...kernel!, data: kernel!.data.map(() => 3e38) } });
  const x = ndarray('f32', [2, 8, 8, 2], uniform([3, 0], 256));
  const wrong =
    /\[predict\] finite numbers are required\. Received Infinity at element 0 of the output of 'dense\/matmul'/;
  assert.match(String(await rejection(profile(model, { checkFinite: true }))), wrong);
  const error = await rejection(requireFinite(model, { input: x }));
  assert.instance(error, NumericsError);
  assert.match(String(error), wrong);
  model.close();
});

test('what cannot be profiled is refused', async () => {
  const model = network();
  const cases = [
    [
      { graph: 'decode' },
      ArgumentError,
      /a graph of the model is required \(predict, trainStep, evaluate\)\. Received 'decode'/,
    ],
    [{ batchSize: 0 }, ArgumentError, /batchSize must be a positive integer\. Received 0/],
    [{ runs: 0.5 }, ArgumentError, /a positive integer of runs/],
    [{ inputs: { input: ndarray('f32', [1, 8, 8, 1]) } }, ShapeError, /\[batch, 8, 8, 2\]/],
    [{ inputs: { other: ndarray('f32', [1]) } }, ArgumentError, /Received 'other'/],
    [{ batchSize: 1, inputs: { input: ndarray('f32', [2, 8, 8, 2]) } }, ShapeError, /batch of at most 1/],
  ] as const;
  for (const [options, kind, message] of cases) {
    const error = await rejection(profile(model, options));
    assert.instance(error, kind, String(error));
    assert.match(String(error), message);
  }
  model.close();
});

test.run();
