/**
 * The page in headless Chromium. Against the trained model in the real Workers runtime: real MNIST test digits are drawn
 * on the canvas pixel for pixel, and a few by mouse and finger. Against a model that waits: what is asked, and when.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page, Request } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildWorker } from '../edge/build.js';
import { createHandler } from '../edge/handler.js';
import { type NodeServer, serveNode } from '../edge/node.js';
import { buildPage } from '../edge/page.js';
import { type RunningWorker, startWorkerd } from '../edge/workerd.js';
import { openModel } from '../src/backend/wasm/open.js';
import { chooseModule, compileModule } from '../src/backend/wasm/modules-node.js';
import { ndarray } from '../src/core/ndarray.js';
import { loadMnist } from '../src/data/mnist.js';
import { loadFile } from '../src/format/file.js';
import { launchChromium, noChromium } from '../bench/browser/chromium.js';
import { trainedMnist } from './support/mnist.js';

const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** Opens a page for as long as `use` takes. Anything that the page logs as an error, a policy violation included, fails. */
async function onPage(
  browser: Browser,
  url: string,
  use: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  try {
    await page.goto(url);
    await use(page);
    assert.equal(errors, []);
  } finally {
    await context.close();
  }
}

/** Draws a 28 x 28 image on the canvas, a block of 10 x 10 for each pixel, and says that the canvas has changed. */
const drawPixels = (page: Page, pixels: readonly number[]): Promise<void> =>
  page.evaluate((image) => {
    const canvas = document.getElementById('canvas');
    if (!(canvas instanceof HTMLCanvasElement)) throw new Error('no canvas');
    const context = canvas.getContext('2d');
    context?.clearRect(0, 0, 280, 280);
    image.forEach((value, i) => {
      if (context) context.fillStyle = `rgb(${value} ${value} ${value})`;
      context?.fillRect((i % 28) * 10, Math.floor(i / 28) * 10, 10, 10);
    });
    canvas.dispatchEvent(new Event('input'));
  }, pixels);

const textOf = async (page: Page, selector: string): Promise<string> => (await page.textContent(selector)) ?? '';

/** Waits until the reading is that of the latest drawing, and returns the digit. */
async function settled(page: Page): Promise<string> {
  await page.waitForSelector('#reading[aria-busy=false]');
  return textOf(page, '#numeral');
}

type Point = readonly [number, number];

/** Lines through points on the canvas, from 0 to 1, as a hand would draw digits. */
const arc = (x: number, y: number, rx: number, ry: number, from: number, to: number): Point[] =>
  Array.from({ length: 25 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / 24) * Math.PI) / 180;
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });

const strokes: Readonly<Record<string, readonly Point[]>> = {
  0: arc(0.5, 0.5, 0.2, 0.3, -90, 270),
  1: [
    [0.52, 0.2],
    [0.5, 0.5],
    [0.48, 0.8],
  ],
  3: [...arc(0.48, 0.34, 0.16, 0.14, -150, 90), ...arc(0.48, 0.64, 0.19, 0.17, -80, 150)],
  7: [
    [0.3, 0.25],
    [0.5, 0.25],
    [0.68, 0.25],
    [0.58, 0.5],
    [0.48, 0.8],
  ],
};

async function drawByMouse(page: Page, points: readonly Point[]): Promise<void> {
  const box = await page.locator('#canvas').boundingBox();
  if (!box) throw new Error('no canvas');
  const [first = [0, 0], ...rest] = points.map(([x, y]): Point => [box.x + x * box.width, box.y + y * box.height]);
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const point of rest) await page.mouse.move(...point);
  await page.mouse.up();
}

async function drawByFinger(page: Page, points: readonly Point[]): Promise<void> {
  const box = await page.locator('#canvas').boundingBox();
  if (!box) throw new Error('no canvas');
  const touches = points.map(([x, y]) => ({ x: box.x + x * box.width, y: box.y + y * box.height }));
  const client = await page.context().newCDPSession(page);
  const send = (
    type: 'touchStart' | 'touchMove' | 'touchEnd',
    touchPoints: { x: number; y: number }[],
  ): Promise<unknown> => client.send('Input.dispatchTouchEvent', { type, touchPoints });
  for (const [i, touch] of touches.entries()) await send(i === 0 ? 'touchStart' : 'touchMove', [touch]);
  await send('touchEnd', []);
}

