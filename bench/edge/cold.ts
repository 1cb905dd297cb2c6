/** Cold starts: fresh processes in turn, each from nothing to its first answer. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { layOutModel } from '../../src/backend/wasm/lay-out.js';
import { ndarray } from '../../src/core/ndarray.js';
import { mnistCnn } from '../../src/models/mnist-cnn.js';
import { spreadOf } from '../measure/statistics.js';
import { importPeer, Unable } from '../peers/contender.js';
import { onnxOf } from '../peers/onnx.js';
import { engineFlags } from '../process/node.js';
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

/** A model file for each engine, or why there is none. */
async function writeModels(folder: string): Promise<ReadonlyMap<string, { path: string } | { reason: string }>> {
  const model = mnistCnn();
  model.setVariables(
    Object.fromEntries(
      [...mnistWeights()].flatMap(([name, { kernel, bias }]) => [
        [`${name}/kernel`, ndarray('f32', kernel.shape, kernel.data)],
        [`${name}/bias`, ndarray('f32', bias.shape, bias.data)],
      ]),
    ),
  );
  const [path, laidOut] = [join(folder, 'digits.safetensors'), join(folder, 'digits.bin')];
  await model.save(path);
  writeFileSync(laidOut, layOutModel(readFileSync(path), { graphs: ['predict'] }));
  return new Map([
    ['quern', { path: laidOut }] as const,
    ['quern-file', { path }] as const,
    ['onnxruntime-web', await writeOnnx(folder)] as const,
  ]);
}

async function writeOnnx(folder: string): Promise<{ path: string } | { reason: string }> {
  const path = join(folder, 'digits.onnx');
  try {
    await importPeer('onnxruntime-web/wasm');
    writeFileSync(path, (await onnxOf({ kind: 'mnist', batch: 1 })).model);
    return { path };
  } catch (error) {
    if (error instanceof Unable) return { reason: error.message };
    throw error;
  }
}

const scripts: Readonly<Record<string, string>> = {
  quern: 'cold-quern.js',
  'quern-file': 'cold-file.js',
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
    const models = [...(await writeModels(folder))];
    const answers = new Map(models.map(([name]) => [name, [] as FirstAnswer[]]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, model] of models) {
        if ('path' in model) answers.get(name)?.push(await runCold(name, model.path));
      }
    }
    const expected = Float32Array.from(answers.get('quern')?.[0]?.answer ?? []);
    const cells = (timeOf: (answer: FirstAnswer) => number): Figure['cells'] =>
      Object.fromEntries(
        models.map(([name, model]) => {
          if ('reason' in model) return [name, model];
          const all = answers.get(name) ?? [];
          const apart = distance(expected, Float32Array.from(all[0]?.answer ?? []));
          if (!(apart < 1e-4)) return [name, { reason: `another result, by ${apart.toExponential(1)} of the largest` }];
          return [name, { value: spreadOf(all.map((answer) => timeOf(answer) / 1000)) }];
        }),
      );
    const title = 'cold start, MNIST network: compile, load, first answer';
    return [
      { id: 'cold-start', title, unit: 'seconds', cells: cells(({ answering }) => answering) },
      {
        id: 'cold-import',
        title: 'the same with the import of the JavaScript',
        unit: 'seconds',
        cells: cells(({ importing, answering }) => importing + answering),
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
