/** The trainer of custom steps: a Wasserstein network whose gradient penalty trains, on every backend; what is refused. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { normal, randomWords } from '../src/core/random.js';
import {
  adam,
  ArgumentError,
  type Backend,
  dense,
  dropout,
  exponentialDecay,
  FormatError,
  gradients,
  l2,
  type NDArray,
  ndarray,
  NumericsError,
  ops,
  sgd,
  type Trainer,
  trainer,
} from '../src/index.js';
import { trainingBackends } from './support/backends.js';
import { rejection } from './support/rejection.js';

const { add, mean, mul, neg, square, sqrt, sub, sum } = ops;

const f32 = (shape: readonly number[], data: ArrayLike<number>): NDArray => ndarray('f32', shape, data);
const batch = 64;
const column = { dtype: 'f32', shape: ['batch', 1] } as const;
const noiseType = { dtype: 'f32', shape: ['batch', 2] } as const;

/** How often the critic is trained, and how often for each time that the generator is. */
const [steps, criticSteps] = [500, 5];

const falling = (learningRate: number, decaySteps: number) =>
  exponentialDecay({ learningRate, decaySteps, decayRate: 0.05 });

/** Learns to draw from a normal distribution (Gulrajani et al., NeurIPS 2017); the penalty weighs `lambda`. */
function wgan(backend: Backend, lambda: number): Trainer {
  const generator = [dense({ units: 16, activation: 'tanh' }), dense({ units: 1 })];
  const critic = [
    dense({ units: 16, activation: 'tanh' }),
    dense({ units: 16, activation: 'tanh' }),
    dense({ units: 1 }),
  ];
  return trainer({ backend, seed: 5 })
    .step(
      'critic',
      { noise: noiseType, real: column, share: column },
      ({ noise, real, share }, { apply, minimize }) => {
        const fake = apply('generator', generator, noise);
        const between = add(mul(real, share), mul(fake, sub(1, share)));
        const [slope] = gradients(sum(apply('critic', critic, between)), [between]);
        if (!slope) throw new Error('a slope');
        const norm = sqrt(add(sum(square(slope), { axes: 1 }), 1e-12));
        const penalty = mean(square(sub(norm, 1)));
        const distance = sub(mean(apply('critic', critic, real)), mean(apply('critic', critic, fake)));
        const loss = add(neg(distance), mul(penalty, lambda));
        minimize(
          loss,
          adam({ name: 'criticAdam', learningRate: falling(0.03, steps), beta1: 0.5, beta2: 0.9 }),
          'critic',
        );
        return { penalty, distance };
      },
    )
    .step('generator', { noise: noiseType }, ({ noise }, { apply, minimize }) => {
      const loss = neg(mean(apply('critic', critic, apply('generator', generator, noise))));
      const learningRate = falling(0.01, steps / criticSteps);
      const optimizer = adam({ name: 'generatorAdam', learningRate, beta1: 0.5, beta2: 0.9 });
      return { loss: minimize(loss, optimizer, 'generator') };
    })
    .step('sample', { noise: noiseType }, ({ noise }, { apply }) => ({
      x: apply('generator', generator, noise, { training: false }),
    }));
}

const noise = (step: number): NDArray => f32([batch, 2], normal([step, 1], 2 * batch));
const real = (step: number): NDArray =>
  f32(
    [batch, 1],
    Array.from(normal([step, 2], batch), (x) => 3 + 0.5 * x),
  );
const share = (step: number): NDArray =>
  f32(
    [batch, 1],
    Array.from(randomWords([step, 3], 0, batch), (word) => word * 2 ** -32),
  );

/** The mean penalties of the critic's first runs and of its last, and the mean of samples at the end. */
async function trained(gan: Trainer): Promise<{ first: number; last: number; sample: number }> {
  const penalties: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { penalty } = await gan.run('critic', { noise: noise(step), real: real(step), share: share(step) });
    penalties.push(penalty?.data[0] ?? NaN);
    if (step % criticSteps === 0) await gan.run('generator', { noise: noise(-step) });
  }
  const { x } = await gan.run('sample', { noise: noise(steps) });
  const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    first: meanOf(penalties.slice(0, 3)),
    last: meanOf(penalties.slice(-50)),
    sample: meanOf(Array.from(x?.data ?? [])),
  };
}

for (const backend of trainingBackends) {
  test(`the gradient penalty goes to its target, on ${backend.name}`, async () => {
    const gan = wgan(backend, 10);
    const { first, last, sample } = await trained(gan);
    assert.ok(first > 0.1, `the penalty begins at ${first}`);
    assert.ok(last < 0.005, `the penalty ends at ${last}`);
    assert.ok(Math.abs(sample - 3) < 0.4, `samples are around ${sample}`);
    gan.close();
  });
}

const [, backend] = trainingBackends;

test('the penalty stays away from its target where it weighs nothing', async () => {
  if (!backend) throw new Error('a backend');
  const gan = wgan(backend, 0);
  const { last } = await trained(gan);
  assert.ok(!(last < 0.5), `the penalty ends at ${last}`);
  gan.close();
});

