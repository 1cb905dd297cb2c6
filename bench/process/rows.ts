/**
 * One row of the report: every contender does the same work. Results are compared before anything is timed; then the
 * contenders are timed in turn, in an order that moves on by one each round, so that a slow phase of the machine meets all
 * of them alike.
 */
import { type Spread, spreadOf } from '../measure/statistics.js';
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
  /** Of contenders of another revision: how many times as long they took as their likes of this tree, by rounds. */
  readonly ratios?: Readonly<Record<string, Spread>>;
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

/** What one process of each contender gave. */
export interface Played {
  /** Why a contender has no time. */
  readonly reasons: ReadonlyMap<string, string>;
  /** What a contender gave up of the result. */
  readonly notes: ReadonlyMap<string, string>;
  /** Of each round the seconds of a run, and what registers alone gave beside it. */
  readonly rounds: ReadonlyMap<string, readonly Round[]>;
}

interface Round {
  readonly seconds: number;
  /** Multiply-adds a second; 0 where it was not measured. */
  readonly peak: number;
}

/** Compares the results of started contenders, and times them in turn. */
export async function playRow(
  work: Work,
  players: readonly Player[],
  { rounds, seconds }: Pace,
  { keepBusy, check }: RowOptions = {},
): Promise<Played> {
  const reasons = new Map<string, string>();
  const notes = new Map<string, string>();
  const ready: Player[] = [];
  const measured = new Map<string, Round[]>();
  let expected: Float32Array | undefined;
  for (const player of players) {
    const { label } = player;
    const reply = await player.prepare(work.id);
    if ('unable' in reply) {
      reasons.set(label, reply.unable);
      continue;
    }
    const wrong = expected ? undefined : check?.(work, reply.result);
    if (wrong !== undefined) {
      reasons.set(label, wrong);
      continue;
    }
    expected ??= reply.result;
    const apart = distance(expected, reply.result);
    const { rounding, once } = reply;
    const said = [...(rounding ? [rounding.note] : []), ...(once === undefined ? [] : ['timed once'])];
    if (said.length > 0) notes.set(label, said.join('; '));
    if (apart > (rounding?.tolerance ?? work.tolerance)) {
      reasons.set(label, `another result, by ${apart.toExponential(1)} of the largest`);
      await player.close();
      continue;
    }
    measured.set(label, once === undefined ? [] : [{ seconds: once, peak: 0 }]);
    if (once === undefined) ready.push(player);
    else await player.close();
  }
  const rest = work.besideBusy ? keepBusy?.() : undefined;
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < ready.length; turn++) {
      const player = ready[(round + turn) % ready.length];
      if (!player || reasons.has(player.label)) continue;
      const timed = await player.time(seconds);
      if ('unable' in timed) reasons.set(player.label, timed.unable);
      else {
        const { median } = spreadOf(timed.samples);
        measured.get(player.label)?.push({ seconds: median, peak: Math.max(0, ...timed.peaks) });
      }
    }
  }
  rest?.();
  for (const player of ready) await player.close();
  return { reasons, notes, rounds: measured };
}

/** The cell of a contender over all rounds of all of its processes. */
export function cellOf(label: string, { multiplyAdds }: Work, plays: readonly Played[]): Cell {
  const first = (of: 'reasons' | 'notes'): string | undefined =>
    plays.map((played) => played[of].get(label)).find((each) => each !== undefined);
  const [reason, note] = [first('reasons'), first('notes')];
  if (reason !== undefined) return { reason };
  const rounds = plays.flatMap((played) => played.rounds.get(label) ?? []);
  const time = spreadOf(rounds.map(({ seconds }) => seconds));
  const noted = { time, ...(note === undefined ? {} : { note }) };
  const beside = rounds.filter(({ peak }) => peak > 0);
  if (beside.length === 0 || multiplyAdds === 0) return noted;
  const share = spreadOf(beside.map(({ seconds, peak }) => multiplyAdds / seconds / peak)).median;
  return { ...noted, share, peak: spreadOf(beside.map(({ peak }) => peak)).median };
}

export async function measureRow(
  work: Work,
  players: readonly Player[],
  pace: Pace,
  options: RowOptions = {},
): Promise<Row> {
  const played = await playRow(work, players, pace, options);
  return { work, cells: Object.fromEntries(players.map(({ label }) => [label, cellOf(label, work, [played])])) };
}
