/** What the names of a command stand for. */
import { timedOps } from './ops/measure.js';
import type { OpName } from '../src/ops/schema.js';
import { quickRows, suiteNames } from './suites.js';
import { type Work, works } from './tasks/work.js';

export interface Asked {
  /** In the order of the report. */
  readonly rows: readonly Work[];
  readonly ops: readonly OpName[];
  /** Whether cold starts and sizes are. */
  readonly edge: boolean;
  /** Names that stand for nothing, and why. */
  readonly refused: Readonly<Record<string, string>>;
}

const opOf = (name: string): string => `ops/${name}`;

const suites = [...suiteNames, 'ops'];

const unknown = `no such suite or row: the suites are ${suites.join(', ')}; --help names the rows`;

/** All suites but `ops` where there is no name, a row of each kind where it is to be quick. */
export function askedOf(names: readonly string[], quick = false): Asked {
  if (names.length === 0) {
    const rows = quick ? works.filter(({ id }) => quickRows.includes(id)) : works;
    return { rows, ops: [], edge: true, refused: {} };
  }
  const rows = works.filter(({ id, suite }) => names.includes(id) || names.includes(suite));
  const ops = timedOps.filter((op) => names.includes('ops') || names.includes(opOf(op)));
  const all = new Set([...suites, ...works.map(({ id }) => id), ...timedOps.map(opOf)]);
  const refused = names.filter((name) => !all.has(name)).map((name) => [name, unknown]);
  return { rows, ops, edge: names.includes('edge'), refused: Object.fromEntries(refused) };
}
