/** The Cloudflare target in the real runtime: a Worker built from a small model file, and everything it must refuse. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BuiltWorker, buildWorker } from '../edge/build.js';
import { startWorkerd } from '../edge/workerd.js';
import { FormatError, IoError } from '../src/core/errors.js';
import { askOnce, checkRapid, checkRefusals, type Target } from './support/hostile.js';
import { type SmallModel, writeSmallModel } from './support/small-model.js';

/** `before` fills it, as far as it gets. */
interface Context {
  model: SmallModel;
  folder: string;
  worker: BuiltWorker;
}

const test = suite<Context>('workerd');

const picture = Array.from({ length: 36 }, (_, i) => ((i * 7) % 11) / 10);

const targetAt = (url: string): Target => ({
  url,
  model: 'small',
  input: { name: 'image', datatype: 'FP32', shape: [1, 6, 6, 1], data: picture },
});

/** Starts a built Worker for as long as `use` takes. */
async function during(
  config: string,
  use: (url: string, port: number) => Promise<void>,
  log = (text: string): void => assert.unreachable(`the Worker logged: ${text}`),
): Promise<void> {
  const running = await startWorkerd({ config, port: 0, log });
  try {
    await use(running.url, running.port);
  } finally {
    await running.stop();
  }
  assert.is(await running.ended, null);
}

async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}

test.before(async (context) => {
  context.model = await writeSmallModel();
  context.folder = mkdtempSync(join(tmpdir(), 'quern-worker-'));
  const outDir = join(context.folder, 'relaxed');
  context.worker = await buildWorker({ modelPath: context.model.path, outDir, module: 'relaxed' });
});

test.after(({ model, folder }) => {
  model?.remove();
  if (folder) rmSync(folder, { recursive: true });
});

test('the build holds what a Worker needs, and is small', ({ worker, folder }) => {
  const files = ['config.capnp', 'engine.wasm', 'model.bin', 'page.html', 'worker.js', 'wrangler.jsonc'];
  assert.equal(readdirSync(join(folder, 'relaxed')).sort(), files);
  assert.is(worker.name, 'small');
  const script = readFileSync(join(folder, 'relaxed/worker.js'), 'utf8');
  assert.is(worker.sizes.script.bytes, Buffer.byteLength(script));
  assert.is(worker.engineBytesGzip, worker.sizes.script.gzip + worker.sizes.engine.gzip);
  assert.ok(worker.engineBytesGzip <= 60_000, `script and engine take ${worker.engineBytesGzip} bytes gzipped`);
  assert.not.match(script, /["']node:|\beval\(|new Function\(/);
});

for (const module of ['relaxed', 'simd'] as const) {
  test(`answers as the reference does (${module})`, async ({ model, folder }) => {
    const built = await buildWorker({ modelPath: model.path, outDir: join(folder, module), module });
    await during(built.config, async (url) => {
      const metadata = (await (await fetch(`${url}/v2/models/small`)).json()) as Record<string, unknown>;
      assert.equal(metadata['inputs'], [{ name: 'image', datatype: 'FP32', shape: [-1, 6, 6, 1] }]);
      assert.equal(metadata['outputs'], [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 5] }]);
      const { engine, peak_bytes } = metadata['properties'] as { engine: string; peak_bytes: string };
      assert.match(engine, `infer-${module}`);
      assert.ok(Number(peak_bytes) > 0 && Number(peak_bytes) < 96 << 20);
      for (const data of [picture, picture.map((value) => 1 - value), picture.map(() => 0)]) {
        const expected = await model.classify(data);
        const answer = await askOnce(targetAt(url), data);
        assert.is(answer.length, 5);
        expected.forEach((value, i) =>
          assert.ok(Math.abs((answer[i] ?? NaN) - value) < 1e-5, `${answer} ~ ${expected}`),
        );
      }
      const page = await fetch(url);
      assert.match(await page.text(), '<canvas');
      assert.match(page.headers.get('content-security-policy') ?? '', "default-src 'none'; script-src 'sha256-");
    });
  });
}

