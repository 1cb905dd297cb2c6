/** The benchmark report as one HTML page: no script, no network; bars over tables, light and dark, for a phone first. */
import { Html, html, table } from '../../src/report/html.js';
import { style } from '../../src/report/style.js';
import type { Figure } from '../edge/figure.js';
import type { Cell, Row } from '../process/rows.js';
import type { MeasuredOps } from '../ops/measure.js';
import type { Measured } from '../process/suite.js';
import { barsOf, figureBarsOf } from './bars.js';
import { opsOf } from './ops.js';
import { roofline, rooflineTable } from './roofline.js';
import { describeCell, lead, seconds } from './text.js';

export interface BenchReport {
  readonly environment: Readonly<Record<string, string>>;
  /** Bytes a second that a large copy reads and writes. */
  readonly bandwidth: number;
  readonly measured: readonly Measured[];
  readonly figures: readonly Figure[];
  readonly ops?: MeasuredOps;
  /** Why names that were asked for are not measured. */
  readonly refused?: Readonly<Record<string, string>>;
}

const titles: Readonly<Record<Measured['suite'], readonly [title: string, text: string]>> = {
  kernels: ['Kernels', 'One operation from host arrays to host arrays, one thread. The longer the bar, the faster.'],
  models: ['A model', 'The network of npm start: three convolutions, two dense layers.'],
  training: ['Training', 'Forward pass, loss, gradients and Adam, as one call.'],
  threads: ['Two threads', 'Each contender in a process of its own; beside an idle core, and beside a busy one.'],
};

/** Of the bars, after the style that all reports share. */
export const benchStyle = new Html(`
header{display:block}header p{margin-top:.3rem}
.bars{list-style:none;padding:0;font-size:.85rem}
.bars li{display:grid;grid-template-columns:8.5rem 1fr;gap:.1rem .6rem;align-items:center;padding:.15rem 0}
.bars li>span:last-child{grid-column:1/3;color:var(--soft);font-variant-numeric:tabular-nums}
.bars .none>span:last-child{grid-column:2}
@media (min-width:60rem){.bars li{grid-template-columns:8.5rem 1fr 17rem}.bars li>span:last-child{grid-column:auto}.bars .none>span:last-child{grid-column:2/4}}
.track{display:block;background:var(--ground);border-radius:.2rem}
.bar{display:block;height:.7rem;border-radius:.2rem;background:var(--soft)}
.own .bar{background:var(--first)}.peer .bar{background:var(--second)}
.card figcaption{display:block}figcaption strong,figcaption span{display:block}figcaption strong{color:var(--first)}figcaption span{font-weight:400}
.roofline svg{max-width:46rem;margin:0 auto}.roofline .tick{font-size:10px}.roofline .name{font-size:10.5px}
@media (max-width:48rem){.roofline .tick,.roofline .name{font-size:15px}.ops thead{display:none}.ops tr{display:flex;flex-wrap:wrap;gap:.1rem .9rem;padding:.45rem 0;border-bottom:1px solid var(--line)}.ops th,.ops td{padding:0;border:0}.ops th{flex:0 0 100%}.ops td{color:var(--soft)}}
`);

const quartiles = (cell: Cell): string =>
  'time' in cell ? `${seconds(cell.time.lowerQuartile)} to ${seconds(cell.time.upperQuartile)}` : '';

function tableOf(rows: readonly Row[]): Html {
  const lines = rows.flatMap(({ work, cells }) =>
    Object.entries(cells).map(([name, cell]) => [
      work.title,
      name,
      describeCell(cell, work.multiplyAdds),
      quartiles(cell),
    ]),
  );
  return table(
    'Medians over the rounds',
    [{ name: 'Work' }, { name: 'Contender' }, { name: 'Median' }, { name: 'Quartiles' }],
    lines,
  );
}

