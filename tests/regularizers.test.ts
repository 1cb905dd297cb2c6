/** What weights cost, and what they are held to: arithmetic by hand, in steps of training on every backend. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { ArgumentError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { maxNorm, nonNeg, unitNorm } from '../src/nn/constraints.js';
import { conv2d } from '../src/nn/conv2d.js';
import { dense } from '../src/nn/dense.js';
import { flatten } from '../src/nn/flatten.js';
import { input } from '../src/nn/input.js';
import { l1, l1L2, l2 } from '../src/nn/regularizers.js';
import { loadModel, sequential } from '../src/train/model.js';
import { sgd } from '../src/train/optimizers.js';
import { trainingBackends } from './support/backends.js';

const f32 = (shape: readonly number[], data: ArrayLike<number>): NDArray =>
  ndarray('f32', shape, Float32Array.from(data));
const quiet = { verbose: 0 } as const;

function near(actual: ArrayLike<number> | undefined, expected: readonly number[], tolerance = 1e-6): void {
  assert.is(actual?.length, expected.length);
  expected.forEach((value, i) => {
    const is = actual?.[i] ?? NaN;
    assert.ok(Math.abs(is - value) <= tolerance, `element ${i}: ${value} is required, ${is} received`);
  });
}

/** x of zeros: the predictions' loss has no gradient for the kernel, so what moves it is the penalty alone. */
const zeros = f32([2, 2], [0, 0, 0, 0]);
const labels = f32([2, 1], [0, 0]);

for (const backend of trainingBackends) {
  test(`penalties are added to the loss and move the weights, on ${backend.name}`, async () => {
    const ways = [
      [l1(0.5), 0.5 * 3, [0.95, -1.95]],
      [l2(0.5), 0.5 * 5, [0.9, -1.8]],
      [l1L2({ l1: 0.5, l2: 0.25 }), 1.5 + 1.25, [0.9, -1.85]],
      [null, 0, [1, -2]],
    ] as const;
    for (const [kernelRegularizer, loss, expected] of ways) {
      const model = sequential([input({ shape: [2] }), dense({ units: 1, kernelRegularizer })], { backend });
      model.setVariables({ 'dense/kernel': f32([2, 1], [1, -2]) });
      model.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'meanSquaredError' });
      const { history } = await model.fit(zeros, labels, quiet);
      near(history['loss'] ?? [], [loss]);
      near(model.variables().get('dense/kernel')?.data, [...expected]);
      const evaluated = await model.evaluate(zeros, labels);
      const again = await model.fit(zeros, labels, { ...quiet, validationData: [zeros, labels] });
      near(Object.values(evaluated), again.history['loss'] ?? []);
      near(again.history['valLoss'] ?? [], Object.values(await model.evaluate(zeros, labels)));
      model.close();
    }
  });

  test(`constraints hold after every step, on ${backend.name}`, async () => {
    const ways = [
      [maxNorm(1), [0.6, 0.1, -0.8, 0.2]],
      [unitNorm(), [0.6, 0.1 / Math.sqrt(0.05), -0.8, 0.2 / Math.sqrt(0.05)]],
      [nonNeg(), [3, 0.1, 0, 0.2]],
      [null, [3, 0.1, -4, 0.2]],
    ] as const;
    for (const [kernelConstraint, expected] of ways) {
      const model = sequential([input({ shape: [2] }), dense({ units: 2, kernelConstraint })], { backend });
      model.setVariables({ 'dense/kernel': f32([2, 2], [3, 0.1, -4, 0.2]) });
      model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
      await model.fit(zeros, f32([2, 2], [1, 1, 1, 1]), { epochs: 2, ...quiet });
      near(model.variables().get('dense/kernel')?.data, [...expected], 3e-6);
      model.close();
    }
  });
}

test('a convolution has them, too, and files keep them', async () => {
  const options = { filters: 3, kernelSize: 2, kernelRegularizer: l2(0.02), kernelConstraint: maxNorm(0.5) };
  const layers = [input({ shape: [4, 4, 1] }), conv2d(options), flatten(), dense({ units: 1 })];
  const model = sequential(layers, { backend: referenceBackend, seed: 5 });
  const folder = mkdtempSync(join(tmpdir(), 'quern-'));
  try {
    const path = join(folder, 'model.safetensors');
    await model.save(path);
    const again = await loadModel(path, { backend: referenceBackend, seed: 5 });
    const x = f32([8, 4, 4, 1], normal([1, 2], 128));
    const losses = [model, again].map(async (each) => {
      each.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'meanAbsoluteError' });
      return (await each.fit(x, f32([8, 1], normal([1, 3], 8)), { epochs: 3, ...quiet })).history['loss'];
    });
    const [first, second] = await Promise.all(losses);
    near(second ?? [], first ?? [], 1e-5);
    const kernel = again.variables().get('conv2d/kernel')?.data ?? new Float32Array();
    for (let filter = 0; filter < 3; filter++) {
      const weights = [...kernel].filter((_, i) => i % 3 === filter);
      assert.ok(Math.hypot(...weights) <= 0.5 + 1e-6, `filter ${filter} has norm ${Math.hypot(...weights)}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what is no regularizer or constraint is refused by name', () => {
  const refuse = (make: () => unknown, message: RegExp): void =>
    assert.throws(make, (error: unknown) => error instanceof ArgumentError && message.test(error.message));
  refuse(() => l2(-1), /\[l1L2\] l2 must be a number from 0\. Received -1/);
  refuse(() => maxNorm(0), /\[maxNorm\] maxValue must be a positive number\. Received 0/);
  const loosely = (value: unknown): never => value as never;
  refuse(
    () => dense({ units: 1, kernelRegularizer: loosely({ l3: 1 }) }),
    /\[dense kernelRegularizer\] options among l1, l2 are required\. Received 'l3'/,
  );
  refuse(() => dense({ units: 1, kernelRegularizer: loosely('l2') }), /\[dense kernelRegularizer\].*an object/);
  refuse(() => dense({ units: 1, kernelConstraint: loosely({ kind: 'max' }) }), /kind must be 'maxNorm' or/);
});

test.run();
