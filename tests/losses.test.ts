/** Losses and metrics beyond those of classifiers: arithmetic worked out by hand, and gradients at the edges. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { gradients } from '../src/graph/autodiff.js';
import * as losses from '../src/nn/losses.js';
import * as metrics from '../src/nn/metrics.js';
import { sigmoid } from '../src/ops/elementwise.js';
import { softmax } from '../src/ops/normalize.js';
import { sum } from '../src/ops/reduce.js';
import type { Tensor } from '../src/ops/tensor.js';
import { computed } from './support/traced.js';

const f32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('f32', shape, data);
const { exp, log, sqrt } = Math;

function near(actual: readonly number[], expected: readonly number[], tolerance = 1e-6): void {
  assert.is(actual.length, expected.length);
  expected.forEach((value, i) => {
    const is = actual[i] ?? NaN;
    assert.ok(Math.abs(is - value) <= tolerance, `element ${i}: ${value} is required, ${is} received`);
  });
}

type Call = (labels: Tensor, prediction: Tensor) => Tensor;

const called = (call: Call, y: NDArray, p: NDArray): Promise<number[]> =>
  computed({ y, p }, (x) => call(x['y'] as Tensor, x['p'] as Tensor));

/** The gradient of the sum of losses for the prediction. */
const slopes = (call: Call, y: NDArray, p: NDArray): Promise<number[]> =>
  computed({ y, p }, (x) => gradients(sum(call(x['y'] as Tensor, x['p'] as Tensor)), [x['p'] as Tensor])[0] as Tensor);

test('meanAbsoluteError is a loss and a metric', async () => {
  const [y, p] = [f32([2, 2], [0, 4, 3, 1]), f32([2, 2], [1, 2, 3, 5])];
  near(await called(losses.meanAbsoluteError().call, y, p), [1.5, 2]);
  near(await called(losses.meanSquaredError().call, y, p), [2.5, 8]);
  for (const name of ['meanAbsoluteError', 'meanSquaredError'] as const) assert.is(metrics.metricOf(name).name, name);
  near(await slopes(losses.meanAbsoluteError().call, y, p), [0.5, -0.5, 0, 0.5]);
});

test('huber is half the square, then a line', async () => {
  const [y, p] = [f32([4, 1], [0, 0, 0, 0]), f32([4, 1], [0.5, 1, -3, 0])];
  near(await called(losses.huber().call, y, p), [0.125, 0.5, 2.5, 0]);
  near(await slopes(losses.huber().call, y, p), [0.5, 1, -1, 0]);
  near(await called(losses.huber({ delta: 2 }).call, y, p), [0.125, 0.5, 4, 0]);
  assert.throws(() => losses.huber({ delta: 0 }), /\[huber\] a positive delta is required\. Received 0/);
});

test('hinge takes labels -1 and 1, or 0 and 1', async () => {
  const p = f32([4, 1], [0.3, 2, -0.5, -3]);
  for (const labels of [[1, 1, -1, 1] as const, [1, 1, 0, 1] as const]) {
    near(await called(losses.hinge().call, f32([4, 1], labels), p), [0.7, 0, 0.5, 4]);
  }
  near(await slopes(losses.hinge().call, f32([4, 1], [1, 1, -1, 1]), p), [-1, 0, 1, -1]);
});

test('cosineSimilarity is minus the cosine, and finite for the vector of zeros', async () => {
  const y = f32([4, 2], [3, 4, 1, 0, 1, 0, 1, 0]);
  const p = f32([4, 2], [6, 8, 0, 5, -2, 0, 0, 0]);
  near(await called(losses.cosineSimilarity().call, y, p), [-1, 0, 1, 0]);
  const gradient = await slopes(losses.cosineSimilarity().call, f32([1, 2], [1, 0]), f32([1, 2], [1, 1]));
  near(gradient, [-(2 ** -1.5), 2 ** -1.5]);
  assert.ok((await slopes(losses.cosineSimilarity().call, y, p)).every(Number.isFinite));
});

test('klDivergence is the sum of y log(y / p)', async () => {
  const y = f32([2, 2], [0.25, 0.75, 1, 0]);
  const p = f32([2, 2], [0.5, 0.5, 0.2, 0.8]);
  near(await called(losses.klDivergence().call, y, p), [0.25 * log(0.5) + 0.75 * log(1.5), log(5)]);
  const z = f32([1, 2], [200, 0]);
  near(await called((labels, x) => losses.klDivergence().call(labels, softmax(x)), f32([1, 2], [0, 1]), z), [200]);
  near(await called(losses.klDivergence().call, y, y), [0, 0]);
});

