/** The benchmark outside of Node: in a page, beside LiteRT.js in headless Chromium, in workerd, Deno and Bun. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Download, Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { launchChromium, noChromium } from '../bench/browser/chromium.js';
import { engineOf } from '../bench/engines/engines.js';
import { resolutionOf } from '../bench/measure/clock.js';
import { meansOf } from '../bench/ops/cases.js';
import type { MeasuredOps } from '../bench/ops/measure.js';
import { expectedOf, faultOf } from '../bench/page/expected.js';
import { pageOf, servePage } from '../bench/page/offer.js';
import { playerOf } from '../bench/process/places.js';
import { distance, type Row } from '../bench/process/rows.js';
import type { Measured } from '../bench/process/suite.js';
import { decodeAnswer, encodeAnswer, heardAnswer } from '../bench/process/wire.js';
import { works } from '../bench/tasks/work.js';
import { ArgumentError } from '../src/core/errors.js';
import { workOf } from './support/works.js';

const paces = { pace: { rounds: 1, seconds: 0.02 }, opSeconds: 0.02 };

test('a clock is as fine as its smallest step, and one that stands still has none', () => {
  let calls = 0;
  assert.is(
    resolutionOf(() => Math.floor(calls++ / 100) * 0.125),
    0.125,
  );
  assert.is(
    resolutionOf(() => 7),
    Infinity,
  );
});

test('runs that a clock cannot tell are averaged until it can', () => {
  assert.equal(meansOf([1, 2, 3], 0.001), [1, 2, 3]);
  assert.equal(meansOf([0, 0, 5, 0, 5, 0, 0, 5], 0.1), [5 / 3, 5 / 2, 5 / 3]);
  assert.equal(meansOf([0, 0.1, 0, 0.1], 0.1), [0.05]);
});

test('a page without a row that runs in one is refused', () => {
  assert.throws(
    () => pageOf(['edge', 'threads', 'no-such-row'], paces),
    (error: Error) => {
      assert.match(error.message, /rows that run in a page are required.*edge +measured in Node only/s);
      return error instanceof ArgumentError;
    },
  );
});

test('answers cross as text to the bit', () => {
  const result = Float32Array.of(0.1, -0, NaN, Infinity, 1e-45);
  const rounding = { note: 'rounds', tolerance: 0.5 };
  const answer = decodeAnswer(encodeAnswer({ result, rounding }));
  assert.ok('result' in answer && answer.rounding);
  assert.equal(new Uint8Array(answer.result.buffer), new Uint8Array(result.buffer));
  assert.equal(answer.rounding, rounding);
  assert.equal(decodeAnswer(encodeAnswer({ unable: 'no' })), { unable: 'no' });
  assert.is(heardAnswer(answer), answer);
  assert.equal(heardAnswer(encodeAnswer({ closed: true })), { closed: true });
  for (const other of ['hello', 'null', 7, null]) assert.equal(heardAnswer(other), { unable: 'no answer' });
});

test('a result is known by sums that every element is in', () => {
  const work = workOf('matmul-16');
  const result = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i));
  const expected = expectedOf(result);
  assert.is(faultOf(work, result, expected), undefined);
  for (const at of [0, 500, 999]) {
    const wrong = result.slice();
    wrong[at] = at === 500 ? NaN : 3;
    assert.match(faultOf(work, wrong, expected) ?? '', /^another result/);
  }
  assert.is(faultOf(work, result.slice(1), expected), '999 elements instead of 1000');
});

async function measureIn(page: Page, html: string): Promise<Download> {
  const { url, server } = await servePage(html, 0, '127.0.0.1');
  try {
    await page.goto(url);
    await page.click('#run');
    await page.waitForSelector('#sharing:not([hidden])', { timeout: 60_000 });
    const download = page.waitForEvent('download');
    await page.click('#download');
    return await download;
  } finally {
    server.close();
  }
}

if (noChromium !== null) {
  console.log(`# skipped: the benchmark in a page: ${noChromium}`);
} else {
  test('the page measures under a strict policy, on a phone, light and dark, and shares its figures', async () => {
    const html = await pageOf(['matmul-16', 'int8-512', 'mnist-1', 'ops/relu', 'training', 'mnist-2'], paces);
    const browser = await launchChromium();
    try {
      const grounds = new Set<string>();
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await browser.newPage({ viewport: { width: 360, height: 740 }, colorScheme });
        const said: string[] = [];
        page.on('console', (message) => said.push(message.text()));
        page.on('pageerror', (error) => said.push(error.message));
        const file = await (await measureIn(page, html)).path();
        const { environment, bandwidth, measured, ops } = JSON.parse(readFileSync(file, 'utf8')) as {
          readonly environment: Readonly<Record<string, string>>;
          readonly bandwidth: number;
          readonly measured: readonly Measured[];
          readonly ops: MeasuredOps;
        };
        assert.ok(bandwidth > 1e8 && bandwidth < 1e12, `${bandwidth}`);
        assert.match(ops.version, /^Quern, (relaxed|simd), 1 thread$/);
        assert.ok(ops.rows.length > 0);
        for (const { title, result } of ops.rows)
          assert.ok('time' in result && result.time.median > 0, `${title}: ${JSON.stringify(result)}`);
        assert.match(environment['user agent'] ?? '', /Chrome/);
        assert.match(environment['clock'] ?? '', /^steps of [\d.]+ ms$/);
        const rows = measured.flatMap((suite): readonly Row[] => suite.rows);
        assert.equal(
          rows.map(({ work }) => work.id),
          ['matmul-16', 'int8-512', 'mnist-1'],
        );
        for (const { work, cells } of rows) {
          for (const name of ['quern', 'quern-simd']) {
            const cell = cells[name];
            assert.ok(cell && 'time' in cell && cell.time.median > 0, `${work.id}: ${JSON.stringify(cell)}`);
            const hasPeak = work.id !== 'int8-512' || name === 'quern';
            assert.is((cell.share ?? 0) > 0, hasPeak, `${work.id} ${name}: ${cell.share}`);
          }
        }
        const seen = await page.evaluate(() => ({
          overflow: document.documentElement.scrollWidth - window.innerWidth,
          ground: getComputedStyle(document.body).backgroundColor,
          dots: document.querySelectorAll('svg circle').length,
          text: document.body.innerText,
          bars: document.querySelectorAll('.bar').length,
          bar: document.querySelector('.bar')?.getBoundingClientRect().width ?? 0,
        }));
        assert.ok(seen.overflow <= 0 && seen.bar > 10, JSON.stringify(seen));
        assert.is(seen.bars, 6);
        assert.is(seen.dots, 2);
        for (const part of ['Roofline', 'Every op', 'measured in Node only', 'no such suite or row'])
          assert.ok(seen.text.includes(part), part);
        assert.equal(said, []);
        grounds.add(seen.ground);
        await page.close();
      }
      assert.is(grounds.size, 2);

      const page = await browser.newPage();
      await measureIn(page, html.replace('"sums":[', '"sums":[1,'));
      assert.match(await page.innerText('#results'), /another result, by/);
      const policy = (await page.getAttribute('meta[http-equiv]', 'content')) ?? '';
      assert.match(policy, /^default-src 'none'; script-src 'sha256-[^']+' 'wasm-unsafe-eval';/);
    } finally {
      await browser.close();
    }
  });

  test('LiteRT.js takes the models and gives the results of ours, in the same browser', async () => {
    const [own, other] = [playerOf('quern in chromium'), playerOf('litert-js in chromium')];
    try {
      assert.match(JSON.stringify(await own.start()), /Quern/);
      const started = await other.start();
      if ('unable' in started) return console.log(`# skipped: LiteRT.js: ${started.unable}`);
      assert.match(started.version, /^LiteRT\.js \d/);
      for (const { id, suite, tolerance, multiplyAdds, task } of works) {
        if ((suite !== 'kernels' && suite !== 'models') || multiplyAdds > 3e8) continue;
        const [mine, theirs] = [await own.prepare(id), await other.prepare(id)];
        if (task.kind === 'mnistInt8') {
          assert.ok('unable' in theirs, id);
          continue;
        }
        assert.ok('result' in mine && 'result' in theirs, `${id}: ${JSON.stringify(theirs).slice(0, 300)}`);
        const apart = distance(mine.result, theirs.result);
        assert.ok(apart <= (theirs.rounding?.tolerance ?? tolerance), `${id}: ${apart}`);
        await own.close();
        await other.close();
      }
    } finally {
      own.kill();
      other.kill();
    }
  });
}

for (const place of ['workerd', 'deno', 'bun'] as const) {
  if (place !== 'workerd' && !engineOf(place)) {
    console.log(`# skipped: the benchmark in ${place}: it is not installed`);
    continue;
  }
  test(`a row is measured in ${place}`, async () => {
    const player = playerOf(`quern in ${place}`);
    try {
      assert.match(JSON.stringify(await player.start()), /Quern, (relaxed|simd), 1 thread/);
      const prepared = await player.prepare('matmul-64');
      assert.ok('result' in prepared && prepared.result.length === 64 * 64);
      const begin = performance.now();
      const timed = await player.time(0.1);
      const elapsed = (performance.now() - begin) / 1000;
      assert.ok(
        'samples' in timed && timed.samples.length > 2 && Math.max(...timed.peaks) > 1e8,
        JSON.stringify(timed),
      );
      // Its clock against ours: it cannot have measured for longer than it took, nor next to nothing.
      assert.ok(timed.samples.every((seconds) => seconds > 1e-7 && seconds < elapsed));
    } finally {
      player.kill();
    }
  });
}

test('a place that is not there is a reason in the row', async () => {
  const out = mkdtempSync(join(tmpdir(), 'quern-bench-'));
  const main = fileURLToPath(new URL('../bench/main.js', import.meta.url));
  const args = [main, 'matmul-16', '--contenders', 'quern', '--in', 'chromium,deno', '--quick', '--out', out];
  const env = { ...process.env, CHROMIUM: '/none', DENO: '/none' };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    assert.match(stdout, /quern in chromium +there is no Chromium at \/none/);
    assert.match(stdout, /litert-js in chromium +there is no Chromium at \/none/);
    assert.match(stdout, /quern in deno +not installed/);
    assert.match(stdout, /quern +[\d.]+ µs/);
  } finally {
    rmSync(out, { recursive: true });
  }
});

test.run();
