/** Training: that it learns, that it repeats itself, that it goes on where it stopped, and what it says of bad input. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { referenceBackend } from '../src/backend/reference/reference.js';
import {
  ArgumentError,
  DTypeError,
  FormatError,
  IndexError,
  IoError,
  NumericsError,
  ShapeError,
} from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { dense } from '../src/nn/dense.js';
import { dropout } from '../src/nn/dropout.js';
import { embedding } from '../src/nn/embedding.js';
import { flatten } from '../src/nn/flatten.js';
import { input } from '../src/nn/input.js';
import type { Loss } from '../src/nn/losses.js';
import { sub } from '../src/ops/binary.js';
import { log } from '../src/ops/elementwise.js';
import { loadFrozenModel } from '../src/train/frozen.js';
import { loadModel, type Model, type ModelOptions, sequential } from '../src/train/model.js';
import { adam, optimizerOf, sgd } from '../src/train/optimizers.js';
import type { Backend } from '../src/backend/backend.js';
import { trainingBackends } from './support/backends.js';
import { rejection } from './support/rejection.js';

const backend = referenceBackend;
const f32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('f32', shape, data);
const i32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('i32', shape, data);

const xorX = f32([4, 2], [0, 0, 0, 1, 1, 0, 1, 1]);
const xorY = f32([4, 1], [0, 1, 1, 0]);

function xor(options: ModelOptions = {}): Model {
  const layers = [dense({ units: 8, activation: 'tanh' }), dense({ units: 1, activation: 'sigmoid' })];
  const model = sequential(layers, { backend, seed: 1, ...options });
  model.compile({ optimizer: adam({ learningRate: 0.05 }), loss: 'binaryCrossentropy', metrics: ['binaryAccuracy'] });
  return model;
}

/** Three classes of points that a line tells apart. */
function classes(count: number): { x: NDArray; y: NDArray } {
  const x = f32([count, 2], Array.from(normal([5, 5], 2 * count)));
  const sums = Array.from({ length: count }, (_, i) => (x.data[2 * i] ?? 0) + (x.data[2 * i + 1] ?? 0));
  return {
    x,
    y: i32(
      [count],
      sums.map((sum) => (sum < -0.7 ? 0 : sum < 0.7 ? 1 : 2)),
    ),
  };
}

function classifier(options: ModelOptions = {}): Model {
  const layers = [
    input({ shape: [2] }),
    dense({ units: 8, activation: 'relu' }),
    dense({ units: 3, activation: 'softmax' }),
  ];
  const model = sequential(layers, { backend, seed: 4, ...options });
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

/** The reference keeps variables in float64, which a file does not. */
function isNear(a: NDArray, b: NDArray): void {
  assert.equal(a.shape, b.shape);
  a.data.forEach((value: number, i: number) => assert.ok(Math.abs(value - (b.data[i] ?? NaN)) < 1e-6));
}

/** The logarithm of how far predictions are above labels: NaN below. */
const logDistance: Loss = {
  name: 'logDistance',
  labels: ({ shape }) => ({ dtype: 'f32', shape }),
  call: (labels, prediction) => log(sub(prediction, labels)),
};

const quiet = { verbose: 0 } as const;

test('a network learns xor', async () => {
  const model = xor();
  const { epoch, history } = await model.fit(xorX, xorY, { epochs: 150, batchSize: 4, ...quiet });
  assert.is(epoch.length, 150);
  assert.ok((history['loss']?.[0] ?? 0) > 0.5);
  assert.ok((history['loss']?.at(-1) ?? 1) < 0.02);
  assert.is(history['binaryAccuracy']?.at(-1), 1);
  const { data, shape } = await model.predict(xorX);
  assert.equal(shape, [4, 1]);
  assert.equal(Array.from(data, Math.round), [0, 1, 1, 0]);
});

test('gradient descent finds the line', async () => {
  const x = f32([64, 2], Array.from(normal([2, 0], 128)));
  const y = f32(
    [64],
    Array.from({ length: 64 }, (_, i) => 3 * (x.data[2 * i] ?? 0) - 2 * (x.data[2 * i + 1] ?? 0) + 0.5),
  );
  const model = sequential([dense({ units: 1, name: 'line' })], { backend });
  for (const optimizer of [sgd({ learningRate: 0.1 }), sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true })]) {
    model.compile({ optimizer, loss: 'meanSquaredError', metrics: ['meanAbsoluteError'] });
    await model.fit(x, y, { epochs: 40, batchSize: 16, ...quiet });
    const [a = 0, b = 0] = model.variables().get('line/kernel')?.data ?? [];
    const [c = 0] = model.variables().get('line/bias')?.data ?? [];
    assert.ok(Math.hypot(a - 3, b + 2, c - 0.5) < 1e-3, `${a} ${b} ${c}`);
    assert.ok(((await model.evaluate(x, y))['meanAbsoluteError'] ?? 1) < 1e-3);
  }
});

