/** Post-training quantization: ranges, weights, the graph that it writes, and what it costs in accuracy. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { affineOf, extend, Histogram } from '../src/compress/ranges.js';
import { quantize } from '../src/compress/quantize.js';
import { quantizeWeights } from '../src/compress/weights.js';
import { ArgumentError, NumericsError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal, uniform } from '../src/core/random.js';
import type { ModelContents } from '../src/format/model.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import type { Graph } from '../src/graph/program.js';
import { verify } from '../src/graph/verify.js';
import { conv2d } from '../src/nn/conv2d.js';
import { dense } from '../src/nn/dense.js';
import { flatten } from '../src/nn/flatten.js';
import { input } from '../src/nn/input.js';
import { maxPooling2d } from '../src/nn/pooling.js';
import { softmax } from '../src/nn/activation.js';
import { add } from '../src/ops/binary.js';
import { matmul } from '../src/ops/linear.js';
import { loadFrozenModel } from '../src/train/frozen.js';
import { type Model, sequential } from '../src/train/model.js';
import { adam } from '../src/train/optimizers.js';
import { gaussian } from './support/initial.js';
import { rejection } from './support/rejection.js';

const backend = referenceBackend;

test('weights become integers from -127 to 127 with a scale for each channel', () => {
  const shape = [3, 3, 4, 5];
  const data = normal([1, 1], 180).map((w, i) => (i % 5 === 2 ? 0 : w * 10 ** ((i % 5) - 2)));
  const { integers, scales } = quantizeWeights(ndarray('f32', shape, data), 3);
  assert.equal([integers.dtype, integers.shape, scales.shape], ['i8', shape, [5]]);
  const most = [0, 0, 0, 0, 0];
  integers.data.forEach((q: number, i: number) => {
    const channel = i % 5;
    most[channel] = Math.max(most[channel] ?? 0, Math.abs(q));
    const scale = scales.data[channel] ?? 0;
    assert.ok(Math.abs(q * scale - (data[i] ?? 0)) <= scale / 2 + 1e-9);
  });
  assert.equal(most, [127, 127, 0, 127, 127]);
  const rows = quantizeWeights(ndarray('f32', [2, 2], [1, 2, 100, -200]), 0);
  assert.equal([...rows.integers.data], [64, 127, 64, -127]);
});

test('a range covers what was seen, and zero is exact in it', () => {
  const range = extend(extend({ low: 0, high: 0 }, [0.5, 2]), [-0.3]);
  assert.equal(range, { low: -0.3, high: 2 });
  const { scale, zeroPoint } = affineOf(range);
  assert.ok(Math.abs(scale - 2.3 / 255) < 1e-8);
  assert.is(zeroPoint, 33);
  assert.equal(affineOf({ low: 0, high: 0 }), { scale: 1, zeroPoint: 0 });
  assert.equal(affineOf({ low: -1, high: 0 }).zeroPoint, 255);
  const pixels = affineOf(extend({ low: 0, high: 0 }, [0, 1]));
  assert.equal(pixels, { scale: Math.fround(1 / 255), zeroPoint: 0 });
});

test('the range with the least error clips outliers, and keeps evenly spread values whole', () => {
  const roundTrip = (data: ArrayLike<number>, { scale, zeroPoint }: { scale: number; zeroPoint: number }): number =>
    Array.from(data).reduce((total, value) => {
      const q = Math.min(255, Math.max(0, Math.round(value / scale) + zeroPoint));
      return total + (value - (q - zeroPoint) * scale) ** 2;
    }, 0);
  const spread = (data: Float32Array) => {
    const range = extend({ low: 0, high: 0 }, data);
    const histogram = new Histogram(range);
    histogram.add(data);
    return { whole: affineOf(range), best: histogram.best() };
  };
  const tailed = uniform([4, 4], 200_000).map((value) => Math.log(1 - value) ** 2);
  const clipped = spread(tailed);
  assert.ok(clipped.best.scale < 0.9 * clipped.whole.scale);
  assert.ok(roundTrip(tailed, clipped.best) < roundTrip(tailed, clipped.whole));
  const even = spread(uniform([4, 5], 20_000));
  assert.ok(even.best.scale > 0.98 * even.whole.scale);
  assert.equal(spread(new Float32Array(10)).best, { scale: 1, zeroPoint: 0 });
});

/** A network that tells where a bright bar is in a picture of 8 x 8: trained once for the tests. */
async function trainedBars(): Promise<{ model: Model; x: NDArray; y: NDArray }> {
  const count = 160;
  const data = uniform([9, 9], count * 64, 0, 0.4);
  const labels = Array.from({ length: count }, (_, i) => i % 4);
  labels.forEach((label, i) => {
    for (let at = 0; at < 8; at++) data[i * 64 + at * 8 + 2 * label] = 1;
  });
  const [x, y] = [ndarray('f32', [count, 8, 8, 1], data), ndarray('i32', [count], labels)];
  const model = sequential(
    [
      input({ shape: [8, 8, 1], name: 'picture' }),
      conv2d({ filters: 6, kernelSize: 3, activation: 'relu' }),
      maxPooling2d(),
      flatten(),
      dense({ units: 12, activation: 'tanh' }),
      dense({ units: 4 }),
      softmax(),
    ],
    { backend, seed: 2 },
  );
  const measures = { loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] } as const;
  model.compile({ optimizer: adam({ learningRate: 0.02 }), ...measures });
  await model.fit(x, y, { epochs: 6, batchSize: 16, verbose: 0 });
  return { model, x, y };
}