test('refuses what is bad and keeps serving, also under many requests', async ({ worker }) => {
  await during(worker.config, async (url) => {
    await checkRefusals(targetAt(url));
    await checkRapid(targetAt(url), 200, 50);
  });
});

test('the first requests may come all at once', async ({ worker, model }) => {
  await during(worker.config, async (url) => {
    const answers = await Promise.all(Array.from({ length: 16 }, () => askOnce(targetAt(url))));
    const [first = []] = answers;
    const expected = await model.classify(picture);
    expected.forEach((value, i) => assert.ok(Math.abs((first[i] ?? NaN) - value) < 1e-5));
    for (const answer of answers) assert.equal(answer, first);
  });
});

test('a damaged model is reported as not ready, and the Worker lives', async ({ model, folder }) => {
  const bytes = readFileSync(model.path);
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  const [modelPath, outDir] = [join(folder, 'damaged.safetensors'), join(folder, 'damaged')];
  writeFileSync(modelPath, bytes);
  assert.instance(await thrownBy(buildWorker({ modelPath, outDir, module: 'simd' })), FormatError);
  const built = await buildWorker({ modelPath: model.path, outDir, module: 'simd', name: 'damaged' });
  const laidOut = readFileSync(join(outDir, 'model.bin'));
  laidOut[laidOut.length - 1] = (laidOut[laidOut.length - 1] ?? 0) ^ 1;
  writeFileSync(join(outDir, 'model.bin'), laidOut);
  let logged = '';
  const use = async (url: string): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      const response = await fetch(`${url}/v2/models/damaged/ready`);
      assert.equal([response.status, await response.json()], [503, { name: 'damaged', ready: false }]);
    }
    assert.is((await fetch(`${url}/v2/health/ready`)).status, 503);
    assert.is((await fetch(`${url}/v2/health/live`)).status, 200);
  };
  await during(built.config, use, (text) => (logged += text));
  assert.match(logged, 'the file is damaged');
});

test('ends with the process that started it', async ({ worker }) => {
  const edge = new URL('../edge/workerd.js', import.meta.url);
  for (const [ending, code, signal] of [
    ['process.exit(3)', 3, null],
    ['throw new Error("expected")', 1, null],
    ['process.kill(process.pid, "SIGTERM")', null, 'SIGTERM'],
    ['process.kill(process.pid, "SIGINT")', null, 'SIGINT'],
  ] as const) {
    const script = `import { startWorkerd } from ${JSON.stringify(edge.href)};
      const { url } = await startWorkerd({ config: ${JSON.stringify(worker.config)}, port: 0 });
      process.stdout.write(url, () => { ${ending} });`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
    let url = '';
    child.stdout.on('data', (text) => (url += String(text)));
    const ended = await new Promise((resolve) => child.once('close', (...how) => resolve(how)));
    assert.equal(ended, [code, signal], ending);
    assert.match(url, /^http:/);
    assert.instance(await thrownBy(fetch(url)), TypeError, `${ending}: nobody listens any more`);
  }
});

test('a port in use, a missing file, a broken configuration: typed errors', async ({ worker, folder }) => {
  await during(worker.config, async (url, port) => {
    const taken = await thrownBy(startWorkerd({ config: worker.config, port }));
    assert.instance(taken, IoError);
    assert.match(String(taken), `Port ${port} of 127.0.0.1 is in use`);
    assert.is((await fetch(`${url}/v2/health/live`)).status, 200);
  });
  const missing = await thrownBy(startWorkerd({ config: join(folder, 'none.capnp'), port: 0 }));
  assert.instance(missing, IoError);
  assert.match(String(missing), /workerd ended with code 1: .*none\.capnp/);
  const noModel = join(folder, 'none.safetensors');
  const built = await thrownBy(buildWorker({ modelPath: noModel, outDir: join(folder, 'none'), module: 'simd' }));
  assert.instance(built, IoError);
  assert.match(String(built), noModel);
});

test.run();
