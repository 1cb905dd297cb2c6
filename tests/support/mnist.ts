/**
 * A digit reader for tests, trained on some of MNIST for one epoch. It is kept under dist/, by the hash of everything
 * that has a say in it, so that one run of the tests trains it once.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wasmBackend } from '../../src/backend/wasm/backend.js';
import { trainMnistCnn } from '../../src/models/mnist-cnn.js';

export interface TrainedMnist {
  /** The int8 model file: image FP32 [batch, 28, 28, 1] -> FP32 [batch, 10]. */
  readonly modelPath: string;
  readonly float32Path: string;
}

const dist = fileURLToPath(new URL('../../', import.meta.url));
const images = 12_000;

function hashOf(...folders: readonly string[]): string {
  const hash = createHash('sha256');
  for (const folder of folders) {
    const names = readdirSync(join(dist, folder), { recursive: true, encoding: 'utf8' });
    for (const name of names.filter((each) => /\.(js|wasm)$/.test(each)).sort()) {
      hash.update(name).update(readFileSync(join(dist, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

const rooms = ['core', 'ops', 'graph', 'format', 'backend', 'data', 'nn', 'train', 'compress', 'models'];

/** Trains the model unless it was trained with the same code before. */
export async function trainedMnist(): Promise<TrainedMnist> {
  const cache = join(dist, 'cache');
  const folder = join(cache, `mnist-${hashOf('wasm', ...rooms.map((room) => join('src', room)))}`);
  const pathsIn = (path: string) => ({
    modelPath: join(path, 'mnist-cnn-int8.safetensors'),
    float32Path: join(path, 'mnist-cnn.safetensors'),
  });
  if (existsSync(folder)) return pathsIn(folder);
  mkdirSync(cache, { recursive: true });
  // Two tests may be at it at once: each trains in a folder of its own, and the first to finish gives it its name.
  const own = mkdtempSync(join(cache, 'training-'));
  try {
    const backend = wasmBackend({ training: true, threads: availableParallelism() });
    const { int8 } = await trainMnistCnn({ backend, out: own, epochs: 1, limit: images, verbose: 0 });
    int8.close();
    renameSync(own, folder);
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return pathsIn(folder);
}
