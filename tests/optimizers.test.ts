/** Optimizers: two steps of each against the arithmetic in float64, on every backend; clipping; that each learns. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { gradients } from '../src/graph/autodiff.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import { dense } from '../src/nn/dense.js';
import { mul } from '../src/ops/binary.js';
import { sum } from '../src/ops/reduce.js';
import { sequential } from '../src/train/model.js';
import {
  adagrad,
  adam,
  adamW,
  lion,
  type Optimizer,
  type OptimizerName,
  optimizerOf,
  rmsprop,
  sgd,
} from '../src/train/optimizers.js';
import type { Run } from '../src/train/callback.js';
import { averaged } from '../src/train/optimizer.js';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { trainingBackends } from './support/backends.js';

const f32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('f32', shape, data);

/** First values of the parameters, and the gradients of two steps. */
const start = { a: [1, -2, 0.5, 3, 0.25], b: [0.5] };
const steps = [
  { a: [0.5, -1, 0, 2, -0.125], b: [4] },
  { a: [-1.5, 0.25, 1, 2, 0.5], b: [-3] },
];

/** Makes the parameters' values after two steps, and what the optimizer remembers. */
async function stepped(
  backend: (typeof trainingBackends)[number],
  optimizer: Optimizer,
): Promise<Map<string, number[]>> {
  const builder = new ProgramBuilder();
  const types = { a: { dtype: 'f32', shape: [5] }, b: { dtype: 'f32', shape: [1] } } as const;
  builder.trace('step', types, (inputs, scope) => {
    const parameters = {
      a: scope.variable('a', { shape: [5], initial: () => f32([5], start.a) }),
      b: scope.variable('b', { shape: [1], initial: () => f32([1], start.b) }),
    };
    const losses = [sum(mul(parameters.a, inputs.a)), sum(mul(parameters.b, inputs.b))] as const;
    const found = [...gradients(losses[0], [parameters.a]), ...gradients(losses[1], [parameters.b])];
    optimizer.update(scope, parameters, found);
    return {};
  });
  const executable = await backend.compile(builder.program());
  for (const [name, value] of builder.initialValues()) executable.setVariable(name, value);
  for (const { a, b } of steps) await executable.run('step', { a: f32([5], a), b: f32([1], b) });
  const names = Object.keys(builder.program().variables);
  const values = new Map(names.map((name) => [name, [...executable.getVariable(name).data]]));
  executable.close();
  return values;
}

/** A parameter after two steps, in float64; `next` keeps what it remembers in `memory`. */
type Next = (p: number, g: number, memory: Record<string, number>, t: number) => number;

function byHand(
  next: Next,
  name: 'a' | 'b',
  clip: (g: readonly number[], all: readonly number[]) => number[],
): number[] {
  const memories = start[name].map((): Record<string, number> => ({}));
  return steps.reduce<number[]>((values, step, t) => {
    const clipped = clip(step[name], [...step.a, ...step.b]);
    return values.map((p, i) => next(p, clipped[i] ?? NaN, memories[i] ?? {}, t + 1));
  }, start[name]);
}

const asTheyAre = (g: readonly number[]): number[] => [...g];

function near(actual: readonly number[] | undefined, expected: readonly number[], what: string): void {
  assert.is(actual?.length, expected.length);
  expected.forEach((value, i) => {
    const is = actual?.[i] ?? NaN;
    assert.ok(Math.abs(is - value) <= 2e-6 * Math.max(1, Math.abs(value)), `${what}[${i}]: ${value}, not ${is}`);
  });
}

const adamByHand =
  (rate: number, decay: number): Next =>
  (p, g, memory, t) => {
    memory['m'] = 0.9 * (memory['m'] ?? 0) + 0.1 * g;
    memory['v'] = 0.999 * (memory['v'] ?? 0) + 0.001 * g * g;
    const correction = Math.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t);
    return p - rate * decay * p - (rate * correction * memory['m']) / (Math.sqrt(memory['v']) + 1e-7);
  };

