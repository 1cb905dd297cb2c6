/**
 * A convolutional network that reads handwritten digits: trained on MNIST, made int8, saved both ways.
 *
 *   conv2d 32 3x3 relu, max-pool 2, conv2d 64 3x3 relu, max-pool 2, conv2d 64 3x3 relu, flatten, dense 64 relu, dense 10
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../backend/backend.js';
import { quantize } from '../compress/quantize.js';
import { type Dataset, loadMnist } from '../data/mnist.js';
import { sliceRows } from '../data/rows.js';
import { conv2d } from '../nn/conv2d.js';
import { dense } from '../nn/dense.js';
import { flatten } from '../nn/flatten.js';
import { input } from '../nn/input.js';
import { maxPooling2d } from '../nn/pooling.js';
import type { FrozenModel } from '../train/frozen.js';
import type { Measures } from '../train/measures.js';
import { type Model, sequential } from '../train/model.js';
import { adam } from '../train/optimizers.js';
import { EpochClock, type Job, makeFolder } from './training.js';

export const mnistCnnDefaults = { epochs: 5, batchSize: 64 } as const;

/** What the model is measured by. */
export const mnistMeasures: Measures = { loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] };

/** The untrained network: images [n, 28, 28, 1] -> probabilities [n, 10]. */
export function mnistCnn(options: { readonly seed?: number; readonly backend?: Backend } = {}): Model {
  const model = sequential(
    [
      input({ shape: [28, 28, 1], name: 'image' }),
      conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      flatten(),
      dense({ units: 64, activation: 'relu' }),
      dense({ units: 10, activation: 'softmax' }),
    ],
    options,
  );
  model.compile({ optimizer: adam({ learningRate: 1e-3 }), ...mnistMeasures });
  return model;
}

export interface MnistResult {
  readonly paths: { readonly float32: string; readonly int8: string };
  readonly bytesFloat32: number;
  readonly bytesInt8: number;
  readonly accuracyFloat32: number;
  readonly accuracyInt8: number;
  readonly msPerEpoch: number;
  readonly int8: FrozenModel;
  readonly test: Dataset;
}

/** Examples that the ranges of activations are taken from. */
const calibrationRows = 1024;

/** Trains, measures on the 10,000 test images, quantizes, measures again and saves. */
export async function trainMnistCnn(job: Job): Promise<MnistResult> {
  const { seed = 0, backend, out, limit, verbose = 'auto', callbacks = [] } = job;
  const { epochs, batchSize } = { ...mnistCnnDefaults, ...job };
  await makeFolder(out);
  const [data, test] = [loadMnist('train', limit), loadMnist('test')];
  const model = mnistCnn({ seed, backend });
  const clock = new EpochClock();
  await model.fit(data.x, data.y, { epochs, batchSize, verbose, callbacks: [clock, ...callbacks] });
  const float32 = await model.evaluate(test.x, test.y, { batchSize });
  const paths = { float32: join(out, 'mnist-cnn.safetensors'), int8: join(out, 'mnist-cnn-int8.safetensors') };
  await model.save(paths.float32);

  const calibration = sliceRows(data.x, 0, Math.min(calibrationRows, data.x.shape[0] ?? 0));
  const int8 = await quantize(model, { calibration, batchSize });
  model.close();
  await int8.save(paths.int8);
  int8.compile(mnistMeasures);
  const quantized = await int8.evaluate(test.x, test.y, { batchSize });
  return {
    paths,
    bytesFloat32: (await stat(paths.float32)).size,
    bytesInt8: (await stat(paths.int8)).size,
    accuracyFloat32: float32['accuracy'] ?? NaN,
    accuracyInt8: quantized['accuracy'] ?? NaN,
    msPerEpoch: clock.mean,
    int8,
    test,
  };
}
