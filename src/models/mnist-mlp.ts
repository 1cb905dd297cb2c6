/**
 * Handwritten digits by dense layers alone, trained on MNIST.
 *
 *   flatten 784, dense 128 relu, dense 10     Adam
 *   flatten 784, dense 1000 relu, dense 10    stochastic gradient descent at 0.01
 */
import type { Backend } from '../backend/backend.js';
import { loadMnist } from '../data/mnist.js';
import { dense } from '../nn/dense.js';
import { flatten } from '../nn/flatten.js';
import { input } from '../nn/input.js';
import { type Model, sequential } from '../train/model.js';
import { type Optimizer, type OptimizerName, sgd } from '../train/optimizers.js';
import { mnistMeasures } from './mnist-cnn.js';
import { finish, fitModel, type Job, makeFolder, type Trained } from './training.js';

export const mnistMlpDefaults = { epochs: 10, batchSize: 32 } as const;

interface MlpOptions {
  readonly seed?: number;
  readonly backend?: Backend;
}

function mlp(units: number, optimizer: Optimizer | OptimizerName, options: MlpOptions): Model {
  const model = sequential(
    [
      input({ shape: [28, 28, 1], name: 'image' }),
      flatten(),
      dense({ units, activation: 'relu' }),
      dense({ units: 10, activation: 'softmax' }),
    ],
    options,
  );
  model.compile({ optimizer, ...mnistMeasures });
  return model;
}

/** The untrained network: images [n, 28, 28, 1] -> probabilities [n, 10]. */
export const mnistMlp = (options: MlpOptions = {}): Model => mlp(128, 'adam', options);

/** Its larger form, trained by plain gradient descent. */
export const mnistMlpLarge = (options: MlpOptions = {}): Model => mlp(1000, sgd({ learningRate: 0.01 }), options);

async function train(name: string, model: Model, job: Job): Promise<Trained> {
  await makeFolder(job.out);
  const [data, test] = [loadMnist('train', job.limit), loadMnist('test')];
  const msPerEpoch = await fitModel(model, data, mnistMlpDefaults, job);
  return finish(name, model, test, msPerEpoch, job);
}

/** Trains, measures on the 10,000 test images and saves. */
export const trainMnistMlp = (job: Job): Promise<Trained> => train('mnist-mlp', mnistMlp(job), job);

/** The same with the larger form. */
export const trainMnistMlpLarge = (job: Job): Promise<Trained> => train('mnist-mlp-large', mnistMlpLarge(job), job);
