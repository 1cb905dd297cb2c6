/** The main job: MNIST from each seed, the int8 file it makes, and a training step on one thread and on two. */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { wasmBackend } from '../../src/backend/wasm/backend.js';
import { loadMnist } from '../../src/data/mnist.js';
import { mnistCnn, trainMnistCnn } from '../../src/models/mnist-cnn.js';
import { each, held, mean, type Part, type Row, stated } from './row.js';

/** Milliseconds of a training step of 64 images on each number of threads: medians of rounds taken in turn. */
async function stepTimes(threads: readonly number[]): Promise<number[]> {
  const { x, y } = loadMnist('train', 64 * 12);
  const contenders = threads.map((count) => ({
    model: mnistCnn({ backend: wasmBackend({ training: true, threads: count }) }),
    times: [] as number[],
  }));
  for (let round = 0; round < 12; round++) {
    for (const { model, times } of contenders) {
      const start = performance.now();
      await model.fit(x, y, { batchSize: 64, shuffle: false, verbose: 0 });
      if (round > 1) times.push((performance.now() - start) / 12);
    }
  }
  for (const { model } of contenders) model.close();
  return contenders.map(({ times }) => times.sort((a, b) => a - b)[times.length >> 1] ?? NaN);
}

async function threadRows(): Promise<Row[]> {
  if (availableParallelism() < 2) return [stated('two threads against one', 'one processor')];
  const [one = NaN, two = NaN] = await stepTimes([1, 2]);
  return [
    stated('training step of 64, 1 thread / 2, ms', each([one, two], 1)),
    held('two threads against one', one / two, 2, { atLeast: 1.5 }),
  ];
}

export const mnistCnnPart: Part = {
  name: 'mnist-cnn',
  run: async (quick) => {
    const [seeds, epochs, least, average] = quick ? [[0], 1, 0.975, 0.975] : [[0, 1, 2], 5, 0.987, 0.989];
    const backend = wasmBackend({ training: true, threads: 'auto' });
    const out = mkdtempSync(join(tmpdir(), 'quern-accept-'));
    try {
      const results = [];
      for (const seed of seeds) results.push(await trainMnistCnn({ backend, seed, epochs, out, verbose: 0 }));
      const accuracies = results.map(({ accuracyFloat32 }) => accuracyFloat32);
      const losses = results.map(({ accuracyFloat32, accuracyInt8 }) => accuracyFloat32 - accuracyInt8);
      const minutes = (mean(results.map(({ msPerEpoch }) => msPerEpoch)) / 60_000) * epochs;
      return [
        stated(`test accuracy of seeds ${seeds.join(', ')}`, each(accuracies)),
        held('test accuracy, mean', mean(accuracies), 4, { atLeast: average }),
        held('test accuracy, least', Math.min(...accuracies), 4, { atLeast: least }),
        held('accuracy lost by int8, most', Math.max(...losses), 4, { atMost: 0.002 }),
        held('int8 model file, bytes', Math.max(...results.map(({ bytesInt8 }) => bytesInt8)), 0, { atMost: 110_000 }),
        held(`${epochs} epochs, minutes`, minutes, 2, { atMost: 4 }),
        ...(await threadRows()),
      ];
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  },
};
