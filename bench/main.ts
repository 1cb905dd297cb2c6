/** `npm run bench`: Quern beside the engines that a user would pick instead, measured here and now. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from '../src/cli/vendor.js';
import { contenderNames, isContender } from './peers/contenders.js';
import { Player } from './process/player.js';
import { coldStarts } from './edge/cold.js';
import type { Figure } from './edge/figure.js';
import { sizes } from './edge/sizes.js';
import { measureRow, type Row } from './process/rows.js';
import { describeFigure, describeRow } from './report/text.js';
import { type Work, works } from './work/work.js';

interface Options {
  readonly quick?: boolean;
  readonly slow?: boolean;
  readonly contenders?: readonly string[];
  readonly out: string;
}

/** Engines that run in the same place and are there to be beaten; the native one is a yardstick. */
const peersInNode = ['onnxruntime-web', 'tfjs-wasm', 'jax-js'];

/** Contenders that take minutes for a row. */
const slowOnes = ['tfjs-cpu'];

const suites = [...new Set(works.map(({ suite }) => suite)), 'edge'];

function contenderList(text: string): readonly string[] {
  const list = text.split(',');
  for (const label of list) {
    const [name = '', threads = '1'] = label.split('@');
    if (isContender(name) && Number.isInteger(Number(threads)) && Number(threads) > 0) continue;
    throw new InvalidArgumentError(`one of ${contenderNames.join(', ')}, perhaps with @threads, is required.`);
  }
  return list;
}

function chosen(asked: readonly string[]): readonly Work[] {
  const known = [...suites, ...works.map(({ id }) => id)];
  const unknown = asked.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(
      `bench: a suite (${suites.join(', ')}) or a row (${works.map(({ id }) => id).join(', ')}) is required. Received '${unknown}'.`,
    );
  }
  return asked.length === 0 ? works : works.filter(({ suite, id }) => asked.includes(suite) || asked.includes(id));
}

async function run(asked: readonly string[], options: Options): Promise<void> {
  const rows: Row[] = [];
  const figures: Figure[] = [];
  const defaults = contenderNames.filter((name) => options.slow || !slowOnes.includes(name));
  const players = (options.contenders ?? defaults).map((label) => new Player(label));
  const pace = options.quick ? { rounds: 3, seconds: 0.1 } : { rounds: 7, seconds: 0.25 };
  try {
    const taking: Player[] = [];
    const versions: Record<string, string> = {};
    for (const player of players) {
      const reply = await player.start();
      versions[player.label] = 'version' in reply ? reply.version : `not here: ${reply.unable}`;
      console.log(`${player.label}: ${versions[player.label]}`);
      if ('version' in reply) taking.push(player);
    }
    for (const work of chosen(asked)) {
      const row = await measureRow(work, taking, pace);
      rows.push(row);
      console.log(`\n${describeRow(row, peersInNode)}`);
    }
    if (asked.length === 0 || asked.includes('edge')) {
      figures.push(...(await coldStarts(options.quick ? 5 : 15)), ...(await sizes()));
      for (const figure of figures) console.log(`\n${describeFigure(figure)}`);
    }
    mkdirSync(options.out, { recursive: true });
    writeFileSync(
      join(options.out, 'bench.json'),
      JSON.stringify({ versions, node: process.versions, pace, rows, figures }, null, 2),
    );
  } finally {
    for (const player of players) player.kill();
  }
}

await new Command('bench')
  .description('measure Quern beside the engines that a user would pick instead')
  .argument('[suites...]', `suites (${suites.join(', ')}) or single rows; all unless said`)
  .option('--quick', 'two minutes: fewer and shorter rounds')
  .option('--slow', 'also contenders that take minutes for a row')
  .option('--contenders <list>', 'names, with @threads where that is not one, parted by commas', contenderList)
  .option('--out <folder>', 'folder of the report', 'bench-report')
  .action((asked: readonly string[], options: Options) => run(asked, options))
  .parseAsync();
