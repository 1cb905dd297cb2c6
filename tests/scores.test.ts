/** Scores over all predictions, against numbers worked out by hand and against their definitions by brute force. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, IndexError, NumericsError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { randomWords } from '../src/core/random.js';
import { auc, confusionMatrix, f1, precision, r2, recall } from '../src/train/scores.js';

const f32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('f32', shape, data);
const i32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('i32', shape, data);
const isNear = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-12, `${a} instead of ${b}`);

const labels = i32([6], [0, 0, 1, 1, 2, 2]);
const predicted = [0, 1, 1, 1, 0, 2];
const oneHot = (classes: readonly number[]): NDArray =>
  f32(
    [classes.length, 3],
    classes.flatMap((each) => [0, 1, 2].map((i) => (i === each ? 0.6 : 0.2))),
  );

test('classes of three', () => {
  const matrix = [1, 1, 0, 0, 2, 0, 1, 0, 1];
  assert.equal([...confusionMatrix(labels, oneHot(predicted)).data], matrix);
  assert.equal([...confusionMatrix(oneHot([0, 0, 1, 1, 2, 2]), oneHot(predicted)).data], matrix);
  isNear(precision(labels, oneHot(predicted)), (1 / 2 + 2 / 3 + 1) / 3);
  isNear(recall(labels, oneHot(predicted)), (1 / 2 + 1 + 1 / 2) / 3);
  isNear(f1(labels, oneHot(predicted)), (1 / 2 + 4 / 5 + 2 / 3) / 3);
});

test('one of two classes', () => {
  const y = f32([5, 1], [1, 1, 1, 0, 0]);
  const p = f32([5, 1], [0.9, 0.6, 0.2, 0.7, 0.1]);
  assert.equal([...confusionMatrix(y, p).data], [1, 1, 1, 2]);
  isNear(precision(y, p), 2 / 3);
  isNear(recall(y, p), 2 / 3);
  isNear(f1(y, p, { threshold: 0.8 }), 1 / 2);
  assert.is(precision(y, p, { threshold: 1 }), 0);
});

test('the area under the curve counts pairs', () => {
  assert.is(auc(i32([4], [0, 0, 1, 1]), f32([4], [0.1, 0.2, 0.3, 0.4])), 1);
  assert.is(auc(i32([4], [1, 1, 0, 0]), f32([4], [0.1, 0.2, 0.3, 0.4])), 0);
  assert.is(auc(i32([3], [1, 0, 0]), f32([3], [5, 5, 5])), 0.5);
  const words = randomWords([7, 7], 0, 120);
  const y = Array.from({ length: 60 }, (_, i) => (words[i] ?? 0) % 2);
  const p = Array.from({ length: 60 }, (_, i) => ((words[60 + i] ?? 0) % 11) / 10);
  let [won, pairs] = [0, 0];
  y.forEach((a, i) =>
    y.forEach((b, j) => {
      if (a !== 1 || b !== 0) return;
      pairs++;
      won += (p[i] ?? 0) > (p[j] ?? 0) ? 1 : p[i] === p[j] ? 0.5 : 0;
    }),
  );
  isNear(auc(i32([60], y), f32([60, 1], p)), won / pairs);
});

test('explained variance', () => {
  assert.is(r2(f32([3], [1, 2, 3]), f32([3], [1, 2, 3])), 1);
  assert.is(r2(f32([3], [1, 2, 3]), f32([3, 1], [2, 2, 2])), 0);
  assert.is(r2(f32([3], [1, 2, 3]), f32([3], [3, 2, 1])), -3);
});

test('what cannot be scored is refused', () => {
  const refused: readonly (readonly [() => unknown, new (...args: never[]) => Error])[] = [
    [() => confusionMatrix(i32([2], [0, 3]), oneHot([0, 1])), IndexError],
    [() => confusionMatrix(f32([2], [0, 0.5]), f32([2], [0, 1])), IndexError],
    [() => confusionMatrix(i32([1], [0]), oneHot([0, 1])), ShapeError],
    [() => confusionMatrix(i32([0], []), f32([0, 3], [])), ShapeError],
    [() => precision(i32([1, 2], [0, 1]), oneHot([0])), ShapeError],
    [() => recall(i32([1], [0]), f32([1], [NaN])), NumericsError],
    [() => auc(i32([2], [1, 1]), f32([2], [0, 1])), ArgumentError],
    [() => auc(i32([2], [1, 2]), f32([2], [0, 1])), IndexError],
    [() => auc(i32([2], [1, 0]), f32([2, 2], [0, 1, 0, 1])), ShapeError],
    [() => r2(f32([2], [1, 1]), f32([2], [0, 1])), ArgumentError],
  ];
  for (const [score, type] of refused) assert.throws(score, (error: unknown) => error instanceof type);
});

test.run();
