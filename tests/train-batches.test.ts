/** Training on batches that pipelines, generators and async iterables give: the same bits, checked, and resumed. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { AbortedError, ArgumentError, IndexError, NumericsError, QuernError, ShapeError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import { normal, permutation } from '../src/core/random.js';
import { dataset } from '../src/data/pipeline.js';
import { takeRows } from '../src/data/rows.js';
import type { DataBatch } from '../src/data/source.js';
import { dense } from '../src/nn/dense.js';
import { dropout } from '../src/nn/dropout.js';
import { input } from '../src/nn/input.js';
import type { History } from '../src/train/callback.js';
import { type FitOptions, type Model, sequential } from '../src/train/model.js';
import { adam } from '../src/train/optimizers.js';
import { cosineDecay } from '../src/train/schedules.js';
import type { LearningRateSchedule } from '../src/train/schedules.js';
import type { Source } from '../src/train/feeding.js';
import { digest } from './support/long-run.js';
import { rejection } from './support/rejection.js';

const folder = mkdtempSync(join(tmpdir(), 'quern-batches-'));
test.after(() => rmSync(folder, { recursive: true }));

const rows = 90;
const x = ndarray('f32', [rows, 6], normal([1, 2], rows * 6));
const y = ndarray(
  'i32',
  [rows],
  Array.from({ length: rows }, (_, i) => ((x.data[6 * i] ?? 0) > (x.data[6 * i + 1] ?? 0) ? 1 : 0)),
);

const backend = wasmBackend({ training: true, threads: 1 });

function makeModel(learningRate: number | LearningRateSchedule = 0.01): Model {
  const layers = [
    input({ shape: [6] }),
    dense({ units: 12, activation: 'relu' }),
    dropout({ rate: 0.2 }),
    dense({ units: 2, activation: 'softmax' }),
  ];
  const model = sequential(layers, { backend, seed: 3 });
  model.compile({ optimizer: adam({ learningRate }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

const fixed: FitOptions = { epochs: 4, verbose: 0 };

/** The digest of the weights and the history of a run of a new model. */
async function endOf(fit: (model: Model) => Promise<History>, model = makeModel()): Promise<string> {
  try {
    return digest(model, await fit(model));
  } finally {
    model.close();
  }
}

const sizes = [5, 17, 1, 30, 16, 21];

/** Batches of many sizes, in an order that follows from seed and epoch. */
function* mixed(epoch: number, seed: number): Generator<DataBatch> {
  const order = permutation([seed, epoch], rows);
  let at = 0;
  for (const size of sizes) {
    const taken = order.slice(at, at + size);
    at += size;
    yield { x: takeRows(x, taken), y: takeRows(y, taken) };
  }
}

async function* later(epoch: number, seed: number): AsyncGenerator<DataBatch> {
  for (const batch of mixed(epoch, seed)) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    yield batch;
  }
}

test('a pipeline trains to the bits that arrays train to, prefetched or not', async () => {
  const validationData = [x, y] as const;
  const arrays = await endOf((model) => model.fit(x, y, { ...fixed, batchSize: 16, validationData }));
  const batches = dataset(x, y).shuffle().batch(16);
  const options = { ...fixed, batchSize: 16, validationData };
  assert.is(await endOf((model) => model.fit(batches, options)), arrays);
  assert.is(await endOf((model) => model.fit(batches.prefetch(), options)), arrays);
  const ordered = await endOf((model) => model.fit(x, y, { ...fixed, batchSize: 16, shuffle: false }));
  assert.is(await endOf((model) => model.fit(dataset(x, y).batch(16), fixed)), ordered);
});

test('generators give batches of any sizes, at once or later, and the seed decides', async () => {
  const end = await endOf((model) => model.fit(mixed, fixed));
  assert.is(await endOf((model) => model.fit({ batches: later }, fixed)), end);
  assert.is(await endOf((model) => model.fit({ batches: later, batchSize: 30, steps: 6 }, fixed)), end);
  assert.is.not(await endOf((model) => model.fit(mixed, { ...fixed, seed: 4 })), end);
  const model = makeModel();
  const { history } = await model.fit(mixed, { ...fixed, epochs: 60 });
  assert.ok((history['accuracy']?.at(-1) ?? 0) > 0.9, `${history['accuracy']?.at(-1)}`);
  model.close();
});

test('the mean of an epoch weighs batches by their sizes', async () => {
  const model = sequential([input({ shape: [1] }), dense({ units: 1 })], { backend });
  model.compile({ optimizer: adam({ learningRate: 1e-30 }), loss: 'meanSquaredError' });
  model.setVariables({ 'dense/kernel': ndarray('f32', [1, 1], [0]), 'dense/bias': ndarray('f32', [1], [0]) });
  const batch = (...values: readonly number[]) => {
    const array = ndarray('f32', [values.length, 1], values);
    return { x: array, y: array };
  };
  const { history } = await model.fit(() => [batch(1, 1, 1), batch(3)], { verbose: 0 });
  assert.ok(Math.abs((history['loss']?.[0] ?? NaN) - 3) < 1e-6);
  model.close();
});

