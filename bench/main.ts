/** `npm run bench`: Quern beside the engines that a user would pick instead, measured here and now. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentOf } from '../src/report/environment-node.js';
import { Command, CommanderError, InvalidArgumentError } from '../src/cli/vendor.js';
import type { Figure } from './edge/figure.js';
import { installEngines } from './engines/engines.js';
import { bandwidth } from './measure/bandwidth.js';
import { offerPage } from './page/offer.js';
import { contenderNames, isContender } from './peers/contenders.js';
import { guestsOf, placeNames } from './process/places.js';
import { renderBench } from './report/page.js';
import { describeFigure, describeRow } from './report/text.js';
import {
  contendersOf,
  measureEdge,
  type Measured,
  measureSuite,
  peersInNode,
  slowContendersOf,
  suiteNames,
} from './suites.js';
import { works } from './tasks/work.js';

interface Options {
  readonly quick?: boolean;
  readonly slow?: boolean;
  readonly contenders?: readonly string[];
  readonly out: string;
  readonly in?: readonly string[];
  readonly page?: boolean;
  readonly host: string;
  readonly port: number;
}

function contenderList(text: string): readonly string[] {
  const list = text.split(',');
  for (const label of list) {
    const [name = '', threads = '1'] = label.split('@');
    if (isContender(name) && Number.isInteger(Number(threads)) && Number(threads) > 0) continue;
    throw new InvalidArgumentError(`One of ${contenderNames.join(', ')}, perhaps with @threads, is required.`);
  }
  return list;
}

function suiteOrRow(text: string, before: readonly string[] = []): readonly string[] {
  const known = [...suiteNames, ...works.map(({ id }) => id)];
  if (!known.includes(text)) throw new InvalidArgumentError(`One of ${known.join(', ')} is required.`);
  return [...before, text];
}

function placeList(text: string): readonly string[] {
  const places = text.split(',');
  if (places.every((place) => placeNames.includes(place))) return places;
  throw new InvalidArgumentError(`One or more of ${placeNames.join(', ')}, parted by commas, are required.`);
}

function portNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65536) return Number(text);
  throw new InvalidArgumentError('A number from 0 to 65535 is required.');
}

async function run(asked: readonly string[], options: Options): Promise<void> {
  const pace = options.quick ? { rounds: 3, seconds: 0.1 } : { rounds: 7, seconds: 0.25 };
  if (options.page) return offerPage(asked, pace, options);
  installEngines(options.in ?? []);
  const measured: Measured[] = [];
  let figures: readonly Figure[] = [];
  for (const suite of suiteNames) {
    if (suite === 'edge') {
      if (asked.length > 0 && !asked.includes('edge')) continue;
      figures = await measureEdge(options.quick ? 5 : 15);
      for (const figure of figures) console.log(`\n${describeFigure(figure)}`);
      continue;
    }
    const isAsked = (id: string): boolean => asked.length === 0 || asked.includes(suite) || asked.includes(id);
    const rows = works.filter((work) => work.suite === suite && isAsked(work.id));
    if (rows.length === 0) continue;
    const slow = options.slow ? (slowContendersOf[suite] ?? []) : [];
    // What runs elsewhere runs the kernels and the models.
    const guests = suite === 'kernels' || suite === 'models' ? (options.in ?? []).flatMap(guestsOf) : [];
    const labels = [...(options.contenders ?? [...contendersOf[suite], ...slow]), ...guests];
    measured.push(
      await measureSuite(suite, rows, labels, pace, (row) => console.log(`\n${describeRow(row, peersInNode)}`)),
    );
  }
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ');
  const report = { environment: { ...environmentOf(), command }, pace, bandwidth: bandwidth(), measured, figures };
  mkdirSync(options.out, { recursive: true });
  const path = join(options.out, 'bench');
  writeFileSync(`${path}.json`, JSON.stringify(report, null, 2));
  writeFileSync(`${path}.html`, renderBench(report, peersInNode));
  console.log(`\nWritten to ${path}.html and ${path}.json.`);
}

try {
  await new Command('bench')
    .description('measure Quern beside the engines that a user would pick instead')
    .argument('[names...]', `suites (${suiteNames.join(', ')}) or single rows; all unless said`, suiteOrRow)
    .option('--quick', 'about two minutes: fewer and shorter rounds')
    .option('--slow', 'also contenders that take minutes for a row')
    .option('--contenders <list>', 'names, with @threads where that is not one, parted by commas', contenderList)
    .option('--out <folder>', 'folder of the report', 'bench-report')
    .option('--in <places>', `kernels and models also in ${placeNames.join(', ')}; parted by commas`, placeList)
    .option('--page', 'serve the kernels and models as a page, to be run in a browser or on a phone')
    .option('--host <address>', "where the page is served; 0.0.0.0 for a phone in this machine's network", '127.0.0.1')
    .option('--port <number>', 'and the port', portNumber, 8788)
    .exitOverride()
    .action((asked: readonly string[], options: Options) => run(asked, options))
    .parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode;
}
