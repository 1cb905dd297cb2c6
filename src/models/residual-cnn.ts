/**
 * A small residual network (He et al., CVPR 2016) that reads handwritten digits, trained on MNIST.
 *
 *   conv2d 16 3x3; residual blocks of two 3x3 convolutions, of 16, 32 and 64 filters, the latter two with strides of 2;
 *   mean over the image; dense 10
 *
 * Batch normalization follows every convolution; where a block changes the shape, its shortcut is a 1x1 convolution.
 */
import type { Backend } from '../backend/backend.js';
import { loadMnist } from '../data/mnist.js';
import { rowsOf } from '../data/rows.js';
import { relu } from '../nn/activation.js';
import { batchNormalization } from '../nn/batch-normalization.js';
import { conv2d } from '../nn/conv2d.js';
import { dense } from '../nn/dense.js';
import { input } from '../nn/input.js';
import { add } from '../nn/merge.js';
import { globalAveragePooling2d } from '../nn/pooling.js';
import type { Signal } from '../nn/signal.js';
import { type Model, model } from '../train/model.js';
import { adamW } from '../train/optimizers.js';
import { cosineDecay } from '../train/schedules.js';
import { mnistMeasures } from './mnist-cnn.js';
import { finish, fitModel, type Job, makeFolder, type Trained } from './training.js';

export const residualCnnDefaults = { epochs: 6, batchSize: 64 } as const;

/** Filters of each block. */
const widths = [16, 32, 64] as const;

const learningRate = 4e-3;

/** The moving moments follow within a hundred steps: there are only thousands. */
const normalized = (x: Signal): Signal => batchNormalization({ momentum: 0.95 })(x);

interface Convolution {
  readonly filters: number;
  readonly kernelSize: number;
  readonly strides: number;
}

const convolved = (x: Signal, options: Convolution): Signal =>
  normalized(conv2d({ ...options, padding: 'same', useBias: false, kernelInitializer: 'heNormal' })(x));

/** relu(x + F(x)), F two convolutions; the shortcut is convolved too where the shape changes. */
function residual(x: Signal, filters: number, strides: number): Signal {
  const inner = relu()(convolved(x, { filters, kernelSize: 3, strides }));
  const shortcut = strides === 1 ? x : convolved(x, { filters, kernelSize: 1, strides });
  return relu()(add()([convolved(inner, { filters, kernelSize: 3, strides: 1 }), shortcut]));
}

/**
 * The untrained network: images [n, 28, 28, 1] -> probabilities [n, 10]. The learning rate rises for a tenth of `steps` and
 * falls along a cosine until their end.
 */
export function residualCnn(
  options: { readonly seed?: number; readonly backend?: Backend; readonly steps?: number } = {},
): Model {
  const image = input({ shape: [28, 28, 1], name: 'image' });
  const stem = relu()(convolved(image, { filters: widths[0], kernelSize: 3, strides: 1 }));
  const features = widths.reduce<Signal>((x, filters, at) => residual(x, filters, at === 0 ? 1 : 2), stem);
  const classes = dense({ units: 10, activation: 'softmax' })(globalAveragePooling2d()(features));
  const { steps = 1000, ...modelOptions } = options;
  const made = model(image, classes, { name: 'residual-cnn', ...modelOptions });
  const warmupSteps = Math.floor(steps / 10);
  const schedule = cosineDecay({ learningRate, steps: Math.max(steps - warmupSteps, 1), warmupSteps });
  made.compile({ optimizer: adamW({ learningRate: schedule, weightDecay: 0.01 }), ...mnistMeasures });
  return made;
}

/** Trains, measures on the 10,000 test images and saves. */
export async function trainResidualCnn(job: Job): Promise<Trained> {
  await makeFolder(job.out);
  const [data, test] = [loadMnist('train', job.limit), loadMnist('test')];
  const { epochs, batchSize } = { ...residualCnnDefaults, ...job };
  const steps = epochs * Math.ceil(rowsOf(data.x) / batchSize);
  const made = residualCnn({ ...(job.seed === undefined ? {} : { seed: job.seed }), backend: job.backend, steps });
  const msPerEpoch = await fitModel(made, data, residualCnnDefaults, job);
  return finish('residual-cnn', made, test, msPerEpoch, job);
}
