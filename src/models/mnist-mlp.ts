/**
 * Handwritten digits by dense layers alone, trained on MNIST.
 *
 *   flatten 784, dense 128 relu, dense 10
 */
import type { Backend } from '../backend/backend.js';
import { loadMnist } from '../data/mnist.js';
import { dense } from '../nn/dense.js';
import { flatten } from '../nn/flatten.js';
import { input } from '../nn/input.js';
import { type Model, sequential } from '../train/model.js';
import { mnistMeasures } from './mnist-cnn.js';
import { finish, fitModel, type Job, makeFolder, type Trained } from './training.js';

export const mnistMlpDefaults = { epochs: 10, batchSize: 32 } as const;

/** The untrained network: images [n, 28, 28, 1] -> probabilities [n, 10]. */
export function mnistMlp(options: { readonly seed?: number; readonly backend?: Backend } = {}): Model {
  const model = sequential(
    [
      input({ shape: [28, 28, 1], name: 'image' }),
      flatten(),
      dense({ units: 128, activation: 'relu' }),
      dense({ units: 10, activation: 'softmax' }),
    ],
    options,
  );
  model.compile({ optimizer: 'adam', ...mnistMeasures });
  return model;
}

/** Trains, measures on the 10,000 test images and saves. */
export async function trainMnistMlp(job: Job): Promise<Trained> {
  await makeFolder(job.out);
  const [data, test] = [loadMnist('train', job.limit), loadMnist('test')];
  const model = mnistMlp(job);
  const msPerEpoch = await fitModel(model, data, mnistMlpDefaults, job);
  return finish('mnist-mlp', model, test, msPerEpoch, job);
}