test('of endless batches the first so many are taken, and the generator is ended', async () => {
  let [given, ended] = [0, 0];
  function* endless(): Generator<DataBatch> {
    try {
      for (;;) {
        given++;
        yield { x, y };
      }
    } finally {
      ended++;
    }
  }
  const model = makeModel(cosineDecay({ learningRate: 0.01, steps: 14 }));
  const { history } = await model.fit({ batches: endless, steps: 7 }, { epochs: 2, verbose: 0 });
  assert.equal([given, ended, history['loss']?.length], [14, 2, 2]);
  model.close();
});

test('a generator that throws says where, and the last checkpoint goes on to the same bits', async () => {
  const end = await endOf((model) => model.fit(mixed, fixed));
  for (const every of [1, 2, 100]) {
    const path = join(folder, `run-${every}`);
    const failing = function* (epoch: number, seed: number): Generator<DataBatch> {
      let step = 0;
      for (const batch of mixed(epoch, seed)) {
        if (epoch === 2 && step++ === 3) throw new Error('the disk is gone');
        yield batch;
      }
    };
    const model = makeModel();
    const error = await rejection(model.fit(failing, { ...fixed, checkpoint: { path, every } }));
    model.close();
    assert.instance(error, AbortedError);
    assert.match(error.message, /^\[fit\] .* At epoch 3, step 4: the disk is gone/);
    assert.is((error.cause as Error).message, 'the disk is gone');
    assert.ok(existsSync(path));
    let fed = 0;
    const counted = function* (epoch: number, seed: number): Generator<DataBatch> {
      for (const batch of mixed(epoch, seed)) {
        fed++;
        yield batch;
      }
    };
    assert.is(await endOf((again) => again.fit(counted, { ...fixed, checkpoint: { path, every } })), end, `${every}`);
    assert.is(fed, 12, 'the epoch that was under way and the last one');
  }
});

test('batches that do not fit are typed errors that name the epoch and the step', async () => {
  const good = { x, y };
  const bad =
    (batch: DataBatch): Source =>
    (epoch) =>
      epoch === 1 ? [good, batch] : [good];
  const nan = ndarray('f32', [1, 6], [0, 0, NaN, 0, 0, 0]);
  const one = ndarray('i32', [1], [0]);
  const cases: readonly (readonly [Source, new (...args: never[]) => QuernError, RegExp])[] = [
    [bad({ x: ndarray('f32', [2, 5]), y: ndarray('i32', [2]) }), ShapeError, /epoch 2, step 2: .*\[batch, 6\]/],
    [bad({ x: ndarray('f32', [2, 6]), y: one }), ShapeError, /epoch 2, step 2/],
    [
      bad({ x: ndarray('f32', [0, 6]), y: ndarray('i32', [0]) }),
      ArgumentError,
      /epoch 2, step 2: .*at least one example/,
    ],
    [bad({ x: ndarray('f32', [1, 6]), y: ndarray('i32', [1], [2]) }), IndexError, /epoch 2, step 2: .*from 0 to 1/],
    [bad({ x: nan, y: one }), NumericsError, /epoch 2, step 2: .*NaN in row 0/],
    [() => [], ArgumentError, /one or more batches.* Epoch 1 gave 0/],
    [{ batches: () => [good, good], steps: 3 }, ArgumentError, /^\[fit\] 3 batches.* Epoch 1 gave 2/],
    [{ batches: () => [good], steps: 0 }, ArgumentError, /steps .*positive integer. Received 0/],
    [{ batches: () => [good], batchSize: 1.5 }, ArgumentError, /batchSize .*Received 1.5/],
  ];
  for (const [source, type, message] of cases) {
    const model = makeModel();
    const error = await rejection(model.fit(source, fixed));
    model.close();
    assert.instance(error, type, error.message);
    assert.match(error.message, message);
  }
});

test('what batches alone cannot do is refused', async () => {
  const model = makeModel(cosineDecay({ learningRate: 0.01, steps: 14 }));
  assert.match((await rejection(model.fit(mixed, fixed))).message, /required by a schedule. Give steps/);
  model.close();
  const plain = makeModel();
  const split = await rejection(plain.fit(mixed, { ...fixed, validationSplit: 0.5 }));
  assert.instance(split, ArgumentError);
  plain.close();
  const unknown = sequential([dense({ units: 2 })], { backend });
  unknown.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
  assert.match((await rejection(unknown.fit(mixed, fixed))).message, /a model that knows its input/);
});

test('a checkpoint of another kind of run is told apart', async () => {
  const path = join(folder, 'kinds');
  const [first, second] = [makeModel(), makeModel()];
  await first.fit(x, y, { ...fixed, checkpoint: { path } });
  const error = await rejection(second.fit(mixed, { ...fixed, checkpoint: { path } }));
  assert.instance(error, ArgumentError);
  assert.match(error.message, /batches: any number of steps, in the file none/);
  first.close();
  second.close();
});

test.run();
