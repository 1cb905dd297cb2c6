/** Rows of one suite by the same players, from start to end. */
import type { Suite, Work } from '../tasks/work.js';
import type { Player } from './player.js';
import { measureRow, type Pace, type Row, type RowOptions } from './rows.js';

export interface Measured {
  readonly suite: Suite;
  /** The contenders' versions, or why one does not take part. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

/** Starts the players, measures the rows, and ends the players; `seen` hears of each row as it is done. */
export async function measureWith(
  suite: Suite,
  rows: readonly Work[],
  players: readonly Player[],
  pace: Pace,
  seen: (row: Row) => void,
  options: RowOptions,
): Promise<Measured> {
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
      const row = await measureRow(work, present, pace, options);
      const full = { work, cells: { ...row.cells, ...absent } };
      measured.push(full);
      seen(full);
    }
    return { suite, versions, rows: measured };
  } finally {
    for (const player of players) player.kill();
  }
}
