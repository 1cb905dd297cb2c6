/** Metrics that add up over batches, on every backend: against the exact scores, whatever the batches, and by hand. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Backend } from '../src/backend/backend.js';
import { ArgumentError, DTypeError, IndexError, NumericsError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal, randomWords } from '../src/core/random.js';
import { takeRows } from '../src/data/rows.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import {
  auc,
  categoricalAccuracy,
  f1Score,
  type Metric,
  precision,
  r2Score,
  recall,
  rootMeanSquaredError,
  type TotalMetric,
} from '../src/nn/metrics.js';
import { weightedMean } from '../src/nn/metric.js';
import { dense } from '../src/nn/dense.js';
import { input } from '../src/nn/input.js';
import { sequential } from '../src/train/model.js';
import { sgd } from '../src/train/optimizers.js';
import * as scores from '../src/train/scores.js';
import { trainingBackends } from './support/backends.js';
import { rejection } from './support/rejection.js';

const f32 = (shape: readonly number[], data: ArrayLike<number>): NDArray => ndarray('f32', shape, data);
const i32 = (shape: readonly number[], data: ArrayLike<number>): NDArray => ndarray('i32', shape, data);
const rows = (start: number, end: number): Int32Array => Int32Array.from({ length: end - start }, (_, i) => start + i);

const count = 90;
/** Probabilities on a grid, so that some are equal. */
const p = f32(
  [count, 1],
  Array.from(randomWords([3, 1], 0, count), (word) => (word % 21) / 20),
);
const y = f32(
  [count, 1],
  Array.from(randomWords([3, 2], 0, count), (word, i) => Number(word % 4 < (p.data[i] ?? 0) * 4)),
);
const logits = f32([count, 4], normal([3, 3], count * 4));
const classes = i32(
  [count],
  Array.from(randomWords([3, 4], 0, count), (word) => word % 4),
);
const targets = f32(
  [count, 2],
  Array.from(normal([3, 5], count * 2), (value) => 1000 + value),
);
const guesses = f32(
  [count, 2],
  Array.from(normal([3, 6], count * 2), (value, i) => (targets.data[i] ?? 0) + value / 3),
);

/** The metric over batches that end at `ends`. */
async function measured(
  backend: Backend,
  metric: TotalMetric,
  [labels, prediction]: readonly [NDArray, NDArray],
  ends: readonly number[],
  weights?: NDArray,
): Promise<number> {
  const typeOf = ({ dtype, shape }: NDArray) => ({ dtype, shape: ['batch', ...shape.slice(1)] });
  const given = { labels, prediction, ...(weights && { weights }) };
  const builder = new ProgramBuilder({ symbols: { batch: 128 } });
  const types = Object.fromEntries(Object.entries(given).map(([name, array]) => [name, typeOf(array)]));
  builder.trace('measure', types, (inputs) => {
    const { labels, prediction, weights } = inputs;
    if (!labels || !prediction) throw new Error('labels and predictions');
    return { totals: metric.totals(labels, prediction, weights) };
  });
  const executable = await backend.compile(builder.program());
  const merge = metric.merge ?? ((a, b) => a.map((value, i) => value + (b[i] ?? NaN)));
  let totals: readonly number[] | undefined;
  for (const [i, end] of ends.entries()) {
    const part = rows(ends[i - 1] ?? 0, end);
    const feeds = Object.fromEntries(Object.entries(given).map(([name, array]) => [name, takeRows(array, part)]));
    const found = Array.from((await executable.run('measure', feeds))['totals']?.data ?? []);
    totals = totals ? merge(totals, found) : found;
  }
  executable.close();
  return metric.result(totals ?? []);
}

const isNear = (a: number, b: number, what: string, tolerance = 1e-6): void =>
  assert.ok(Math.abs(a - b) < tolerance, `${what}: ${a} instead of ${b}`);