test('one step of sgd is the arithmetic', async () => {
  const model = sequential([dense({ units: 1, kernelInitializer: 'ones' })], { backend });
  model.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'meanSquaredError' });
  const { history } = await model.fit(f32([2, 1], [1, 3]), f32([2, 1], [2, 2]), { shuffle: false, ...quiet });
  // Predictions 1 and 3: loss ((1-2)^2 + (3-2)^2) / 2; d/dk = (2(-1)1 + 2(1)3) / 2 = 2; d/db = 0.
  assert.equal(history['loss'], [1]);
  assert.ok(Math.abs((model.variables().get('dense/kernel')?.data[0] ?? 0) - 0.8) < 1e-6);
  assert.is(model.variables().get('dense/bias')?.data[0], 0);
});

test('losses and metrics are means over examples, whatever the batches', async () => {
  const { x, y } = classes(37);
  const model = classifier();
  const whole = await model.evaluate(x, y, { batchSize: 37 });
  const parts = await model.evaluate(x, y, { batchSize: 8 });
  for (const name of ['loss', 'accuracy']) assert.ok(Math.abs((whole[name] ?? 0) - (parts[name] ?? 1)) < 1e-6);
  const { data } = await model.predict(x, { batchSize: 5 });
  const right = Array.from(y.data).filter((label, i) => {
    const row = Array.from(data.subarray(3 * i, 3 * i + 3));
    return row.indexOf(Math.max(...row)) === label;
  });
  assert.ok(Math.abs((whole['accuracy'] ?? 0) - right.length / 37) < 1e-6);
  assert.equal((await model.predict(x, { batchSize: 64 })).data, data);
});

const bytesOf = (model: Model): string =>
  [...model.variables()].map(([name, { data }]) => `${name}=${Array.from(data).join()}`).join('\n');

test('a seed decides everything: weights, order and dropout', async () => {
  const { x, y } = classes(50);
  const train = async (seed: number, shuffleSeed?: number): Promise<string> => {
    const layers = [dense({ units: 6, activation: 'relu' }), dropout({ rate: 0.3 }), dense({ units: 3 })];
    const model = sequential(layers, { backend, seed });
    model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' });
    const seeds = shuffleSeed === undefined ? {} : { seed: shuffleSeed };
    await model.fit(x, y, { epochs: 3, batchSize: 16, ...seeds, ...quiet });
    return bytesOf(model);
  };
  const first = await train(1);
  assert.is(await train(1), first);
  assert.is(await train(1, 1), first);
  assert.is.not(await train(2), first);
  assert.is.not(await train(1, 2), first);
});