export function suiteOf({ suite, versions, rows }: Measured, peers: readonly string[]): Html {
  const [title, text] = titles[suite];
  return html`<section>
    <h2>${title}</h2>
    <p>${text}</p>
    <div class="plots">${rows.map((row) => barsOf(row, peers))}</div>
    <details>
      <summary>All figures</summary>
      ${tableOf(rows)}
      ${table(
        'Who took part',
        [{ name: 'Contender' }, { name: 'Version, or why not' }],
        Object.entries(versions).map(([name, version]) => [name, version]),
      )}
    </details>
  </section>`;
}

const figuresOf = (figures: readonly Figure[], peers: readonly string[]): Html =>
  html`<section>
    <h2>Before the first answer</h2>
    <p>Fresh processes in turn; what has to travel, gzipped. The shorter the bar, the better.</p>
    <div class="plots">${figures.map((figure) => figureBarsOf(figure, peers))}</div>
  </section>`;

export function refusedOf(refused: Readonly<Record<string, string>>): Html {
  const rows = Object.entries(refused);
  if (rows.length === 0) return html``;
  return html`<section>
    <h2>Not measured</h2>
    ${table('Names that were asked for', [{ name: 'Name' }, { name: 'Why not' }], rows)}
  </section>`;
}

export function rooflineOf(measured: readonly Measured[], bandwidth: number): Html {
  const rows = measured.flatMap((suite) => (suite.suite === 'threads' ? [] : suite.rows));
  const floats = rows.filter(({ work }) => work.task.kind !== 'int8Matmul');
  const peaks = floats.flatMap(({ cells: { quern } }) => (quern && 'time' in quern && quern.peak ? [quern.peak] : []));
  if (peaks.length === 0) return html``;
  const peak = peaks.sort((a, b) => a - b)[peaks.length >> 1] ?? 0;
  return html`<section>
    <h2>Roofline</h2>
    <p>
      Each dot is a row of ours; the dashed roof is what a copy of memory and a loop on registers alone gave on this
      core while the rows were measured: ${(bandwidth / 1e9).toFixed(1)} GB/s and ${((2 * peak) / 1e9).toFixed(1)}
      GFLOP/s.
    </p>
    <figure class="card roofline">${roofline(floats, 'quern', peak, bandwidth)}</figure>
    <details>
      <summary>All dots</summary>
      ${rooflineTable(floats, 'quern', peak, bandwidth)}
    </details>
  </section>`;
}

export function renderBench(report: BenchReport, peers: readonly string[]): string {
  const { measured, bandwidth, figures, environment, ops, refused } = report;
  const leads = measured
    .filter(({ suite }) => suite !== 'threads')
    .flatMap(({ rows }) => rows.flatMap((row) => lead(row, 'quern', peers) ?? []))
    .sort((a, b) => a - b);
  const ahead = leads.filter((ratio) => ratio > 1).length;
  const headline =
    leads.length === 0
      ? html``
      : html`<dl class="figures">
          <div>
            <dt>times as fast as the best peer in the same place, median of ${leads.length} rows</dt>
            <dd>${(leads[leads.length >> 1] ?? NaN).toFixed(2)}×</dd>
          </div>
          <div>
            <dt>rows in which it is ahead</dt>
            <dd>${ahead} of ${leads.length}</dd>
          </div>
        </dl>`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Quern benchmark</title>
        <style>
          ${style}${benchStyle}
        </style>
      </head>
      <body>
        <header>
          <h1>Quern benchmark</h1>
          <p>Peers: ${peers.join(', ')}; onnxruntime-node is the native yardstick.</p>
        </header>
        ${headline} ${measured.map((suite) => suiteOf(suite, peers))} ${rooflineOf(measured, bandwidth)}
        ${figures.length > 0 ? figuresOf(figures, peers) : html``} ${ops ? opsOf(ops) : html``}
        ${refusedOf(refused ?? {})}
        <section class="environment">
          <h2>Environment</h2>
          <dl>
            ${Object.entries(environment).map(
              ([name, value]) =>
                html`<dt>${name}</dt>
                  <dd>${value}</dd>`,
            )}
          </dl>
        </section>
      </body>
    </html>`;
  return page.text;
}
