/**
 * Linear regression by gradient descent: numbers that follow from three others, with noise, and one dense layer that
 * finds out how.
 */
import type { Backend } from '../backend/backend.js';
import { ndarray } from '../core/ndarray.js';
import { normal } from '../core/random.js';
import type { Dataset } from '../data/mnist.js';
import { dense } from '../nn/dense.js';
import { input } from '../nn/input.js';
import { type Model, sequential } from '../train/model.js';
import { sgd } from '../train/optimizers.js';
import { finish, firstOf, fitModel, type Job, makeFolder, type Trained } from './training.js';

export const linearRegressionDefaults = { epochs: 50, batchSize: 32 } as const;

/** What the numbers are made with: y = x . weights + bias + noise. */
export const linearTruth = { weights: [3, -2, 0.5], bias: 1, noise: 0.1 } as const;

/** Keys of the two sets of numbers. */
const streams = { train: 0, test: 2 } as const;

/** Numbers drawn from the seed: x [count, 3] and y [count, 1]. */
export function linearData(part: keyof typeof streams, count: number, seed: number): Dataset {
  const { weights, bias, noise } = linearTruth;
  const x = normal([seed, streams[part]], count * weights.length);
  const errors = normal([seed, streams[part] + 1], count);
  const y = errors.map((error, row) =>
    weights.reduce<number>((sum, weight, i) => sum + weight * (x[row * weights.length + i] ?? 0), bias + noise * error),
  );
  return { x: ndarray('f32', [count, weights.length], x), y: ndarray('f32', [count, 1], y) };
}

/** The untrained model: [n, 3] -> [n, 1]. */
export function linearRegression(options: { readonly seed?: number; readonly backend?: Backend } = {}): Model {
  const layers = [input({ shape: [linearTruth.weights.length], name: 'x' }), dense({ units: 1, name: 'line' })];
  const model = sequential(layers, options);
  model.compile({ optimizer: sgd({ learningRate: 0.01 }), loss: 'meanSquaredError', metrics: ['meanAbsoluteError'] });
  return model;
}

/** Trains on 1,000 rows, measures on 1,000 others and saves. */
export async function trainLinearRegression(job: Job): Promise<Trained> {
  await makeFolder(job.out);
  const seed = job.seed ?? 0;
  const model = linearRegression(job);
  const train = firstOf(linearData('train', 1000, seed), job.limit);
  const msPerEpoch = await fitModel(model, train, linearRegressionDefaults, job);
  return finish('linear-regression', model, linearData('test', 1000, seed), msPerEpoch, job);
}
