/** The package as npm makes it, installed in an empty folder: it brings all that it runs with, and serves. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startWorkerd } from '../edge/workerd.js';
import { askOnce } from './support/hostile.js';
import { type SmallModel, writeSmallModel } from './support/small-model.js';

/** `before` fills it. */
interface Context {
  model: SmallModel;
  folder: string;
}

const test = suite<Context>('package');
const root = fileURLToPath(new URL('../../', import.meta.url));

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  assert.is(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

test.before((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'quern-package-'));
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', context.folder];
  const [{ filename }] = JSON.parse(run('npm', pack, root)) as [{ readonly filename: string }];
  const app = join(context.folder, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "private": true, "type": "module" }');
  // Its only dependency comes from here, so that no network is needed.
  const loader = join(root, 'node_modules/@assemblyscript/loader');
  const install = ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=peer'];
  run('npm', [...install, join(context.folder, filename), `file:${loader}`], app);
});
test.before(async (context) => {
  context.model = await writeSmallModel();
});
test.after(({ model, folder }) => {
  model?.remove();
  if (folder) rmSync(folder, { recursive: true });
});

const main = (folder: string): string => join(folder, 'app/node_modules/quern/dist/src/cli/main.js');

test('is imported by its name, trains and saves', ({ folder }) => {
  const script = `import { dense, input, ndarray, sequential } from 'quern';
    import { createHandler } from 'quern/edge';
    const model = sequential([input({ shape: [2] }), dense({ units: 1 })]);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    await model.fit(ndarray('f32', [4, 2]), ndarray('f32', [4, 1]), { verbose: 0 });
    await model.save('line.safetensors');
    model.close();
    console.log(typeof createHandler);`;
  assert.is(run(process.execPath, ['--input-type=module', '--eval', script], join(folder, 'app')).trim(), 'function');
  assert.match(
    run(process.execPath, [main(folder), 'inspect', 'line.safetensors'], join(folder, 'app')),
    /dense\/kernel/,
  );
});

for (const [entry, opens, opened] of [
  ['quern/edge', 'openModel', 'openModel(new Uint8Array(8), {})'],
  ['quern/executor', 'openLaidOut', 'Promise.resolve().then(() => openLaidOut(new Uint8Array(8), { module }))'],
] as const)
  test(`has ${entry} in one file, which throws the errors that the whole package exports`, ({ folder }) => {
    const script = `import { readFileSync } from 'node:fs';
    import { FormatError } from 'quern';
    import { ${opens} } from '${entry}';
    const path = new URL(import.meta.resolve('${entry}'));
    const module = new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('quern/wasm/infer-simd.wasm'))));
    const text = readFileSync(path, 'utf8');
    const imported = [...text.matchAll(/(?:from|import)\\s*"([^"]+)"/g)].map(([, name]) => name);
    const beside = [...text.matchAll(/new URL\\("([^"]+)",import\\.meta\\.url\\)/g)].map(([, name]) => name);
    const known = await ${opened}.catch((error) => error instanceof FormatError);
    for (const name of beside) readFileSync(new URL(name, path));
    console.log(JSON.stringify({ known, imported: [...new Set(imported)], beside }));`;
    assert.equal(JSON.parse(run(process.execPath, ['--input-type=module', '--eval', script], join(folder, 'app'))), {
      known: true,
      imported: ['../src/core/errors.js'],
      beside: ['./worker-web.js'],
    });
  });

test('serves from Node', async ({ folder, model }) => {
  const args = [main(folder), 'serve', model.path, '--target', 'node', '--port', '0', '--json'];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const said = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (chunk) => (text += String(chunk)).endsWith('\n') && resolve(text));
      child.once('close', (code) => reject(new Error(`it ended with ${code}: ${text}`)));
    });
    const { url } = JSON.parse(said.trim().split('\n').at(-1) ?? '') as { readonly url: string };
    await checkServed(url, model);
  } finally {
    child.kill();
  }
});

test('builds a Worker, which the Workers runtime serves', async ({ folder, model }) => {
  const outDir = join(folder, 'worker');
  const build = join(folder, 'app/node_modules/quern/dist/edge/build.js');
  const script = `import { buildWorker } from ${JSON.stringify(build)};
    await buildWorker(${JSON.stringify({ modelPath: model.path, outDir, module: 'relaxed', name: 'small' })});`;
  run(process.execPath, ['--input-type=module', '--eval', script], folder);
  const running = await startWorkerd({ config: join(outDir, 'config.capnp'), port: 0 });
  try {
    await checkServed(running.url, model);
  } finally {
    await running.stop();
  }
});

test('says what to do where the Workers runtime is not installed', ({ folder, model }) => {
  const script = `import Module from 'node:module';
    const resolve = Module._resolveFilename;
    Module._resolveFilename = (name, ...others) => {
      if (name === 'workerd') throw new Error("Cannot find module 'workerd'");
      return resolve(name, ...others);
    };`;
  const hook = `data:text/javascript,${encodeURIComponent(script)}`;
  const args = ['--import', hook, main(folder), 'serve', model.path, '--port', '0'];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  assert.is(status, 1, stderr);
  assert.match(
    stderr,
    /^quern: \[workerd\] the npm package 'workerd' is required; install it, or serve with --target node\./,
  );
});

async function checkServed(url: string, model: SmallModel): Promise<void> {
  assert.match(await (await fetch(url)).text(), /<meta name="quern-model" content="small"/);
  const data = Array.from({ length: 36 }, (_, i) => (i % 5) / 5);
  const input = { name: 'image', datatype: 'FP32', shape: [1, 6, 6, 1], data };
  const answer = await askOnce({ url, model: 'small', input });
  const expected = await model.classify(data);
  expected.forEach((value, i) => assert.ok(Math.abs((answer[i] ?? NaN) - value) < 1e-5, `${answer} ~ ${expected}`));
}

test.run();
