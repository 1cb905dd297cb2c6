/**
 * How long a model takes from its file to its first answer, in a process that has done nothing before. This file is that
 * process (`node first-inference.js MODEL` prints JSON); `measureFirstInference` starts it.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openModel } from '../backend/wasm/open.js';
import { chooseModule, compileModule } from '../backend/wasm/modules-node.js';
import { IoError } from '../core/errors.js';
import { ndarray } from '../core/ndarray.js';
import { mapNamed } from '../core/tree.js';
import { loadFile } from '../format/file.js';
import { signatureOf } from '../train/evaluation.js';

/** Milliseconds to read the file, compile the module, lay out the memory and answer for one example. */
async function loadAndRun(path: string): Promise<number> {
  const start = performance.now();
  const module = compileModule(chooseModule('infer'), false);
  const { program, executable } = await openModel(loadFile(path), { module, graphs: ['predict'] });
  const { inputs } = signatureOf(program);
  const example = mapNamed(inputs, ({ dtype, shape }) => ndarray(dtype, [1, ...shape.slice(1).map(Number)]));
  executable.runSync('predict', example);
  return performance.now() - start;
}

/** The median of several processes. Throws `IoError` when one of them fails. */
export async function measureFirstInference(path: string): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(await measureOnce(path));
  return times.sort((a, b) => a - b)[2] ?? NaN;
}

function measureOnce(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const arguments_ = [...process.execArgv, fileURLToPath(import.meta.url), path];
    const child = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, said] = ['', ''];
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (said += String(chunk)));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Number(output));
      else reject(new IoError('measure', `a first inference of '${path}' is required. It failed: ${said.trim()}`));
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(String(await loadAndRun(process.argv[2] ?? '')));
}