for (const backend of trainingBackends) {
  const whole = [count];
  const parts = [7, 8, 40, count];

  test(`${backend.name}: whatever the batches, metrics are the scores of all examples`, async () => {
    const squares = Array.from(targets.data, (value, i) => (value - (guesses.data[i] ?? NaN)) ** 2);
    const root = Math.sqrt(squares.reduce((sum, each) => sum + each, 0) / squares.length);
    const expected: readonly (readonly [TotalMetric, readonly [NDArray, NDArray], number, number?])[] = [
      [precision(), [y, p], scores.precision(y, p)],
      [recall({ threshold: 0.33 }), [y, p], scores.recall(y, p, { threshold: 0.33 })],
      [f1Score(), [y, p], scores.f1(y, p)],
      [precision(), [classes, logits], scores.precision(classes, logits)],
      [recall(), [classes, logits], scores.recall(classes, logits)],
      [f1Score(), [classes, logits], scores.f1(classes, logits)],
      // Every probability of the grid lies between two thresholds of its own: the area is exact.
      [auc(), [y, p], scores.auc(y, p)],
      // Float32 holds these labels to 6e-5, a 20000th of their deviation.
      [r2Score(), [targets, guesses], scores.r2(targets, guesses), 1e-5],
      [rootMeanSquaredError(), [targets, guesses], root],
    ];
    for (const [metric, arrays, value, tolerance] of expected) {
      isNear(await measured(backend, metric, arrays, whole), value, metric.name, tolerance);
      isNear(await measured(backend, metric, arrays, parts), value, `${metric.name} of parts`, tolerance);
    }
  });

  test(`${backend.name}: an example of weight 2 counts as two, one of weight 0 as none`, async () => {
    const times = Array.from(randomWords([3, 9], 0, count), (word) => word % 3);
    const repeated = Int32Array.from(times.flatMap((n, row) => new Array<number>(n).fill(row)));
    const weights = f32([count], times);
    const pairs: readonly (readonly [TotalMetric, readonly [NDArray, NDArray]])[] = [
      [precision(), [y, p]],
      [f1Score(), [classes, logits]],
      [auc(), [y, p]],
      [r2Score(), [targets, guesses]],
      [rootMeanSquaredError(), [targets, guesses]],
      [weightedMean(categoricalAccuracy()), [targets, guesses]],
    ];
    for (const [metric, [labels, prediction]] of pairs) {
      const twice = [takeRows(labels, repeated), takeRows(prediction, repeated)] as const;
      const expected = await measured(backend, metric, twice, [repeated.length]);
      isNear(await measured(backend, metric, [labels, prediction], parts, weights), expected, metric.name, 1e-5);
    }
  });
}

const [first] = trainingBackends;

async function refused(metric: TotalMetric, labels: NDArray, prediction: NDArray): Promise<Error> {
  if (!first) throw new Error('a backend');
  return rejection(measured(first, metric, [labels, prediction], [labels.shape[0] ?? 0]));
}

