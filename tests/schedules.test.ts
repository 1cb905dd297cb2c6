/** Learning rates that change: the schedules' values, that training follows them, and what is refused. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { ArgumentError, NumericsError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import { dense } from '../src/nn/dense.js';
import { input } from '../src/nn/input.js';
import { type Model, sequential } from '../src/train/model.js';
import { sgd } from '../src/train/optimizers.js';
import {
  cosineDecay,
  cosineDecayRestarts,
  exponentialDecay,
  inverseTimeDecay,
  type LearningRateSchedule,
  oneCycle,
  piecewiseConstantDecay,
  polynomialDecay,
  warmup,
} from '../src/train/schedules.js';
import { rejection } from './support/rejection.js';

function follows(schedule: LearningRateSchedule, expected: Readonly<Record<number, number>>): void {
  for (const [step, rate] of Object.entries(expected)) {
    const received = schedule(Number(step));
    assert.ok(Math.abs(received - rate) < 1e-12, `step ${step}: ${received} instead of ${rate}`);
  }
}

test('exponential decay', () => {
  const options = { learningRate: 0.8, decaySteps: 4, decayRate: 0.25 };
  follows(exponentialDecay(options), { 0: 0.8, 2: 0.4, 4: 0.2, 8: 0.05 });
  follows(exponentialDecay({ ...options, staircase: true }), { 0: 0.8, 3: 0.8, 4: 0.2, 7: 0.2, 8: 0.05 });
});

test('inverse time decay', () => {
  const options = { learningRate: 0.6, decaySteps: 4, decayRate: 0.5 };
  follows(inverseTimeDecay(options), { 0: 0.6, 2: 0.48, 4: 0.4, 8: 0.3 });
  follows(inverseTimeDecay({ ...options, staircase: true }), { 0: 0.6, 3: 0.6, 4: 0.4, 7: 0.4, 8: 0.3 });
});

test('polynomial decay, which stays or begins again', () => {
  follows(polynomialDecay({ learningRate: 1, steps: 4, endLearningRate: 0.2 }), { 0: 1, 1: 0.8, 4: 0.2, 9: 0.2 });
  const squared = { learningRate: 1, steps: 4, endLearningRate: 0, power: 2 };
  follows(polynomialDecay(squared), { 0: 1, 1: 0.5625, 2: 0.25, 4: 0, 5: 0 });
  follows(polynomialDecay({ ...squared, cycle: true }), { 0: 1, 2: 0.25, 4: 0, 5: 9 / 64, 8: 0, 9: 1 / 16, 12: 0 });
});

test('cosine decay with restarts', () => {
  const schedule = cosineDecayRestarts({ learningRate: 1, firstDecaySteps: 4, mMul: 0.5, alpha: 0.1 });
  follows(schedule, { 0: 1, 2: 0.55, 4: 0.5, 8: 0.275, 12: 0.25, 20: 0.1375, 28: 0.125 });
});

test('warm-up before another schedule', () => {
  follows(warmup({ steps: 4, then: 0.2 }), { 0: 0, 1: 0.05, 3: 0.15, 4: 0.2, 99: 0.2 });
  const decay = exponentialDecay({ learningRate: 0.8, decaySteps: 4, decayRate: 0.25 });
  follows(warmup({ steps: 2, then: decay }), { 0: 0, 1: 0.4, 2: 0.8, 4: 0.4, 6: 0.2 });
});

test('cosine decay, with warm-up and an end', () => {
  follows(cosineDecay({ learningRate: 2, steps: 8 }), { 0: 2, 4: 1, 8: 0, 100: 0 });
  const quarter = 0.2 + (1.8 * (1 + Math.SQRT1_2)) / 2;
  const warm = cosineDecay({ learningRate: 2, steps: 8, alpha: 0.1, warmupSteps: 4 });
  follows(warm, { 0: 0, 1: 0.5, 3: 1.5, 4: 2, 6: quarter, 8: 1.1, 12: 0.2, 50: 0.2 });
});

test('piecewise constant decay', () => {
  const schedule = piecewiseConstantDecay({ boundaries: [2, 5], values: [1, 0.5, 0.1] });
  follows(schedule, { 0: 1, 2: 1, 3: 0.5, 5: 0.5, 6: 0.1, 99: 0.1 });
  follows(piecewiseConstantDecay({ boundaries: [], values: [3] }), { 0: 3, 7: 3 });
});

test('one cycle', () => {
  const schedule = oneCycle({ maxLearningRate: 1, steps: 11, rise: 4 / 11, divisor: 10, finalDivisor: 100 });
  follows(schedule, { 0: 0.1, 2: 0.55, 4: 1, 7: 0.5005, 10: 0.001, 11: 0.001 });
});

const rows = 6;
const x = ndarray('f32', [rows, 1], [1, 2, 3, 4, 5, 6]);
const y = ndarray('f32', [rows, 1], [0, 0, 0, 0, 0, 0]);

/** Whose loss is the mean of (kernel * x)^2. */
function scaled(learningRate: LearningRateSchedule): Model {
  const layers = [input({ shape: [1] }), dense({ units: 1, useBias: false, kernelInitializer: 'ones' })];
  const model = sequential(layers, { backend: referenceBackend });
  model.compile({ optimizer: sgd({ learningRate }), loss: 'meanSquaredError' });
  return model;
}

