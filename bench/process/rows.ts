/**
 * One row of the report: every contender does the same work. Results are compared before anything is timed; then the
 * contenders are timed in turn, in an order that moves on by one each round, so that a slow phase of the machine meets all
 * of them alike.
 */
import { type Spread, quantile, spreadOf } from '../measure/statistics.js';
import type { Work } from '../tasks/work.js';
import type { Player } from './player.js';

/** What a contender did with a work: a time, or why there is none. */
export type Cell =
  | {
      /** Seconds. */
      readonly time: Spread;
      /** What this core gave beside it by registers alone, in multiply-adds a second; of our own modules only. */
      readonly peak?: number;
      /** Of that peak. */
      readonly share?: number;
      /** What the contender gave up of the result. */
      readonly note?: string;
    }
  | { readonly reason: string };

export interface Row {
  readonly work: Work;
  readonly cells: Readonly<Record<string, Cell>>;
}

export interface Pace {
  readonly rounds: number;
  /** Of each contender in a round. */
  readonly seconds: number;
}

/** The largest distance of two results as a share of the largest element. */
export function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  let apart = 0;
  for (let i = 0; i < a.length; i++) {
    const [x = NaN, y = NaN] = [a[i], b[i]];
    most = Math.max(most, Math.abs(x));
    apart = Math.max(apart, Math.abs(x - y));
    if (!Number.isFinite(x) || !Number.isFinite(y)) return Infinity;
  }
  return apart === 0 ? 0 : apart / most;
}

export interface RowOptions {
  /** Keeps a core busy until it is told to stop: what a work `besideBusy` is timed beside. */
  readonly keepBusy?: () => () => void;
  /** What is wrong with the first result; undefined where it is right. Later ones are held against the first. */
  readonly check?: (work: Work, result: Float32Array) => string | undefined;
}

export async function measureRow(
  work: Work,
  players: readonly Player[],
  { rounds, seconds }: Pace,
  { keepBusy, check }: RowOptions = {},
): Promise<Row> {
  const cells: Record<string, Cell> = {};
  const ready: Player[] = [];
  const notes = new Map<Player, string>();
  let expected: Float32Array | undefined;
  for (const player of players) {
    const reply = await player.prepare(work.id);
    if ('unable' in reply) {
      cells[player.label] = { reason: reply.unable };
      continue;
    }
    const wrong = expected ? undefined : check?.(work, reply.result);
    if (wrong !== undefined) {
      cells[player.label] = { reason: wrong };
      continue;
    }
    expected ??= reply.result;
    const apart = distance(expected, reply.result);
    const { rounding } = reply;
    if (rounding) notes.set(player, rounding.note);
    if (apart <= (rounding?.tolerance ?? work.tolerance)) ready.push(player);
    else cells[player.label] = { reason: `another result, by ${apart.toExponential(1)} of the largest` };
  }
  const rest = work.besideBusy ? keepBusy?.() : undefined;
  const samples = new Map(ready.map((player) => [player, [] as number[]]));
  const shares = new Map(ready.map((player) => [player, [] as number[]]));
  const peaks = new Map(ready.map((player) => [player, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < ready.length; turn++) {
      const player = ready[(round + turn) % ready.length];
      if (!player || player.label in cells) continue;
      const timed = await player.time(seconds);
      if ('unable' in timed) {
        cells[player.label] = { reason: timed.unable };
        continue;
      }
      const median = quantile(
        [...timed.samples].sort((a, b) => a - b),
        0.5,
      );
      samples.get(player)?.push(median);
      const peak = Math.max(...timed.peaks);
      if (peak > 0 && work.multiplyAdds > 0) {
        shares.get(player)?.push(work.multiplyAdds / median / peak);
        peaks.get(player)?.push(peak);
      }
    }
  }
  rest?.();
  for (const player of ready) {
    const [share, peak] = [shares, peaks].map((all) => spreadOf(all.get(player) ?? []).median);
    const note = notes.get(player);
    cells[player.label] ??= {
      time: spreadOf(samples.get(player) ?? []),
      ...(note === undefined ? {} : { note }),
      ...(share !== undefined && Number.isFinite(share) && peak !== undefined ? { share, peak } : {}),
    };
    await player.close();
  }
  return { work, cells };
}
