/** Cold starts: fresh processes in turn, each from nothing to its first answer. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ndarray } from '../../src/core/ndarray.js';
import { mnistCnn } from '../../src/models/mnist-cnn.js';
import { spreadOf } from '../measure/statistics.js';
import { importPeer, Unable } from '../peers/contender.js';
import { onnxOf } from '../peers/onnx.js';
import { engineFlags } from '../process/player.js';
import { mnistWeights } from '../tasks/mnist.js';
import { distance } from '../process/rows.js';
import type { Figure } from './figure.js';

/** What a cold process prints. Milliseconds. */
export interface FirstAnswer {
  /** To import the engine's JavaScript. */
  readonly importing: number;
  /** To compile and instantiate its WebAssembly, load the model and answer once. */
  readonly answering: number;
  readonly answer: readonly number[];
}

async function writeModels(folder: string): Promise<Readonly<Record<string, string>>> {
  const model = mnistCnn();
  model.setVariables(
    Object.fromEntries(
      [...mnistWeights()].flatMap(([name, { kernel, bias }]) => [
        [`${name}/kernel`, ndarray('f32', kernel.shape, kernel.data)],
        [`${name}/bias`, ndarray('f32', bias.shape, bias.data)],
      ]),
    ),
  );
  const paths = { quern: join(folder, 'digits.safetensors'), 'onnxruntime-web': join(folder, 'digits.onnx') };
  await model.save(paths.quern);
  writeFileSync(paths['onnxruntime-web'], (await onnxOf({ kind: 'mnist', batch: 1 })).model);
  return paths;
}

const scripts: Readonly<Record<string, string>> = {
  quern: 'cold-quern.js',
  'onnxruntime-web': 'cold-onnxruntime.js',
};

async function runCold(name: string, path: string): Promise<FirstAnswer> {
  const script = fileURLToPath(new URL(`./${scripts[name]}`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...engineFlags, script, path]);
  return JSON.parse(stdout) as FirstAnswer;
}

/** The time of a first answer, with the engine's JavaScript imported before and with it. */
export async function coldStarts(rounds: number): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'quern-bench-'));
  try {
    await importPeer('onnx-proto');
    const paths = await writeModels(folder);
    const answers = new Map(Object.keys(paths).map((name) => [name, [] as FirstAnswer[]]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, path] of Object.entries(paths)) answers.get(name)?.push(await runCold(name, path));
    }
    const [first] = answers.get('quern') ?? [];
    const cells = (timeOf: (answer: FirstAnswer) => number): Figure['cells'] =>
      Object.fromEntries(
        [...answers].map(([name, all]) => {
          const apart = distance(Float32Array.from(first?.answer ?? []), Float32Array.from(all[0]?.answer ?? []));
          if (!(apart < 1e-4)) return [name, { reason: `another result, by ${apart.toExponential(1)} of the largest` }];
          return [name, { value: spreadOf(all.map((answer) => timeOf(answer) / 1000)) }];
        }),
      );
    return [
      {
        id: 'cold-start',
        title: 'cold start, MNIST network: compile, load, first answer',
        unit: 'seconds',
        cells: cells(({ answering }) => answering),
      },
      {
        id: 'cold-import',
        title: 'the same with the import of the JavaScript',
        unit: 'seconds',
        cells: cells(({ importing, answering }) => importing + answering),
      },
    ];
  } catch (error) {
    if (!(error instanceof Unable)) throw error;
    return [
      {
        id: 'cold-start',
        title: 'cold start',
        unit: 'seconds',
        cells: { 'onnxruntime-web': { reason: error.message } },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