/** The first `each` test images of every class. */
function testDigits(each: number): { readonly label: number; readonly pixels: number[] }[] {
  const { x, y } = loadMnist('test');
  const counts = new Array<number>(10).fill(0);
  return Array.from(y.data).flatMap((label, n) => {
    const count = counts[label] ?? 0;
    counts[label] = count + 1;
    if (count >= each) return [];
    return [{ label, pixels: Array.from(x.data.subarray(784 * n, 784 * (n + 1)), (value) => Math.round(255 * value)) }];
  });
}

/** `before` fills it, as far as it gets. */
interface Served {
  browser: Browser;
  /** The class that the model gives a digit in this process. */
  classify: (digit: readonly number[]) => number;
  folder: string;
  worker: RunningWorker;
}

const trained = suite<Served>('page, trained model, workerd');

trained.before(async (context) => {
  const { modelPath } = await trainedMnist();
  const module = compileModule(chooseModule('infer'), false);
  const { executable } = await openModel(loadFile(modelPath), { module, graphs: ['predict'] });
  context.classify = (digit) => {
    const { output } = executable.runSync('predict', { image: ndarray('f32', [1, 28, 28, 1], digit) });
    const scores = Array.from(output?.data ?? []);
    return scores.indexOf(Math.max(...scores));
  };
  context.folder = mkdtempSync(join(tmpdir(), 'quern-page-'));
  const { config } = await buildWorker({ modelPath, outDir: context.folder, module: 'relaxed', name: 'mnist' });
  context.worker = await startWorkerd({ config, port: 0 });
  context.browser = await launchChromium();
});

