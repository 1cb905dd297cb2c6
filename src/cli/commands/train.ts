/** `quern train`: trains a model of the zoo, shrinks it, saves it and, if asked, serves it. */
import { basename, dirname, join } from 'node:path';
import { wasmBackend } from '../../backend/wasm/backend.js';
import { chooseModule } from '../../backend/wasm/modules-node.js';
import { sizeOf } from '../../core/ndarray.js';
import { saveFile } from '../../format/file.js';
import { rowsOf, sliceRows } from '../../data/rows.js';
import { type ModelProgram, modelPrograms, type ModelProgramName } from '../../models/programs.js';
import { makeFolder, type Trained } from '../../models/training.js';
import { recorder, writeReport } from '../../report/report.js';
import { timeSteps } from '../../report/steps.js';
import type { FrozenModel } from '../../train/frozen.js';
import { largest, requestBody, servedOutputs } from '../client.js';
import { measureFirstInference } from '../first-inference.js';
import { integer, jsonOption, portOption, threadsOption } from '../options.js';
import { bytes, milliseconds, type Output, outputOf, percent, table } from '../output.js';
import { requireFreePort } from '../port.js';
import type { Serving } from '../serving.js';
import { Argument, type Command } from '../vendor.js';

interface TrainOptions {
  readonly epochs?: number;
  readonly quick?: boolean;
  readonly limit?: number;
  readonly seed: number;
  readonly threads: number;
  readonly batchSize?: number;
  readonly data?: string;
  readonly size?: number;
  readonly out?: string;
  readonly serve?: boolean;
  readonly once?: boolean;
  readonly port: number;
  readonly report?: string;
  readonly json?: boolean;
}

const names = Object.keys(modelPrograms) as ModelProgramName[];

/** The most test examples that are sent to the server with `--once`. */
const mostServed = 1000;

/** How far apart two outputs of a regression may be and still be the same, as modules of different instructions are. */
const tolerance = 1e-5;

export function addTrain(program: Command): void {
  const command = program.command('train');
  command
    .description('train a model, save it, with mnist-cnn also as int8, and serve it')
    .addArgument(new Argument('<model>', 'the model to train').choices(names))
    .option('--epochs <n>', "passes over the training examples (default: the model's own)", integer(1))
    .option('--quick', 'train one epoch')
    .option('--limit <n>', 'train on the first so many examples', integer(1))
    .option('--seed <n>', 'seed of weights and shuffling', integer(-(2 ** 31), 2 ** 31 - 1), 0)
    .addOption(threadsOption())
    .option('--batch-size <n>', "examples in one step (default: the model's own)", integer(1, 4096))
    .option('--data <folder>', 'train imaging-cnn on a folder that holds a folder of PNG or JPEG images for each class')
    .option('--size <n>', 'with --data: resize images to so many pixels each way', integer(1, 4096))
    .option('--out <folder>', 'folder of the saved files (default: models/<model>)')
    .option('--report <file>', 'write what happened as one HTML page: curves, confusions, samples, times')
    .option('--serve', 'serve the model from workerd, the Cloudflare Workers runtime, until stopped')
    .option('--once', 'serve, send up to 1,000 test examples over HTTP, print the numbers and exit')
    .addOption(portOption())
    .addOption(jsonOption())
    .addHelpText('after', `\nModels:\n${describe()}`)
    .action((name: ModelProgramName, options: TrainOptions) => {
      const { takesImages }: ModelProgram = modelPrograms[name];
      if (options.data !== undefined && !takesImages) command.error(`error: ${name} takes no --data`);
      if (options.size !== undefined && options.data === undefined) command.error('error: --size requires --data');
      return train(name, options);
    });
}

function describe(): string {
  const width = Math.max(...names.map((name) => name.length));
  const line = (name: ModelProgramName): string => {
    const { about, defaults }: ModelProgram = modelPrograms[name];
    return `  ${name.padEnd(width)}  ${about}; ${defaults.epochs} epochs, batches of ${defaults.batchSize}`;
  };
  return names.map(line).join('\n');
}

