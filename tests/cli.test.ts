/** The quern command, as a process: what it prints, how it ends, and what it says when it cannot. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileModule } from '../src/backend/wasm/modules-node.js';
import { openLaidOut } from '../src/backend/wasm/open-laid-out.js';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { loadMnist } from '../src/data/mnist.js';
import { sliceRows } from '../src/data/rows.js';
import { dense } from '../src/nn/dense.js';
import { flatten } from '../src/nn/flatten.js';
import { input } from '../src/nn/input.js';
import { type Model, sequential } from '../src/train/model.js';

const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'quern-cli-'));
const running = new Set<ChildProcess>();
test.after(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

function quern(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = start(args);
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

/** The object on the last line of standard output. */
function jsonOf({ code, stdout, stderr }: Ended): Record<string, unknown> {
  assert.is(code, 0, stderr);
  const value: unknown = JSON.parse(lastLine(stdout));
  assert.type(value, 'object');
  return { ...(value as object) };
}

/** It failed with this code and one line that says why. */
function assertFailed({ code, stdout, stderr }: Ended, expected: number, message: RegExp): void {
  assert.is(code, expected, stderr);
  assert.match(stderr, message);
  assert.not.match(stderr, /\n\s+at /);
  if (expected === 1) assert.match(stderr, /^quern: \[[^\]]+\] [^\n]+\n$/);
  assert.not.match(stdout, /\n\s+at /);
}

