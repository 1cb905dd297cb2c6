/** k-fold cross-validation: each example is held back once, scores are of the examples held back, and what is refused. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { ArgumentError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { dense } from '../src/nn/dense.js';
import { input } from '../src/nn/input.js';
import { crossValidate, type FoldPlace } from '../src/train/cross-validation.js';
import { type Arrays, isNDArray } from '../src/train/examples.js';
import { type Model, sequential } from '../src/train/model.js';
import { adam } from '../src/train/optimizers.js';
import { rejection } from './support/rejection.js';

const backend = wasmBackend({ training: true });
const count = 45;
const x = ndarray('f32', [count, 2], normal([8, 1], count * 2));
const sums = Array.from({ length: count }, (_, i) => (x.data[2 * i] ?? 0) + (x.data[2 * i + 1] ?? 0));
const y = ndarray(
  'i32',
  [count],
  sums.map((sum) => Number(sum > 0)),
);

function classifier({ fold }: FoldPlace): Model {
  const layers = [input({ shape: [2] }), dense({ units: 2, activation: 'softmax' })];
  const model = sequential(layers, { backend, seed: fold });
  model.compile({
    optimizer: adam({ learningRate: 0.1 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy', 'f1Score'],
  });
  return model;
}

const rowsOf = (given: Arrays): string[] => {
  if (!isNDArray(given)) throw new Error('one array');
  const { data } = given;
  return Array.from({ length: data.length / 2 }, (_, i) => `${data[2 * i]},${data[2 * i + 1]}`);
};

test('every example is held back once in each repeat, and prepared by those that are trained on', async () => {
  const seen: { train: string[]; all: string[] }[] = [];
  const prepare = (train: Arrays) => {
    const entry = { train: rowsOf(train), all: [] as string[] };
    seen.push(entry);
    return (given: Arrays): Arrays => {
      entry.all.push(...rowsOf(given));
      return given;
    };
  };
  const options = { folds: 4, repeats: 2, stratify: y, prepare, epochs: 30, batchSize: 8 };
  const { results, mean, std } = await crossValidate(classifier, x, y, options);
  assert.is(results.length, 8);
  assert.equal(
    results.map(({ repeat, fold }) => [repeat, fold]),
    [0, 1].flatMap((repeat) => [0, 1, 2, 3].map((fold) => [repeat, fold])),
  );
  const sorted = rowsOf(x).sort();
  const heldBack = seen.map(({ train, all }) => all.filter((row) => !train.includes(row)).sort());
  assert.equal(heldBack.slice(0, 4).flat().sort(), sorted);
  assert.equal(heldBack.slice(4).flat().sort(), sorted);
  assert.not.equal(heldBack[0], heldBack[4]);
  for (const { all } of seen) assert.equal([...all].sort(), sorted);

  const accuracies = results.map(({ scores }) => scores['accuracy'] ?? NaN);
  const average = accuracies.reduce((sum, value) => sum + value, 0) / 8;
  const squares = accuracies.reduce((sum, value) => sum + (value - average) ** 2, 0);
  assert.ok(Math.abs((mean['accuracy'] ?? NaN) - average) < 1e-12);
  assert.ok(Math.abs((std['accuracy'] ?? NaN) - Math.sqrt(squares / 7)) < 1e-12);
  assert.ok(average > 0.85, `an accuracy of ${average}`);
  assert.equal(Object.keys(mean), ['loss', 'accuracy', 'f1Score']);
  assert.is(results[0]?.history.history['loss']?.length, 30);
});

test('it repeats itself, and a seed cuts other folds', async () => {
  const scoresOf = async (seed: number) =>
    (await crossValidate(classifier, [x], { output: y }, { folds: 3, seed, epochs: 2 })).results.map(
      (each) => each.scores,
    );
  assert.equal(await scoresOf(1), await scoresOf(1));
  assert.not.equal(await scoresOf(1), await scoresOf(2));
});

test('what cannot be cut is refused', async () => {
  const one = ndarray('i32', [count]);
  const short: NDArray = ndarray('i32', [3], [0, 1, 0]);
  const cases = [
    [crossValidate(classifier, x, y, { folds: 1 }), /from 2 to 45 folds/],
    [crossValidate(classifier, x, y, { repeats: 0 }), /a positive integer of repeats/],
    [crossValidate(classifier, x, one, { stratify: one }), /at least two classes/],
    [crossValidate(classifier, x, short), /as many labels as examples.*45 and 3/],
  ] as const;
  for (const [promise, message] of cases) {
    const error = await rejection(promise);
    assert.instance(error, ArgumentError, error.message);
    assert.match(error.message, message);
  }
});

test.run();