trained.after(async ({ browser, worker, folder }) => {
  await browser?.close();
  await worker?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

trained(
  'recognises real MNIST digits drawn pixel for pixel, as the model itself does',
  async ({ browser, worker, classify }) => {
    await onPage(browser, worker.url, async (page) => {
      let right = 0;
      const digits = testDigits(10);
      for (const { label, pixels } of digits) {
        const asked = page.waitForRequest((request) => request.url().endsWith('/infer'));
        await drawPixels(page, pixels);
        const { inputs } = (await asked).postDataJSON() as { inputs: { data: number[] }[] };
        const digit = pixels.map((value) => Math.fround(value / 255));
        assert.equal(inputs[0]?.data, digit, 'the digit is sent as it is');
        const shown = await settled(page);
        assert.is(shown, String(classify(digit)));
        if (shown === String(label)) right++;
      }
      // The test's model has seen a fifth of MNIST, once.
      assert.ok(right >= 90, `${right} of ${digits.length} recognised`);
      assert.match(await textOf(page, '#latency'), /^\d+\.\d ms$/);
      assert.match(await textOf(page, '#engine'), /^Computed in this Worker by wasm infer-relaxed/);
    });
  },
);

trained('recognises what a mouse draws', async ({ browser, worker }) => {
  for (const [digit, points] of Object.entries(strokes)) {
    await onPage(browser, worker.url, async (page) => {
      await drawByMouse(page, points);
      assert.is(await settled(page), digit);
      const shares = await page.locator('#bars .share').allTextContents();
      assert.is(shares.length, 10);
      assert.ok(Number.parseInt(shares[Number(digit)] ?? '') >= 50, String(shares));
    });
  }
});

trained('works on a phone: fits the screen, draws by finger without scrolling', async ({ browser, worker }) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const options = { ...phone, colorScheme };
    const draw = async (page: Page): Promise<void> => {
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${overflow} pixels too wide`);
      await drawByFinger(page, strokes[7] ?? []);
      assert.is(await settled(page), '7');
      assert.is(await page.evaluate(() => scrollY), 0);
      const clear = await page.locator('#clear').boundingBox();
      assert.ok(clear !== null && clear.height >= 44 && clear.width >= 44);
      await page.tap('#clear');
      await page.waitForFunction(() => document.getElementById('numeral')?.textContent === '?');
    };
    await onPage(browser, worker.url, draw, options);
  }
});

/** A model that answers when it is told to: the class is the ink, rounded up, in tenths of the picture. */
class Waiting {
  readonly questions: number[] = [];
  private answers: (() => void)[] = [];
  private asked: (() => void)[] = [];
  failing = false;

  async run(pixels: ArrayLike<number>): Promise<number[]> {
    const ink = Array.from(pixels).reduce((a, b) => a + b, 0);
    this.questions.push(Math.round(ink));
    this.asked.shift()?.();
    await new Promise<void>((resolve) => this.answers.push(resolve));
    if (this.failing) throw new Error('the model fails');
    return Array.from({ length: 10 }, (_, k) => (k === Math.min(9, Math.floor(ink / 40)) ? 0.91 : 0.01));
  }

  /** Settles when the next question is there. */
  nextQuestion(): Promise<void> {
    return new Promise((resolve) => this.asked.push(resolve));
  }

  answer(): void {
    this.answers.shift()?.();
  }
}

interface Mechanics {
  browser: Browser;
  server: NodeServer;
  model: Waiting;
}

const mechanics = suite<Mechanics>('page, mechanics');

mechanics.before(async (context) => {
  context.browser = await launchChromium();
});

mechanics.before.each(async (context) => {
  const model = new Waiting();
  const handler = createHandler({
    page: await buildPage({ model: 'digits', host: 'server' }),
    report: () => undefined,
    models: [
      {
        name: 'digits',
        load: async () => ({
          version: '1',
          signature: {
            graph: 'predict',
            symbols: { batch: { max: 1 } },
            inputs: { x: { dtype: 'f32', shape: ['batch', 28, 28, 1] } },
            outputs: { output: { dtype: 'f32', shape: ['batch', 10] } },
          },
          executable: {
            stats: () => ({ peakBytes: 3 << 20, sessionBytes: 0, description: 'patience' }),
            run: async (_graph, { x }) => ({ output: ndarray('f32', [1, 10], await model.run(x?.data ?? [])) }),
          },
        }),
      },
    ],
  });
  context.model = model;
  context.server = await serveNode({ handler, port: 0 });
});

mechanics.after.each(({ server }) => server.close());
mechanics.after(({ browser }) => browser.close());

/** A bar of `columns` MNIST pixels' width and a height of 20, centred, so that it is sent as it is. */
const bar = (columns: number): number[] =>
  Array.from({ length: 784 }, (_, i) => {
    const [x, y] = [i % 28, Math.floor(i / 28)];
    const left = Math.round(14 - columns / 2);
    return y >= 4 && y < 24 && x >= left && x < left + columns ? 255 : 0;
  });

mechanics('one request is in flight; the latest drawing wins', async ({ browser, server, model }) => {
  await onPage(browser, server.url, async (page) => {
    const first = model.nextQuestion();
    await drawPixels(page, bar(2));
    await first;
    for (const columns of [4, 6, 8, 10]) await drawPixels(page, bar(columns));
    assert.equal(model.questions, [40]);
    const second = model.nextQuestion();
    model.answer();
    await second;
    assert.equal(model.questions, [40, 200], 'what was drawn in between is not asked for');
    assert.is(await page.getAttribute('#reading', 'aria-busy'), 'true');
    model.answer();
    assert.is(await settled(page), '5');
    assert.is(await textOf(page, '#answer'), 'A 5, no doubt.');
    assert.equal(model.questions, [40, 200]);
    assert.match(await textOf(page, '#engine'), 'Computed in this server by patience, 3.0 MiB.');
  });
});

mechanics('clearing by keyboard, also while an answer is on its way', async ({ browser, server, model }) => {
  await onPage(browser, server.url, async (page) => {
    const first = model.nextQuestion();
    await drawPixels(page, bar(2));
    await first;
    await page.keyboard.press('Tab');
    assert.is(await page.evaluate(() => document.activeElement?.id), 'clear');
    await page.keyboard.press('Enter');
    model.answer();
    assert.is(await settled(page), '?');
    assert.is(await textOf(page, '#answer'), 'Waiting for ink.');
    const again = model.nextQuestion();
    await drawPixels(page, bar(4));
    await again;
    model.answer();
    assert.is(await settled(page), '2');
    await page.keyboard.press('Escape');
    assert.is(await settled(page), '?');
    assert.equal(await page.locator('#bars .share').allTextContents(), new Array(10).fill(''));
    assert.equal(model.questions, [40, 80]);
  });
});

mechanics('says what went wrong and goes on', async ({ browser, server, model }) => {
  const failures: Request[] = [];
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    page.on('response', (response) => response.status() === 500 && failures.push(response.request()));
    await page.goto(server.url);
    model.failing = true;
    const first = model.nextQuestion();
    await drawPixels(page, bar(2));
    await first;
    model.answer();
    assert.is(await settled(page), '?');
    assert.match(await textOf(page, '#answer'), 'an internal error');
    assert.is(failures.length, 1);
    model.failing = false;
    const second = model.nextQuestion();
    await drawPixels(page, bar(4));
    await second;
    model.answer();
    assert.is(await settled(page), '2');
  } finally {
    await context.close();
  }
});

if (noChromium === null) {
  mechanics.run();
  trained.run();
} else if (process.env['CI']) {
  throw new Error(noChromium);
} else {
  console.log(`  skipped  the page: ${noChromium}`);
}
