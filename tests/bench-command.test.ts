/** `npm run bench` as a command: what it says of names that there are not, of peers that are not installed, and its files. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engineFlags, processChannel } from '../bench/process/node.js';
import { Player } from '../bench/process/player.js';
import { measureRow } from '../bench/process/rows.js';
import { boundOf, type OpRow } from '../bench/ops/rows.js';
import { timedOps } from '../bench/ops/measure.js';
import { describeOp } from '../bench/report/ops.js';
import { lowerings } from '../src/backend/wasm/lower/table.js';
import { opNames } from './support/cases.js';
import { workOf } from './support/works.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** A tree of its own below this one, so that packages are found, without the peers. */
const bare = join(root, 'dist/cache/bench-without-peers');
const out = join(bare, 'report');

interface Ran {
  readonly status: number | null;
  readonly text: string;
}

function bench(args: readonly string[], home = root, env: NodeJS.ProcessEnv = {}): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(home, 'dist/bench/main.js'), ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, text: `${stdout}${stderr}` };
}

test.before(() => {
  rmSync(bare, { recursive: true, force: true });
  mkdirSync(bare, { recursive: true });
  cpSync(join(root, 'package.json'), join(bare, 'package.json'));
  for (const room of ['bench', 'edge', 'src', 'tests', 'wasm']) {
    const filter = (path: string): boolean => basename(path) !== 'node_modules';
    cpSync(join(root, 'dist', room), join(bare, 'dist', room), { recursive: true, filter });
  }
});

test.after(() => rmSync(bare, { recursive: true, force: true }));

test('a suite, row, op, peer or place that there is not is said in the report beside what is measured', () => {
  const names = ['matmul-16', 'no-such-row', 'ops/no-such-op', '--in', 'nowhere'];
  const { status, text } = bench([...names, '--contenders', 'quern,no-such-engine', '--quick', '--out', out]);
  assert.is(status, 1, text);
  for (const name of ['no-such-row', 'ops/no-such-op'])
    assert.match(text, new RegExp(`${name} +no such suite or row: the suites are kernels, `));
  assert.match(text, /no-such-engine +no such contender/);
  assert.match(text, /quern in nowhere +no such place/);
  assert.match(text, /quern +[\d.]+ µs/);
  const html = readFileSync(join(out, 'bench.html'), 'utf8');
  for (const part of ['Not measured', 'no-such-row', 'no such contender', 'no such place'])
    assert.ok(html.includes(part), part);
});

test('an option that means nothing, or a folder that cannot be written, is one line', () => {
  const refused = [
    [['--contenders', 'quern@none'], /number of threads, are required/],
    [['--port', '99999'], /A number from 0 to 65535 is required/],
    [['--out', join(root, 'package.json')], /^\[bench\] a folder that can be written is required/],
    [['--page', 'training'], /^\[bench\] rows that run in a page are required/],
  ] as const;
  for (const [args, expected] of refused) {
    const { status, text } = bench(['matmul-16', ...args].slice(args[0] === '--page' ? 1 : 0));
    assert.is(status, 1);
    assert.match(text, expected);
  }
});

test('a revision that there is not, or no git, is said in the row', () => {
  const args = ['matmul-16', '--quick', '--out', out, '--compare'];
  const unknown = bench([...args, 'no-such-revision']);
  assert.is(unknown.status, 1);
  assert.match(
    unknown.text,
    /quern at no-such-revision +\[compare\] (a revision that git knows|a clone that git can read|git) is required/,
  );
  const { status, text } = bench([...args, 'HEAD'], root, { PATH: '', Path: '' });
  assert.is(status, 1);
  assert.match(text, /quern at HEAD +\[compare\] git is required/);
});

test('the help names every option', () => {
  const { status, text } = bench(['--help']);
  assert.is(status, 0);
  for (const option of ['--quick', '--slow', '--contenders', '--compare', '--out', 'ops']) assert.match(text, option);
});