test('every epoch has an order of its own, and none without shuffle', async () => {
  const count = 12;
  const x = f32(
    [count, 1],
    Array.from({ length: count }, (_, i) => i),
  );
  const orders: number[][] = [];
  const spy = {
    name: 'spy',
    compile: async (...args: Parameters<typeof backend.compile>) => {
      const executable = await backend.compile(...args);
      return new Proxy(executable, {
        get: (target, key) => {
          if (key === 'run') {
            return (graph: string, feeds: Record<string, NDArray>) => {
              if (graph === 'trainStep') orders.push(Array.from(feeds['inputs/input']?.data ?? []));
              return target.run(graph, feeds);
            };
          }
          const value: unknown = Reflect.get(target, key);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
  const model = sequential([dense({ units: 1 })], { backend: spy });
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  await model.fit(x, x, { epochs: 2, batchSize: 5, ...quiet });
  await model.fit(x, x, { epochs: 1, batchSize: 5, shuffle: false, ...quiet });
  const epochs = [0, 1, 2].map((epoch) => orders.slice(3 * epoch, 3 * epoch + 3).flat());
  const sorted = Array.from({ length: count }, (_, i) => i);
  for (const each of epochs)
    assert.equal(
      [...each].sort((a, b) => a - b),
      sorted,
    );
  assert.not.equal(epochs[0], epochs[1]);
  assert.not.equal(epochs[0], sorted);
  assert.equal(epochs[2], sorted);
  assert.equal(
    orders.map(({ length }) => length),
    [5, 5, 2, 5, 5, 2, 5, 5, 2],
  );
});

test('validation: held-back rows, given data, names in the history', async () => {
  const { x, y } = classes(40);
  const model = classifier();
  const split = await model.fit(x, y, { epochs: 2, batchSize: 8, validationSplit: 0.25, ...quiet });
  assert.equal(Object.keys(split.history).sort(), ['accuracy', 'loss', 'valAccuracy', 'valLoss']);
  const last = { x: f32([10, 2], Array.from(x.data.slice(60))), y: i32([10], Array.from(y.data.slice(30))) };
  const measured = await model.evaluate(last.x, last.y);
  assert.ok(Math.abs((split.history['valLoss']?.[1] ?? 0) - (measured['loss'] ?? 1)) < 1e-6);
  const given = await model.fit(x, y, { validationData: [last.x, last.y], ...quiet });
  assert.ok(
    Math.abs((given.history['valLoss']?.[0] ?? 0) - ((await model.evaluate(last.x, last.y))['loss'] ?? 1)) < 1e-9,
  );
  const both = model.fit(x, y, { validationData: [x, y], validationSplit: 0.5, ...quiet });
  assert.match((await rejection(both)).message, /validationData or validationSplit/);
  for (const validationSplit of [0, 1e-17, 0.999, 1, -0.5, NaN]) {
    assert.instance(await rejection(model.fit(x, y, { validationSplit, ...quiet })), ArgumentError);
  }
});

test('callbacks see every epoch and can stop', async () => {
  const seen: string[] = [];
  const model = xor();
  const { epoch } = await model.fit(xorX, xorY, {
    epochs: 9,
    ...quiet,
    callbacks: [
      {
        onEpochBegin: (at) => void seen.push(`begin ${at}`),
        onEpochEnd: async (at, logs) => {
          seen.push(`end ${at} ${Object.keys(logs).join()}`);
          model.stopTraining = at === 1;
        },
      },
    ],
  });
  assert.equal(epoch, [0, 1]);
  assert.equal(seen, ['begin 0', 'end 0 loss,binaryAccuracy', 'begin 1', 'end 1 loss,binaryAccuracy']);
});

test('the summary counts what there is', () => {
  const text = classifier().summary(() => {});
  assert.match(text, /dense \(dense\) +\[batch, 8\] +24 +\d+\n/);
  assert.match(text, /dense_1 \(dense\) +\[batch, 3\] +27 +\d+\n/);
  assert.match(
    text,
    /Total parameters: 51 \(0\.20 KiB\)\nTrainable: 51, not trainable: 0\nMultiply-adds of one example: \d+$/,
  );
  assert.throws(() => xor().summary(() => {}), /knows its input/);
});

const folder = mkdtempSync(join(tmpdir(), 'quern-train-'));
test.after(() => rmSync(folder, { recursive: true }));

test('a saved model predicts the same, and training goes on as if it had not stopped', async () => {
  const { x, y } = classes(40);
  const layers = () => [dense({ units: 6, activation: 'relu' }), dropout({ rate: 0.2 }), dense({ units: 3 })];
  const compiled = { optimizer: adam({ learningRate: 0.02 }), loss: 'sparseCategoricalCrossentropy' } as const;
  const path = join(folder, 'checkpoint.safetensors');
  const schedule = { batchSize: 8, ...quiet };

  const straight = sequential(layers(), { backend, seed: 3 });
  straight.compile(compiled);
  await straight.fit(x, y, { epochs: 2, ...schedule });
  await straight.save(path, { optimizer: true });
  const resumed = await loadModel(path, { backend, seed: 3 });
  isNear(await resumed.predict(x), await straight.predict(x));
  resumed.compile(compiled);
  // The reference keeps float64 between steps; both go on from the float32 of the file.
  straight.setVariables(Object.fromEntries(straight.variables()));
  await straight.fit(x, y, { epochs: 4, initialEpoch: 2, ...schedule });
  await resumed.fit(x, y, { epochs: 4, initialEpoch: 2, ...schedule });
  assert.is(bytesOf(resumed), bytesOf(straight));

  const frozen = await loadFrozenModel(path, { backend });
  assert.equal(frozen.signature.inputs, { input: { dtype: 'f32', shape: ['batch', 2] } });
  assert.equal(frozen.signature.outputs['output']?.shape, ['batch', 3]);
});

test('a file for serving holds the weights and no optimizer', async () => {
  const { x, y } = classes(40);
  const model = classifier();
  await model.fit(x, y, { ...quiet });
  const path = join(folder, 'served.safetensors');
  await model.save(path, { maxBatch: 16 });
  const frozen = await loadFrozenModel(path, { backend });
  const { program, variables } = frozen.contents();
  assert.equal([...variables.keys()].sort(), ['dense/bias', 'dense/kernel', 'dense_1/bias', 'dense_1/kernel']);
  assert.equal(Object.keys(program.graphs), ['predict']);
  assert.equal(program.symbols, { batch: { max: 16 } });
  isNear(await frozen.predict(x, { batchSize: 40 }), await model.predict(x));
  frozen.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const [loaded, original] = [await frozen.evaluate(x, y), await model.evaluate(x, y)];
  for (const name of ['loss', 'accuracy']) assert.ok(Math.abs((loaded[name] ?? 0) - (original[name] ?? 1)) < 1e-6);
  const uncompiled = await loadFrozenModel(path, { backend });
  assert.match((await rejection(uncompiled.evaluate(x, y))).message, /\[evaluate\] a compiled model/);
});

test('compiling again keeps the weights and forgets the optimizer', async () => {
  const { x, y } = classes(40);
  const model = classifier();
  await model.fit(x, y, { epochs: 2, ...quiet });
  const before = await model.predict(x);
  model.compile({ optimizer: adam({ learningRate: 0.5 }), loss: 'sparseCategoricalCrossentropy' });
  isNear(await model.predict(x), before);
  assert.is(model.variables().get('adam/steps')?.data[0] ?? 0, 0);
  assert.is(model.variables().get('adam/learningRate')?.data[0], 0.5);
});

test('files that are no model, or no model with layers, are refused', async () => {
  const missing = join(folder, 'missing.safetensors');
  assert.instance(await rejection(loadModel(missing, { backend })), IoError);
  assert.instance(await rejection(loadFrozenModel(missing, { backend })), IoError);
  const junk = join(folder, 'junk.safetensors');
  writeFileSync(junk, 'not a model');
  assert.instance(await rejection(loadModel(junk, { backend })), FormatError);
  assert.instance(await rejection(xor().save(join(folder, 'xor.safetensors'))), ArgumentError);
  const error = await rejection(classifier().save(join(folder, 'no', 'folder', 'model.safetensors')));
  assert.instance(error, IoError);
  assert.equal(
    readdirSync(folder).filter((name) => name.includes('tmp')),
    [],
  );
});

const nan = (array: NDArray, at: number, value = NaN): NDArray => {
  const data = Float32Array.from(array.data);
  data[at] = value;
  return { ...array, data };
};

test('bad data get a typed error that names what is wrong and where', async () => {
  const { x, y } = classes(40);
  const model = classifier();
  const refuse = async (
    x: NDArray,
    y: NDArray,
    type: new (...args: never[]) => Error,
    message: RegExp,
  ): Promise<void> => {
    for (const promise of [model.fit(x, y, { ...quiet }), model.evaluate(x, y)]) {
      const error = await rejection(promise);
      assert.instance(error, type, error.message);
      assert.match(error.message, message);
    }
  };
  const labels = Array.from(y.data);
  await refuse(nan(x, 31), y, NumericsError, /\[x\] finite numbers are required\. Received NaN in row 15\./);
  await refuse(nan(x, 79, -Infinity), y, NumericsError, /Received -Infinity in row 39/);
  await refuse(x, i32([40], labels.with(17, 3)), IndexError, /\[y\] labels from 0 to 2.*Received 3 in row 17/);
  await refuse(x, i32([40], labels.with(0, -1)), IndexError, /Received -1 in row 0/);
  await refuse(x, i32([39], labels.slice(1)), ShapeError, /as many labels as examples.*40 x and 39 y/);
  await refuse(f32([40, 3], Array.from(normal([1, 1], 120))), y, ShapeError, /\[x\] f32 \[batch, 2\].*f32 \[40, 3\]/);
  await refuse(f32([80], Array.from(x.data)), y, ShapeError, /Received f32 \[80\]/);
  await refuse(i32([40, 2], new Array<number>(80).fill(0)), y, DTypeError, /\[x\] f32 \[batch, 2\].*i32/);
  await refuse(x, f32([40], labels), DTypeError, /\[y\] i32 \[batch\] is required\. Received f32 \[40\]/);
  await refuse(x, i32([40, 2], [...labels, ...labels]), ShapeError, /\[y\] i32 \[batch\]/);
  await refuse(f32([0, 2], []), i32([0], []), ArgumentError, /\[x\] at least one example/);
  await refuse({ ...x, data: x.data.subarray(2) }, y, ShapeError, /80 elements are required\. Received 78/);
  await refuse({ ...x, dtype: 'i32' }, y, DTypeError, /\[x\]/);

  const values = bytesOf(model);
  assert.instance(await rejection(model.predict(nan(x, 0))), NumericsError);
  assert.instance(await rejection(model.predict(f32([1, 3], [0, 0, 0]))), ShapeError);
  assert.is(bytesOf(classifier()), values, 'bad data in the first batch leave the weights as they were');
});

test('bad schedules get a typed error', async () => {
  const model = xor();
  for (const options of [
    { epochs: -1 },
    { epochs: 1.5 },
    { batchSize: 0 },
    { batchSize: NaN },
    { initialEpoch: -1 },
    { seed: 0.5 },
  ]) {
    assert.instance(await rejection(model.fit(xorX, xorY, { ...options, ...quiet })), ArgumentError);
  }
  assert.instance(await rejection(model.predict(xorX, { batchSize: 0 })), ArgumentError);
  assert.throws(() => sequential([dense({ units: 1 })], { seed: 0.5 }), /integer seed/);
  const uncompiled = sequential([dense({ units: 1 })], { backend });
  assert.match((await rejection(uncompiled.fit(xorX, xorY))).message, /\[fit\] a compiled model/);
  assert.throws(() => optimizerOf('adamw' as never), /an optimizer among adagrad, adam, adamW, .*Received 'adamw'/);
  assert.throws(() => adam({ beta1: 1 }), /\[adam\] a beta1 in \[0, 1\)/);
  assert.throws(() => model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', metrics: ['accuracy', 'accuracy'] }));
});

test('two fits at once are refused, and so is a fit after a failed one not', async () => {
  const model = xor();
  const first = model.fit(xorX, xorY, { epochs: 3, ...quiet });
  assert.match((await rejection(model.fit(xorX, xorY, { ...quiet }))).message, /one fit at a time/);
  await first;
  await rejection(model.fit(nan(xorX, 1), xorY, { ...quiet }));
  await model.fit(xorX, xorY, { ...quiet });
});

test('a loss that does not fit the model is refused, and what was compiled before stays', async () => {
  const { x, y } = classes(40);
  const model = classifier();
  await model.fit(x, y, { ...quiet });
  const measured = await model.evaluate(x, y);
  const flat: Loss = { ...logDistance, labels: () => ({ dtype: 'f32', shape: [7] }) };
  assert.throws(() => model.compile({ optimizer: 'sgd', loss: flat }));
  assert.equal(await model.evaluate(x, y), measured);
  const callbacks = [{ onEpochEnd: () => model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' }) }];
  assert.match((await rejection(model.fit(x, y, { callbacks, ...quiet }))).message, /\[compile\]/);
});

test('training leaves the event loop its turns', async () => {
  const { x, y } = classes(40);
  const model = classifier();
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  const start = performance.now();
  await model.fit(x, y, {
    epochs: 100_000,
    ...quiet,
    callbacks: [
      {
        onEpochEnd: () => {
          model.stopTraining = performance.now() - start > 500;
        },
      },
    ],
  });
  clearInterval(timer);
  assert.ok(turns >= 3, `${turns} turns in half a second`);
});

test('predictions of different sizes at once do not disturb each other', async () => {
  const { x } = classes(40);
  const model = classifier();
  const expected = await classifier().predict(x);
  const sizes = [3, 40, 7, 64];
  const all = await Promise.all(sizes.map((batchSize) => model.predict(x, { batchSize })));
  for (const { data } of all) assert.equal(data, expected.data);
});

test('an index out of range names the layer', async () => {
  const layers = [embedding({ inputDim: 5, outputDim: 2, name: 'words' }), flatten(), dense({ units: 1 })];
  const model = sequential(layers, { backend });
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  const error = await rejection(model.fit(i32([2, 2], [0, 1, 5, 2]), f32([2, 1], [0, 1]), { ...quiet }));
  assert.instance(error, IndexError);
  assert.match(error.message, /words\/gather/);
});

test('a loss that is not finite stops training, names the epoch, the step and the first bad node, and keeps the weights', async () => {
  const make = (): Model => {
    const model = sequential([dense({ units: 1, name: 'far', kernelInitializer: 'ones' })], { backend });
    model.compile({ optimizer: sgd({ learningRate: 0.01 }), loss: logDistance });
    return model;
  };
  const model = make();
  const options = { batchSize: 1, shuffle: false, epochs: 3, ...quiet };
  const error = await rejection(model.fit(f32([4, 1], [1, 2, 3, 4]), f32([4, 1], [0, 0, 0, 50]), options));
  assert.instance(error, NumericsError);
  assert.match(error.message, /^\[fit\] a finite loss is required\. At epoch 1, step 4, the first .*: \[log\] /);
  const before = make();
  await before.fit(f32([3, 1], [1, 2, 3]), f32([3, 1], [0, 0, 0]), { ...options, epochs: 1 });
  assert.is(bytesOf(model), bytesOf(before));
});

test('weights that training has made infinite are named', async () => {
  const model = sequential([dense({ units: 1, name: 'wild' })], { backend });
  model.compile({ optimizer: sgd({ learningRate: 1e30 }), loss: 'meanSquaredError' });
  const error = await rejection(model.fit(xorX, xorY, { epochs: 20, batchSize: 4, ...quiet }));
  assert.instance(error, NumericsError);
  assert.match(error.message, /At (the end of )?epoch \d+/);
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  model.setVariables({ 'wild/kernel': f32([2, 1], [NaN, 0]), 'wild/bias': f32([1], [0]) });
  const again = await rejection(model.fit(xorX, xorY, { batchSize: 4, ...quiet }));
  assert.match(again.message, /At epoch 1, step 1, variable 'wild\/kernel' already held a NaN/);
});

for (const each of trainingBackends.filter(({ name }) => name !== 'reference')) {
  test(`${each.name}: learns, repeats itself, and names what is wrong, as the reference does`, async () => {
    const { x, y } = classes(70);
    const train = async (backend: Backend): Promise<{ loss: number; values: Map<string, NDArray> }> => {
      const layers = [
        dense({ units: 9, activation: 'relu' }),
        dropout({ rate: 0.2 }),
        dense({ units: 3, activation: 'softmax' }),
      ];
      const model = sequential(layers, { backend, seed: 8 });
      const optimizer = adam({ learningRate: 0.02 });
      model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
      const { history } = await model.fit(x, y, { epochs: 8, batchSize: 16, ...quiet });
      const values = model.variables();
      model.close();
      return { loss: history['loss']?.at(-1) ?? NaN, values };
    };
    const [expected, first, second] = [await train(backend), await train(each), await train(each)];
    assert.ok(Math.abs(first.loss - expected.loss) < 1e-3, `${first.loss} is not ${expected.loss}`);
    assert.equal(second.values, first.values);

    const logs = sequential([dense({ units: 1, kernelInitializer: 'ones' })], { backend: each });
    logs.compile({ optimizer: 'sgd', loss: logDistance });
    const far = [f32([4, 1], [1, 2, 3, 4]), f32([4, 1], [0, 0, 0, 50])] as const;
    const error = await rejection(logs.fit(...far, { batchSize: 1, shuffle: false, ...quiet }));
    assert.instance(error, NumericsError);
    assert.match(error.message, /At epoch 1, step 4, the first .*'log'/);
    assert.ok(Array.from(logs.variables().get('dense/kernel')?.data ?? [NaN]).every(Number.isFinite));
    logs.close();

    const words = sequential(
      [embedding({ inputDim: 5, outputDim: 2, name: 'words' }), flatten(), dense({ units: 1 })],
      {
        backend: each,
      },
    );
    words.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const outside = await rejection(words.fit(i32([1, 2], [0, 5]), f32([1, 1], [0]), { ...quiet }));
    assert.instance(outside, IndexError);
    assert.match(outside.message, /words\/gather/);
    words.close();
  });
}

test('variables take what fits them only', () => {
  const model = classifier();
  assert.throws(() => model.setVariables({ nothing: f32([1], [1]) }), /Received 'nothing'/);
  assert.throws(
    () => model.setVariables({ 'dense/bias': f32([3], [1, 2, 3]) }),
    /takes f32 \[8\]\. Received f32 \[3\]/,
  );
  assert.throws(() => model.setVariables({ 'dense/bias': i32([8], new Array<number>(8).fill(0)) }), /i32/);
});

test('a batch larger than the data takes the memory of the data', async () => {
  const model = sequential([input({ shape: [4] }), dense({ units: 2 })]);
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  const [x, y] = [ndarray('f32', [3, 4]), ndarray('f32', [3, 2])];
  await model.fit(x, y, { batchSize: 2 ** 40, verbose: 0 });
  await model.predict(x, { batchSize: 2 ** 31 });
  assert.ok((model.stats?.peakBytes ?? Infinity) < 2 ** 20);
});

test.run();
