/** `quern evaluate`: the accuracy of a model file on a dataset. */
import { wasmBackend } from '../../backend/wasm/backend.js';
import { loadMnist } from '../../data/mnist.js';
import { loadFrozenModel } from '../../train/frozen.js';
import { mnistMeasures } from '../../models/mnist-cnn.js';
import { batchSizeOption, integer, jsonOption, threadsOption } from '../options.js';
import { outputOf, percent, table } from '../output.js';
import { type Command, Option } from '../vendor.js';

interface EvaluateOptions {
  readonly limit?: number;
  readonly batchSize: number;
  readonly threads: number;
  readonly json?: boolean;
}

export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('measure a model file on test data')
    .argument('<file>', 'a model file')
    .addOption(new Option('--data <name>', 'the data').choices(['mnist']).default('mnist'))
    .option('--limit <n>', 'use the first so many images', integer(1))
    .addOption(batchSizeOption())
    .addOption(threadsOption())
    .addOption(jsonOption())
    .action(evaluate);
}

async function evaluate(path: string, { limit, batchSize, threads, json }: EvaluateOptions): Promise<void> {
  const model = await loadFrozenModel(path, { backend: wasmBackend({ training: true, threads }) });
  try {
    model.compile(mnistMeasures);
    const { x, y } = loadMnist('test', limit);
    const measured = await model.evaluate(x, y, { batchSize });
    const [rows = 0] = x.shape;
    outputOf(json).result(
      { rows, ...measured },
      table([
        ['images', String(rows)],
        ['loss', (measured['loss'] ?? NaN).toFixed(4)],
        ['accuracy', percent(measured['accuracy'] ?? NaN)],
      ]),
    );
  } finally {
    model.close();
  }
}
