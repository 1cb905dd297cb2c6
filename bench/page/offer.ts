/** Writes the page and serves it: to a browser here, or to a phone in the same network. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { versionOf } from '../../src/report/environment-node.js';
import { ArgumentError } from '../../src/core/errors.js';
import { askedOf } from '../asked.js';
import type { Pace } from '../process/rows.js';
import { describeRefused } from '../report/text.js';
import type { Work } from '../tasks/work.js';
import { buildBenchPage } from './build.js';

export interface OfferOptions {
  /** The folder that the file goes to. */
  readonly out: string;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

export interface Paces {
  readonly pace: Pace;
  /** Of each row of the suite `ops`. */
  readonly opSeconds: number;
}

const runsInPages = ({ suite }: Work): boolean => suite === 'kernels' || suite === 'models';

/**
 * The page with these rows, suites or ops; with all kernels and models where none is named. Names of what is measured
 * elsewhere are refused in it; throws `ArgumentError` where all are.
 */
export function pageOf(names: readonly string[], { pace, opSeconds }: Paces): Promise<string> {
  const { rows, ops, refused: unknown } = askedOf(names);
  const elsewhere = names.filter(
    (name) => !(name in unknown) && !askedOf([name]).rows.some(runsInPages) && askedOf([name]).ops.length === 0,
  );
  const refused = { ...unknown, ...Object.fromEntries(elsewhere.map((name) => [name, 'measured in Node only'])) };
  const measured = rows.filter(runsInPages);
  if (measured.length + ops.length === 0)
    throw new ArgumentError('bench', `rows that run in a page are required. ${describeRefused(refused)}`);
  const contents = {
    version: versionOf(),
    pace,
    refused,
    ...(ops.length > 0 ? { ops: { ops, seconds: opSeconds } } : {}),
  };
  return buildBenchPage(measured, contents);
}

/** Serves until the process ends. */
export async function offerPage(
  names: readonly string[],
  paces: Paces,
  { out, host, port }: OfferOptions,
): Promise<void> {
  const page = await pageOf(names, paces);
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
    response
      .writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        // A page that is alone in its process has the finer clock.
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
      })
      .end(page);
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
