/** A contender in a page of a fresh headless Chromium. What the page asks for comes from the disk, not from a network. */
import { existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page, Route } from 'playwright-core';
import { bundle } from '../page/build.js';
import { moduleNames } from '../page/modules.js';
import type { Answer } from '../process/messages.js';
import type { Channel } from '../process/player.js';
import { launchChromium, noChromium } from './chromium.js';
import type { Served } from './player.js';

const peersFolder = new URL('../peers/node_modules/', import.meta.url);
const wasmFolder = new URL('../../wasm/', import.meta.url);

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const imports = {
  '@litertjs/core': '/peers/@litertjs/core/dist/index.js',
  '@litertjs/wasm-utils': '/peers/@litertjs/wasm-utils/dist/index.js',
  flatbuffers: '/peers/flatbuffers/mjs/flatbuffers.js',
};

const document = `<!doctype html><meta charset="utf-8"><title>bench</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports })}</script><body><script src="/player.js"></script>`;

const litertPackage = new URL('@litertjs/core/package.json', peersFolder);

function servedOf(): Served {
  if (!existsSync(litertPackage)) return { modules: moduleNames };
  const { version } = JSON.parse(readFileSync(litertPackage, 'utf8')) as { readonly version: string };
  return { modules: moduleNames, litert: { version, folder: '/peers/@litertjs/core/wasm/' } };
}

/** The file of a path; undefined where there is none. */
function fileOf(path: string): URL | undefined {
  const [, folder, rest] = /^\/(peers|wasm)\/(.+)$/.exec(path) ?? [];
  if (rest === undefined) return undefined;
  const url = new URL(rest, folder === 'peers' ? peersFolder : wasmFolder);
  return existsSync(url) ? url : undefined;
}

async function fulfil(route: Route, player: string): Promise<void> {
  const { pathname } = new URL(route.request().url());
  if (pathname === '/') return route.fulfill({ contentType: 'text/html', body: document });
  const contentType = types[extname(pathname)] ?? 'application/octet-stream';
  if (pathname === '/player.js') return route.fulfill({ contentType, body: player });
  if (pathname === '/served.json') return route.fulfill({ contentType, body: JSON.stringify(servedOf()) });
  const file = fileOf(pathname);
  if (!file) return route.fulfill({ status: 404 });
  return route.fulfill({ contentType, path: fileURLToPath(file) });
}

async function open(): Promise<{ readonly browser: Browser; readonly page: Page }> {
  const player = await bundle(new URL('./player.js', import.meta.url));
  const browser = await launchChromium();
  const page = await browser.newPage();
  await page.route('**/*', (route) => fulfil(route, player));
  await page.goto('http://localhost/');
  return { browser, page };
}

export function chromiumChannel(): Channel {
  let opened: ReturnType<typeof open> | undefined;
  let ended: string | undefined = noChromium ?? undefined;
  return {
    ask: async (request): Promise<Answer> => {
      if (request.ask === 'start' && request.contender === 'litert-js' && !existsSync(litertPackage))
        ended ??= 'not installed';
      if (ended !== undefined) return { unable: ended };
      try {
        const { page } = await (opened ??= open());
        return await page.evaluate((asked) => globalThis.answer(asked), request);
      } catch (error) {
        // The driver's message goes on with all that it did.
        const [said] = (error instanceof Error ? error.message : String(error)).split('\n');
        return { unable: (ended = `its page ended: ${said}`) };
      }
    },
    kill: () => void opened?.then(({ browser }) => browser.close()).catch(() => undefined),
  };
}