/** Digits through one dense layer with weights of its seed: quick, and of the shapes of the real one. */
function smallDigits(): Model {
  const layers = [input({ shape: [28, 28, 1], name: 'image' }), flatten(), dense({ units: 10, activation: 'softmax' })];
  const model = sequential(layers, { backend: referenceBackend, seed: 5 });
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

const digits = join(folder, 'digits.safetensors');
const rows = join(folder, 'rows.safetensors');
const regression = sequential([input({ shape: [3] }), dense({ units: 2 })], { backend: referenceBackend, seed: 6 });
test.before(async () => {
  await smallDigits().save(digits);
  await regression.save(rows);
});

const near = (actual: unknown, expected: NDArray): void => {
  assert.ok(Array.isArray(actual) && actual.length === expected.data.length);
  expected.data.forEach((value: number, i: number) => assert.ok(Math.abs(Number(actual[i]) - value) < 1e-5));
};

test('help says what there is, for every command', async () => {
  const help = await quern('--help');
  assert.is(help.code, 0);
  for (const command of ['train', 'evaluate', 'predict', 'inspect', 'profile', 'build', 'serve']) {
    assert.match(help.stdout, new RegExp(`\n  ${command} `));
    const own = await quern(command, '--help');
    assert.is(own.code, 0);
    assert.match(own.stdout, new RegExp(`Usage: quern ${command} `));
    assert.match(own.stdout, /--json/);
  }
});

test('what is not understood ends with 2', async () => {
  assertFailed(await quern(), 2, /Usage: quern/);
  assertFailed(await quern('trian'), 2, /unknown command 'trian'/);
  assertFailed(await quern('train', 'mnist-cnn', '--epoch', '3'), 2, /unknown option '--epoch'.*--epochs/s);
  assertFailed(
    await quern('train', 'resnet'),
    2,
    /Allowed choices are mnist-cnn, mnist-mlp, (.*, )?iris, linear-regression, logistic-regression/,
  );
  assertFailed(await quern('train', 'iris', '--data', '.'), 2, /iris takes no --data/);
  assertFailed(await quern('train', 'imaging-cnn', '--size', '20'), 2, /--size requires --data/);
  assertFailed(await quern('train', 'imaging-cnn', '--data', 'nowhere'), 1, /folder that can be read.*'nowhere'/);
  assertFailed(await quern('train', 'mnist-cnn', '--epochs', 'two'), 2, /An integer from 1 is required/);
  assertFailed(await quern('train', 'mnist-cnn', '--threads', '0'), 2, /An integer from 1 to 64 is required/);
  assertFailed(await quern('serve', digits, '--port', '65536'), 2, /An integer from 0 to 65535 is required/);
  assertFailed(await quern('serve', digits, '--target', 'lambda'), 2, /Allowed choices are workerd, node/);
  assertFailed(await quern('predict', digits), 2, /either --input or --mnist-index is required/);
  assertFailed(await quern('predict', digits, '--input', 'a', '--mnist-index', '1'), 2, /either --input or/);
  assertFailed(await quern('inspect'), 2, /missing required argument 'file'/);
  assertFailed(await quern('inspect', 'a', 'b'), 2, /too many arguments/);
});

test('builds a Worker, and a laid-out model that answers as the model', async () => {
  const worker = join(folder, 'worker');
  const built = jsonOf(await quern('build', digits, '--out', worker, '--json'));
  assert.is(built['config'], join(worker, 'config.capnp'));
  const model = join(folder, 'digits.bin');
  assert.is(jsonOf(await quern('build', digits, '--out', model, '--target', 'model', '--json'))['out'], model);
  assert.equal(readFileSync(model), readFileSync(join(worker, 'model.bin')));
  const image = ndarray(
    'f32',
    [1, 28, 28, 1],
    Float32Array.from({ length: 784 }, (_, i) => (i % 29) / 29),
  );
  const { executable } = openLaidOut(readFileSync(model), { module: compileModule('infer-simd', false) });
  const [answer] = Object.values(executable.runSync('predict', { image }));
  const expected = await smallDigits().predict(image);
  near([...(answer?.data ?? [])], expected);
  assertFailed(await quern('build', digits), 2, /required option '--out <path>'/);
  assertFailed(await quern('build', digits, '--out', model, '--target', 'model', '--name', 'a'), 2, /takes no --name/);
  assertFailed(await quern('build', model, '--out', worker), 1, /format 'quern' is required/);
  assertFailed(await quern('build', digits, '--out', digits), 1, /folder that can be written/);
});

test('files that are missing or no model end with 1 and one line', async () => {
  const junk = join(folder, 'junk.safetensors');
  writeFileSync(junk, 'this is no model');
  const cut = join(folder, 'cut.safetensors');
  writeFileSync(cut, readFileSync(rows).subarray(0, 300));
  for (const command of [
    ['inspect'],
    ['evaluate'],
    ['profile'],
    ['predict', '--mnist-index', '1'],
    ['serve', '--port', '0', '--target', 'node'],
  ]) {
    assertFailed(
      await quern(...command, 'missing.safetensors'),
      1,
      /a file that can be read is required.*missing\.safetensors/,
    );
    assertFailed(await quern(...command, junk), 1, /^quern: /);
    assertFailed(await quern(...command, cut), 1, /^quern: /);
  }
  const debug = await quern('--debug', 'inspect', 'missing.safetensors');
  assert.is(debug.code, 1);
  assert.match(debug.stderr, /IoError.*\n\s+at /s);
});

test('inspect prints the program, the variables and the memory', async () => {
  const json = jsonOf(await quern('inspect', rows, '--json'));
  assert.is(json['fileBytes'], statSync(rows).size);
  assert.is(json['parameters'], 8);
  assert.is(json['weightBytes'], 32);
  assert.ok(Number(json['peakBytes']) >= 32);
  assert.equal(json['symbols'], { batch: 64 });
  assert.equal(json['variables'], {
    'dense/kernel': { dtype: 'f32', shape: [3, 2], scope: 'shared', bytes: 24 },
    'dense/bias': { dtype: 'f32', shape: [2], scope: 'shared', bytes: 8 },
  });
  assert.equal(json['graphs'], { predict: { inputs: ['input'], outputs: ['output'], ops: ['matmul', 'add'] } });
  const text = await quern('inspect', rows);
  assert.is(text.code, 0);
  assert.match(text.stdout, /variable dense\/kernel: f32 \[3, 2\]/);
  assert.match(text.stdout, /output output = %/);
  assert.match(text.stdout, /peak memory at the bounds +[\d,]+ B/);
});

test('predict reads nested lists: one example, several, or under their name', async () => {
  const x = ndarray('f32', [2, 3], normal([1, 1], 6));
  const expected = await regression.predict(x);
  const nested = [Array.from(x.data.subarray(0, 3)), Array.from(x.data.subarray(3))];
  const path = join(folder, 'x.json');
  for (const [value, shape] of [
    [nested, [2, 2]],
    [{ input: nested }, [2, 2]],
    [nested[0], [1, 2]],
  ] as const) {
    writeFileSync(path, JSON.stringify(value));
    const json = jsonOf(await quern('predict', rows, '--input', path, '--json', '--threads', '1'));
    assert.equal([json['name'], json['dtype'], json['shape']], ['output', 'f32', shape]);
    near(json['data'], sliceRows(expected, 0, shape[0]));
  }
  for (const [text, message] of [
    ['', /a file of JSON is required/],
    ['{"y":[[1,2,3]]}', /an entry 'input' is required/],
    ['[[1,2],[3]]', /nested lists of the shape \[2, 2\]/],
    ['[[1,2,null]]', /\[input\] numbers that f32 holds.*null/],
    ['[[1,2,1e39]]', /Received 1e\+39/],
    ['[[1,2]]', /f32 \[batch, 3\] is required/],
    ['[]', /\[x\]/],
    ['"text"', /\[input\] numbers/],
    ['['.repeat(200_000) + ']'.repeat(200_000), /\[input\] lists nested at most 32 deep are required/],
  ] as const) {
    writeFileSync(path, text);
    assertFailed(await quern('predict', rows, '--input', path), 1, message);
  }
  assertFailed(await quern('predict', rows, '--input', 'nowhere.json'), 1, /nowhere\.json/);
});

test('profile maps the time of a run to layers, also of a training step made from the layers', async () => {
  const common = ['--runs', '2', '--threads', '1'];
  const forward = jsonOf(await quern('profile', digits, '--batch', '2', '--json', ...common));
  assert.equal([forward['graph'], forward['batchSize'], forward['runs']], ['predict', 2, 2]);
  const names = (list: unknown): unknown[] => (list as { readonly name: string }[]).map(({ name }) => name).sort();
  assert.equal(names(forward['layers']), ['dense']);
  assert.equal(names(forward['nodes']), ['dense/matmul', 'dense/softmax']);
  const step = jsonOf(await quern('profile', digits, '--graph', 'trainStep', '--json', ...common));
  assert.ok(names(step['ops']).includes('sparseCategoricalCrossentropyGrad') && names(step['layers']).includes('adam'));
  const text = await quern('profile', rows, '--graph', 'trainStep', '--check-finite', ...common);
  assert.is(text.code, 0, text.stderr);
  assert.match(text.stdout, /^layer +node +kernel +time +share +GFLOP\/s +bytes\n/);
  assert.match(text.stdout, /one run, median of 2 +[\d.]+ ms\n/);
  assertFailed(await quern('profile', digits, '--batch', '65'), 1, /a batch of at most 64.*Received 65/);
  assertFailed(await quern('profile', digits, '--graph', 'decode'), 1, /\(predict\)\. Received 'decode'/);
  assertFailed(await quern('profile', digits, '--runs', '0'), 2, /An integer from 1 to 1000000/);
});

test('the first node that makes an infinity is named', async () => {
  const path = join(folder, 'large.safetensors');
  const large = sequential([input({ shape: [3] }), dense({ units: 2 })], { backend: referenceBackend });
  large.setVariables({ 'dense/kernel': ndarray('f32', [3, 2], [3e38, 0, 3e38, 0, 3e38, 0]) });
  await large.save(path);
  const x = join(folder, 'large.json');
  writeFileSync(x, '[[0, 1, 1]]');
  const wrong = /\[predict\] finite numbers.*Infinity at element 0 of the output of 'dense\/matmul'/;
  assertFailed(await quern('predict', path, '--input', x, '--check-finite'), 1, wrong);
  assert.is((await quern('predict', path, '--input', x)).code, 0);
  assert.is((await quern('predict', rows, '--input', x, '--check-finite')).code, 0);
});

test('predict and evaluate know MNIST', async () => {
  const model = smallDigits();
  const { x, y } = loadMnist('test', 200);
  const json = jsonOf(await quern('predict', digits, '--mnist-index', '7', '--json'));
  near(json['data'], await model.predict(sliceRows(x, 7, 8)));
  const text = await quern('predict', digits, '--mnist-index', '7');
  assert.match(text.stdout, /^\d {2}\((0\.\d{4} ?){10}\)\n$/);
  assertFailed(await quern('predict', digits, '--mnist-index', '10000'), 1, /an index from 0 to 9999/);
  assertFailed(await quern('predict', rows, '--mnist-index', '0'), 1, /f32 \[batch, 3\] is required/);

  const measured = jsonOf(await quern('evaluate', digits, '--limit', '200', '--json'));
  const expected = await model.evaluate(x, y);
  assert.is(measured['rows'], 200);
  assert.ok(Math.abs(Number(measured['accuracy']) - (expected['accuracy'] ?? NaN)) < 1e-6);
  assert.ok(Math.abs(Number(measured['loss']) - (expected['loss'] ?? NaN)) < 1e-4);
  assert.match((await quern('evaluate', digits, '--limit', '20')).stdout, /accuracy +\d+\.\d\d %/);
});

/** Starts to serve and resolves with what it says of itself. */
function serving(...args: readonly string[]): Promise<{ child: ChildProcess; said: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const child = start(['serve', ...args, '--json']);
    let [stdout, stderr] = ['', ''];
    child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
    child.stdout?.on('data', (chunk) => {
      stdout += String(chunk);
      if (stdout.endsWith('\n')) resolve({ child, said: JSON.parse(lastLine(stdout)) });
    });
    child.once('close', (code) => reject(new Error(`it ended with ${code}: ${stderr}`)));
  });
}

