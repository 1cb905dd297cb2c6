/** Examples and classes that weigh differently, on every backend; and weights that make no sense. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DTypeError, NumericsError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { dense } from '../src/nn/dense.js';
import { input } from '../src/nn/input.js';
import { FrozenModel } from '../src/train/frozen.js';
import { type FitOptions, type Model, type ModelOptions, sequential } from '../src/train/model.js';
import { sgd } from '../src/train/optimizers.js';
import { trainingBackends } from './support/backends.js';
import { rejection } from './support/rejection.js';

const f32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('f32', shape, data);
const i32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('i32', shape, data);
const quiet = { verbose: 0, shuffle: false } as const;

const x = f32([4, 1], [1, 2, 3, 4]);
const y = f32([4, 1], [0, 0, 0, 0]);
const weights = [2, 0, 0.5, 1];

const near = (actual: number | undefined, expected: number, what: string): void =>
  assert.ok(Math.abs((actual ?? NaN) - expected) < 1e-5 * Math.max(1, Math.abs(expected)), `${what}: ${actual}`);

/** Predicts x, from the kernel 1. */
function line(options: ModelOptions): Model {
  const layers = [input({ shape: [1] }), dense({ units: 1, useBias: false, kernelInitializer: 'ones' })];
  const model = sequential(layers, options);
  model.compile({
    optimizer: sgd({ learningRate: 0.01 }),
    loss: 'meanSquaredError',
    metrics: ['meanAbsoluteError'],
    weightedMetrics: ['meanSquaredError', 'rootMeanSquaredError'],
  });
  return model;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Of the predictions k * x: the loss divides by the number of examples, weighted metrics by their weights. */
function byHand(k: number, rows: readonly number[], w: readonly number[]) {
  const squares = rows.map((value, i) => (w[i] ?? NaN) * (k * value) ** 2);
  return {
    loss: sum(squares) / rows.length,
    meanAbsoluteError: sum(rows.map((value) => Math.abs(k * value))) / rows.length,
    meanSquaredError: sum(squares) / sum(w),
    rootMeanSquaredError: Math.sqrt(sum(squares) / sum(w)),
    slope: sum(rows.map((value, i) => (w[i] ?? NaN) * 2 * k * value ** 2)) / rows.length,
  };
}

for (const backend of trainingBackends) {
  test(`weights multiply losses, on ${backend.name}`, async () => {
    const model = line({ backend });
    const sampleWeight = f32([4], weights);
    const { slope, ...before } = byHand(1, [1, 2, 3, 4], weights);
    const evaluated = await model.evaluate(x, y, { sampleWeight, batchSize: 3 });
    for (const [name, value] of Object.entries(before)) near(evaluated[name], value, name);

    const validationData = [x, y, f32([4, 1], [0, 0, 0, 1])] as const;
    const { history } = await model.fit(x, y, { ...quiet, batchSize: 4, sampleWeight, validationData });
    for (const [name, value] of Object.entries(before)) near(history[name]?.[0], value, name);
    const k = 1 - 0.01 * slope;
    near(model.variables().get('dense/kernel')?.data[0], k, 'kernel');
    near(history['valLoss']?.[0], (4 * k) ** 2 / 4, 'valLoss');
    near(history['valMeanSquaredError']?.[0], (4 * k) ** 2, 'valMeanSquaredError');

    const plain = byHand(k, [1, 2, 3, 4], [1, 1, 1, 1]);
    const [unweighted, ones] = [await model.evaluate(x, y), await line({ backend }).evaluate(x, y)];
    for (const name of ['loss', 'meanSquaredError', 'rootMeanSquaredError'] as const) {
      near(unweighted[name], plain[name], name);
      near(ones[name], byHand(1, [1, 2, 3, 4], [1, 1, 1, 1])[name], name);
    }

    const frozen = new FrozenModel(model.contents(), { backend });
    frozen.compile({ loss: 'meanSquaredError' });
    near((await frozen.evaluate(x, y))['loss'], plain.loss, 'frozen');
    near((await frozen.evaluate(x, y, { sampleWeight }))['loss'], byHand(k, [1, 2, 3, 4], weights).loss, 'frozen');
    frozen.close();
    model.close();
  });

  test(`classes weigh as they are told, in training alone, on ${backend.name}`, async () => {
    const classifier = (): Model => {
      const layers = [input({ shape: [1] }), dense({ units: 3, activation: 'softmax' })];
      const model = sequential(layers, { backend, seed: 3 });
      model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
      return model;
    };
    const labels = i32([4], [0, 1, 2, 1]);
    const run = async (options: FitOptions): Promise<{ loss: number[]; bias: number[] }> => {
      const model = classifier();
      const { history } = await model.fit(x, labels, { ...quiet, ...options });
      const bias = Array.from(model.variables().get('dense/bias')?.data ?? []);
      model.close();
      return { loss: [history['loss']?.[0] ?? NaN, history['valLoss']?.[0] ?? NaN], bias };
    };
    const validationData = [x, labels] as const;
    const byClass = await run({ classWeight: { 1: 3, 2: 0.5 }, sampleWeight: f32([4], [1, 2, 1, 1]), validationData });
    const bySample = await run({ sampleWeight: f32([4], [1, 6, 0.5, 3]), validationData });
    byClass.bias.forEach((value, i) => near(value, bySample.bias[i] ?? NaN, 'bias'));
    byClass.loss.forEach((value, i) => near(value, bySample.loss[i] ?? NaN, `loss, not ${bySample.loss[i]},`));
  });
}

test('one-hot labels name classes, too', async () => {
  const [backend] = trainingBackends;
  if (!backend) throw new Error('a backend');
  const model = sequential([input({ shape: [1] }), dense({ units: 2, activation: 'softmax' })], { backend });
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
  const hot = f32([4, 2], [1, 0, 0, 1, 0, 1, 1, 0]);
  await model.fit(x, hot, { ...quiet, classWeight: { 0: 0, 1: 0 } });
  assert.equal(Array.from(model.variables().get('dense/bias')?.data ?? []), [0, 0]);
});

test('weights that make no sense are refused', async () => {
  const [backend] = trainingBackends;
  if (!backend) throw new Error('a backend');
  const model = line({ backend });
  const cases: readonly (readonly [FitOptions, new (...args: never[]) => Error, RegExp])[] = [
    [{ sampleWeight: f32([3], [1, 1, 1]) }, ShapeError, /\[sampleWeight\] 4 weights.*Received 3/],
    [{ sampleWeight: f32([4, 2], [1, 1, 1, 1, 1, 1, 1, 1]) }, ShapeError, /\[sampleWeight\] f32 \[batch\]/],
    [{ sampleWeight: i32([4], [1, 1, 1, 1]) }, DTypeError, /\[sampleWeight\]/],
    [{ sampleWeight: f32([4], [1, 1, -0.5, 1]) }, ArgumentError, /not negative are required\. Received -0\.5 in row 2/],
    [{ sampleWeight: f32([4], [1, NaN, 1, 1]) }, NumericsError, /Received NaN in row 1/],
    [{ sampleWeight: { other: f32([4], [1, 1, 1, 1]) } }, ArgumentError, /for each of output.*Received other/],
    [{ classWeight: { 5: 2 } }, ArgumentError, /classes among the labels are required \(0\)\. Received 5/],
    [{ classWeight: { 0: -1 } }, ArgumentError, /a weight from 0 is required for class 0\. Received -1/],
    [{ validationData: [x, y, f32([1], [1])] }, ShapeError, /4 weights/],
  ];
  for (const [options, type, message] of cases) {
    const error = await rejection(model.fit(x, y, { ...quiet, ...options }));
    assert.instance(error, type, error.message);
    assert.match(error.message, message);
  }
  const fractions = f32([4, 1], [0.5, 1, 0, 1]);
  const error = await rejection(model.fit(x, fractions, { ...quiet, classWeight: { 1: 2 } }));
  assert.match(error.message, /\[classWeight\] labels that name one class are required/);
});

test.run();
