/** The report as text for a terminal. */
import type { Figure } from '../edge/figure.js';
import type { Spread } from '../measure/statistics.js';
import type { Cell, Row } from '../process/rows.js';

export function seconds(value: number): string {
  const [factor, unit] = value < 1e-3 ? [1e6, 'us'] : value < 1 ? [1e3, 'ms'] : [1, 's'];
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

export function describeFigure({ title, unit, cells }: Figure): string {
  const width = Math.max(...Object.keys(cells).map((name) => name.length));
  const lines = Object.entries(cells).map(([name, cell]) => {
    const text = 'reason' in cell ? cell.reason : (unit === 'bytes' ? bytes : seconds)(cell.value.median);
    return `  ${name.padEnd(width)}  ${text}`;
  });
  return [title, ...lines].join('\n');
}

/** Names that were asked for and stand for nothing, and why. */
export const describeRefused = (refused: Readonly<Record<string, string>>): string =>
  ['Not measured', ...Object.entries(refused).map(([name, reason]) => `  ${name}  ${reason}`)].join('\n');

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

/** `1.123x as fast as quern at abc1234 (quartiles 1.101 to 1.140)` */
export function describeRatio({ median, lowerQuartile, upperQuartile }: Spread, other: string): string {
  const times = [median, lowerQuartile, upperQuartile].map((ratio) => ratio.toFixed(3));
  return `${times[0]}x as fast as ${other} (quartiles ${times[1]} to ${times[2]})`;
}

export function describeRow(row: Row, peers: readonly string[]): string {
  const { work, cells } = row;
  const width = Math.max(...Object.keys(cells).map((name) => name.length));
  const lines = Object.entries(cells).map(
    ([name, cell]) => `  ${name.padEnd(width)}  ${describeCell(cell, work.multiplyAdds)}`,
  );
  const ratio = lead(row, 'quern', peers);
  const headline = ratio === undefined ? '' : `: ${ratio.toFixed(2)}x the best of ${peers.join(', ')}`;
  const ratios = Object.entries(row.ratios ?? {}).map(([other, ratio]) => `  ${describeRatio(ratio, other)}`);
  return [`${work.title}${headline}`, ...lines, ...ratios].join('\n');
}
