/** Gradient accumulation: several runs train as one of all their examples; and batches that fit only with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Backend } from '../src/backend/backend.js';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { ArgumentError, MemoryError, NumericsError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { dense } from '../src/nn/dense.js';
import { dropout } from '../src/nn/dropout.js';
import { input } from '../src/nn/input.js';
import { l2 } from '../src/nn/regularizers.js';
import { type FitOptions, type Model, sequential } from '../src/train/model.js';
import { adagrad, adam, adamW, lion, type Optimizer, rmsprop, sgd } from '../src/train/optimizers.js';
import { exponentialDecay } from '../src/train/schedules.js';
import { trainingBackends } from './support/backends.js';
import { rejection } from './support/rejection.js';

const rows = 22;
const x = ndarray('f32', [rows, 3], normal([4, 1], rows * 3));
const y = ndarray(
  'f32',
  [rows, 1],
  Array.from({ length: rows }, (_, i) => (x.data[3 * i] ?? 0) - 2 * (x.data[3 * i + 1] ?? 0)),
);
const weights = ndarray(
  'f32',
  [rows],
  Array.from({ length: rows }, (_, i) => (i % 3) / 2),
);
const quiet = { verbose: 0, epochs: 3, batchSize: 8 } as const;

function network(backend: Backend, optimizer: Optimizer, rate = 0): Model {
  const layers = [
    input({ shape: [3] }),
    dense({ units: 5, activation: 'tanh', kernelRegularizer: l2(0.01) }),
    ...(rate > 0 ? [dropout({ rate })] : []),
    dense({ units: 1 }),
  ];
  const model = sequential(layers, { backend, seed: 6 });
  model.compile({ optimizer, loss: 'meanSquaredError', metrics: ['meanAbsoluteError', 'r2Score'] });
  return model;
}

async function trained(model: Model, options: FitOptions): Promise<Map<string, NDArray>> {
  const { history } = await model.fit(x, y, { ...quiet, ...options });
  const values = model.variables();
  for (const [name, numbers] of Object.entries(history)) values.set(name, ndarray('f32', [numbers.length], numbers));
  model.close();
  return values;
}

function near(actual: ReadonlyMap<string, NDArray>, expected: ReadonlyMap<string, NDArray>, what: string): void {
  for (const [name, { data }] of expected) {
    const found = actual.get(name)?.data ?? [];
    data.forEach((value: number, i: number) => {
      const tolerance = 2e-5 * Math.max(1, Math.abs(value));
      assert.ok(Math.abs((found[i] ?? NaN) - value) <= tolerance, `${what} ${name}[${i}]: ${value}, not ${found[i]}`);
    });
  }
}

const optimizers: readonly (() => Optimizer)[] = [
  () => sgd({ learningRate: exponentialDecay({ learningRate: 0.1, decaySteps: 2, decayRate: 0.5 }), momentum: 0.9 }),
  () => adam({ globalClipnorm: 0.5, useEma: true, emaMomentum: 0.8 }),
  () => adamW({ clipvalue: 0.1 }),
  () => rmsprop({ clipnorm: 0.3 }),
  () => adagrad(),
  () => lion({ learningRate: 0.01 }),
];

for (const backend of trainingBackends) {
  test(`several runs train as one, with every optimizer, on ${backend.name}`, async () => {
    for (const optimizer of optimizers) {
      const whole = await trained(network(backend, optimizer()), {});
      for (const accumulate of [2, 8]) {
        const parts = await trained(network(backend, optimizer()), { accumulate });
        near(parts, whole, `${optimizer().name} in ${accumulate}`);
        assert.ok([...parts].filter(([name]) => name.startsWith('accumulated/')).length === 5);
      }
    }
  });

  test(`several runs train as one, with weights, on ${backend.name}`, async () => {
    const options = { sampleWeight: weights, validationSplit: 0.25 };
    const whole = await trained(network(backend, adam()), options);
    near(await trained(network(backend, adam()), { ...options, accumulate: 4 }), whole, 'weighted');
  });
}

const folder = mkdtempSync(join(tmpdir(), 'quern-accumulation-'));
test.after(() => rmSync(folder, { recursive: true }));

const bytesOf = (values: ReadonlyMap<string, NDArray>): string =>
  [...values].map(([name, { data }]) => `${name}=${Array.from(data).join()}`).join('\n');

test('a run that accumulates and failed in the middle of an epoch ends with the same bits', async () => {
  const backend = wasmBackend({ training: true });
  const make = (): Model => network(backend, adam({ useEma: true }), 0.2);
  const options = { accumulate: 4, epochs: 4 };
  const expected = bytesOf(await trained(make(), options));
  const checkpoint = { path: join(folder, 'run'), every: 1 };
  const fail = {
    onEpochEnd: (epoch: number) => {
      if (epoch === 1) throw new Error('out of luck');
    },
  };
  const failed = make().fit(x, y, { ...quiet, ...options, checkpoint, callbacks: [fail] });
  assert.match((await rejection(failed)).message, /out of luck/);
  assert.is(bytesOf(await trained(make(), { ...options, checkpoint, callbacks: [{}] })), expected);
  const other = await rejection(make().fit(x, y, { ...quiet, checkpoint, callbacks: [{}] }));
  assert.match(other.message, /accumulate: none, in the file 4/);
});

test('what a failed run left is not accumulated', async () => {
  const backend = wasmBackend({ training: true });
  const [model, fresh] = [network(backend, sgd()), network(backend, sgd())];
  const before = model.variables();
  const bad = ndarray(
    'f32',
    [rows, 1],
    Float32Array.from(y.data, (value, row) => (row < 4 ? value : 3e38)),
  );
  const error = await rejection(model.fit(x, bad, { ...quiet, shuffle: false, accumulate: 4 }));
  assert.instance(error, NumericsError);
  assert.equal(model.variables().get('dense/kernel')?.data, before.get('dense/kernel')?.data);
  near(await trained(model, { accumulate: 4 }), await trained(fresh, { accumulate: 4 }), 'after a failure');
});

test('accumulate divides the batch', async () => {
  const [backend] = trainingBackends;
  if (!backend) throw new Error('a backend');
  const model = network(backend, sgd());
  for (const accumulate of [0, -1, 1.5, NaN, 3]) {
    assert.instance(await rejection(model.fit(x, y, { ...quiet, accumulate })), ArgumentError);
  }
});

test('a batch above the ceiling fails before the first step with the figures, and fits with accumulate', async () => {
  const count = 512;
  const examples = ndarray('f32', [count, 64], normal([4, 9], count * 64));
  const targets = ndarray('f32', [count, 1], normal([4, 8], count));
  const make = (memoryLimit?: number): Model => {
    const layers = [input({ shape: [64] }), ...[256, 256, 1].map((units) => dense({ units, activation: 'tanh' }))];
    const backend = wasmBackend({ training: true, ...(memoryLimit && { memoryLimit }) });
    const model = sequential(layers, { backend, seed: 1 });
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    return model;
  };
  const options = { batchSize: count, verbose: 0, shuffle: false } as const;
  const free = make();
  const { history } = await free.fit(examples, targets, options);
  const peak = free.stats?.peakBytes ?? 0;
  const expected = free.variables();

  const limit = Math.floor(peak * 0.7);
  const tight = make(limit);
  const before = bytesOf(tight.variables());
  let begun = false;
  const callbacks = [{ onTrainBegin: () => void (begun = true) }];
  const error = await rejection(tight.fit(examples, targets, { ...options, callbacks }));
  assert.instance(error, MemoryError);
  const figures =
    /^\[fit\] at most (\d+) bytes are allowed\. Runs of 512 examples take (\d+)\. The largest batch that fits is (\d+)\. With accumulate: (\d+) a batch of 512 fits\.$/.exec(
      error.message,
    );
  assert.ok(figures, error.message);
  const [, allowed, taken, largest = NaN, accumulate = NaN] = (figures ?? []).map(Number);
  assert.equal([allowed, taken], [limit, peak]);
  assert.equal(
    [error instanceof MemoryError && error.limit, error instanceof MemoryError && error.required],
    [limit, peak],
  );
  assert.not.ok(begun);
  assert.is(bytesOf(tight.variables()), before);

  await make(limit).fit(examples, targets, { ...options, batchSize: largest });
  assert.instance(
    await rejection(make(limit).fit(examples, targets, { ...options, batchSize: largest + 1 })),
    MemoryError,
  );
  const parts = await tight.fit(examples, targets, { ...options, accumulate });
  assert.ok((tight.stats?.peakBytes ?? Infinity) <= limit);
  assert.ok(Math.abs((parts.history['loss']?.[0] ?? NaN) - (history['loss']?.[0] ?? NaN)) < 1e-5);
  near(new Map([...tight.variables()].filter(([name]) => expected.has(name))), expected, 'within the ceiling');
  assert.instance(await rejection(make(limit).fit(examples, targets, { ...options, accumulate: 1 })), MemoryError);

  const hopeless = await rejection(make(2 ** 16).fit(examples, targets, options));
  assert.match(hopeless.message, /Not even one example fits\.$/);
});

test.run();
