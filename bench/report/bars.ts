/** A row or a figure of the report as bars side by side. */
import { html, type Html } from '../../src/report/html.js';
import type { Figure } from '../edge/figure.js';
import type { Row } from '../process/rows.js';
import { describeCell, describeRatio, describeValue, figureLead, leadsOf } from './text.js';

/** Ours, the others, and the native yardstick. */
const kindOf = (name: string): string =>
  name.startsWith('quern') ? 'own' : name.startsWith('onnxruntime-node') ? 'native' : 'peer';

/** `share` of the longest bar; undefined where there is none. */
const barOf = (name: string, share: number | undefined, text: string): Html =>
  share === undefined
    ? html`<li class="none"><span>${name}</span><span>${text}</span></li>`
    : html`<li class="${kindOf(name)}">
        <span>${name}</span
        ><span class="track"><span class="bar" style="width:${(100 * share).toFixed(2)}%"></span></span
        ><span>${text}</span>
      </li>`;

const card = (title: string, leads: readonly string[], ratios: readonly string[], bars: readonly Html[]): Html =>
  html`<figure class="card">
    <figcaption>
      ${title} ${leads.map((lead) => html`<strong>${lead}</strong>`)}
      ${ratios.map((ratio) => html`<span>${ratio}</span>`)}
    </figcaption>
    <ul class="bars">
      ${bars}
    </ul>
  </figure>`;

/** The longer, the faster. */
export function barsOf(row: Row, peers: readonly string[]): Html {
  const { work, cells, ratios = {} } = row;
  const times = Object.values(cells).flatMap((cell) => ('time' in cell ? [cell.time.median] : []));
  const best = Math.min(...times);
  const bars = Object.entries(cells).map(([name, cell]) =>
    barOf(name, 'time' in cell ? best / cell.time.median : undefined, describeCell(cell, work.multiplyAdds)),
  );
  const others = Object.entries(ratios).map(([other, spread]) => describeRatio(spread, other));
  return card(work.title, leadsOf(row, peers), others, bars);
}

/** The shorter, the better. */
export function figureBarsOf(figure: Figure, peers: readonly string[]): Html {
  const { title, unit, cells } = figure;
  const values = Object.values(cells).flatMap((cell) => ('value' in cell ? [cell.value.median] : []));
  const most = Math.max(...values);
  const bars = Object.entries(cells).map(([name, cell]) =>
    barOf(name, 'value' in cell ? cell.value.median / most : undefined, describeValue(unit, cell)),
  );
  return card(title, figureLead(figure, peers), [], bars);
}
