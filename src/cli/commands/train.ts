/** `quern train`: trains a model of the zoo, shrinks it, saves it and, if asked, serves it. */
import { join } from 'node:path';
import { wasmBackend } from '../../backend/wasm/backend.js';
import { chooseModule } from '../../backend/wasm/modules-node.js';
import { saveFile } from '../../format/file.js';
import { sliceRows } from '../../data/rows.js';
import { type MnistResult, trainMnistCnn } from '../../models/mnist-cnn.js';
import { largest, requestBody, servedClasses } from '../client.js';
import { measureFirstInference } from '../first-inference.js';
import { batchSizeOption, integer, jsonOption, portOption, threadsOption } from '../options.js';
import { bytes, milliseconds, type Output, outputOf, percent, table } from '../output.js';
import { requireFreePort } from '../port.js';
import type { Serving } from '../serving.js';
import { Argument, type Command } from '../vendor.js';

interface TrainOptions {
  readonly epochs: number;
  readonly quick?: boolean;
  readonly limit?: number;
  readonly seed: number;
  readonly threads: number;
  readonly batchSize: number;
  readonly out: string;
  readonly serve?: boolean;
  readonly once?: boolean;
  readonly port: number;
  readonly json?: boolean;
}

const modelName = 'mnist-cnn';

/** Test images that are sent to the server with `--once`. */
const servedImages = 1000;

export function addTrain(program: Command): void {
  program
    .command('train')
    .description('train a model, quantize it to int8, save both, and serve the small one')
    .addArgument(new Argument('<model>', 'the model to train').choices([modelName]))
    .option('--epochs <n>', 'passes over the training images', integer(1), 5)
    .option('--quick', 'train one epoch')
    .option('--limit <n>', 'train on the first so many images', integer(1))
    .option('--seed <n>', 'seed of weights and shuffling', integer(-(2 ** 31), 2 ** 31 - 1), 0)
    .addOption(threadsOption())
    .addOption(batchSizeOption())
    .option('--out <folder>', 'folder of the saved files', join('models', modelName))
    .option('--serve', 'serve the int8 model from workerd, the Cloudflare Workers runtime, until stopped')
    .option('--once', 'serve, send 1,000 test images over HTTP, print the numbers and exit')
    .addOption(portOption())
    .addOption(jsonOption())
    .action((_: string, options: TrainOptions) => train(options));
}

async function train(options: TrainOptions): Promise<void> {
  const { seed, threads, batchSize, limit, out, port, json } = options;
  const output = outputOf(json);
  const serves = options.serve || options.once;
  if (serves) await requireFreePort(port);
  const module = chooseModule('train');
  output.note(`Training ${modelName} with ${module}, ${threads} thread${threads === 1 ? '' : 's'}.`);
  const epochs = options.quick ? 1 : options.epochs;
  const backend = wasmBackend({ training: true, threads, module });
  const result = await trainMnistCnn({
    epochs,
    batchSize,
    seed,
    backend,
    out,
    ...(limit === undefined ? {} : { limit }),
  });
  const msFirstInference = await measureFirstInference(result.paths.int8);
  const report = {
    accuracyFloat32: result.accuracyFloat32,
    accuracyInt8: result.accuracyInt8,
    bytesFloat32: result.bytesFloat32,
    bytesInt8: result.bytesInt8,
    msPerEpoch: result.msPerEpoch,
    msFirstInference,
    threads,
    module,
  };
  if (!serves) {
    result.int8.close();
    return output.result(report, rowsOf(report));
  }
  const { serveModel } = await import('../serving.js');
  const serving = await serveModel({ model: result.paths.int8, name: modelName, port, target: 'workerd' });
  const { engineBytesGzip } = serving;
  if (!options.once) {
    result.int8.close();
    output.result({ ...report, engineBytesGzip }, rowsOf({ ...report, engineBytesGzip }));
    return untilStopped(serving, result, out, output);
  }
  try {
    const servedMismatches = await countMismatches(serving, result);
    const full = { ...report, servedMismatches, engineBytesGzip };
    output.result(full, rowsOf(full));
  } finally {
    result.int8.close();
    await serving.stop();
  }
}

/** On how many test images the served class is not the one that the same file gives here. */
async function countMismatches({ inferUrl }: Serving, { int8, test }: MnistResult): Promise<number> {
  const x = sliceRows(test.x, 0, servedImages);
  const { input, output } = int8.signature;
  const classes = Number(output.shape.at(-1));
  const { data } = await int8.predict(x);
  const served = await servedClasses(inferUrl, input.name, x);
  const isOther = (row: number): boolean => largest(data.subarray(row * classes, (row + 1) * classes)) !== served[row];
  return Array.from({ length: servedImages }, (_, row) => row).filter(isOther).length;
}

async function untilStopped(serving: Serving, { test, int8 }: MnistResult, out: string, output: Output): Promise<void> {
  const example = join(out, 'request.json');
  saveFile(example, new TextEncoder().encode(requestBody(int8.signature.input.name, sliceRows(test.x, 0, 1))));
  output.note(
    `\nServing at ${serving.url} until stopped (Ctrl-C). Open it and draw a digit, or send the first test image:`,
  );
  output.note(`  curl -s ${serving.inferUrl} -H 'content-type: application/json' -d @${example}`);
  const error = await serving.ended;
  if (error) throw error;
}

/** What was measured, for people. */
interface Report {
  readonly accuracyFloat32: number;
  readonly accuracyInt8: number;
  readonly servedMismatches?: number;
  readonly bytesFloat32: number;
  readonly bytesInt8: number;
  readonly engineBytesGzip?: number | null;
  readonly msPerEpoch: number;
  readonly msFirstInference: number;
  readonly threads: number;
  readonly module: string;
}

function rowsOf(report: Report): string {
  const { servedMismatches, engineBytesGzip } = report;
  return table([
    ['test accuracy, float32', percent(report.accuracyFloat32)],
    ['test accuracy, int8', percent(report.accuracyInt8)],
    ...(servedMismatches === undefined
      ? []
      : [[`served class differs, of ${servedImages}`, String(servedMismatches)] as const]),
    ['model file, float32', bytes(report.bytesFloat32)],
    ['model file, int8', bytes(report.bytesInt8)],
    ...(typeof engineBytesGzip === 'number' ? [['script and engine, gzip', bytes(engineBytesGzip)] as const] : []),
    ['training, per epoch', `${(report.msPerEpoch / 1000).toFixed(1)} s`],
    ['load and first inference', milliseconds(report.msFirstInference)],
    ['threads', String(report.threads)],
    ['module', report.module],
  ]);
}
