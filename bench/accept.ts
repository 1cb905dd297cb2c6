/**
 * The long acceptance run: what the main job promises, measured. Trains MNIST for five epochs from each of three seeds,
 * quantizes, and times a step on one thread and on two, in turn. Prints one table and fails where a figure falls short.
 * `--quick` trains one seed for one epoch and holds it against what one epoch gives.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { loadMnist } from '../src/data/mnist.js';
import { mnistCnn, trainMnistCnn } from '../src/models/mnist-cnn.js';

const quick = process.argv.includes('--quick');
const seeds = quick ? [0] : [0, 1, 2];
const epochs = quick ? 1 : 5;

interface Row {
  readonly what: string;
  readonly measured: string;
  readonly asked: string;
  readonly holds: boolean;
}

const rows: Row[] = [];
const row = (what: string, measured: string, asked: string, holds: boolean): void => {
  rows.push({ what, measured, asked, holds });
};

/** Milliseconds of a training step of 64 images on each number of threads: medians of rounds taken in turn. */
async function stepTimes(threads: readonly number[]): Promise<Map<number, number>> {
  const { x, y } = loadMnist('train', 64 * 12);
  const models = threads.map((count) => mnistCnn({ backend: wasmBackend({ training: true, threads: count }) }));
  const times = new Map(threads.map((count) => [count, [] as number[]]));
  for (let round = 0; round < 12; round++) {
    for (const [i, model] of models.entries()) {
      const start = performance.now();
      await model.fit(x, y, { batchSize: 64, shuffle: false, verbose: 0 });
      if (round > 1) times.get(threads[i] ?? 0)?.push((performance.now() - start) / 12);
    }
  }
  for (const model of models) model.close();
  return new Map([...times].map(([count, all]) => [count, all.sort((a, b) => a - b)[all.length >> 1] ?? NaN]));
}

const folder = mkdtempSync(join(tmpdir(), 'quern-accept-'));
try {
  const backend = wasmBackend({ training: true, threads: 'auto' });
  const results = [];
  for (const seed of seeds) results.push(await trainMnistCnn({ backend, seed, epochs, out: folder }));
  const mean = results.reduce((sum, { accuracyFloat32 }) => sum + accuracyFloat32, 0) / results.length;
  const least = Math.min(...results.map(({ accuracyFloat32 }) => accuracyFloat32));
  const loss = Math.max(...results.map(({ accuracyFloat32, accuracyInt8 }) => accuracyFloat32 - accuracyInt8));
  const bytes = Math.max(...results.map(({ bytesInt8 }) => bytesInt8));
  const minutes = (results.reduce((sum, { msPerEpoch }) => sum + msPerEpoch, 0) / results.length / 60_000) * epochs;
  const [askedMean, askedLeast] = quick ? [0.975, 0.975] : [0.989, 0.987];
  row(`test accuracy, mean of ${seeds.length}`, mean.toFixed(4), `>= ${askedMean}`, mean >= askedMean);
  row('test accuracy, least', least.toFixed(4), `>= ${askedLeast}`, least >= askedLeast);
  row('accuracy lost by int8, most', loss.toFixed(4), '<= 0.002', loss <= 0.002);
  row('int8 model file, bytes', `${bytes}`, '<= 110000', bytes <= 110_000);
  row(`${epochs} epochs, minutes`, minutes.toFixed(2), '<= 4', minutes <= 4);
  if (availableParallelism() > 1) {
    const times = await stepTimes([1, 2]);
    const [one = NaN, two = NaN] = [times.get(1), times.get(2)];
    row('training step, 1 thread, ms', one.toFixed(1), '', true);
    row('training step, 2 threads, ms', two.toFixed(1), '', true);
    row('two threads against one', `${(one / two).toFixed(2)}x`, '>= 1.5x', one / two >= 1.5);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const width = Math.max(...rows.map(({ what }) => what.length));
console.log(`Node ${process.versions.node}, ${availableParallelism()} processors`);
for (const { what, measured, asked, holds } of rows) {
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what.padEnd(width)}  ${measured.padStart(9)}  ${asked}`);
}
process.exitCode = rows.every(({ holds }) => holds) ? 0 : 1;