async function train(name: ModelProgramName, options: TrainOptions): Promise<void> {
  const { seed, threads, batchSize, limit, data, size, out = join('models', name), port, json } = options;
  const output = outputOf(json);
  const serves = options.serve || options.once;
  if (serves) await requireFreePort(port);
  if (options.report !== undefined) await makeFolder(dirname(options.report));
  const module = chooseModule('train');
  output.note(`Training ${name} with ${module}, ${threads} thread${threads === 1 ? '' : 's'}.`);
  const epochs = options.quick ? 1 : options.epochs;
  const run = recorder();
  const timed = timeSteps(wasmBackend({ training: true, threads, module }));
  const { train: trainProgram, defaults, classNames }: ModelProgram = modelPrograms[name];
  const result = await trainProgram({
    seed,
    callbacks: [run],
    backend: timed.backend,
    out,
    ...(epochs === undefined ? {} : { epochs }),
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(limit === undefined ? {} : { limit }),
    ...(data === undefined ? {} : { data }),
    ...(size === undefined ? {} : { size }),
  });
  if (options.report !== undefined) {
    const { x, y } = result.test;
    const predictions = await result.served.predict(x);
    const size = batchSize ?? defaults.batchSize;
    await writeReport(options.report, {
      title: name,
      history: run.history,
      msPerEpoch: run.msPerEpoch,
      msPerStep: timed.msPerStep,
      measured: result.measured,
      tested: { x, y, predictions, ...(classNames && { classNames }) },
      environment: {
        engine: `${module}, ${threads} thread${threads === 1 ? '' : 's'} in training`,
        seed: `${seed}`,
        'batch size': `${size}`,
        'test predictions by': `${basename(result.path)}, ${result.served.stats?.description ?? ''}`,
      },
    });
    output.note(`The report is in ${options.report}.`);
  }
  const msFirstInference = await measureFirstInference(result.path);
  const report = { ...result.measured, msFirstInference, threads, module };
  if (!serves) {
    result.served.close();
    return output.result(report, describeReport(report));
  }
  const { serveModel } = await import('../serving.js');
  const serving = await serveModel({ model: result.path, name, port, target: 'workerd' });
  const { engineBytesGzip } = serving;
  if (!options.once) {
    result.served.close();
    output.result({ ...report, engineBytesGzip }, describeReport({ ...report, engineBytesGzip }));
    return untilStopped(serving, result, out, output);
  }
  try {
    const servedMismatches = await countMismatches(serving, result);
    const full = { ...report, servedMismatches, engineBytesGzip };
    output.result(full, describeReport(full, sentOf(result)));
  } finally {
    result.served.close();
    await serving.stop();
  }
}

const sentOf = ({ test }: Pick<Trained, 'test'>): number => Math.min(rowsOf(test.x), mostServed);

const inputNameOf = ({ signature }: FrozenModel): string => Object.keys(signature.inputs)[0] ?? '';

/** On how many test examples the served class, or number, is not the one that the same file gives here. */
async function countMismatches({ inferUrl }: Serving, { served, test }: Trained): Promise<number> {
  const count = sentOf({ test });
  const x = sliceRows(test.x, 0, count);
  const { shape, data } = await served.predict(x);
  const classes = sizeOf(shape.slice(1));
  const answers = await servedOutputs(inferUrl, inputNameOf(served), x);
  const isOther = (row: number): boolean => {
    const [here, there] = [data.subarray(row * classes, (row + 1) * classes), answers[row] ?? []];
    if (here.length !== there.length) return true;
    if (classes > 1) return largest(here) !== largest(there);
    const [number = NaN, answer = NaN] = [here[0], there[0]];
    return !(Math.abs(number - answer) <= tolerance * Math.max(1, Math.abs(number)));
  };
  return Array.from({ length: count }, (_, row) => row).filter(isOther).length;
}

async function untilStopped(serving: Serving, { test, served }: Trained, out: string, output: Output): Promise<void> {
  const example = join(out, 'request.json');
  saveFile(example, new TextEncoder().encode(requestBody(inputNameOf(served), sliceRows(test.x, 0, 1))));
  const isDigit = `${test.x.shape.slice(1)}` === '28,28,1';
  const invitation = isDigit
    ? 'Open it and draw a digit, or send the first test image:'
    : 'Send the first test example:';
  output.note(`\nServing at ${serving.url} until stopped (Ctrl-C). ${invitation}`);
  output.note(`  curl -s ${serving.inferUrl} -H 'content-type: application/json' -d @${example}`);
  const error = await serving.ended;
  if (error) throw error;
}

/** What was measured, by name. */
type Report = Readonly<Record<string, number | string | null>>;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 100 ? 3 : 1)} s`;

const decimals = (value: number): string => value.toFixed(4);

/** What the figures of a report are called and how they read, in the order in which they are shown. */
const figures: Readonly<Record<string, readonly [title: string, print: (value: number) => string]>> = {
  accuracyFloat32: ['test accuracy, float32', percent],
  accuracyInt8: ['test accuracy, int8', percent],
  accuracy: ['test accuracy', percent],
  binaryAccuracy: ['test accuracy', percent],
  meanAbsoluteError: ['test mean absolute error', decimals],
  loss: ['test loss', decimals],
  servedMismatches: ['served answer differs', String],
  bytesFloat32: ['model file, float32', bytes],
  bytesInt8: ['model file, int8', bytes],
  bytes: ['model file', bytes],
  engineBytesGzip: ['script and engine, gzip', bytes],
  msPerEpoch: ['training, per epoch', seconds],
  msFirstInference: ['load and first inference', milliseconds],
  threads: ['threads', String],
};

/** `sent` is how many examples were sent to the server. */
function describeReport(report: Report, sent = 0): string {
  const rows = Object.entries(figures).flatMap(([name, [title, print]]) => {
    const value = report[name];
    return typeof value === 'number'
      ? [[name === 'servedMismatches' ? `${title}, of ${sent}` : title, print(value)] as const]
      : [];
  });
  return table([...rows, ['module', String(report['module'])]]);
}
