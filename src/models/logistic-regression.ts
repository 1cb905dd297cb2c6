/**
 * Logistic regression by gradient descent: points of a plane that belong to one class with a probability that grows
 * across a line, and one dense layer that finds the line.
 */
import type { Backend } from '../backend/backend.js';
import { ndarray } from '../core/ndarray.js';
import { normal, uniform } from '../core/random.js';
import type { Dataset } from '../data/mnist.js';
import { dense } from '../nn/dense.js';
import { input } from '../nn/input.js';
import { type Model, sequential } from '../train/model.js';
import { sgd } from '../train/optimizers.js';
import { finish, firstOf, fitModel, type Job, makeFolder, type Trained } from './training.js';

export const logisticRegressionDefaults = { epochs: 50, batchSize: 32 } as const;

/** What the points are made with: p(1) = sigmoid(x . weights + bias). */
export const logisticTruth = { weights: [4, -3], bias: 1 } as const;

/** Keys of the two sets of points. */
const streams = { train: 0, test: 2 } as const;

/** x . weights + bias of a row. */
const scoreOf = (x: ArrayLike<number>, row: number): number =>
  logisticTruth.weights.reduce<number>((sum, weight, i) => sum + weight * (x[row * 2 + i] ?? 0), logisticTruth.bias);

/** Points drawn from the seed: x [count, 2] and y [count, 1], 0 or 1. */
export function logisticData(part: keyof typeof streams, count: number, seed: number): Dataset {
  const x = normal([seed, streams[part]], count * 2);
  const drawn = uniform([seed, streams[part] + 1], count);
  const y = drawn.map((value, row) => (value < 1 / (1 + Math.exp(-scoreOf(x, row))) ? 1 : 0));
  return { x: ndarray('f32', [count, 2], x), y: ndarray('f32', [count, 1], y) };
}

/** How often the line that the points were made with is right about them: more cannot be asked of a model. */
export function accuracyOfTruth({ x, y }: Dataset): number {
  const right = y.data.filter((label: number, row: number) => scoreOf(x.data, row) > 0 === label > 0);
  return right.length / y.data.length;
}

/** The untrained model: [n, 2] -> probabilities [n, 1]. */
export function logisticRegression(options: { readonly seed?: number; readonly backend?: Backend } = {}): Model {
  const layers = [input({ shape: [2], name: 'x' }), dense({ units: 1, activation: 'sigmoid', name: 'line' })];
  const model = sequential(layers, options);
  model.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'binaryCrossentropy', metrics: ['binaryAccuracy'] });
  return model;
}

/** Trains on 1,000 points, measures on 1,000 others and saves. */
export async function trainLogisticRegression(job: Job): Promise<Trained> {
  await makeFolder(job.out);
  const seed = job.seed ?? 0;
  const model = logisticRegression(job);
  const train = firstOf(logisticData('train', 1000, seed), job.limit);
  const msPerEpoch = await fitModel(model, train, logisticRegressionDefaults, job);
  return finish('logistic-regression', model, logisticData('test', 1000, seed), msPerEpoch, job);
}