test('smoothing spreads a share of the labels over all classes', async () => {
  const z = f32([1, 3], [1, 2, 0.5]);
  const total = log(exp(1) + exp(2) + exp(0.5));
  const expected = total - (0.8 * 2 + 0.2 * (3.5 / 3));
  const options = { fromLogits: true, labelSmoothing: 0.2 };
  const sparse = losses.sparseCategoricalCrossentropy(options);
  near(await called(sparse.call, ndarray('i32', [1], [1]), z), [expected]);
  near(await called(losses.categoricalCrossentropy(options).call, f32([1, 3], [0, 1, 0]), z), [expected]);
  const binary = losses.binaryCrossentropy({ labelSmoothing: 0.2 });
  near(await called(binary.call, f32([2, 1], [1, 0]), f32([2, 1], [0.7, 0.7])), [
    -0.9 * log(0.7) - 0.1 * log(0.3),
    -0.1 * log(0.7) - 0.9 * log(0.3),
  ]);
  assert.throws(
    () => losses.categoricalCrossentropy({ labelSmoothing: 1 }),
    (e: unknown) => e instanceof ArgumentError,
  );
  assert.throws(() => losses.binaryCrossentropy({ smoothing: 1 } as never), /fromLogits, labelSmoothing.*'smoothing'/);
});

test('binaryFocalCrossentropy weighs down what is right already', async () => {
  const y = f32([2, 1], [1, 0]);
  const p = f32([2, 1], [0.8, 0.4]);
  const [a, b] = [-log(0.8), -log(0.6)];
  near(await called(losses.binaryFocalCrossentropy().call, y, p), [0.04 * a, 0.16 * b]);
  near(await called(losses.binaryFocalCrossentropy({ gamma: 0 }).call, y, p), [a, b]);
  const balanced = losses.binaryFocalCrossentropy({ gamma: 0.5, applyClassBalancing: true });
  near(await called(balanced.call, y, p), [0.25 * sqrt(0.2) * a, 0.75 * sqrt(0.4) * b]);
  const logits = p.data.map((value) => log(value / (1 - value)));
  const z = f32([2, 1], [...logits]);
  near(await called(losses.binaryFocalCrossentropy({ fromLogits: true }).call, y, z), [0.04 * a, 0.16 * b]);
  const through: Call = (labels, x) => losses.binaryFocalCrossentropy({ gamma: 0.5 }).call(labels, sigmoid(x));
  const far = f32([4, 1], [-100, -100, 100, 100]);
  near(await called(through, f32([4, 1], [0, 1, 0, 1]), far), [0, 100, 100, 0]);
  near(await slopes(through, f32([4, 1], [0, 1, 0, 1]), far), [0, -1, 1, 0], 1e-3);
});

test('every loss takes its labels of the right type', () => {
  const prediction = { dtype: 'f32', shape: ['batch', 3] } as const;
  for (const name of ['cosineSimilarity', 'hinge', 'huber', 'klDivergence', 'meanAbsoluteError'] as const) {
    const loss = losses.lossOf(name);
    assert.is(loss.name, name);
    assert.equal(loss.labels(prediction), prediction);
  }
  assert.throws(() => losses.klDivergence().labels({ dtype: 'f32', shape: ['batch'] }), /\[klDivergence\] predictions/);
});

test('top-k accuracies count labels among the k largest', async () => {
  const p = f32([4, 4], [0.1, 0.2, 0.3, 0.4, 0.4, 0.3, 0.2, 0.1, 0.25, 0.25, 0.25, 0.25, 0.5, NaN, 0.2, 0.3]);
  const y = ndarray('i32', [4], [2, 2, 3, 1]);
  const oneHot = f32([4, 4], [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0]);
  near(await called(metrics.sparseTopKCategoricalAccuracy({ k: 2 }).call, y, p), [1, 0, 1, 0]);
  near(await called(metrics.topKCategoricalAccuracy({ k: 3 }).call, oneHot, p), [1, 1, 1, 0]);
  near(await called(metrics.categoricalAccuracy().call, oneHot, p), [0, 0, 0, 1]);
  assert.throws(() => metrics.topKCategoricalAccuracy({ k: 0 }), /a positive integer k is required\. Received 0/);
});

test.run();
