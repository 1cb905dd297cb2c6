/** `npm run bench`: Quern beside the engines that a user would pick instead, measured here and now. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { QuernError } from '../src/core/errors.js';
import { environmentOf } from '../src/report/environment-node.js';
import { Command, CommanderError, InvalidArgumentError } from '../src/cli/vendor.js';
import { describeTree, prepareRevision } from './compare/revision.js';
import type { Figure } from './edge/figure.js';
import { installEngines } from './engines/engines.js';
import { bandwidth } from './measure/bandwidth.js';
import { type MeasuredOps, measureOps, timedOps } from './ops/measure.js';
import { offerPage } from './page/offer.js';
import { contenderNames, isContender } from './peers/contenders.js';
import { guestsOf, placeNames } from './process/places.js';
import type { Row } from './process/rows.js';
import { describeOp } from './report/ops.js';
import { renderBench } from './report/page.js';
import { describeFigure, describeRow } from './report/text.js';
import {
  comparedOf,
  compareSuite,
  contendersOf,
  measureEdge,
  type Measured,
  measureSuite,
  peersInNode,
  quickContendersOf,
  quickRows,
  slowContendersOf,
  suiteNames,
} from './suites.js';
import { works } from './tasks/work.js';

interface Options {
  readonly quick?: boolean;
  readonly slow?: boolean;
  readonly contenders?: readonly string[];
  readonly compare?: string;
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

const opOf = (name: string): string => `ops/${name}`;

function suiteOrRow(text: string, before: readonly string[] = []): readonly string[] {
  const known = [...suiteNames, 'ops', ...works.map(({ id }) => id)];
  if (known.includes(text) || timedOps.map(opOf).includes(text)) return [...before, text];
  throw new InvalidArgumentError(`One of ${known.join(', ')}, or ops/ and the name of an op, is required.`);
}

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What the report leaves out, said in it. */
function omitted(asked: readonly string[], { quick, slow, compare }: Options): string {
  const parts = [
    ...(asked.length > 0
      ? ['suites and rows that were not named']
      : ['the suite ops, which is measured when it is named']),
    ...(slow ? [] : ['contenders that take minutes for a row (--slow)']),
    ...(quick ? ['all but a few short rounds (--quick)'] : []),
    ...(quick && asked.length === 0 ? ['the module without relaxed SIMD, and all rows but those of --quick'] : []),
    ...(compare === undefined ? [] : ['the suites edge and ops and the places of --in, which are not compared']),
  ];
  return parts.join('; ');
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
  const { quick, compare } = options;
  const pace = quick ? { rounds: 2, seconds: 0.1 } : { rounds: 7, seconds: 0.25 };
  if (options.page) return offerPage(asked, pace, options);
  const revision = compare === undefined ? null : prepareRevision(root, compare, (what) => console.error(what));
  const places = revision ? [] : (options.in ?? []);
  installEngines(places);
  const measured: Measured[] = [];
  let figures: readonly Figure[] = [];
  let ops: MeasuredOps | undefined;
  const seen = (row: Row): void => console.log(`\n${describeRow(row, peersInNode)}`);
  for (const suite of suiteNames) {
    if (suite === 'edge') {
      if (revision || (asked.length > 0 && !asked.includes('edge'))) continue;
      figures = await measureEdge(quick ? 5 : 15);
      for (const figure of figures) console.log(`\n${describeFigure(figure)}`);
      continue;
    }
    const isAsked = (id: string): boolean => asked.length === 0 || asked.includes(suite) || asked.includes(id);
    const all = quick && asked.length === 0 ? works.filter(({ id }) => quickRows.includes(id)) : works;
    const rows = all.filter((work) => work.suite === suite && isAsked(work.id));
    if (rows.length === 0) continue;
    if (revision) {
      const labels = options.contenders ?? comparedOf[suite];
      const [passes, each] = quick ? [2, { rounds: 2, seconds: 0.1 }] : [5, { rounds: 3, seconds: 0.2 }];
      measured.push(await compareSuite(suite, rows, labels, revision, each, passes, seen));
      continue;
    }
    const slow = options.slow ? (slowContendersOf[suite] ?? []) : [];
    const usual = quick && asked.length === 0 ? quickContendersOf(suite) : contendersOf[suite];
    // What runs elsewhere runs the kernels and the models.
    const guests = suite === 'kernels' || suite === 'models' ? places.flatMap(guestsOf) : [];
    const labels = [...(options.contenders ?? [...usual, ...slow]), ...guests];
    measured.push(await measureSuite(suite, rows, labels, pace, seen));
  }
  for (const { suite, versions } of measured) {
    const lines = Object.entries(versions).map(([name, version]) => `  ${name}: ${version}`);
    console.log([`\nWho took part in ${suite}`, ...lines].join('\n'));
  }
  const namedOps = timedOps.filter((op) => asked.includes('ops') || asked.includes(opOf(op)));
  if (namedOps.length > 0 && !revision) {
    ops = await measureOps(namedOps, quick ? 0.06 : 0.25, (row) => console.log(describeOp(row)));
  }
  const tree = describeTree(root);
  const environment = {
    ...environmentOf(),
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    ...(tree === undefined ? {} : { tree }),
    ...(revision ? { 'compared with': `${revision.commit}: ${revision.subject}` } : {}),
    'left out': omitted(asked, options),
  };
  const report = { environment, pace, bandwidth: bandwidth(), measured, figures, ...(ops ? { ops } : {}) };
  mkdirSync(options.out, { recursive: true });
  const path = join(options.out, 'bench');
  writeFileSync(`${path}.json`, JSON.stringify(report, null, 2));
  writeFileSync(`${path}.html`, renderBench(report, peersInNode));
  console.log(`\nWritten to ${path}.html and ${path}.json.`);
}

try {
  await new Command('bench')
    .description('measure Quern beside the engines that a user would pick instead')
    .argument(
      '[names...]',
      `suites (${suiteNames.join(', ')}) or single rows, all unless said; ops, or ops/ and an op's name`,
      suiteOrRow,
    )
    .option('--quick', 'about two minutes: fewer and shorter rounds')
    .option('--slow', 'also contenders that take minutes for a row')
    .option('--contenders <list>', 'names, with @threads where that is not one, parted by commas', contenderList)
    .option('--compare <revision>', 'this tree beside another revision of git, in fresh processes in turn')
    .option('--out <folder>', 'folder of the report', 'bench-report')
    .option('--in <places>', `kernels and models also in ${placeNames.join(', ')}; parted by commas`, placeList)
    .option('--page', 'serve the kernels and models as a page, to be run in a browser or on a phone')
    .option('--host <address>', "where the page is served; 0.0.0.0 for a phone in this machine's network", '127.0.0.1')
    .option('--port <number>', 'and the port', portNumber, 8788)
    .exitOverride()
    .action((asked: readonly string[], options: Options) => run(asked, options))
    .parseAsync();
} catch (error) {
  if (error instanceof QuernError) {
    console.error(error.message);
    process.exitCode = 1;
  } else if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else throw error;
}
