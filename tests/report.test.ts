/** Run reports: what is in them, that nothing of them is taken for HTML, and how they stand in a browser. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { decode } from 'fast-png';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { ArgumentError, IoError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal, uniform } from '../src/core/random.js';
import { dense } from '../src/nn/dense.js';
import { flatten } from '../src/nn/flatten.js';
import { input } from '../src/nn/input.js';
import { outcomeOf } from '../src/report/outcome.js';
import { type ReportContents, renderReport } from '../src/report/page.js';
import { logTicks, printNumber, printTick, printTime, ticks } from '../src/report/numbers.js';
import { report, writeReport } from '../src/report/report.js';
import { pictureOf } from '../src/report/samples.js';
import { timeSteps } from '../src/report/steps.js';
import { sequential } from '../src/train/model.js';
import { launchChromium, noChromium } from '../bench/browser/chromium.js';
import { rejection } from './support/rejection.js';

const test = suite('report');
const folder = mkdtempSync(join(tmpdir(), 'quern-report-'));
test.after(() => rmSync(folder, { recursive: true }));

const hostile = `</style><script>alert(1)</script>&"'`;

/** Three classes of pictures, two of twelve taken for others. */
const predicted = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 2, 0];
const labels = ndarray('i32', [12], [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
const contents: ReportContents = {
  title: hostile,
  history: { epoch: [0, 1, 2], history: { loss: [2, 0.5, 0.01], [hostile]: [1, NaN, 3], valLoss: [2, 1, 0.9] } },
  msPerEpoch: [30, 10, 20],
  msPerStep: [1, 2, 3, 4, 5],
  measured: { accuracy: 10 / 12, bytes: 1234 },
  tested: {
    x: ndarray('f32', [12, 5, 4, 1], uniform([0, 0], 240)),
    y: labels,
    predictions: ndarray(
      'f32',
      [12, 3],
      predicted.flatMap((label) => [0, 1, 2].map((i) => (i === label ? 0.8 : 0.1))),
    ),
    classNames: [hostile, 'one', 'two'],
  },
  environment: { command: `quern train ${hostile}`, seed: '7' },
};

test('says what happened, with a table beside every picture', () => {
  const page = renderReport(contents);
  assert.match(page, /83\.33 %/);
  assert.match(page, /1,234 B/);
  assert.match(page, />60\.0 ms</);
  assert.match(page, /a step, median<\/th>\s*<td class="number">3\.00 ms</);
  assert.match(page, /<dt>seed<\/dt>\s*<dd>7<\/dd>/);
  assert.is([...page.matchAll(/<svg[^>]+role="img"/g)].length, 3);
  assert.is([...page.matchAll(/<caption>/g)].length, 5);
  assert.match(page, /training from 2 to 0\.01000; validation from 2 to 0\.9000\. The scale is logarithmic\./);
  assert.is([...page.matchAll(/src="data:image\/png;base64,/g)].length, 12);
  assert.match(page, /Wrong, all 2/);
  assert.match(page, /alt="Test example 10: is one, taken for two"/);
});

test('nothing in it is taken for HTML, and nothing is fetched', () => {
  const page = renderReport(contents);
  assert.not.match(page, /<script/i);
  assert.is([...page.matchAll(/<\/style>/g)].length, 1);
  assert.match(page, '&#60;/style&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#34;&#39;');
  assert.not.match(page.replaceAll('http-equiv', ''), /https?:|url\(|@import|<link/);
});

test('classes and numbers are told apart', () => {
  const kindOf = (y: NDArray, predictions: NDArray): string =>
    outcomeOf({ x: ndarray('f32', [y.shape[0] ?? 0, 1]), y, predictions }).kind;
  assert.is(kindOf(ndarray('i32', [2], [0, 2]), ndarray('f32', [2, 3], [1, 0, 0, 0, 0, 1])), 'classes');
  assert.is(kindOf(ndarray('f32', [2, 2], [0, 1, 1, 0]), ndarray('f32', [2, 2], [0.2, 0.8, 0.6, 0.4])), 'classes');
  assert.is(kindOf(ndarray('f32', [2, 1], [0, 1]), ndarray('f32', [2, 1], [0.2, 0.8])), 'classes');
  assert.is(kindOf(ndarray('f32', [2, 1], [0, 1]), ndarray('f32', [2, 1], [0.2, 1.8])), 'numbers');
  assert.is(kindOf(ndarray('f32', [2, 1], [0.5, 1]), ndarray('f32', [2, 1], [0.2, 0.8])), 'numbers');
  const binary = outcomeOf({
    x: ndarray('f32', [3, 1]),
    y: ndarray('f32', [3, 1], [0, 1, 1]),
    predictions: ndarray('f32', [3, 1], [0.25, 0.75, 0.125]),
  });
  assert.equal(binary.kind === 'classes' && binary.matrix, [
    [1, 0],
    [1, 1],
  ]);
  assert.equal(binary.kind === 'classes' && binary.examples.map(({ certainty }) => certainty), [0.75, 0.75, 0.875]);
});

test('numbers are shown against the true ones, without a picture where none is finite', () => {
  const y = ndarray('f32', [50, 1], normal([1, 0], 50));
  const predictions = { ...y, data: y.data.map((value: number) => value + 1) };
  const page = renderReport({ ...contents, tested: { x: ndarray('f32', [50, 3]), y, predictions } });
  assert.match(page, /mean absolute error<\/th>\s*<td class="number">1(\.000)?</);
  assert.match(page, /50 examples; on the line, a prediction is right\./);
  const bad = renderReport({
    ...contents,
    tested: { x: ndarray('f32', [1, 3]), y: ndarray('f32', [1], [NaN]), predictions: ndarray('f32', [1], [NaN]) },
  });
  assert.match(bad, /No prediction is finite/);
  const empty = renderReport({ title: 'empty', history: { epoch: [], history: {} } });
  assert.match(empty, /No epoch was completed/);
});

test('many classes: the confusions that are most frequent, without a matrix', () => {
  const classes = 30;
  const y = ndarray(
    'i32',
    [classes],
    Array.from({ length: classes }, (_, i) => i),
  );
  const wrong = (i: number): number => (i === 3 ? 4 : i);
  const scores = Array.from(y.data).flatMap((_, i) =>
    Array.from({ length: classes }, (_, j) => Number(j === wrong(i))),
  );
  const predictions = ndarray('f32', [classes, classes], scores);
  const page = renderReport({ ...contents, tested: { x: ndarray('f32', [classes, 2]), y, predictions } });
  assert.not.match(page, /class="matrix"/);
  assert.match(page, /<th scope="row" class="text">3<\/th>\s*<td class="text">4<\/td>\s*<td class="number">1<\/td>/);
});

test('pictures are those of the data', () => {
  const decoded = (x: NDArray, row: number) => decode(Buffer.from(pictureOf(x, row).split(',')[1] ?? '', 'base64'));
  const grey = decoded(ndarray('f32', [2, 1, 3, 1], [9, 9, 9, 0, 0.5, 1]), 1);
  assert.equal([grey.width, grey.height, grey.channels, [...grey.data]], [3, 1, 1, [0, 128, 255]]);
  const colour = decoded(ndarray('u8', [1, 1, 2, 3], [1, 2, 3, 4, 5, 6]), 0);
  assert.equal([colour.channels, [...colour.data]], [3, [1, 2, 3, 4, 5, 6]]);
  const signed = decoded(ndarray('f32', [1, 1, 3, 1], [-1, 0, 1]), 0);
  assert.equal([...signed.data], [0, 128, 255]);
});

test('ticks are round and cover what they are for', () => {
  assert.equal(ticks(0.13, 0.91, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.equal(ticks(1, 3, 6, 1), [1, 2, 3]);
  assert.equal(ticks(5, 5, 5).length > 1, true);
  assert.equal(logTicks(0.0012, 9), [0.001, 0.01, 0.1, 1, 10]);
  assert.equal(logTicks(0.03, 4), [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]);
  assert.equal([0.00005, 0.25, -3, 1500, 2e6].map(printTick), ['5e−5', '0.25', '−3', '1,500', '2e6']);
  assert.equal([0.00005, 0.25, 12345.678, NaN].map(printNumber), ['5.00e−5', '0.2500', '12,345.7', 'NaN']);
  assert.equal([0.5, 1500, 125_000].map(printTime), ['0.500 ms', '1.50 s', '2 min 5 s']);
});

test('a callback writes it as the run goes, and times the steps where they run', async () => {
  const path = join(folder, 'run.html');
  const timed = timeSteps(referenceBackend);
  const model = sequential([input({ shape: [2, 2, 1] }), flatten(), dense({ units: 3, activation: 'softmax' })], {
    backend: timed.backend,
  });
  model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const x = ndarray('f32', [12, 2, 2, 1], uniform([2, 0], 48));
  const seen: boolean[] = [];
  const look = {
    onEpochEnd: () => void seen.push(existsSync(path) && !readFileSync(path, 'utf8').includes('Confusion')),
  };
  const options = {
    path,
    model,
    testData: [x, labels] as const,
    msPerStep: timed.msPerStep,
    environment: { seed: '3' },
  };
  await model.fit(x, labels, {
    epochs: 2,
    batchSize: 5,
    validationSplit: 0.25,
    verbose: 0,
    callbacks: [report(options), look],
  });
  assert.equal(seen, [true, true]);
  const page = readFileSync(path, 'utf8');
  for (const part of [
    'Confusion matrix',
    'Sample predictions',
    'validation',
    'reference, float64',
    '<dt>command</dt>',
    '<dt>processor</dt>',
  ]) {
    assert.ok(page.includes(part), part);
  }
  assert.is(timed.msPerStep.length, 4);
  model.close();
});

test('what does not fit together is refused', async () => {
  assert.throws(
    () => report({ path: 'x', testData: [labels, labels] }),
    (error: unknown) => error instanceof ArgumentError,
  );
  const x = ndarray('f32', [12, 1]);
  for (const tested of [
    { x, y: ndarray('i32', [11]), predictions: ndarray('f32', [12, 3]) },
    { x: ndarray('f32', [3, 1]), y: labels, predictions: ndarray('f32', [12, 3]) },
    { x: ndarray('f32', [0, 1]), y: ndarray('i32', [0]), predictions: ndarray('f32', [0, 3]) },
    { x, y: labels, predictions: { ...ndarray('f32', [12, 2]), data: new Float32Array(24).fill(2) } },
  ]) {
    assert.throws(
      () => renderReport({ ...contents, tested }),
      (error: unknown) => error instanceof ShapeError,
    );
  }
  const error = await rejection(writeReport(join(folder, 'none', 'x.html'), contents));
  assert.instance(error, IoError);
});

if (noChromium) {
  console.log(`# skipped: the report in a browser: ${noChromium}`);
} else {
  test('stands on a phone and on a desk, light and dark, without a word from the browser', async () => {
    const path = join(folder, 'page.html');
    await writeReport(path, contents);
    const browser = await launchChromium();
    try {
      const grounds: string[] = [];
      for (const width of [360, 1280]) {
        for (const colorScheme of ['light', 'dark'] as const) {
          const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
          const page = await context.newPage();
          const said: string[] = [];
          page.on('console', (message) => said.push(message.text()));
          page.on('pageerror', (error) => said.push(error.message));
          page.on('request', (request) => void (/^(file|data):/.test(request.url()) || said.push(request.url())));
          await page.goto(pathToFileURL(path).href);
          const measured = await page.evaluate(() => ({
            overflow: document.documentElement.scrollWidth - window.innerWidth,
            ground: getComputedStyle(document.body).backgroundColor,
            unnamed: [...document.querySelectorAll('svg:not([aria-hidden])')].filter(
              (svg) => !svg.querySelector('title'),
            ).length,
            broken: [...document.images].filter((image) => image.naturalWidth !== 4).length,
          }));
          assert.equal([measured.unnamed, measured.broken, said], [0, 0, []]);
          assert.ok(measured.overflow <= 0, `${width}: ${measured.overflow} pixels too wide`);
          grounds.push(measured.ground);
          await context.close();
        }
      }
      assert.is(new Set(grounds).size, 2);
    } finally {
      await browser.close();
    }
  });
}

test.run();