test('peers that are not installed are said in the row, and ours is measured', () => {
  const contenders = 'quern,onnxruntime-web,tfjs-wasm,tfjs-cpu,jax-js,onnxruntime-node';
  const { status, text } = bench(['matmul-16', '--quick', '--contenders', contenders, '--out', out], bare);
  assert.is(status, 0, text);
  for (const peer of contenders.split(',').slice(1)) assert.match(text, new RegExp(`${peer} +not installed`));
  assert.match(text, /quern +[\d.]+ µs/);
  const { measured } = JSON.parse(readFileSync(join(out, 'bench.json'), 'utf8')) as {
    measured: readonly { rows: readonly { cells: Readonly<Record<string, unknown>> }[] }[];
  };
  assert.equal(measured[0]?.rows[0]?.cells['jax-js'], { reason: 'not installed' });
  assert.ok(existsSync(join(out, 'bench.html')));
});

test('an op is checked against the reference, timed alone and held against the roofline', () => {
  const { status, text } = bench(['ops/matmul', '--quick', '--out', out], bare);
  assert.is(status, 0, text);
  assert.match(
    text,
    /matmul .*f32 \[512, 512\], f32 \[512, 512\]: .*GFLOP\/s, .*GB\/s, \d+ % of what arithmetic allows/,
  );
  assert.match(readFileSync(join(out, 'bench.html'), 'utf8'), 'Every op');
});

test('every op with a kernel has a case that is timed, but those that only read a shape or name an array anew', () => {
  const none = opNames.filter((op) => lowerings[op] !== null && !timedOps.includes(op));
  assert.equal(none, ['size', 'reshape']);
});

test('a share is of the longer of the two bounds, and a short row has none', () => {
  const time = { median: 1e-3, lowerQuartile: 1e-3, upperQuartile: 1e-3, count: 3 };
  const result = { time, multiplyAdds: 1e6, bytes: 1e6, peak: 1e10, bandwidth: 2e9 };
  assert.equal(boundOf(result), { by: 'memory', share: 0.5 });
  assert.equal(boundOf({ ...result, peak: 1.25e9 }), { by: 'arithmetic', share: 0.8 });
  const short: OpRow = { id: 'a/0', title: 'a', result: { ...result, time: { ...time, median: 1e-6 } } };
  assert.match(describeOp(short), /too short for a share$/);
  assert.is(describeOp({ ...short, result: { reason: 'failed: x' } }), 'a: failed: x');
});

/** What a contender makes of the smallest product when its engine is started with these flags. */
async function played(contender: string, flags: readonly string[]): Promise<string> {
  const player = new Player(contender, processChannel({ execArgv: [...flags] }));
  try {
    const reply = await player.start();
    if ('unable' in reply) return reply.unable;
    const { cells } = await measureRow(workOf('matmul-16'), [player], { rounds: 1, seconds: 0.02 });
    const cell = cells[contender];
    return `${reply.version}: ${cell && 'reason' in cell ? cell.reason : cell && cell.time.median > 0 ? 'a time' : 'nothing'}`;
  } finally {
    player.kill();
  }
}

if (engineFlags.length === 0) console.log('# an engine without relaxed SIMD is not tested: this one always has it');
else {
  test('without relaxed SIMD ours says which module runs instead, and a peer its reason or its time', async () => {
    assert.is(await played('quern', []), 'Quern, simd, 1 thread; this engine has no relaxed SIMD: a time');
    for (const peer of ['onnxruntime-web', 'jax-js'])
      assert.match(await played(peer, []), /: a time$|not installed|failed: /);
  });
}

test('without shared memory a threaded contender says so, and one thread runs', async () => {
  const none = [...engineFlags, '--import=data:text/javascript,delete globalThis.SharedArrayBuffer'];
  assert.match(await played('quern', none), /: a time$/);
  assert.is(await played('quern@2', none), 'threads need shared memory, which this engine has not');
});

test.run();
