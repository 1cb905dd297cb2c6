/** The suite `ops` as text and as a section of the page: the slowest first, by share of the roofline. */
import { html, type Html, table } from '../../src/report/html.js';
import { boundOf, type OpRow } from '../ops/rows.js';
import type { MeasuredOps } from '../ops/measure.js';
import { seconds } from './text.js';

const rates = (multiplyAdds: number, bytes: number, time: number): readonly [string, string] => [
  multiplyAdds > 0 ? `${((2 * multiplyAdds) / time / 1e9).toFixed(1)} GFLOP/s` : 'computes nothing',
  `${(bytes / time / 1e9).toFixed(1)} GB/s`,
];

function shareOf({ result }: OpRow): string {
  if ('reason' in result) return result.reason;
  const bound = boundOf(result);
  if (!bound) return 'too short for a share';
  return `${(100 * bound.share).toFixed(0)} % of what ${bound.by} allows`;
}

export function describeOp(row: OpRow): string {
  const { title, result } = row;
  if ('reason' in result) return `${title}: ${result.reason}`;
  const { time, multiplyAdds, bytes } = result;
  return `${title}: ${[seconds(time.median), ...rates(multiplyAdds, bytes, time.median), shareOf(row)].join(', ')}`;
}

/** What does not work first, then by share; what is too short for one at the end. */
const order = ({ result }: OpRow): number => ('reason' in result ? -1 : (boundOf(result)?.share ?? Infinity));

export function opsOf({ version, rows }: MeasuredOps): Html {
  const lines = [...rows]
    .sort((a, b) => order(a) - order(b))
    .map((row) => {
      const { title, result } = row;
      if ('reason' in result) return [title, 'none', 'none', 'none', result.reason];
      const { time, multiplyAdds, bytes } = result;
      return [title, seconds(time.median), ...rates(multiplyAdds, bytes, time.median), shareOf(row)];
    });
  const names = ['Op and inputs', 'Median', 'Arithmetic', 'Memory', 'Share'];
  return html`<section>
    <h2>Every op</h2>
    <p>
      The cases of the op table that are worth timing, each kernel alone, its inputs in place (${version}). The bound is
      this core's register peak, or a copy of as many bytes, whichever takes longer; functions such as sin count as one
      operation.
    </p>
    <div class="ops">
      ${table(
        'Slowest first',
        names.map((name) => ({ name })),
        lines,
      )}
    </div>
  </section>`;
}
