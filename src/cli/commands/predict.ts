/** `quern predict`: what a model file makes of examples. */
import { wasmBackend } from '../../backend/wasm/backend.js';
import { IndexError } from '../../core/errors.js';
import type { NDArray } from '../../core/ndarray.js';
import { loadMnist } from '../../data/mnist.js';
import { rowsOf, sliceRows } from '../../data/rows.js';
import type { Prediction } from '../../train/evaluation.js';
import { type Arrays, checkInputs, isNDArray } from '../../train/examples.js';
import { type FrozenModel, loadFrozenModel } from '../../train/frozen.js';
import { requireFinite } from '../../train/profile.js';
import { largest } from '../client.js';
import { readJsonRows } from '../input.js';
import { integer, jsonOption, threadsOption } from '../options.js';
import { outputOf } from '../output.js';
import type { Command } from '../vendor.js';

interface PredictOptions {
  readonly input?: string;
  readonly mnistIndex?: number;
  readonly threads: number;
  readonly checkFinite?: boolean;
  readonly json?: boolean;
}

export function addPredict(program: Command): void {
  const command = program.command('predict');
  command
    .description('run a model file on examples')
    .argument('<file>', 'a model file')
    .option('--input <file>', 'JSON: nested lists of numbers, or { "input name": nested lists }')
    .option('--mnist-index <n>', 'take one of the 10,000 MNIST test images', integer(0))
    .addOption(threadsOption())
    .option('--check-finite', 'first run once with every value checked, to name the first node that makes a NaN')
    .addOption(jsonOption())
    .action((path: string, options: PredictOptions) => {
      if ((options.input === undefined) === (options.mnistIndex === undefined)) {
        command.error('error: either --input or --mnist-index is required');
      }
      return predict(path, options);
    });
}

type Loaded = FrozenModel<Prediction>;

function examplesOf({ signature }: Loaded, { input, mnistIndex = 0 }: PredictOptions): Arrays {
  if (input !== undefined) return readJsonRows(input, signature.inputs);
  const { x } = loadMnist('test', mnistIndex + 1);
  if (mnistIndex < rowsOf(x)) return sliceRows(x, mnistIndex, mnistIndex + 1);
  throw new IndexError('predict', `an index from 0 to ${rowsOf(x) - 1} is required. Received ${mnistIndex}.`);
}

async function predict(path: string, options: PredictOptions): Promise<void> {
  const model: Loaded = await loadFrozenModel(path, { backend: wasmBackend({ threads: options.threads }) });
  try {
    const x = examplesOf(model, options);
    if (options.checkFinite) await requireFinite(model, checkInputs(model.signature.inputs, x));
    const prediction = await model.predict(x);
    const names = Object.keys(model.signature.outputs);
    const outputs = isNDArray(prediction) ? [[names[0] ?? '', prediction] as const] : Object.entries(prediction);
    const results = outputs.map(([name, { dtype, shape, data }]) => ({ name, dtype, shape, data: Array.from(data) }));
    const { labels } = model;
    const lines =
      results.length > 1
        ? outputs.flatMap(([name, array]) => [`${name}:`, ...linesOf(array, undefined)])
        : outputs.flatMap(([, array]) => linesOf(array, labels));
    outputOf(options.json).result(results.length > 1 ? { outputs: results } : (results[0] ?? {}), lines.join('\n'));
  } finally {
    model.close();
  }
}

function linesOf({ shape: [rows = 0], data }: NDArray, labels: readonly string[] | undefined): string[] {
  const size = data.length / Math.max(rows, 1);
  return Array.from({ length: rows }, (_, row) => describe(data.subarray(row * size, (row + 1) * size), labels));
}

/** `7  (0.0001 0.0000 ...)`: the largest, by its label where it has one, then all. */
function describe(scores: ArrayLike<number>, labels: readonly string[] = []): string {
  const list = Array.from(scores, (score) => (Number.isInteger(score) ? String(score) : score.toFixed(4)));
  return scores.length > 1 ? `${labels[largest(scores)] ?? largest(scores)}  (${list.join(' ')})` : list.join(' ');
}