test('labels and predictions of the wrong kind are refused by name', async () => {
  const cases: readonly (readonly [TotalMetric, NDArray, NDArray, new (...args: never[]) => Error, RegExp])[] = [
    [precision(), i32([2], [0, 1]), f32([2, 1, 3], [0, 1, 0, 0, 0, 1]), ShapeError, /\[precision\].*\[2, 1, 3\]|batch/],
    [
      recall(),
      f32([2, 3], [0, 1, 0, 0, 0, 1]),
      f32([2, 1], [0, 1]),
      ShapeError,
      /\[recall\] labels of the predictions/,
    ],
    [f1Score(), i32([2], [0, 1]), i32([2, 1], [0, 1]), DTypeError, /\[f1Score\] predictions of f32/],
    [auc(), i32([2], [0, 1]), f32([2, 2], [0, 1, 1, 0]), DTypeError, /\[auc\] labels of f32/],
    [auc(), f32([2, 1], [1, 1]), f32([2, 1], [0, 1]), ArgumentError, /both classes.*2 of class 1 and 0 of class 0/],
    [auc(), f32([2, 1], [1, 0.5]), f32([2, 1], [0, 1]), IndexError, /labels 0 and 1 are required\. 1 /],
    [auc(), f32([2, 1], [1, 0]), f32([2, 1], [3, -2]), NumericsError, /in \[0, 1\].*2 are not\. Is fromLogits meant/],
    [r2Score(), f32([2, 1], [3, 3]), f32([2, 1], [3, 4]), ArgumentError, /\[r2Score\].*Received 3 only/],
    [rootMeanSquaredError(), i32([2], [0, 1]), f32([2, 2], [0, 1, 1, 0]), DTypeError, /labels of f32/],
  ];
  for (const [metric, labels, prediction, type, message] of cases) {
    const error = await refused(metric, labels, prediction);
    assert.instance(error, type, error.message);
    assert.match(error.message, message);
  }
  assert.throws(() => precision({ threshold: NaN }), /a finite threshold/);
  assert.throws(() => auc({ numThresholds: 1 }), /numThresholds of at least 2/);
});

test('logits are turned into probabilities where it is said', async () => {
  if (!first) throw new Error('a backend');
  const raw = f32([4, 1], [-3, 2, 0.5, 4]);
  const labels = f32([4, 1], [0, 0, 1, 1]);
  assert.is(await measured(first, auc({ fromLogits: true }), [labels, raw], [4]), 0.75);
});

test('training, validation and evaluation report figures of all examples', async () => {
  if (!first) throw new Error('a backend');
  const model = sequential([input({ shape: [1] }), dense({ units: 1, activation: 'sigmoid' })], { backend: first });
  const names = ['precision', 'auc', 'rootMeanSquaredError'] as const;
  model.compile({ optimizer: sgd({ learningRate: 0 }), loss: 'binaryCrossentropy', metrics: names });
  const options = { batchSize: 16, epochs: 2, verbose: 0, validationData: [p, y] } as const;
  const { history } = await model.fit(p, y, options);
  const predicted = await model.predict(p);
  const squares = Array.from(predicted.data, (value, i) => (value - (y.data[i] ?? NaN)) ** 2);
  const expected = {
    precision: scores.precision(y, predicted),
    auc: scores.auc(y, predicted),
    rootMeanSquaredError: Math.sqrt(squares.reduce((sum, each) => sum + each, 0) / count),
  };
  const evaluated = await model.evaluate(p, y);
  for (const name of names) {
    const logs = [
      history[name]?.[1],
      history[`val${name.charAt(0).toUpperCase()}${name.slice(1)}`]?.[0],
      evaluated[name],
    ];
    for (const value of logs) isNear(value ?? NaN, expected[name], name, 1e-5);
  }
  const ones = ndarray('f32', [count, 1], new Float32Array(count).fill(1));
  for (const promise of [model.evaluate(p, ones), model.fit(p, ones, { verbose: 0 })]) {
    assert.match((await rejection(promise)).message, /\[auc\] labels of both classes are required/);
  }
});

test('a metric on the wrong kind of output is refused when the model is compiled', () => {
  if (!first) throw new Error('a backend');
  const model = sequential([input({ shape: [1] }), dense({ units: 3, activation: 'softmax' })], { backend: first });
  const compile = (metric: 'auc' | 'r2Score'): void =>
    model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', metrics: [metric] });
  assert.throws(() => compile('auc'), /\[auc\] labels of f32 are required\. Received labels i32 \[batch\]/);
  assert.throws(() => compile('r2Score'), /\[r2Score\] labels of f32/);
});

test('metrics have names', () => {
  const named: readonly (readonly [Metric, string])[] = [
    [precision(), 'precision'],
    [r2Score(), 'r2Score'],
    [weightedMean(categoricalAccuracy()), 'categoricalAccuracy'],
  ];
  for (const [{ name }, expected] of named) assert.is(name, expected);
});

test.run();
