/**
 * The network of medical imaging: tells images apart, on MNIST or on any folder of class-named images.
 *
 *   conv2d 32 3x3 relu, max-pool 2, conv2d 64 3x3 relu, max-pool 2, flatten, dense 128 relu, dense 10
 *
 * Each epoch sees every image turned, shifted and scaled anew, by a worker thread that is ahead of the training. The
 * learning rate falls to 0 along half a cosine.
 */
import type { Backend } from '../backend/backend.js';
import { ShapeError } from '../core/errors.js';
import { affine } from '../data/augmentations.js';
import { loadImageFolder } from '../data/images/folder.js';
import { loadMnist } from '../data/mnist.js';
import { dataset } from '../data/pipeline.js';
import { rowsOf } from '../data/rows.js';
import { split } from '../data/split.js';
import { conv2d } from '../nn/conv2d.js';
import { dense } from '../nn/dense.js';
import { flatten } from '../nn/flatten.js';
import { input } from '../nn/input.js';
import { maxPooling2d } from '../nn/pooling.js';
import { type Model, sequential } from '../train/model.js';
import { adam } from '../train/optimizers.js';
import { cosineDecay } from '../train/schedules.js';
import { mnistMeasures } from './mnist-cnn.js';
import { type Data, finish, firstOf, fitModel, type Job, makeFolder, partOf, type Trained } from './training.js';

export const imagingCnnDefaults = { epochs: 10, batchSize: 64 } as const;

/** Degrees either way, and shares of the size. */
export const imagingAugmentation = { rotation: 10, shift: 0.1, scale: 0.1 } as const;

/** The share of a folder's images that are held back. */
const testShare = 0.2;

/** Two convolutions and two poolings leave nothing of less. */
const leastSize = 10;

export interface ImagingCnnOptions {
  /** Of an image: [height, width, channels]. */
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  /** Steps of the whole training, over which the learning rate falls. */
  readonly steps: number;
  readonly seed?: number;
  readonly backend?: Backend;
}

/** The untrained network: images [n, height, width, channels] -> probabilities [n, classes]. */
export function imagingCnn({ shape, classes, steps, ...options }: ImagingCnnOptions): Model {
  const [height, width] = shape;
  if (Math.min(height, width) < leastSize) {
    const required = `images of at least ${leastSize} x ${leastSize} are required`;
    throw new ShapeError('imaging-cnn', `${required}. Received ${width} x ${height}.`);
  }
  const model = sequential(
    [
      input({ shape, name: 'image' }),
      conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      flatten(),
      dense({ units: 128, activation: 'relu' }),
      dense({ units: classes, activation: 'softmax' }),
    ],
    options,
  );
  model.compile({ optimizer: adam({ learningRate: cosineDecay({ learningRate: 1e-3, steps }) }), ...mnistMeasures });
  return model;
}

interface ImagingData extends Data {
  readonly classes: readonly string[];
}

/** A folder's images, of which every class holds back its share; without one, MNIST. */
async function loadData({ data, size, seed = 0 }: Job): Promise<ImagingData> {
  if (data === undefined) {
    const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
    return { train: loadMnist('train'), test: loadMnist('test'), classes };
  }
  const folder = await loadImageFolder(data, size === undefined ? {} : { size: [size, size] });
  const { train, test } = split(rowsOf(folder.x), { test: testShare, stratify: folder.y, seed });
  return { train: partOf(folder, train), test: partOf(folder, test), classes: folder.classes };
}

/** Trains, measures on images that were held back and saves, with the names of the classes. */
export async function trainImagingCnn(job: Job): Promise<Trained> {
  await makeFolder(job.out);
  const { train: all, test, classes } = await loadData(job);
  const { x, y } = firstOf(all, job.limit);
  const { epochs = imagingCnnDefaults.epochs, batchSize = imagingCnnDefaults.batchSize } = job;
  const batches = dataset(x, y)
    .shuffle()
    .augment([affine(imagingAugmentation)])
    .batch(batchSize)
    .prefetch();
  const [, height = 0, width = 0, channels = 0] = x.shape;
  const steps = epochs * batches.steps;
  const model = imagingCnn({ ...job, shape: [height, width, channels], classes: classes.length, steps });
  const msPerEpoch = await fitModel(model, batches, imagingCnnDefaults, job);
  return finish('imaging-cnn', model, test, msPerEpoch, job, { labels: classes });
}