test('every step takes the rate of its number, counted over epochs', async () => {
  const asked: number[] = [];
  const rates = [0.01, 0, 0.02, 0.005, 0, 0.03];
  const model = scaled((step) => {
    asked.push(step);
    return rates[step] ?? 0.5;
  });
  asked.length = 0;
  await model.fit(x, y, { epochs: 3, batchSize: 3, shuffle: false, verbose: 0 });
  assert.equal(asked, [0, 1, 2, 3, 4, 5]);
  // d/dk mean((k x)^2) = 2 k mean(x^2): 28/3 for the first three rows, 154/3 for the last.
  let kernel = 1;
  rates.forEach((rate, step) => (kernel -= rate * kernel * (step % 2 === 0 ? 28 / 3 : 154 / 3)));
  const trained = model.variables().get('dense/kernel')?.data[0] ?? NaN;
  assert.ok(Math.abs(trained - kernel) < 1e-5, `${trained} instead of ${kernel}`);
});

test('a rate that is negative or not finite ends the run before its step and is named', async () => {
  for (const bad of [-0.1, NaN, Infinity]) {
    const model = scaled((step) => (step === 3 ? bad : 0.001));
    const error = await rejection(model.fit(x, y, { epochs: 3, batchSize: 3, verbose: 0 }));
    assert.instance(error, NumericsError);
    assert.match(error.message, new RegExp(`not negative is required\\. Received ${bad} at step 3\\.`));
    assert.ok(Number.isFinite(model.variables().get('dense/kernel')?.data[0]));
  }
  assert.throws(() => scaled(() => -1).fit, /Received -1 at step 0/);
});

test('schedules that make no sense are refused', () => {
  const refused = [
    () => exponentialDecay({ learningRate: -1, decaySteps: 4, decayRate: 0.5 }),
    () => exponentialDecay({ learningRate: 1, decaySteps: 0, decayRate: 0.5 }),
    () => exponentialDecay({ learningRate: 1, decaySteps: 4, decayRate: NaN }),
    () => inverseTimeDecay({ learningRate: 1, decaySteps: 4, decayRate: -1 }),
    () => polynomialDecay({ learningRate: 1, steps: 4, endLearningRate: -1 }),
    () => polynomialDecay({ learningRate: 1, steps: 1.5 }),
    () => cosineDecayRestarts({ learningRate: 1, firstDecaySteps: 4, tMul: 0.5 }),
    () => cosineDecayRestarts({ learningRate: 1, firstDecaySteps: 0 }),
    () => warmup({ steps: 0, then: 1 }),
    () => warmup({ steps: 2, then: -1 }),
    () => cosineDecay({ learningRate: 1, steps: 0 }),
    () => cosineDecay({ learningRate: 1, steps: 5, alpha: -1 }),
    () => cosineDecay({ learningRate: 1, steps: 5, warmupSteps: -1 }),
    () => piecewiseConstantDecay({ boundaries: [3, 3], values: [1, 2, 3] }),
    () => piecewiseConstantDecay({ boundaries: [3], values: [1] }),
    () => piecewiseConstantDecay({ boundaries: [3], values: [1, -1] }),
    () => oneCycle({ maxLearningRate: 1, steps: 1 }),
    () => oneCycle({ maxLearningRate: 1, steps: 9, rise: 1 }),
    () => oneCycle({ maxLearningRate: 1, steps: 9, divisor: 0 }),
  ];
  for (const make of refused) assert.throws(make, (error: unknown) => error instanceof ArgumentError);
});

test.run();
