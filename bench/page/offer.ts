/** Writes the page and serves it: to a browser here, or to a phone in the same network. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { versionOf } from '../../src/report/environment-node.js';
import type { Pace } from '../process/rows.js';
import { works } from '../tasks/work.js';
import { buildBenchPage } from './build.js';

export interface OfferOptions {
  /** The folder that the file goes to. */
  readonly out: string;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

/** The page with these rows or suites; with all kernels and models where none is named. */
export async function pageOf(asked: readonly string[], pace: Pace): Promise<string> {
  const rows = works.filter(
    ({ id, suite }) =>
      (suite === 'kernels' || suite === 'models') &&
      (asked.length === 0 || asked.includes(suite) || asked.includes(id)),
  );
  return buildBenchPage(rows, pace, versionOf());
}

/** Serves until the process ends. */
export async function offerPage(
  asked: readonly string[],
  pace: Pace,
  { out, host, port }: OfferOptions,
): Promise<void> {
  const page = await pageOf(asked, pace);
  mkdirSync(out, { recursive: true });
  const path = join(out, 'page.html');
  writeFileSync(path, page);
  try {
    const { url } = await servePage(page, port, host);
    console.log(`Open ${url} and press Run. The same page as one file: ${path}. Ctrl-C ends the server.`);
  } catch (error) {
    console.error(`The page is in ${path}, but cannot be served: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}

/** Answers every request with the page. Rejects where the address cannot be had. */
export function servePage(
  page: string,
  port: number,
  host: string,
): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(page);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address ? address.port : port;
      resolve({ url: `http://${host}:${bound}/`, server });
    });
  });
}
