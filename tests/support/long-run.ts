/**
 * A run of `fit` that takes a second or so, with all that must survive an interruption: shuffling, dropout, Adam, a
 * schedule, validation and a callback that keeps weights. As a program (`long-run.js CHECKPOINT`) it prints a line for
 * each epoch, and at its end the digest of its history and variables.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { wasmBackend } from '../../src/backend/wasm/backend.js';
import { ndarray } from '../../src/core/ndarray.js';
import { normal } from '../../src/core/random.js';
import { dense } from '../../src/nn/dense.js';
import { dropout } from '../../src/nn/dropout.js';
import { input } from '../../src/nn/input.js';
import type { Callback, History } from '../../src/train/callback.js';
import { earlyStopping } from '../../src/train/callbacks.js';
import { type FitOptions, type Model, sequential } from '../../src/train/model.js';
import { adam } from '../../src/train/optimizers.js';
import { cosineDecay } from '../../src/train/schedules.js';

const rows = 150;
const x = ndarray('f32', [rows, 6], normal([1, 2], rows * 6));
const y = ndarray(
  'i32',
  [rows],
  Array.from({ length: rows }, (_, i) => ((x.data[6 * i] ?? 0) > (x.data[6 * i + 1] ?? 0) ? 1 : 0)),
);

export function longModel(units = 24): Model {
  const layers = [
    input({ shape: [6] }),
    dense({ units, activation: 'relu' }),
    dropout({ rate: 0.2 }),
    dense({ units: 2, activation: 'softmax' }),
  ];
  const model = sequential(layers, { backend: wasmBackend({ training: true }), seed: 3 });
  const learningRate = cosineDecay({ learningRate: 0.01, steps: 400, warmupSteps: 20 });
  model.compile({ optimizer: adam({ learningRate }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

export function longFit(model: Model, options: FitOptions, callbacks: readonly Callback[] = []): Promise<History> {
  const stopping = earlyStopping({ monitor: 'valLoss', patience: 1000, restoreBestWeights: true });
  const fixed = { epochs: 40, batchSize: 16, validationSplit: 0.2, verbose: 0 } as const;
  return model.fit(x, y, { ...fixed, callbacks: [stopping, ...callbacks], ...options });
}

export function digest(model: Model, history: History): string {
  const hash = createHash('sha256').update(JSON.stringify(history));
  for (const [name, { data }] of [...model.variables()].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

const [, program, path] = process.argv;
if (program === fileURLToPath(import.meta.url) && path !== undefined) {
  const model = longModel();
  const tell = { onEpochEnd: (epoch: number) => void process.stdout.write(`epoch ${epoch}\n`) };
  const history = await longFit(model, { checkpoint: { path, every: 2 } }, [tell]);
  process.stdout.write(`end ${digest(model, history)}\n`);
  model.close();
}
