/**
 * Threads in headless Chromium: a page that is cross-origin isolated runs on several, from its main thread and from a
 * worker, to the bits of one; a page that is not says what it lacks; workers that cannot start end the executable.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeModel } from '../src/format/model.js';
import { mnistCnn } from '../src/models/mnist-cnn.js';
import { launchChromium, noChromium } from '../bench/browser/chromium.js';
import type { Differing } from './support/threads-page.js';

const dist = fileURLToPath(new URL('..', import.meta.url));
const types: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
const isolation = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

/** Serves what was built, a model at `/model`, and an empty page elsewhere: isolated unless at `/open`. */
function serverOf(model: Uint8Array): Server {
  return createServer(({ url = '/' }, response) => {
    const type = types[extname(url)];
    const headers = { ...(url === '/open' ? {} : isolation), 'content-type': type ?? 'text/html' };
    if (url === '/model') response.end(model);
    else if (!type)
      response.writeHead(200, headers).end('<!doctype html><title>threads</title><link rel="icon" href="data:,">');
    else {
      readFile(join(dist, url)).then(
        (bytes) => response.writeHead(200, headers).end(bytes),
        () => response.writeHead(404, headers).end(),
      );
    }
  });
}

interface Served {
  browser: Browser;
  server: Server;
  url: string;
}

const threads = suite<Served>('threads in a page');

threads.before(async (context) => {
  const { program, variables } = mnistCnn().contents();
  context.server = serverOf(writeModel({ program, variables }));
  await new Promise<void>((resolve) => context.server.listen(0, '127.0.0.1', resolve));
  const address = context.server.address();
  if (typeof address !== 'object' || !address) throw new Error('a port is required');
  context.url = `http://127.0.0.1:${address.port}`;
  context.browser = await launchChromium();
});

threads.after(async ({ browser, server }) => {
  await browser?.close();
  server?.close();
});

/** The script of tests/support/threads-page.ts, from inside a page. */
type Script = typeof import('./support/threads-page.js');
const script = '/tests/support/threads-page.js';

async function onPage<T>({ browser, url }: Served, path: string, use: (page: Page) => Promise<T>): Promise<T> {
  const page = await browser.newPage();
  try {
    await page.goto(url + path);
    return await use(page);
  } finally {
    await page.close();
  }
}

const isSame = ({ wrong, description }: Differing): void => {
  assert.is(wrong, 0, 'runs that differ from those of one thread');
  assert.is(description, 'wasm, 3 threads');
};

for (const name of ['infer-simd', 'infer-relaxed'] as const) {
  threads(`${name}: a page's main thread and two workers give the bits of one thread`, async (served) => {
    const result = await onPage(served, '/', (page) =>
      page.evaluate(async ([from, module]) => ((await import(from)) as Script).differing(module, 200), [
        script,
        name,
      ] as const),
    );
    isSame(result);
  });
}

threads('a worker of the page computes with two more', async (served) => {
  const result = await onPage(served, '/', (page) =>
    page.evaluate(
      (from) =>
        new Promise<Differing>((resolve, reject) => {
          const worker = new Worker(from, { type: 'module' });
          worker.onmessage = ({ data }: MessageEvent<Differing>) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
          worker.postMessage('infer-simd');
        }),
      script,
    ),
  );
  isSame(result);
});

threads('a script that is not there ends the executable, and is said', async (served) => {
  const { code, message } = await onPage(served, '/', (page) =>
    page.evaluate(async (from) => ((await import(from)) as Script).withoutScript('infer-simd'), script),
  );
  assert.is(code, 'aborted');
  assert.match(message, /script could not be loaded/);
});

threads('a page that is not isolated is told which headers it lacks', async (served) => {
  const refusal = await onPage(served, '/open', (page) =>
    page.evaluate(async (from) => ((await import(from)) as Script).refusal(), script),
  );
  assert.is(refusal?.code, 'unsupported');
  assert.match(refusal?.message ?? '', /Cross-Origin-Opener-Policy/);
});

if (noChromium) console.log(`# threads in a page: not run, ${noChromium}`);
else threads.run();