const bars = await trainedBars();
const folder = mkdtempSync(join(tmpdir(), 'quern-quantize-'));
test.after(() => rmSync(folder, { recursive: true }));

test('a quantized model is as accurate, in a file of a quarter of the bytes for its weights', async () => {
  const { model, x, y } = bars;
  const int8 = await quantize(model, { calibration: x });
  int8.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const [before, after] = [await model.evaluate(x, y), await int8.evaluate(x, y)];
  assert.ok((before['accuracy'] ?? 0) > 0.95, `trained to ${before['accuracy']}`);
  assert.ok(Math.abs((before['accuracy'] ?? 0) - (after['accuracy'] ?? 1)) <= 0.01, `int8 ${after['accuracy']}`);
  const [p, q] = [await model.predict(x), await int8.predict(x)];
  assert.equal([q.dtype, q.shape], ['f32', p.shape]);
  const differences = Array.from(p.data, (value, i) => Math.abs(value - (q.data[i] ?? NaN)));
  assert.ok(Math.max(...differences) < 0.1);
  assert.ok(Math.max(...differences) > 0, 'integers round');

  const paths = [join(folder, 'float32.safetensors'), join(folder, 'int8.safetensors')] as const;
  await model.save(paths[0]);
  await int8.save(paths[1]);
  assert.ok(statSync(paths[1]).size < statSync(paths[0]).size);
  const loaded = await loadFrozenModel(paths[1], { backend });
  assert.equal((await loaded.predict(x)).data, q.data);
  const { variables, assets } = loaded.contents();
  const typed = Object.fromEntries(
    [...variables].map(([name, { dtype, shape }]) => [name, `${dtype} ${shape.join('x')}`]),
  );
  assert.equal(typed, {
    'conv2d/kernel': 'i8 3x3x1x6',
    'conv2d/kernel/scale': 'f32 6',
    'conv2d/bias': 'f32 6',
    'dense/kernel': 'i8 54x12',
    'dense/kernel/scale': 'f32 12',
    'dense/bias': 'f32 12',
    'dense_1/kernel': 'i8 12x4',
    'dense_1/kernel/scale': 'f32 4',
    'dense_1/bias': 'f32 4',
  });
  assert.is(assets?.has('layers'), false);
});

const opsOf = (graph: Graph | undefined): string[] =>
  (graph?.nodes ?? []).map(({ op }) => op).filter((op) => op !== 'constant');

test('activations are quantized where they are made: before pooling, after relu; the output is not', async () => {
  const { program } = (await quantize(bars.model, { calibration: bars.x })).contents();
  verify(program);
  assert.equal(program.symbols, { batch: { max: 64 } });
  assert.equal(opsOf(program.graphs['predict']), [
    ...['quantize', 'dequantize', 'dequantize', 'conv2d', 'add', 'relu'],
    ...['quantize', 'dequantize', 'maxPool2d', 'reshape', 'dequantize', 'matmul', 'add', 'tanh'],
    ...['quantize', 'dequantize', 'dequantize', 'matmul', 'add', 'softmax'],
  ]);
  const kinds = program.graphs['predict']?.nodes.flatMap(({ op, attrs }) => (op === 'quantize' ? [attrs] : []));
  assert.equal(kinds, new Array(3).fill({ dtype: 'u8', axis: null }));
});