const rules: Readonly<Record<string, readonly [Optimizer, Next]>> = {
  sgd: [sgd({ learningRate: 0.1 }), (p, g) => p - 0.1 * g],
  'sgd with weight decay': [sgd({ learningRate: 0.1, weightDecay: 0.5 }), (p, g) => p - 0.05 * p - 0.1 * g],
  adam: [adam({ learningRate: 0.1 }), adamByHand(0.1, 0)],
  adamW: [adamW({ learningRate: 0.1 }), adamByHand(0.1, 0.004)],
  rmsprop: [
    rmsprop({ learningRate: 0.1 }),
    (p, g, memory) => {
      memory['v'] = 0.9 * (memory['v'] ?? 0) + 0.1 * g * g;
      return p - (0.1 * g) / Math.sqrt(memory['v'] + 1e-7);
    },
  ],
  'rmsprop, centered, with momentum': [
    rmsprop({ learningRate: 0.1, rho: 0.8, momentum: 0.5, centered: true, epsilon: 1e-3 }),
    (p, g, memory) => {
      memory['v'] = 0.8 * (memory['v'] ?? 0) + 0.2 * g * g;
      memory['a'] = 0.8 * (memory['a'] ?? 0) + 0.2 * g;
      memory['m'] = 0.5 * (memory['m'] ?? 0) + (0.1 * g) / Math.sqrt(memory['v'] - memory['a'] ** 2 + 1e-3);
      return p - memory['m'];
    },
  ],
  adagrad: [
    adagrad({ learningRate: 0.1 }),
    (p, g, memory) => {
      memory['s'] = (memory['s'] ?? 0.1) + g * g;
      return p - (0.1 * g) / Math.sqrt(memory['s'] + 1e-7);
    },
  ],
  lion: [
    lion({ learningRate: 0.1, weightDecay: 0.01 }),
    (p, g, memory) => {
      const m = memory['m'] ?? 0;
      memory['m'] = 0.99 * m + 0.01 * g;
      return p - 0.001 * p - 0.1 * Math.sign(0.9 * m + 0.1 * g);
    },
  ],
};

for (const backend of trainingBackends) {
  test(`two steps of every optimizer are the arithmetic, on ${backend.name}`, async () => {
    for (const [what, [optimizer, next]] of Object.entries(rules)) {
      const values = await stepped(backend, optimizer);
      for (const name of ['a', 'b'] as const) near(values.get(name), byHand(next, name, asTheyAre), `${what} ${name}`);
      near(values.get(`${optimizer.name}/learningRate`), [0.1], 'learningRate');
    }
  });

  test(`gradients are clipped by value, norm and global norm, on ${backend.name}`, async () => {
    const norm = (g: readonly number[]): number => Math.hypot(...g);
    const ways = [
      [{ clipvalue: 0.75 }, (g: readonly number[]) => g.map((x) => Math.min(Math.max(x, -0.75), 0.75))],
      [{ clipnorm: 2.5 }, (g: readonly number[]) => g.map((x) => (x * 2.5) / Math.max(norm(g), 2.5))],
      [
        { globalClipnorm: 4 },
        (g: readonly number[], all: readonly number[]) => g.map((x) => (x * 4) / Math.max(norm(all), 4)),
      ],
      [{ globalClipnorm: 100 }, asTheyAre],
    ] as const;
    for (const [clipping, clip] of ways) {
      const values = await stepped(backend, sgd({ learningRate: 1, ...clipping }));
      for (const name of ['a', 'b'] as const) {
        near(
          values.get(name),
          byHand((p, g) => p - g, name, clip),
          `${JSON.stringify(clipping)} ${name}`,
        );
      }
    }
  });

  test(`every optimizer finds the line, on ${backend.name}`, async () => {
    const x = f32([64, 2], [...normal([2, 0], 128)]);
    const line = Array.from({ length: 64 }, (_, i) => 3 * (x.data[2 * i] ?? 0) - 2 * (x.data[2 * i + 1] ?? 0) + 0.5);
    const optimizers = [
      rmsprop({ learningRate: 0.05, clipvalue: 5 }),
      adagrad({ learningRate: 0.5 }),
      adamW({ learningRate: 0.1, globalClipnorm: 10, weightDecay: 1e-4 }),
      lion({ learningRate: 0.01, beta2: 0.9 }),
    ];
    for (const optimizer of optimizers) {
      const model = sequential([dense({ units: 1 })], { backend });
      model.compile({ optimizer, loss: 'huber' });
      const { history } = await model.fit(x, f32([64], line), { epochs: 120, batchSize: 16, verbose: 0 });
      assert.ok((history['loss']?.[0] ?? 0) > 0.5, `${optimizer.name} begins at ${history['loss']?.[0]}`);
      assert.ok((history['loss']?.at(-1) ?? 1) < 0.01, `${optimizer.name} ends at ${history['loss']?.at(-1)}`);
      model.close();
    }
  });
}

