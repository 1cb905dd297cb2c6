/** The report as text for a terminal. */
import type { Figure } from '../edge/figure.js';
import type { Spread } from '../measure/statistics.js';
import type { Cell, Row } from '../process/rows.js';

export function seconds(value: number): string {
  const [factor, unit] = value < 1e-3 ? [1e6, 'µs'] : value < 1 ? [1e3, 'ms'] : [1, 's'];
  const scaled = value * factor;
  return `${scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0)} ${unit}`;
}

/** `1.23 ms, 45.6 GFLOP/s, 97 % of peak` */
export function describeCell(cell: Cell, multiplyAdds: number): string {
  if ('reason' in cell) return cell.reason;
  const { time, share, note } = cell;
  const rate = multiplyAdds > 0 ? `, ${((2 * multiplyAdds) / time.median / 1e9).toFixed(1)} GFLOP/s` : '';
  return `${seconds(time.median)}${rate}${share === undefined ? '' : `, ${(100 * share).toFixed(0)} % of peak`}${note === undefined ? '' : ` (${note})`}`;
}

export const bytes = (value: number): string => `${value.toLocaleString('en-US')} B`;

export const describeValue = (unit: Figure['unit'], cell: Figure['cells'][string]): string =>
  'reason' in cell ? cell.reason : (unit === 'bytes' ? bytes : seconds)(cell.value.median);

/** `11.0x less than the best peer`, if there is one; how many times as much it is where ours is more. */
export function figureLead({ cells }: Figure, peers: readonly string[]): readonly string[] {
  const valueOf = (name: string): readonly number[] => {
    const cell = cells[name];
    return cell && 'value' in cell ? [cell.value.median] : [];
  };
  const [[own], others] = [valueOf('quern'), peers.flatMap(valueOf)];
  if (own === undefined || others.length === 0) return [];
  const ratio = Math.min(...others) / own;
  return [ratio >= 1 ? `${ratio.toFixed(1)}× less than the best peer` : `${(1 / ratio).toFixed(1)}× the best peer's`];
}

const listOf = (headline: string, entries: readonly (readonly [name: string, text: string])[]): string => {
  const width = Math.max(...entries.map(([name]) => name.length));
  return [headline, ...entries.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)].join('\n');
};

const titled = (title: string, leads: readonly string[]): string => [title, ...leads].join(': ');

export const describeFigure = (figure: Figure, peers: readonly string[]): string =>
  listOf(
    titled(figure.title, figureLead(figure, peers)),
    Object.entries(figure.cells).map(([name, cell]) => [name, describeValue(figure.unit, cell)]),
  );

/** Names that were asked for and stand for nothing, and why. */
export const describeRefused = (refused: Readonly<Record<string, string>>): string =>
  listOf('Not measured', Object.entries(refused));

/** How many times as long the fastest of the others takes; undefined where there is none. */
export function lead({ cells }: Row, own: string, others: readonly string[]): number | undefined {
  const timeOf = (name: string): number | undefined => {
    const cell = cells[name];
    return cell && 'time' in cell ? cell.time.median : undefined;
  };
  const mine = timeOf(own);
  const times = others.flatMap((name) => timeOf(name) ?? []);
  return mine === undefined || times.length === 0 ? undefined : Math.min(...times) / mine;
}

/** What a row is to be held against: the best peer in the same place, and one thread. */
export function leadsOf(row: Row, peers: readonly string[]): readonly string[] {
  const names = Object.keys(row.cells);
  const places = [...new Set(names.flatMap((name) => name.split(' in ')[1] ?? []))];
  const told = (own: string, others: readonly string[], of: string): readonly string[] => {
    const ratio = lead(row, own, others);
    return ratio === undefined ? [] : [`${ratio.toFixed(2)}× ${of}`];
  };
  const isNear = (place: string, name: string): boolean => name.endsWith(` in ${place}`) && !name.startsWith('quern');
  const threaded = names.filter((name) => name.startsWith('quern@'));
  return [
    ...told('quern', peers, 'the best peer'),
    ...places.flatMap((place) =>
      names.filter((name) => isNear(place, name)).flatMap((name) => told(`quern in ${place}`, [name], name)),
    ),
    ...threaded.flatMap((name) => told(name, ['quern'], `one thread, by ${name.split('@')[1]}`)),
  ];
}

/** `1.123x as fast as quern at abc1234 (quartiles 1.101 to 1.140)` */
export function describeRatio({ median, lowerQuartile, upperQuartile }: Spread, other: string): string {
  const times = [median, lowerQuartile, upperQuartile].map((ratio) => ratio.toFixed(3));
  return `${times[0]}x as fast as ${other} (quartiles ${times[1]} to ${times[2]})`;
}

export function describeRow(row: Row, peers: readonly string[]): string {
  const { work, cells } = row;
  const lines = Object.entries(cells).map(([name, cell]) => [name, describeCell(cell, work.multiplyAdds)] as const);
  const ratios = Object.entries(row.ratios ?? {}).map(([other, ratio]) => `  ${describeRatio(ratio, other)}`);
  return [
    listOf(
      titled(
        work.title,
        [leadsOf(row, peers).join(', ')].filter((text) => text !== ''),
      ),
      lines,
    ),
    ...ratios,
  ].join('\n');
}