test('integers move through pooling as floats would', async () => {
  const { model, x } = bars;
  const { program, variables } = (await quantize(model, { calibration: x })).contents();
  const predict = program.graphs['predict'];
  assert.ok(predict);
  // Only what the activation before pooling is rounded to can come out of it.
  const pooled = predict.nodes.find(({ op }) => op === 'maxPool2d')?.outputs[0] ?? -1;
  const scaleOf = predict.nodes.filter(({ op }) => op === 'quantize')[1]?.inputs[1] ?? -1;
  const probe: Graph = { ...predict, outputs: { pooled, scale: scaleOf } };
  const executable = await backend.compile({ ...program, graphs: { probe } });
  for (const [name, value] of variables) executable.setVariable(name, value);
  const made = await executable.run('probe', { picture: { ...x, shape: [4, 8, 8, 1], data: x.data.slice(0, 256) } });
  const scale = made['scale']?.data[0] ?? NaN;
  assert.ok(scale > 0);
  for (const value of made['pooled']?.data ?? []) {
    const steps = value / scale;
    assert.ok(Math.abs(steps - Math.round(steps)) < 1e-4 && steps <= 255.0001);
  }
});

/** A model of matmuls on one input, with what is made of its variables. */
function contentsOf(fn: Parameters<ProgramBuilder['trace']>[2]): ModelContents {
  const builder = new ProgramBuilder({ symbols: { batch: 8 }, seed: 3 });
  builder.trace('predict', { x: { dtype: 'f32', shape: ['batch', 6] } }, fn);
  return { program: builder.program(), variables: builder.initialValues() };
}

const quantizable = (contents: ModelContents) => ({ contents: () => contents, backend: async () => backend });

test('an activation that two ops read is quantized once; weights that are read twice stay floats', async () => {
  const calibration = ndarray('f32', [32, 6], normal([6, 6], 192));
  const twoReaders = contentsOf((inputs, scope) => {
    const x = inputs['x'];
    if (!x) throw new Error('an input is required');
    const [a, b] = ['a', 'b'].map((name) => scope.variable(name, { shape: [6, 3], initial: gaussian() }));
    const c = scope.variable('c', { shape: [3, 3], initial: gaussian() });
    if (!a || !b) throw new Error('variables are required');
    const sums = add(matmul(x, a), matmul(x, b));
    return { y: matmul(matmul(sums, c), c) };
  });
  const { program, variables } = (await quantize(quantizable(twoReaders), { calibration })).contents();
  verify(program);
  assert.is(opsOf(program.graphs['predict']).filter((op) => op === 'quantize').length, 1);
  assert.is(opsOf(program.graphs['predict']).filter((op) => op === 'dequantize').length, 3);
  assert.equal([variables.get('a')?.dtype, variables.get('b')?.dtype, variables.get('c')?.dtype], ['i8', 'i8', 'f32']);
});

test('weights stored transposed have their channels on the first axis', async () => {
  const calibration = ndarray('f32', [32, 6], normal([6, 7], 192));
  const transposed = contentsOf(({ x }, scope) => {
    const kernel = scope.variable('kernel', { shape: [4, 6], initial: gaussian() });
    if (!x) throw new Error('an input is required');
    return { y: matmul(x, kernel, { transposeB: true }) };
  });
  const int8 = await quantize(quantizable(transposed), { calibration });
  assert.equal(int8.contents().variables.get('kernel/scale')?.shape, [4]);
  const expected = await backend.compile(transposed.program);
  for (const [name, value] of transposed.variables) expected.setVariable(name, value);
  const x = ndarray('f32', [8, 6], calibration.data.slice(0, 48));
  const y = (await expected.run('predict', { x }))['y'];
  const made = await int8.predict(x);
  made.data.forEach((value: number, i: number) => assert.ok(Math.abs(value - (y?.data[i] ?? NaN)) < 0.1));
});

test('what cannot be quantized, and examples that do not fit, are refused', async () => {
  const { model, x } = bars;
  const int8 = await quantize(model, { calibration: x });
  assert.match((await rejection(quantize(int8, { calibration: x }))).message, /conv2d or matmul of f32 weights/);
  const weightless = contentsOf(({ x }) => {
    if (!x) throw new Error('an input is required');
    return { y: add(x, 1) };
  });
  const calibration = ndarray('f32', [1, 6]);
  assert.instance(await rejection(quantize(quantizable(weightless), { calibration })), ArgumentError);
  assert.instance(await rejection(quantize(model, { calibration })), ShapeError);
  assert.instance(await rejection(quantize(model, { calibration: ndarray('f32', [0, 8, 8, 1]) })), ArgumentError);
  const bad = ndarray('f32', [1, 8, 8, 1], new Float32Array(64).fill(NaN));
  assert.instance(await rejection(quantize(model, { calibration: bad })), NumericsError);
});

test.run();