for (const backend of trainingBackends) {
  test(`moving averages begin with the first step and follow, on ${backend.name}`, async () => {
    const optimizer = sgd({ learningRate: 0.1, useEma: true, emaMomentum: 0.75 });
    const values = await stepped(backend, optimizer);
    for (const name of ['a', 'b'] as const) {
      const after = steps.map((_, t) =>
        start[name].map((p, i) => steps.slice(0, t + 1).reduce((sum, step) => sum - 0.1 * (step[name][i] ?? NaN), p)),
      );
      const expected = (after[0] ?? []).map((first, i) => 0.75 * first + 0.25 * (after[1]?.[i] ?? NaN));
      near(values.get(`sgd/average/${name}`), expected, `average of ${name}`);
      near(values.get(name), after[1] ?? [], name);
    }
    const arrays = new Map([...values].map(([name, data]) => [name, f32([data.length], data)]));
    assert.equal(averaged(optimizer, arrays).get('a'), arrays.get('sgd/average/a'));
    assert.is(averaged(sgd(), arrays), arrays);
    arrays.set('sgd/emaMomentum', f32([1], [0]));
    assert.is(averaged(optimizer, arrays), arrays, 'before the first step');
  });
}

test('validation and the end of fit take the averages, the steps do not', async () => {
  const x = f32([8, 1], [...normal([3, 1], 8)]);
  const y = f32([8, 1], [...normal([3, 2], 8)]);
  const fitted = async (epochs: number, useEma: boolean) => {
    const model = sequential([dense({ units: 1 })], { backend: wasmBackend({ training: true }), seed: 1 });
    model.compile({ optimizer: sgd({ learningRate: 0.1, useEma, emaMomentum: 0.5 }), loss: 'meanSquaredError' });
    const kernels: number[] = [];
    const callbacks = [
      { onTrainBegin: (run: Run) => void (begun = run), onEpochEnd: () => void kernels.push(kernel()) },
    ];
    let begun: Run | undefined;
    const kernel = (): number => begun?.variables().get('dense/kernel')?.data[0] ?? NaN;
    const options = { epochs, batchSize: 8, shuffle: false, verbose: 0, callbacks } as const;
    const { history } = await model.fit(x, y, { ...options, validationData: [x, y] });
    return { model, kernels, history, end: model.variables().get('dense/kernel')?.data[0] ?? NaN };
  };
  const [plain, ema] = [await fitted(3, false), await fitted(3, true)];
  assert.equal(ema.kernels, plain.kernels);
  assert.equal(ema.history['loss'], plain.history['loss']);
  const [a = NaN, b = NaN, c = NaN] = plain.kernels;
  assert.ok(Math.abs(ema.end - (0.25 * a + 0.25 * b + 0.5 * c)) < 1e-6);
  const measured = await ema.model.evaluate(x, y);
  assert.ok(Math.abs((measured['loss'] ?? NaN) - (ema.history['valLoss']?.[2] ?? 0)) < 1e-6);
  assert.not.equal(ema.history['valLoss'], plain.history['valLoss']);
  const before = ema.model.variables().get('dense/kernel')?.data[0];
  await ema.model.fit(x, y, { epochs: 0, verbose: 0 });
  assert.is(ema.model.variables().get('dense/kernel')?.data[0], before);
});

test('optimizers have names, defaults and limits', () => {
  const names: readonly OptimizerName[] = ['adagrad', 'adam', 'adamW', 'lion', 'rmsprop', 'sgd'];
  for (const name of names) assert.is(optimizerOf(name).name, name);
  const refuse = (make: () => unknown, message: RegExp): void =>
    assert.throws(make, (error: unknown) => error instanceof ArgumentError && message.test(error.message));
  refuse(() => lion({ learningRate: -1 }), /\[lion\] a learning rate in \[0, Infinity\) is required\. Received -1/);
  refuse(() => rmsprop({ rho: 1 }), /\[rmsprop\] a rho in \[0, 1\)/);
  refuse(() => adagrad({ initialAccumulatorValue: NaN }), /Received NaN/);
  refuse(() => adamW({ weightDecay: -0.1 }), /\[adamW\] a weightDecay in \[0, Infinity\)/);
  refuse(() => sgd({ clipnorm: 1, clipvalue: 1 }), /one of clipvalue.*Received clipvalue, clipnorm/);
  refuse(() => sgd({ useEma: true, emaMomentum: 1 }), /\[sgd\] a emaMomentum in \[0, 1\)/);
  refuse(() => adam({ globalClipnorm: 0 }), /\[adam\] a positive globalClipnorm is required\. Received 0/);
});

test.run();
