/** Charts as inline SVG: lines over epochs, and predicted against true numbers. They are pictures of tables beside them. */
import { html, type Html } from './html.js';
import { logTicks, printNumber, printTick, ticks } from './numbers.js';

const [width, height] = [420, 260];
const edge = { left: 58, right: 12, top: 12, bottom: 40 };

/** A way from values to a place on the picture. */
interface Axis {
  readonly ticks: readonly number[];
  place(value: number): number;
}

function axis(marks: readonly number[], from: number, to: number, isLog = false): Axis {
  const scaled = isLog ? Math.log10 : (value: number): number => value;
  const [low, high] = [scaled(marks[0] ?? 0), scaled(marks.at(-1) ?? 1)];
  return { ticks: marks, place: (value) => from + ((scaled(value) - low) / (high - low || 1)) * (to - from) };
}

const point = (value: number): string => value.toFixed(1);

function frame(x: Axis, y: Axis, names: { readonly x: string; readonly y: string }): Html {
  const [right, bottom] = [width - edge.right, height - edge.bottom];
  const rows = y.ticks.map((tick) => {
    const at = point(y.place(tick));
    return html`<line class="grid" x1="${edge.left}" x2="${right}" y1="${at}" y2="${at}" /><text
        class="tick"
        x="${edge.left - 8}"
        y="${at}"
        dy="0.33em"
        text-anchor="end"
        >${printTick(tick)}</text
      >`;
  });
  const columns = x.ticks.map((tick) => {
    const at = point(x.place(tick));
    return html`<line class="notch" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 5}" /><text
        class="tick"
        x="${at}"
        y="${bottom + 18}"
        text-anchor="middle"
        >${printTick(tick)}</text
      >`;
  });
  const middle = (edge.top + bottom) / 2;
  return html`${rows}<line class="base" x1="${edge.left}" x2="${right}" y1="${bottom}" y2="${bottom}" />${columns}<text
      class="name"
      x="${(edge.left + right) / 2}"
      y="${height - 4}"
      text-anchor="middle"
      >${names.x}</text
    ><text class="name" transform="rotate(-90)" x="${-middle}" y="12" text-anchor="middle">${names.y}</text>`;
}

const picture = (id: string, title: string, description: string, content: Html): Html =>
  html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-title ${id}-text">
    <title id="${id}-title">${title}</title>
    <desc id="${id}-text">${description}</desc>
    ${content}
  </svg>`;

export interface Line {
  readonly name: string;
  /** One of the two ways in which lines are drawn. */
  readonly kind: 'first' | 'second';
  readonly values: readonly number[];
}

/**
 * Lines over epochs, which count from 1. Values that are no numbers are left out. The scale may be logarithmic where they
 * are positive and far apart.
 */
export function lineChart(
  id: string,
  name: string,
  epochs: readonly number[],
  lines: readonly Line[],
  mayBeLog = true,
): Html {
  const finite = lines.flatMap(({ values }) => values).filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  if (finite.length === 0) return html`<p class="none">No number of ${name} is finite.</p>`;
  const isLog = mayBeLog && low > 0 && high / low > 50;
  const [left, right, bottom] = [edge.left, width - edge.right, height - edge.bottom];
  const y = axis(isLog ? logTicks(low, high) : ticks(low, high, 5), bottom, edge.top, isLog);
  const [first = 1, last = 1] = [epochs[0], epochs.at(-1)];
  const marks = ticks(first, last, 6, 1).filter((tick) => tick >= first && tick <= last);
  const x = { ...axis([first, last], left + 8, right - 8), ticks: marks };
  const isDotted = epochs.length <= 30;
  const drawn = lines.map(({ kind, values, name: line }) => {
    const points = values
      .map((value, i) => ({ value, epoch: epochs[i] ?? NaN }))
      .filter(({ value }) => Number.isFinite(value));
    const at = points.map(({ value, epoch }) => `${point(x.place(epoch))},${point(y.place(value))}`);
    const dots = points.map(
      ({ value, epoch }) =>
        html`<circle
          class="${kind}"
          cx="${point(x.place(epoch))}"
          cy="${point(y.place(value))}"
          r="${isDotted ? 3.2 : 1.6}"
          ><title>${line}, epoch ${epoch}: ${printNumber(value)}</title></circle
        >`,
    );
    return html`<polyline class="${kind}" points="${at.join(' ')}" />${dots}`;
  });
  const ends = lines.map(
    ({ name: line, values }) => `${line} from ${printNumber(values[0] ?? NaN)} to ${printNumber(values.at(-1) ?? NaN)}`,
  );
  const described = `${ends.join('; ')}.${isLog ? ' The scale is logarithmic.' : ''}`;
  const title = `${name} over ${epochs.length} ${epochs.length === 1 ? 'epoch' : 'epochs'}`;
  return picture(
    id,
    title,
    described,
    html`${frame(x, y, { x: 'epoch', y: isLog ? `${name}, log scale` : name })}${drawn}`,
  );
}

/** Points at (true, predicted), with the line on which they would be right. */
export function scatterChart(id: string, points: readonly (readonly [label: number, prediction: number])[]): Html {
  const all = points.flat().filter(Number.isFinite);
  if (all.length === 0) return html`<p class="none">No prediction is finite.</p>`;
  const marks = ticks(Math.min(...all), Math.max(...all), 5);
  const [left, right, bottom] = [edge.left, width - edge.right, height - edge.bottom];
  const [x, y] = [axis(marks, left, right), axis(marks, bottom, edge.top)];
  const finite = points.filter(([label, prediction]) => Number.isFinite(label) && Number.isFinite(prediction));
  const dots = finite.map(
    ([label, prediction]) =>
      html`<circle class="first faint" cx="${point(x.place(label))}" cy="${point(y.place(prediction))}" r="2.6" />`,
  );
  const diagonal = html`<line class="second ideal" x1="${left}" y1="${bottom}" x2="${right}" y2="${edge.top}" />`;
  const described = `${finite.length} examples; on the line, a prediction is right.`;
  return picture(
    id,
    'Predicted against true',
    described,
    html`${frame(x, y, { x: 'true', y: 'predicted' })}${diagonal}${dots}`,
  );
}