const closed = (child: ChildProcess): Promise<void> => new Promise((resolve) => child.once('close', () => resolve()));

for (const target of ['node', 'workerd']) {
  test(`serve --target ${target} answers until it is stopped`, async () => {
    const { child, said } = await serving(digits, '--port', '0', '--target', target, '--name', 'small');
    const { x } = loadMnist('test', 2);
    const body = { inputs: [{ name: 'image', shape: [2, 28, 28, 1], datatype: 'FP32', data: Array.from(x.data) }] };
    const response = await fetch(String(said['infer']), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.is(response.status, 200);
    const answer = (await response.json()) as { readonly outputs: readonly { readonly data: unknown }[] };
    near(answer.outputs[0]?.data, await smallDigits().predict(x));
    assert.match(await (await fetch(String(said['url']))).text(), /<!doctype html>/i);
    const ended = closed(child);
    child.kill('SIGTERM');
    await ended;
    const refused = await fetch(String(said['url'])).then(
      () => false,
      () => true,
    );
    assert.ok(refused, 'nothing listens any more');
  });
}

test('a port in use is found before the work whose result it was to serve', async () => {
  const taken = createServer();
  const port = await new Promise<number>((resolve) => {
    taken.listen(0, '127.0.0.1', () => {
      const address = taken.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
  try {
    const message = new RegExp(
      `a free port is required\\. Received ${port}: it is in use\\. Choose another with --port`,
    );
    assertFailed(await quern('train', 'mnist-cnn', '--serve', '--port', String(port)), 1, message);
    for (const target of ['node', 'workerd']) {
      assertFailed(await quern('serve', digits, '--port', String(port), '--target', target), 1, message);
    }
  } finally {
    taken.close();
  }
});

test('a port that fetch and browsers do not open is refused', async () => {
  for (const target of ['node', 'workerd']) {
    const ended = await quern('serve', digits, '--port', '10080', '--target', target);
    assertFailed(ended, 1, /Received 10080: browsers and fetch refuse to open it/);
  }
});

test('a folder that cannot be made is found before training', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const ended = await quern('train', 'mnist-cnn', '--quick', '--limit', '64', '--out', join(file, 'inside'));
  assert.is(ended.code, 1);
  assert.match(ended.stderr, /^quern: \[train\] a folder that can be written is required/m);
});

test('a disk that is full while saving leaves the old file whole and nothing half-written', async () => {
  const out = join(folder, 'full');
  const options = ['train', 'mnist-cnn', '--quick', '--limit', '64', '--out', out];
  assert.is((await quern(...options)).code, 0);
  const path = join(out, 'mnist-cnn.safetensors');
  const before = readFileSync(path);
  // No file may grow beyond 100 blocks of 512 or 1024 bytes, by the shell: less than the model has.
  const limited = ['-c', 'ulimit -f 100; exec "$0" "$@"', process.execPath, main, ...options, '--seed', '9'];
  const child = spawn('sh', limited, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.is(code, 1, stderr);
  assert.match(stderr, /^quern: \[save\] '.*mnist-cnn\.safetensors' could not be written and is as it was/m);
  assert.ok(readFileSync(path).equals(before));
  assert.equal(readdirSync(out).sort(), ['mnist-cnn-int8.safetensors', 'mnist-cnn.safetensors']);
});

test('train --once trains, shrinks, serves and measures', async () => {
  const out = join(folder, 'trained');
  const options = ['--quick', '--limit', '3000', '--seed', '1', '--port', '0', '--out', out, '--json'];
  const ended = await quern('train', 'mnist-cnn', '--serve', '--once', ...options);
  const report = jsonOf(ended);
  assert.is(ended.stdout.trimEnd().split('\n').length, 1, 'standard output is the object alone');
  assert.match(ended.stderr, /Epoch 1\/1: 47 steps, .*samples\/s, loss \d\.\d+, accuracy 0\.\d+/);
  assert.equal(Object.keys(report).sort(), [
    'accuracyFloat32',
    'accuracyInt8',
    'bytesFloat32',
    'bytesInt8',
    'engineBytesGzip',
    'module',
    'msFirstInference',
    'msPerEpoch',
    'servedMismatches',
    'threads',
  ]);
  assert.ok(Number(report['accuracyFloat32']) > 0.8, `accuracy ${report['accuracyFloat32']}`);
  assert.ok(Math.abs(Number(report['accuracyFloat32']) - Number(report['accuracyInt8'])) < 0.01);
  assert.is(report['servedMismatches'], 0);
  assert.is(report['bytesFloat32'], statSync(join(out, 'mnist-cnn.safetensors')).size);
  assert.is(report['bytesInt8'], statSync(join(out, 'mnist-cnn-int8.safetensors')).size);
  assert.ok(Number(report['bytesInt8']) <= 110_000, `${report['bytesInt8']} bytes`);
  assert.ok(Number(report['engineBytesGzip']) <= 80_000, `${report['engineBytesGzip']} bytes`);
  assert.ok(Number(report['msFirstInference']) > 0 && Number(report['msPerEpoch']) > 0);
  const measured = jsonOf(await quern('evaluate', join(out, 'mnist-cnn-int8.safetensors'), '--json'));
  assert.is(measured['accuracy'], report['accuracyInt8']);
});

test('the smaller programs train, save, and are served as they are', async () => {
  const out = join(folder, 'small');
  const cases = [
    ['iris', 'accuracy', ['--seed', '2']],
    ['linear-regression', 'meanAbsoluteError', ['--limit', '200']],
    ['logistic-regression', 'binaryAccuracy', ['--quick', '--batch-size', '16']],
  ] as const;
  for (const [name, metric, options] of cases) {
    const ended = await quern('train', name, '--once', '--port', '0', '--out', out, '--json', ...options);
    const report = jsonOf(ended);
    assert.equal(Object.keys(report).sort(), [
      ...[metric, 'bytes', 'engineBytesGzip', 'loss', 'module', 'msFirstInference', 'msPerEpoch'].sort(),
      'servedMismatches',
      'threads',
    ]);
    assert.is(report['servedMismatches'], 0);
    assert.is(report['bytes'], statSync(join(out, `${name}.safetensors`)).size);
    assert.match(ended.stderr, /served answer differs, of (30|1000) +0\n/);
  }
  const page = join(out, 'report.html');
  const plain = await quern('train', 'mnist-mlp', '--quick', '--limit', '500', '--out', out, '--report', page);
  assert.is(plain.code, 0, plain.stderr);
  assert.match(plain.stdout, /test accuracy +\d+\.\d+ %\n/);
  assert.match(readFileSync(page, 'utf8'), /<code\s*>quern train mnist-mlp --quick --limit 500 /);
  assert.match((await quern('train', '--help')).stdout, /  iris +irises by four lengths; 100 epochs, batches of 32\n/);
});

test.run();
