/** The roofline (Williams, Waterman and Patterson, CACM 2009): rates beside what arithmetic and memory allow. */
import { html, type Html, table } from '../../src/report/html.js';
import { logTicks, printTick } from '../../src/report/numbers.js';
import type { Row } from '../process/rows.js';

const [width, height] = [480, 340];
const edge = { left: 58, right: 26, top: 14, bottom: 52 };

interface Point {
  readonly title: string;
  /** Floating-point operations for each byte that the work must move. */
  readonly intensity: number;
  readonly gflops: number;
}

function pointsOf(rows: readonly Row[], contender: string): Point[] {
  return rows.flatMap(({ work, cells }) => {
    const cell = cells[contender];
    if (!cell || !('time' in cell) || work.multiplyAdds === 0) return [];
    const operations = 2 * work.multiplyAdds;
    const gflops = operations / cell.time.median / 1e9;
    return [{ title: work.title, intensity: operations / work.bytes, gflops }];
  });
}

/** Operations a second that the roof allows at an intensity. */
const allowed = (intensity: number, peak: number, bandwidth: number): number =>
  Math.min(2 * peak, intensity * bandwidth) / 1e9;

/** The dots as rows. Weights in a cache, or Winograd's fewer products, may take one above the roof. */
export function rooflineTable(rows: readonly Row[], contender: string, peak: number, bandwidth: number): Html {
  const names = ['Work', 'Operations a byte', 'GFLOP/s', 'Of the roof'];
  return table(
    'The nearer to the roof, the better',
    names.map((name, i) => ({ name, isNumber: i > 0 })),
    pointsOf(rows, contender).map(({ title, intensity, gflops }) => [
      title,
      intensity.toFixed(1),
      gflops.toFixed(1),
      `${((100 * gflops) / allowed(intensity, peak, bandwidth)).toFixed(0)} %`,
    ]),
  );
}

/** `peak` in multiply-adds a second, `bandwidth` in bytes a second. */
export function roofline(rows: readonly Row[], contender: string, peak: number, bandwidth: number): Html {
  const points = pointsOf(rows, contender);
  const roof = allowed(Infinity, peak, bandwidth);
  const xs = logTicks(Math.min(0.5, ...points.map((p) => p.intensity)), Math.max(...points.map((p) => p.intensity)));
  const ys = logTicks(Math.min(...points.map((p) => p.gflops)), roof);
  const scale = (ticks: readonly number[], from: number, to: number) => {
    const [low, high] = [Math.log10(ticks[0] ?? 1), Math.log10(ticks.at(-1) ?? 10)];
    return (value: number): number => from + ((Math.log10(value) - low) / (high - low || 1)) * (to - from);
  };
  const x = scale(xs, edge.left, width - edge.right);
  const y = scale(ys, height - edge.bottom, edge.top);
  const [least = 1, most = 1] = [xs[0], xs.at(-1)];
  const [floor = 1] = ys;
  const ridge = Math.min(Math.max((roof * 1e9) / bandwidth, least), most);
  const start = Math.max(least, (floor * 1e9) / bandwidth);
  const line = [start, ridge, most].map((at) => `${x(at).toFixed(1)},${y(allowed(at, peak, bandwidth)).toFixed(1)}`);
  const bottom = height - edge.bottom;
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Roofline: rates are in the tables">
    ${ys.map(
      (tick) =>
        html`<line class="grid" x1="${edge.left}" x2="${width - edge.right}" y1="${y(tick)}" y2="${y(tick)}" /><text
            class="tick"
            x="${edge.left - 8}"
            y="${y(tick)}"
            dy="0.33em"
            text-anchor="end"
            >${printTick(tick)}</text
          >`,
    )}
    ${xs.map(
      (tick) =>
        html`<line class="notch" x1="${x(tick)}" x2="${x(tick)}" y1="${bottom}" y2="${bottom + 5}" /><text
            class="tick"
            x="${x(tick)}"
            y="${bottom + 20}"
            text-anchor="middle"
            >${printTick(tick)}</text
          >`,
    )}
    <line class="base" x1="${edge.left}" x2="${width - edge.right}" y1="${bottom}" y2="${bottom}" />
    <polyline class="second" points="${line.join(' ')}" />
    ${points.map(
      ({ title, intensity, gflops }) =>
        html`<circle class="first" cx="${x(intensity).toFixed(1)}" cy="${y(gflops).toFixed(1)}" r="5">
          <title>${title}: ${gflops.toFixed(1)} GFLOP/s</title>
        </circle>`,
    )}
    <text class="name" x="${width / 2}" y="${height - 6}" text-anchor="middle">operations a byte</text>
    <text class="name" transform="rotate(-90)" x="${-(edge.top + bottom) / 2}" y="14" text-anchor="middle">
      GFLOP/s
    </text>
  </svg>`;
}
