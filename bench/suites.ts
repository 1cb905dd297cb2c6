/** The suites of the report: what is measured, and who takes part unless the command says. */
import { coldStarts } from './edge/cold.js';
import type { Figure } from './edge/figure.js';
import { sizes } from './edge/sizes.js';
import { Player } from './process/player.js';
import { measureRow, type Pace, type Row } from './process/rows.js';
import { type Suite, type Work, works } from './tasks/work.js';

export type SuiteName = Suite | 'edge';

/** Engines that run in the same place and are there to be beaten. */
export const peersInNode = ['onnxruntime-web', 'tfjs-wasm', 'jax-js'];

/** The native engine is a yardstick: what this machine can do without WebAssembly. */
const everyone = ['quern', 'quern-simd', ...peersInNode, 'onnxruntime-node'];

export const contendersOf: Readonly<Record<Suite, readonly string[]>> = {
  kernels: everyone,
  models: everyone,
  training: ['quern', 'quern-simd', 'jax-js'],
  threads: ['quern', 'quern@2', 'onnxruntime-node@2'],
};

/** Contenders that take minutes for a row, by suite. */
export const slowContendersOf: Readonly<Partial<Record<Suite, readonly string[]>>> = { training: ['tfjs-cpu'] };

export const suiteNames: readonly SuiteName[] = [...new Set(works.map(({ suite }) => suite)), 'edge'];

export interface Measured {
  readonly suite: Suite;
  /** The contenders' versions, or why one does not take part. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

/** Measures rows with contenders in fresh processes; `seen` hears of each row as it is done. */
export async function measureSuite(
  suite: Suite,
  rows: readonly Work[],
  labels: readonly string[],
  pace: Pace,
  seen: (row: Row) => void,
): Promise<Measured> {
  const players = labels.map((label) => new Player(label));
  try {
    const versions: Record<string, string> = {};
    const absent: Record<string, { readonly reason: string }> = {};
    for (const player of players) {
      const reply = await player.start();
      if ('unable' in reply) absent[player.label] = { reason: reply.unable };
      versions[player.label] = 'version' in reply ? reply.version : reply.unable;
    }
    const present = players.filter(({ label }) => !(label in absent));
    const measured: Row[] = [];
    for (const work of rows) {
      const row = await measureRow(work, present, pace);
      const full = { work, cells: { ...row.cells, ...absent } };
      measured.push(full);
      seen(full);
    }
    return { suite, versions, rows: measured };
  } finally {
    for (const player of players) player.kill();
  }
}

export const measureEdge = async (rounds: number): Promise<readonly Figure[]> => [
  ...(await coldStarts(rounds)),
  ...(await sizes()),
];
