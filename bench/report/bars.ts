/** A row of the report as bars side by side: the longer, the faster. */
import { html, type Html } from '../../src/report/html.js';
import type { Row } from '../process/rows.js';
import { describeCell, describeRatio, lead } from './text.js';

/** Ours, the others, and the native yardstick. */
const kindOf = (name: string): string =>
  name.startsWith('quern') ? 'own' : name.startsWith('onnxruntime-node') ? 'native' : 'peer';

export function barsOf(row: Row, peers: readonly string[]): Html {
  const { work, cells } = row;
  const times = Object.values(cells).flatMap((cell) => ('time' in cell ? [cell.time.median] : []));
  const best = Math.min(...times);
  const ratio = lead(row, 'quern', peers);
  const bars = Object.entries(cells).map(([name, cell]) => {
    const share = 'time' in cell ? (100 * best) / cell.time.median : 0;
    return html`<li class="${kindOf(name)}">
      <span>${name}</span><span class="track"><span class="bar" style="width:${share.toFixed(2)}%"></span></span
      ><span>${describeCell(cell, work.multiplyAdds)}</span>
    </li>`;
  });
  return html`<figure class="card">
    <figcaption>
      ${work.title} ${ratio === undefined ? '' : html`<strong>${ratio.toFixed(2)}× the best peer</strong>`}
      ${Object.entries(row.ratios ?? {}).map(([other, spread]) => html`<br />${describeRatio(spread, other)}`)}
    </figcaption>
    <ul class="bars">
      ${bars}
    </ul>
  </figure>`;
}