/** One step with all that must be remembered: dropout, a schedule, a regularizer. */
function line(units = 1): Trainer {
  const layers = [dropout({ rate: 0.5 }), dense({ units, kernelRegularizer: l2(0.1) })];
  const learningRate = exponentialDecay({ learningRate: 0.1, decaySteps: 1, decayRate: 0.5 });
  if (!backend) throw new Error('a backend');
  return trainer({ backend, seed: 2 }).step('fit', { x: noiseType }, ({ x }, { apply, minimize }) => ({
    loss: minimize(mean(square(sub(apply('line', layers, x), 1))), sgd({ learningRate }), 'line'),
  }));
}

const folder = mkdtempSync(join(tmpdir(), 'quern-trainer-'));
test.after(() => rmSync(folder, { recursive: true }));

const printed = (values: ReadonlyMap<string, NDArray>): string =>
  [...values].map(([name, { data }]) => `${name}=${Array.from(data).join()}`).join('\n');

test('a trainer goes on from its file as if it had not stopped', async () => {
  const path = join(folder, 'line.safetensors');
  const [straight, resumed] = [line(), line()];
  for (let step = 0; step < 3; step++) await straight.run('fit', { x: noise(step) });
  assert.is(straight.variables().get('sgd/learningRate')?.data[0], Math.fround(0.025));
  await straight.save(path);
  await resumed.restore(path);
  for (const each of [straight, resumed]) await each.run('fit', { x: noise(3) });
  assert.is(resumed.variables().get('sgd/learningRate')?.data[0], Math.fround(0.0125));
  assert.is(resumed.variables().get('random/step')?.data[0], 4);
  assert.is(printed(resumed.variables()), printed(straight.variables()));
  const error = await rejection(line(2).restore(path));
  assert.instance(error, ArgumentError);
  assert.match(error.message, /\[trainer\].*variable line\/dense\/kernel: f32 \[2, 2\], in the file f32 \[2, 1\]/);
});

test('a step is what minimize says: the loss with its penalties, one update', async () => {
  const before = line();
  const kernel = before.variables().get('line/dense/kernel')?.data ?? [];
  if (!backend) throw new Error('a backend');
  const still = trainer({ backend, seed: 2 }).step('fit', { x: noiseType }, ({ x }, { apply, minimize }) => {
    const loss = mean(apply('line', [dense({ units: 1, kernelRegularizer: l2(0.1) })], x));
    return { loss, total: minimize(loss, sgd({ learningRate: 0.1 })) };
  });
  const { loss, total } = await still.run('fit', { x: f32([1, 2], [2, 0]) });
  const squares = Array.from(kernel).reduce((sum, value) => sum + value * value, 0);
  assert.ok(Math.abs((total?.data[0] ?? NaN) - (loss?.data[0] ?? NaN) - 0.1 * squares) < 1e-6);
  const [a = NaN] = still.variables().get('line/dense/kernel')?.data ?? [];
  assert.ok(Math.abs(a - ((kernel[0] ?? NaN) - 0.1 * (2 + 0.2 * (kernel[0] ?? NaN)))) < 1e-6);
});

test('what a trainer cannot do is refused', async () => {
  const one = line();
  assert.match((await rejection(one.run('other', {}))).message, /a step among fit is required\. Received 'other'/);
  await one.run('fit', { x: noise(1) });
  assert.throws(() => one.step('late', {}, () => ({})), /steps before the first run/);
  assert.throws(() => one.setVariables({ none: f32([1], [1]) }), /'none' is none here/);
  assert.throws(() => one.setVariables({ 'line/dense/bias': f32([2], [1, 1]) }), /is f32 \[1\] here/);
  assert.throws(() => trainer({ seed: 0.5 }), /an integer seed/);
  const bad = await rejection(
    one.run('fit', { x: f32([1, 2], [3e38, 3e38]) }).then(() => one.run('fit', { x: f32([1, 2], [NaN, 1]) })),
  );
  assert.instance(bad, NumericsError);
  const wrong = await rejection(one.run('fit', { x: f32([1, 3], [1, 2, 3]) }));
  assert.match(wrong.message, /fit: input x/);

  const layers = [dense({ units: 1 })];
  const refused = (fn: Parameters<typeof one.step<{ x: typeof noiseType }>>[2], message: RegExp): void =>
    assert.throws(() => trainer().step('fit', { x: noiseType }, fn), message);
  refused(({ x }, { minimize }) => ({ y: minimize(mean(x), sgd()) }), /trainable variables that the step has read/);
  refused(
    ({ x }, { apply, minimize }) => ({ y: minimize(mean(apply('a', layers, x)), sgd(), 'b') }),
    /below 'b' that the step has read are required\. Received none/,
  );
  refused(({ x }, { apply, minimize }) => {
    const loss = mean(add(apply('a', layers, x), apply('b', layers, x)));
    minimize(loss, sgd(), 'a');
    return { y: minimize(loss, sgd(), 'b') };
  }, /an optimizer of a name of its own.*'sgd' for a\/dense\/kernel, a\/dense\/bias and for b\/dense\/kernel/);

  const path = join(folder, 'plain.safetensors');
  const { saveModel } = await import('../src/train/saving.js');
  await saveModel(path, { ...one.contents(), assets: new Map() });
  assert.instance(await rejection(line().restore(path)), FormatError);
});

test.run();
