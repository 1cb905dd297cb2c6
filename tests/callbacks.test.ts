/** Callbacks that come with the house, on a run whose logs are known. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { ArgumentError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import { dense } from '../src/nn/dense.js';
import { input } from '../src/nn/input.js';
import type { Callback } from '../src/train/callback.js';
import { earlyStopping, modelCheckpoint, reduceLROnPlateau } from '../src/train/callbacks.js';
import { csvLogger, jsonLogger } from '../src/train/loggers.js';
import { loadModel, type Model, sequential } from '../src/train/model.js';
import { sgd } from '../src/train/optimizers.js';
import { cosineDecay } from '../src/train/schedules.js';
import { rejection } from './support/rejection.js';

const folder = mkdtempSync(join(tmpdir(), 'quern-callbacks-'));
test.after(() => rmSync(folder, { recursive: true }));

const x = ndarray('f32', [1, 1], [1]);
const y = ndarray('f32', [1, 1], [0]);

function model(): Model {
  const layers = [input({ shape: [1] }), dense({ units: 1, useBias: false, kernelInitializer: 'ones' })];
  const made = sequential(layers, { backend: referenceBackend });
  made.compile({ optimizer: sgd({ learningRate: 0 }), loss: 'meanSquaredError' });
  return made;
}

const kernelOf = (trained: Model): number => trained.variables().get('dense/kernel')?.data[0] ?? NaN;
const rateOf = (trained: Model): number => trained.variables().get('sgd/learningRate')?.data[0] ?? NaN;

/** Fits with a kernel set before each epoch: as the rate is 0, the epoch's loss is its square. */
async function fitKernels(trained: Model, kernels: readonly number[], ...callbacks: readonly Callback[]) {
  const script: Callback = {
    onEpochBegin: (epoch) => trained.setVariables({ 'dense/kernel': ndarray('f32', [1, 1], [kernels[epoch] ?? NaN]) }),
  };
  const options = { epochs: kernels.length, callbacks: [script, ...callbacks], verbose: 0 } as const;
  return (await trained.fit(x, y, options)).epoch.length;
}

test('early stopping waits for its patience', async () => {
  const kernels = [4, 2, 3, 2, 1, 2, 2, 2, 0];
  const stop = (options: object) => earlyStopping({ monitor: 'loss', ...options });
  assert.is(await fitKernels(model(), kernels, stop({})), 3);
  assert.is(await fitKernels(model(), kernels, stop({ patience: 2 })), 4);
  assert.is(await fitKernels(model(), kernels, stop({ patience: 3 })), 8);
  assert.is(await fitKernels(model(), kernels, stop({ patience: 4 })), 9);
  assert.is(await fitKernels(model(), kernels, stop({ patience: 3, minDelta: 4 })), 5);
  assert.is(await fitKernels(model(), [1, 2, 3, 2], stop({ mode: 'max' })), 4);
  const repeated = stop({ patience: 2 });
  for (let i = 0; i < 2; i++) assert.is(await fitKernels(model(), kernels, repeated), 4, 'it begins anew');
});

test('early stopping goes back to the best weights', async () => {
  const trained = model();
  await fitKernels(trained, [4, 2, 3, 5], earlyStopping({ monitor: 'loss', patience: 2, restoreBestWeights: true }));
  assert.is(kernelOf(trained), 2);
  await fitKernels(trained, [4, 2, 3, 5], earlyStopping({ monitor: 'loss', patience: 2 }));
  assert.is(kernelOf(trained), 5);
});

test('the learning rate is reduced on a plateau, not below its least', async () => {
  const trained = model();
  trained.setVariables({ 'sgd/learningRate': ndarray('f32', [], [2 ** -60]) });
  const rates: number[] = [];
  const tell = { onEpochEnd: () => void rates.push(Math.log2(rateOf(trained))) };
  const plateau = { monitor: 'loss', factor: 0.5, patience: 2, minLearningRate: 2 ** -62 };
  await fitKernels(trained, [3, 3, 3, 3, 3, 2, 2, 2, 2], reduceLROnPlateau(plateau), tell);
  assert.equal(rates, [-60, -60, -61, -61, -62, -62, -62, -62, -62]);
  trained.setVariables({ 'sgd/learningRate': ndarray('f32', [], [2 ** -60]) });
  rates.length = 0;
  await fitKernels(trained, [3, 3, 3, 3, 3, 3, 3], reduceLROnPlateau({ ...plateau, cooldown: 1 }), tell);
  assert.equal(rates, [-60, -60, -61, -61, -61, -62, -62]);

  const scheduled = model();
  const learningRate = cosineDecay({ learningRate: 0, steps: 9 });
  scheduled.compile({ optimizer: sgd({ learningRate }), loss: 'meanSquaredError' });
  const both = fitKernels(scheduled, [3, 3], reduceLROnPlateau({ monitor: 'loss', patience: 1 }));
  assert.match((await rejection(both)).message, /without a schedule is required/);
});

test('models are saved at each epoch, or at the best', async () => {
  const every = modelCheckpoint({ path: join(folder, 'model-{epoch}.safetensors') });
  const best = modelCheckpoint({ path: join(folder, 'best.safetensors'), monitor: 'loss', saveBestOnly: true });
  await fitKernels(model(), [4, 2, 3], every, best);
  const names = ['best', 'model-1', 'model-2', 'model-3'].map((name) => `${name}.safetensors`);
  assert.equal(readdirSync(folder).sort(), names);
  const saved = await Promise.all(
    names.map(async (name) => kernelOf(await loadModel(join(folder, name), { backend: referenceBackend }))),
  );
  assert.equal(saved, [2, 4, 2, 3]);
});

test('logs are kept as CSV and as JSON lines', async () => {
  const [csv, json] = [join(folder, 'log.csv'), join(folder, 'log.jsonl')];
  await fitKernels(model(), [4, 0.5], csvLogger(csv), jsonLogger(json));
  assert.is(readFileSync(csv, 'utf8'), 'epoch,loss\n0,16\n1,0.25\n');
  assert.is(readFileSync(json, 'utf8'), '{"epoch":0,"loss":16}\n{"epoch":1,"loss":0.25}\n');
});

test('callbacks that make no sense are refused', async () => {
  const refused = [
    () => earlyStopping({ patience: -1 }),
    () => earlyStopping({ minDelta: NaN }),
    () => reduceLROnPlateau({ factor: 1 }),
    () => reduceLROnPlateau({ patience: 0.5 }),
    () => reduceLROnPlateau({ minLearningRate: -1 }),
  ];
  for (const make of refused) assert.throws(make, (error: unknown) => error instanceof ArgumentError);
  const error = await rejection(fitKernels(model(), [1, 2], earlyStopping()));
  assert.instance(error, ArgumentError);
  assert.match(error.message, /\[earlyStopping\] a monitor among loss is required\. Received 'valLoss'/);
});

test.run();
