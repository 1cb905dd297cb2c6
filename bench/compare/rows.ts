/**
 * This tree beside another revision: for each row fresh processes of both in turn, several times over, for a process may be
 * a few percent faster than its like for as long as it lives. What is compared is what a round gave the two.
 */
import { type Spread, spreadOf } from '../measure/statistics.js';
import { keepBusy } from '../process/busy.js';
import { processChannel } from '../process/node.js';
import { Player } from '../process/player.js';
import { cellOf, type Pace, type Played, playRow, type Row } from '../process/rows.js';
import type { Work } from '../tasks/work.js';
import { cannotSpeak, type Revision } from './revision.js';

/** A contender of this tree, or its like of the other revision. */
interface Side {
  readonly label: string;
  readonly contender: string;
  readonly revision: Revision | null;
}

const isOwn = (contender: string): boolean => /^quern(-simd)?(@\d+)?$/.test(contender);

/** What the report calls a contender of the other revision. */
export const labelAt = (contender: string, { commit }: Revision): string => `${contender} at ${commit}`;

/** The contenders in their order, ours followed by their likes. */
const sidesOf = (contenders: readonly string[], revision: Revision): readonly Side[] =>
  contenders.flatMap((contender) => {
    const side = { label: contender, contender, revision: null };
    return isOwn(contender) ? [side, { label: labelAt(contender, revision), contender, revision }] : [side];
  });

/** Revisions before answers were text send arrays between processes as they are. */
const otherwise = { serialization: 'advanced' } as const;

/** Another revision's process may not understand, and then keeps silent. */
const patience = 60_000;

/** The version of a side's process, or why there is none. */
async function start({ revision }: Side, player: Player): Promise<{ version: string } | { reason: string }> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<{ unable: string }>((resolve) => {
    timer = setTimeout(() => resolve({ unable: 'no answer' }), patience);
  });
  const reply = await Promise.race([player.start(), silence]);
  clearTimeout(timer);
  if ('version' in reply) return { version: reply.version };
  const isMute = /^no answer|^its process ended/.test(reply.unable);
  return { reason: revision && isMute ? cannotSpeak(revision.commit) : reply.unable };
}

export interface Compared {
  readonly row: Row;
  readonly versions: Readonly<Record<string, string>>;
}

/** One pass: a fresh process of each side. */
async function playOnce(
  work: Work,
  sides: readonly Side[],
  pace: Pace,
  versions: Record<string, string>,
): Promise<Played> {
  const reasons = new Map<string, string>();
  const players: Player[] = [];
  const present: Player[] = [];
  try {
    for (const side of sides) {
      const { label, revision } = side;
      const child = revision?.child;
      if (child && 'unable' in child) {
        reasons.set(label, (versions[label] = child.unable));
        continue;
      }
      const player = new Player(label, child ? processChannel(otherwise, child.path) : processChannel());
      players.push(player);
      const reply = await start(side, player);
      versions[label] = 'version' in reply ? reply.version : reply.reason;
      if ('version' in reply) present.push(player);
      else reasons.set(label, reply.reason);
    }
    const played = await playRow(work, present, pace, { keepBusy });
    return { ...played, reasons: new Map([...reasons, ...played.reasons]) };
  } finally {
    for (const player of players) player.kill();
  }
}

/** How many times as long the other took, round by round; undefined where one has no time. */
function ratioOf(own: string, other: string, plays: readonly Played[]): Spread | undefined {
  const ratios = plays.flatMap(({ rounds }) => {
    const theirs = rounds.get(other) ?? [];
    return (rounds.get(own) ?? []).flatMap(({ seconds }, i) => {
      const like = theirs[i];
      return like ? [like.seconds / seconds] : [];
    });
  });
  return ratios.length > 0 ? spreadOf(ratios) : undefined;
}

/** Plays one row in `passes` pairs of fresh processes, the order turned each time. */
export async function compareRow(
  work: Work,
  contenders: readonly string[],
  revision: Revision,
  pace: Pace,
  passes: number,
): Promise<Compared> {
  const sides = sidesOf(contenders, revision);
  const versions: Record<string, string> = {};
  const plays: Played[] = [];
  for (let pass = 0; pass < passes; pass++) {
    plays.push(await playOnce(work, pass % 2 === 0 ? sides : [...sides].reverse(), pace, versions));
  }
  const cells = Object.fromEntries(sides.map(({ label }) => [label, cellOf(label, work, plays)]));
  const ratios = Object.fromEntries(
    sides.flatMap(({ label, contender, revision: other }) => {
      const ownCell = cells[contender];
      const cell = cells[label];
      if (!other || !ownCell || !('time' in ownCell) || !cell || !('time' in cell)) return [];
      const ratio = ratioOf(contender, label, plays);
      return ratio ? [[label, ratio] as const] : [];
    }),
  );
  return { row: { work, cells, ratios }, versions };
}
