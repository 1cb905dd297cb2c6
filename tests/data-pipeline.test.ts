/** Pipelines: which batches come, that a worker thread makes the same bits, and that it ends. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FormatError, QuernError, ShapeError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import { normal, permutation } from '../src/core/random.js';
import { augment, type Augmentation } from '../src/data/augmentation.js';
import { affine, brightness, cutout, pixelNoise, horizontalFlip, randomCrop } from '../src/data/augmentations.js';
import { imageFolder } from '../src/data/images/folder.js';
import { oneHot } from '../src/data/labels.js';
import { mixup } from '../src/data/mixup.js';
import { dataset, type Pipeline } from '../src/data/pipeline.js';
import { takeRows } from '../src/data/rows.js';
import type { DataBatch } from '../src/data/source.js';
import { grayPng } from './support/png.js';
import { rejection } from './support/rejection.js';

const count = 50;
const x = ndarray('f32', [count, 6, 5, 1], normal([7, 7], count * 30));
const y = ndarray(
  'i32',
  [count],
  Int32Array.from({ length: count }, (_, i) => i),
);

const steps: readonly Augmentation[] = [
  affine({ rotation: 20, shift: 0.2, scale: 0.2 }),
  horizontalFlip(),
  randomCrop({ padding: 1 }),
  brightness({ delta: 0.2, low: -9, high: 9 }),
  pixelNoise({ deviation: 0.1 }),
  cutout({ size: 2 }),
];

/** The batches of an epoch, copied. */
async function collect(pipeline: Pipeline, epoch = 0, seed = 0): Promise<DataBatch[]> {
  const batches: DataBatch[] = [];
  for await (const batch of pipeline.batches(epoch, seed)) batches.push(structuredClone(batch));
  return batches;
}

const labelsOf = (batches: readonly DataBatch[]): number[][] => batches.map((batch) => [...batch.y.data]);

/** Threads of workers that are running. */
const workers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;

test('batches come in order, or shuffled as fit shuffles, and the last is smaller or left out', async () => {
  const plain = dataset(x, y).batch(20);
  assert.equal([plain.steps, plain.batchSize], [3, 20]);
  assert.equal(labelsOf(await collect(plain)).flat(), [...y.data]);
  const shuffled = plain.shuffle();
  assert.equal(labelsOf(await collect(shuffled, 3, 5)).flat(), [...permutation([5, 3], count)]);
  assert.equal(labelsOf(await collect(shuffled, 3, 5)), labelsOf(await collect(shuffled, 3, 5)));
  assert.is.not(labelsOf(await collect(shuffled, 4, 5)).join(), labelsOf(await collect(shuffled, 3, 5)).join());
  const whole = plain.batch(20, { dropRemainder: true });
  assert.equal([whole.steps, labelsOf(await collect(whole)).map(({ length }) => length)], [2, [20, 20]]);
  assert.is(labelsOf(await collect(dataset(x, y)))[0]?.length, 32);
});

test('images are augmented by their rows, whatever the batches are', async () => {
  const made = await collect(dataset(x, y).shuffle().augment(steps).batch(7), 2, 9);
  const whole = augment(x, steps, { seed: 9, epoch: 2 });
  const order = permutation([9, 2], count);
  made.forEach((batch, i) => {
    assert.equal(batch.x, takeRows(whole, order.subarray(7 * i, 7 * i + 7)));
  });
});

test('map changes batches, and is told which they are', async () => {
  const hot = dataset(x, y)
    .batch(16)
    .map((batch) => ({ ...batch, y: oneHot(batch.y, count) }));
  const mixed = hot.map((batch, { seed, epoch, step }) => mixup(batch.x, batch.y, { seed, step: 4 * epoch + step }));
  const [, second] = await collect(mixed, 1, 3);
  const rows = Int32Array.from({ length: 16 }, (_, i) => 16 + i);
  assert.equal(second, mixup(takeRows(x, rows), oneHot(takeRows(y, rows), count), { seed: 3, step: 5 }));
});

test('a worker thread makes the same bits, ahead of who takes them', async () => {
  const plain = dataset(x, y).shuffle().augment(steps).batch(8);
  const doubled = (pipeline: Pipeline): Pipeline =>
    pipeline.map((batch) => ({
      ...batch,
      y: ndarray(
        'i32',
        batch.y.shape,
        batch.y.data.map((label) => 2 * label),
      ),
    }));
  for (const ahead of [1, 3, 100]) {
    for (const epoch of [0, 1]) {
      assert.equal(await collect(doubled(plain.prefetch(ahead)), epoch, 4), await collect(doubled(plain), epoch, 4));
    }
  }
  assert.equal(await collect(plain.prefetch()), await collect(plain));
});

test('the worker ends with the iteration, also where that is left or fails', async () => {
  const ahead = dataset(x, y).batch(5).prefetch(2);
  const before = workers();
  for await (const batch of ahead.batches(0, 0)) {
    assert.is(batch.y.shape[0], 5);
    assert.ok(workers() > before);
    break;
  }
  assert.is(workers(), before);
  const failing = ahead.map(() => {
    throw new ShapeError('mine', 'another shape is required.');
  });
  assert.instance(await rejection(collect(failing)), ShapeError);
  assert.is(workers(), before);
});

test('an error of the worker comes through as what it was', async () => {
  const flat = dataset(ndarray('f32', [4, 3]), ndarray('i32', [4]))
    .augment([horizontalFlip()])
    .batch(2);
  const [here, there] = [await rejection(collect(flat)), await rejection(collect(flat.prefetch()))];
  assert.instance(here, ShapeError);
  assert.instance(there, ShapeError);
  assert.is(there.message, here.message);
});

test('images of a folder are read by the worker, and a broken one is named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quern-pipeline-'));
  try {
    for (const name of ['a', 'b']) {
      mkdirSync(join(folder, name));
      for (let i = 0; i < 3; i++)
        writeFileSync(
          join(folder, name, `${i}.png`),
          grayPng(4, 4, (at) => 10 * at + i),
        );
    }
    const pipeline = imageFolder(folder).dataset.shuffle().batch(4);
    assert.equal(await collect(pipeline.prefetch(), 1, 2), await collect(pipeline, 1, 2));
    writeFileSync(join(folder, 'b', '1.png'), grayPng(4, 4, () => 1).subarray(0, 48));
    const error = await rejection(collect(imageFolder(folder).dataset.prefetch()));
    assert.instance(error, FormatError);
    assert.match(error.message, /b.1\.png\] a whole PNG is required/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('pipelines that cannot be are refused', () => {
  const own: Augmentation = (picture) => picture;
  const refused: readonly (readonly [() => unknown, new (...args: never[]) => QuernError, RegExp])[] = [
    [() => dataset(x, ndarray('i32', [3])), ShapeError, /as many labels/],
    [() => dataset(ndarray('f32', [0, 2]), ndarray('i32', [0])), ArgumentError, /at least one example/],
    [() => dataset(x, y).batch(0), ArgumentError, /Received 0/],
    [() => dataset(x, y).prefetch(0), ArgumentError, /Received 0/],
    [() => dataset(x, y).prefetch().prefetch(), ArgumentError, /Received two/],
    [
      () =>
        dataset(x, y)
          .map((batch) => batch)
          .prefetch(),
      ArgumentError,
      /Put map behind/,
    ],
    [() => dataset(x, y).augment([own]).prefetch(), ArgumentError, /one of your own as step 0/],
  ];
  for (const [make, type, message] of refused) {
    assert.throws(make, (error: unknown) => error instanceof type && message.test(error.message));
  }
});

test.run();
