/** The bench room: its arithmetic, its timer, what it says of contenders that cannot, and that ours do every task alike. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { quantile, spreadOf } from '../bench/measure/statistics.js';
import { time } from '../bench/measure/timer.js';
import { importPeer, Unable } from '../bench/peers/contender.js';
import { contenders } from '../bench/peers/contenders.js';
import { playerOf } from '../bench/process/places.js';
import { Player } from '../bench/process/player.js';
import { distance, measureRow, type Row } from '../bench/process/rows.js';
import { renderBench } from '../bench/report/page.js';
import { describeCell, describeRow, figureLead, lead, leadsOf } from '../bench/report/text.js';
import { measureSuite } from '../bench/suites.js';
import { works } from '../bench/tasks/work.js';
import { rejection } from './support/rejection.js';
import { workOf } from './support/works.js';

test('medians and quartiles are those of NumPy', () => {
  assert.is(quantile([1, 2, 3, 4], 0.5), 2.5);
  assert.is(quantile([1, 2, 3, 4], 0.25), 1.75);
  assert.equal(spreadOf([4, 1, 3, 2, 5]), { median: 3, lowerQuartile: 2, upperQuartile: 4, count: 5 });
});

test('the timer calls often enough for its clock, and waits for promises', async () => {
  let clock = 0;
  const now = (): number => clock;
  const samples = await time(() => void (clock += 0.25), { now });
  assert.ok(samples.length >= 5);
  for (const sample of samples) assert.ok(Math.abs(sample - 0.25e-3) < 1e-9, `${sample}`);
  const slow = await time(() => Promise.resolve().then(() => void (clock += 500)), { now });
  assert.equal(slow, [0.5, 0.5, 0.5, 0.5, 0.5]);
});

test('results are compared by their largest element, and nothing is near a NaN', () => {
  assert.is(distance(Float32Array.of(1, -2), Float32Array.of(1, -2)), 0);
  assert.is(distance(Float32Array.of(1, -2), Float32Array.of(1.5, -2)), 0.25);
  assert.is(distance(Float32Array.of(1), Float32Array.of(1, 2)), Infinity);
  assert.is(distance(Float32Array.of(NaN), Float32Array.of(NaN)), Infinity);
});

test('both modules do every task but the whole models alike', async () => {
  const [best, simd] = [await contenders.quern(1)(), await contenders['quern-simd'](1)()];
  assert.match(best.version, /^Quern, (relaxed|simd), 1 thread/);
  for (const { id, task, tolerance, suite, multiplyAdds } of works) {
    if (suite !== 'kernels' || multiplyAdds > 3e8) continue;
    const results: Float32Array[] = [];
    for (const contender of [best, simd]) {
      const prepared = await contender.prepare(task);
      results.push((await prepared.result()).slice());
      prepared.close();
    }
    const [a = new Float32Array(), b = new Float32Array()] = results;
    assert.ok(a.length > 0 && distance(a, b) <= tolerance, `${id}: ${distance(a, b)}`);
  }
});

test('a training step has the same losses on both modules', async () => {
  const [a, b] = await Promise.all(
    [contenders.quern(1), contenders['quern-simd'](1)].map(async (make) => {
      const prepared = await (await make()).prepare({ kind: 'mnistStep', batch: 4 });
      const result = await prepared.result();
      prepared.close();
      return result;
    }),
  );
  assert.ok(a && b && distance(a, b) < 1e-3, `${a} ${b}`);
  assert.ok((a[1] ?? NaN) < (a[0] ?? NaN), `${a}`);
});

test('a peer that is not installed says so', async () => {
  const error = await rejection(importPeer('@quern/no-such-engine'));
  assert.instance(error, Unable);
  assert.is(error.message, 'not installed');
});

test('a row has a time for who can, and a reason for who cannot', async () => {
  const seen: Row[] = [];
  const pace = { rounds: 2, seconds: 0.02 };
  const suite = await measureSuite('kernels', [workOf('matmul-16')], ['quern', 'no-such-engine'], pace, (row) =>
    seen.push(row),
  );
  assert.equal(suite.rows, seen);
  const cells: Row['cells'] = suite.rows[0]?.cells ?? {};
  const [own, other] = [cells['quern'], cells['no-such-engine']];
  assert.ok(own && 'time' in own && own.time.median > 0 && own.time.count === 2);
  assert.ok((own.share ?? 0) > 0 && (own.peak ?? 0) > 1e8);
  assert.equal(other, { reason: 'no such contender' });
  assert.match(describeRow(seen[0] as Row, []), /no-such-engine {2}no such contender/);
});

test('a contender whose process dies is a reason, not the end of the report', async () => {
  const player = playerOf('quern');
  assert.match(JSON.stringify(await player.start()), /Quern/);
  player.kill();
  const { cells } = await measureRow(workOf('matmul-16'), [player], { rounds: 1, seconds: 0.01 });
  assert.match(JSON.stringify(cells['quern']), /its process ended/);
});

test('a run of more than half a second is timed once, while it is warmed, and says so', async () => {
  const asked: string[] = [];
  const slow = new Player('slow', {
    ask: (request) => {
      asked.push(request.ask);
      return Promise.resolve(request.ask === 'prepare' ? { result: Float32Array.of(1), once: 2 } : { closed: true });
    },
    kill: () => undefined,
  });
  const { cells } = await measureRow(workOf('matmul-16'), [slow], { rounds: 3, seconds: 0.01 });
  const time = { median: 2, lowerQuartile: 2, upperQuartile: 2, count: 1 };
  assert.equal(cells['slow'], { time, note: 'timed once' });
  assert.equal(asked, ['prepare', 'close']);
});

test('a row is held against the best peer in its place and against one thread, a figure against the least', () => {
  const timed = (median: number) => ({ time: { median, lowerQuartile: median, upperQuartile: median, count: 1 } });
  const row = {
    work: workOf('matmul-512-threads'),
    cells: {
      quern: timed(2),
      'quern@2': timed(1.25),
      'jax-js': timed(3),
      'tfjs-wasm': { reason: 'none' },
      'quern in chromium': timed(2),
      'litert-js in chromium': timed(5),
      'quern in deno': timed(4),
    },
  };
  assert.equal(leadsOf(row, ['jax-js', 'tfjs-wasm']), [
    '1.50× the best peer',
    '2.50× litert-js in chromium',
    '1.60× one thread, by 2',
  ]);
  const figure = (own: number) => ({
    id: 'a',
    title: 'a',
    unit: 'bytes' as const,
    cells: { quern: { value: spreadOf([own]) }, b: { value: spreadOf([300]) }, c: { reason: 'not installed' } },
  });
  assert.equal(figureLead(figure(100), ['b', 'c']), ['3.0× less than the best peer']);
  assert.equal(figureLead(figure(600), ['b', 'c']), ["2.0× the best peer's"]);
  assert.equal(figureLead(figure(600), ['c']), []);
});

test('the page shows figures and reasons, escaped, and never an empty cell', () => {
  const time = { median: 0.002, lowerQuartile: 0.0019, upperQuartile: 0.0021, count: 3 };
  const work = { ...workOf('matmul-256'), title: 'a < b' };
  const row: Row = {
    work,
    cells: {
      quern: { time, peak: 2e10, share: 0.42 },
      'onnxruntime-web': { time: { ...time, median: 0.004 } },
      'jax-js': { reason: 'cannot <train>' },
    },
  };
  assert.is(lead(row, 'quern', ['onnxruntime-web', 'jax-js']), 2);
  assert.is(lead(row, 'quern', ['jax-js']), undefined);
  assert.is(
    describeCell(row.cells['quern'] ?? { reason: '' }, work.multiplyAdds),
    '2.00 ms, 16.8 GFLOP/s, 42 % of peak',
  );
  const cells = { quern: { value: spreadOf([20_000]) }, 'tfjs-wasm': { reason: 'not installed' } };
  const page = renderBench(
    {
      environment: { command: 'npm run bench' },
      bandwidth: 1e10,
      measured: [{ suite: 'kernels', versions: { quern: 'Quern' }, rows: [row] }],
      figures: [{ id: 'bytes', title: 'module', unit: 'bytes', cells }],
    },
    ['onnxruntime-web', 'jax-js'],
  );
  for (const part of ['a &#60; b', 'cannot &#60;train&#62;', '2.00×', '20,000 B', 'not installed', 'Roofline']) {
    assert.ok(page.includes(part), part);
  }
  assert.not.match(page, /undefined|NaN/);
});

test.run();
