/** The programs that a person can run: that each learns what there is to learn, and that its file gives what it gave. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { rowsOf } from '../src/data/rows.js';
import { crossValidateIris } from '../src/models/iris.js';
import { linearTruth } from '../src/models/linear-regression.js';
import { accuracyOfTruth, logisticData, logisticTruth } from '../src/models/logistic-regression.js';
import { type ModelProgram, modelPrograms } from '../src/models/programs.js';
import type { Job, Trained } from '../src/models/training.js';
import { loadModel } from '../src/train/model.js';

const backend = wasmBackend({ training: true, threads: 1 });
const out = mkdtempSync(join(tmpdir(), 'quern-programs-'));
test.after(() => rmSync(out, { recursive: true, force: true }));

async function train(name: keyof typeof modelPrograms, job: Partial<Job> = {}): Promise<Trained> {
  const program: ModelProgram = modelPrograms[name];
  return program.train({ backend, out, verbose: 0, ...job });
}

/** The weights of a saved model's only layer. */
async function lineOf({ path }: Trained): Promise<number[]> {
  const model = await loadModel(path, { backend });
  const variables = model.variables();
  model.close();
  return ['line/kernel', 'line/bias'].flatMap((name) => Array.from(variables.get(name)?.data ?? []));
}

test('linear regression finds the line', async () => {
  const trained = await train('linear-regression');
  const { weights, bias, noise } = linearTruth;
  const found = await lineOf(trained);
  [...weights, bias].forEach((value, i) => assert.ok(Math.abs((found[i] ?? NaN) - value) < 0.02, found.join()));
  assert.ok(Math.abs((trained.measured['loss'] ?? NaN) - noise ** 2) < 0.002, `${trained.measured['loss']}`);
  assert.ok((trained.measured['meanAbsoluteError'] ?? NaN) < 0.1);
  trained.served.close();
});

test('logistic regression finds the line, and is right as often as the truth', async () => {
  const trained = await train('logistic-regression');
  const found = await lineOf(trained);
  [...logisticTruth.weights, logisticTruth.bias].forEach((value, i) =>
    assert.ok(Math.abs((found[i] ?? NaN) - value) < 0.8, found.join()),
  );
  const most = accuracyOfTruth(logisticData('test', 1000, 0));
  assert.ok(most > 0.85 && (trained.measured['binaryAccuracy'] ?? NaN) > most - 0.02, `${most}`);
  trained.served.close();
});

test('irises are told apart, and what is saved takes centimetres', async () => {
  const trained = await train('iris');
  const { measured, test: held, served, path } = trained;
  assert.is(rowsOf(held.x), 30);
  assert.ok((measured['accuracy'] ?? NaN) >= 0.9, `${measured['accuracy']}`);
  assert.is(measured['bytes'], statSync(path).size);
  served.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const again = await served.evaluate(held.x, held.y);
  assert.is(again['accuracy'], measured['accuracy']);
  served.close();
});

test('irises are told apart whichever fifth is held back', async () => {
  const accuracy = await crossValidateIris({ backend, verbose: 0 }, 1);
  assert.ok(accuracy >= 0.95, `${accuracy}`);
});

test('two dense layers read digits', async () => {
  const trained = await train('mnist-mlp', { epochs: 1, limit: 6000 });
  assert.ok((trained.measured['accuracy'] ?? NaN) > 0.88, `${trained.measured['accuracy']}`);
  trained.served.close();
});

test('a thousand units read digits by plain gradient descent', async () => {
  const trained = await train('mnist-mlp-large', { epochs: 1, limit: 6000 });
  assert.ok((trained.measured['accuracy'] ?? NaN) > 0.78, `${trained.measured['accuracy']}`);
  trained.served.close();
});

test('a residual network learns digits, and its file predicts what it did', async () => {
  const trained = await train('residual-cnn', { epochs: 2, limit: 512, batchSize: 32 });
  assert.ok((trained.measured['loss'] ?? NaN) < Math.log(10), `${trained.measured['loss']}`);
  assert.equal(Object.keys(trained.served.signature.inputs), ['image']);
  trained.served.close();
});

test('a program repeats itself, and another seed is another run', async () => {
  const runs = [];
  for (const seed of [3, 3, 4]) {
    const trained = await train('iris', { seed, epochs: 3 });
    const outputs = await trained.served.predict(trained.test.x);
    runs.push([...outputs.data].join());
    trained.served.close();
  }
  assert.is(runs[0], runs[1]);
  assert.is.not(runs[0], runs[2]);
});

test.run();
