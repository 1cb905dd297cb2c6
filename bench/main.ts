/** `npm run bench`: Quern beside the engines that a user would pick instead, measured here and now. */
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IoError, QuernError } from '../src/core/errors.js';
import { environmentOf } from '../src/report/environment-node.js';
import { Command, CommanderError, InvalidArgumentError } from '../src/cli/vendor.js';
import { askedOf } from './asked.js';
import { describeTree, prepareRevision } from './compare/revision.js';
import type { Figure } from './edge/figure.js';
import { installEngines } from './engines/engines.js';
import { bandwidth } from './measure/bandwidth.js';
import { type MeasuredOps, measureOps } from './ops/measure.js';
import { offerPage } from './page/offer.js';
import { contenderNames } from './peers/contenders.js';
import { guestsOf, placeNames } from './process/places.js';
import type { Row } from './process/rows.js';
import { describeOp } from './report/ops.js';
import { renderBench } from './report/page.js';
import { describeFigure, describeRefused, describeRow } from './report/text.js';
import {
  comparedOf,
  compareSuite,
  contendersOf,
  measureEdge,
  type Measured,
  measureSuite,
  peersInNode,
  quickContendersOf,
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

/** Names that there are not are for the rows to tell. */
function contenderList(text: string): readonly string[] {
  const list = text.split(',');
  if (list.every((label) => /^[^@]+(@[1-9]\d?)?$/.test(label))) return list;
  throw new InvalidArgumentError('Names parted by commas, perhaps with @ and a number of threads, are required.');
}

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What the report leaves out, said in it. */
function omitted(names: readonly string[], { quick, slow, compare }: Options): string {
  const parts = [
    ...(names.length > 0
      ? ['suites and rows that were not named']
      : ['the suite ops, which is measured when it is named']),
    ...(slow ? [] : ['contenders that take minutes for a row (--slow)']),
    ...(quick ? ['all but a few short rounds (--quick)'] : []),
    ...(quick && names.length === 0 ? ['the module without relaxed SIMD, and all rows but those of --quick'] : []),
    ...(quick || names.length > 0 ? [`places that --in does not name (LiteRT.js runs in chromium)`] : []),
    ...(compare === undefined ? [] : ['the suites edge and ops and the places of --in, which are not compared']),
  ];
  return parts.join('; ');
}

/** Throws `IoError` before anything is measured. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new IoError('bench', `a folder that can be written is required. Received '${path}': ${said}.`, { cause });
  }
}

const placeList = (text: string): readonly string[] => text.split(',');

function portNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65536) return Number(text);
  throw new InvalidArgumentError('A number from 0 to 65535 is required.');
}

async function run(names: readonly string[], options: Options): Promise<void> {
  const { quick, compare } = options;
  const pace = quick ? { rounds: 2, seconds: 0.1 } : { rounds: 7, seconds: 0.25 };
  const opSeconds = quick ? 0.06 : 0.25;
  makeFolder(options.out);
  if (options.page) return offerPage(names, { pace, opSeconds }, options);
  const asked = askedOf(names, quick);
  const { refused } = asked;
  if (Object.keys(refused).length > 0) {
    console.log(`\n${describeRefused(refused)}`);
    process.exitCode = 1;
  }
  const revision = compare === undefined ? null : prepareRevision(root, compare, (what) => console.error(what));
  if (revision && 'unable' in revision.child) process.exitCode = 1;
  const isWhole = names.length === 0 && !quick && !options.contenders;
  const places = revision ? [] : (options.in ?? (isWhole ? ['chromium'] : []));
  installEngines(places);
  const measured: Measured[] = [];
  let figures: readonly Figure[] = [];
  let ops: MeasuredOps | undefined;
  const seen = (row: Row): void => console.log(`\n${describeRow(row, peersInNode)}`);
  for (const suite of suiteNames) {
    if (suite === 'edge') {
      if (revision || !asked.edge) continue;
      figures = await measureEdge(quick ? 5 : 15);
      for (const figure of figures) console.log(`\n${describeFigure(figure, peersInNode)}`);
      continue;
    }
    const rows = asked.rows.filter((work) => work.suite === suite);
    if (rows.length === 0) continue;
    if (revision) {
      const labels = options.contenders ?? comparedOf[suite];
      const [passes, each] = quick ? [2, { rounds: 2, seconds: 0.1 }] : [5, { rounds: 3, seconds: 0.2 }];
      measured.push(await compareSuite(suite, rows, labels, revision, each, passes, seen));
      continue;
    }
    const slow = options.slow ? (slowContendersOf[suite] ?? []) : [];
    const usual = quick && names.length === 0 ? quickContendersOf(suite) : contendersOf[suite];
    // What runs elsewhere runs the kernels and the models.
    const guests = suite === 'kernels' || suite === 'models' ? places.flatMap(guestsOf) : [];
    const labels = [...(options.contenders ?? [...usual, ...slow]), ...guests];
    measured.push(await measureSuite(suite, rows, labels, pace, seen));
  }
  for (const { suite, versions } of measured) {
    const lines = Object.entries(versions).map(([name, version]) => `  ${name}: ${version}`);
    console.log([`\nWho took part in ${suite}`, ...lines].join('\n'));
  }
  if (asked.ops.length > 0 && !revision) {
    ops = await measureOps(asked.ops, opSeconds, (row) => console.log(describeOp(row)));
  }
  const tree = describeTree(root);
  const environment = {
    ...environmentOf(),
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    ...(tree === undefined ? {} : { tree }),
    engines: [...new Set(measured.flatMap(({ versions }) => Object.values(versions)))].join('; '),
    ...(revision ? { 'compared with': `${revision.commit}: ${revision.subject}` } : {}),
    'left out': omitted(names, options),
  };
  const report = { environment, pace, bandwidth: bandwidth(), measured, figures, ...(ops ? { ops } : {}), refused };
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
    .addHelpText('after', `\nRows: ${works.map(({ id }) => id).join(', ')}\nContenders: ${contenderNames.join(', ')}`)
    .action((names: readonly string[], options: Options) => run(names, options))
    .parseAsync();
} catch (error) {
  if (error instanceof QuernError) {
    console.error(error.message);
    process.exitCode = 1;
  } else if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else throw error;
}
