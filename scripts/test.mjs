// Runs the checks and every test file, each in a process of its own, and ends with the line `N passed, N failed`.
// Arguments choose files by a part of their name. QUERN_ENGINES lists further Nodes, Denos and Buns, separated by colons:
// what depends on the engine runs again on each; on an emulated one, what depends on the processor.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const others = (process.env.QUERN_ENGINES ?? '').split(':').filter((path) => path !== '');
const engineTests = ['backends', 'conformance', 'disassembly', 'kernels', 'math', 'plans', 'proofs', 'threads'];
const processorTests = ['disassembly', 'integer', 'kernels'];

/** What an engine calls itself, how it runs a file, and which files. */
async function engineAt(path) {
  const { code, output } = await capture(path, ['--version']);
  const [, name, version] = /^(v|deno )?(\d+\.\d+\.\d+)/.exec(output) ?? [];
  if (code !== 0 || !version) throw new Error(`${path} is not an engine: ${output}`);
  const denoFlags = ['run', '--allow-all', '--node-modules-dir=manual'];
  if (name === 'deno ') return { title: `Deno ${version}`, command: [path, ...denoFlags], tests: engineTests };
  if (!name) return { title: `Bun ${version}`, command: [path], tests: engineTests };
  const arch = (await capture(path, ['-p', 'process.arch'])).output.trim();
  if (arch !== process.arch) {
    // An emulator keeps books of the address space that V8 reserves to catch accesses out of bounds: 80 MB for each memory.
    const command = [path, '--disable-wasm-trap-handler'];
    return { title: `Node ${version} on ${arch}`, command, tests: processorTests };
  }
  // Node 20 has relaxed SIMD behind a flag; later ones have it by default and do not all know the flag.
  const flags = version.startsWith('20.') ? ['--experimental-wasm-relaxed-simd'] : [];
  return { title: `Node ${version}`, command: [path, ...flags], tests: engineTests };
}

function capture(command, args, env = process.env) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => resolve({ code: 1, output: `${output}${error.message}\n` }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

let passed = 0;
let failed = 0;

function report(name, seconds, { code, output }) {
  const plain = output.replace(/\x1b\[[0-9;]*m/g, '');
  const total = /Total:\s+(\d+)/.exec(plain);
  const good = Number(/Passed:\s+(\d+)/.exec(plain)?.[1] ?? (code === 0 ? 1 : 0));
  const bad = total ? Number(total[1]) - good : 0;
  passed += good;
  failed += code === 0 ? bad : Math.max(bad, 1);
  const notes = plain.split('\n').filter((line) => line.startsWith('# '));
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name}  ${good} passed, ${bad} failed, ${seconds.toFixed(1)} s`);
  for (const note of notes) console.log(`     ${note.slice(2)}`);
  if (code !== 0) console.log(plain);
}

const jobs = [];
if (wanted.length === 0) jobs.push({ name: 'check', command: [process.execPath, 'scripts/check.mjs'] });
const files = readdirSync(join(root, 'dist/tests')).filter((file) => file.endsWith('.test.js'));
const names = files.map((file) => file.slice(0, -'.test.js'.length)).sort();
const engines = await Promise.all([process.execPath, ...others].map(engineAt));
for (const [i, { title, command, tests }] of engines.entries()) {
  const suffix = i === 0 ? '' : ` (${title})`;
  for (const name of names) {
    if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
    if (suffix !== '' && !tests.includes(name)) continue;
    jobs.push({ name: `${name}${suffix}`, command: [...command, `dist/tests/${name}.test.js`] });
  }
}

if (wanted.length === 0 && !engines.some(({ tests }) => tests === processorTests)) {
  console.log('# not run on another processor: QUERN_ENGINES lists no engine that is emulated, as .ci/run does');
}

const worker = async () => {
  for (let job = jobs.shift(); job; job = jobs.shift()) {
    const start = performance.now();
    const [command, ...args] = job.command;
    const result = await capture(command, args);
    report(job.name, (performance.now() - start) / 1000, result);
  }
};
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
