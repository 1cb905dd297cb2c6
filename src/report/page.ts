/**
 * The report as one HTML page without scripts: it opens from a disk, without a network, on a phone and in print. Every
 * picture of numbers has its table.
 */
import type { NDArray } from '../core/ndarray.js';
import type { History } from '../train/callback.js';
import { lineChart, scatterChart } from './charts.js';
import { html, type Html, table } from './html.js';
import { printNumber, printPercent, printTime } from './numbers.js';
import { type Classification, type Classified, outcomeOf, type Regression, type Tested } from './outcome.js';
import { arePictures, pictureOf } from './samples.js';
import { style } from './style.js';

/** What a report tells of. */
export interface ReportContents {
  /** The model's name. */
  readonly title: string;
  readonly history: History;
  /** Milliseconds of each epoch; of the last ones, where a run was resumed. */
  readonly msPerEpoch?: readonly number[];
  /** Milliseconds of each step. */
  readonly msPerStep?: readonly number[];
  /** Figures that were measured in the end, by name, such as those of `evaluate`. */
  readonly measured?: Readonly<Record<string, number>>;
  readonly tested?: Tested;
  /** What it ran on and how: names and values, in their order. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The most wrong and the most right examples that are shown, rows of a confusion matrix, and points of a scatter plot. */
const [mostWrong, mostRight, mostClasses, mostPoints] = [12, 12, 20, 2000];

/** The page. Throws `ShapeError` where what was tested does not fit together. */
export function renderReport(contents: ReportContents): string {
  const { title, history, tested, environment = {} } = contents;
  const outcome = tested && outcomeOf(tested);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none';style-src 'unsafe-inline';img-src data:;base-uri 'none';form-action 'none'"
        />
        <meta name="theme-color" content="#f6f3ec" media="(prefers-color-scheme:light)" />
        <meta name="theme-color" content="#131210" media="(prefers-color-scheme:dark)" />
        <title>${title} · Quern run report</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <header>
          <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
            <circle cx="16" cy="16" r="15" />
            <circle class="eye" cx="16" cy="16" r="4" />
            <path d="M16 2v7M16 23v7M2 16h7M23 16h7M6.1 6.1l5 5M20.9 20.9l5 5M6.1 25.9l5-5M20.9 11.1l5-5" />
          </svg>
          <h1>${title}</h1>
          <p>A run of ${history.epoch.length} ${history.epoch.length === 1 ? 'epoch' : 'epochs'}</p>
        </header>
        <main>
          ${headline(contents, outcome)}${curves(history)}${outcome && tested ? results(outcome, tested) : ''}${timings(contents)}${surroundings(environment)}
        </main>
        <footer>Written by Quern.</footer>
      </body>
    </html> `;
  return page.text;
}

const section = (id: string, title: string, content: Html): Html =>
  html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    ${content}
  </section>`;

function headline(
  { measured = {}, msPerEpoch = [] }: ReportContents,
  outcome: ReturnType<typeof outcomeOf> | undefined,
): Html {
  const right =
    outcome?.kind === 'classes' ? outcome.examples.filter(isRight).length / outcome.examples.length : undefined;
  const names = Object.keys(measured);
  const figures: (readonly [name: string, value: string])[] = [
    ...(right === undefined || names.some((name) => /accuracy/i.test(name))
      ? []
      : [['of the test examples right', printPercent(right)] as const]),
    ...Object.entries(measured).map(
      ([name, value]) => [titles[name] ?? readable(name), printFigure(name, value)] as const,
    ),
    ...(msPerEpoch.length === 0 ? [] : [['training in all', printTime(total(msPerEpoch))] as const]),
  ];
  if (figures.length === 0) return html``;
  return html`<dl class="figures">
    ${figures.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

/** What some of the figures that are measured are called. */
const titles: Readonly<Record<string, string>> = {
  bytes: 'model file',
  bytesFloat32: 'model file, float32',
  bytesInt8: 'model file, int8',
  accuracyFloat32: 'accuracy, float32',
  accuracyInt8: 'accuracy, int8',
  msPerEpoch: 'an epoch, mean',
};

/** `mean absolute error` for `meanAbsoluteError`. */
const readable = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();

const printFigure = (name: string, value: number): string => {
  if (/^bytes/.test(name)) return `${value.toLocaleString('en-US')} B`;
  if (/^ms/.test(name)) return printTime(value);
  return /accuracy/i.test(name) ? printPercent(value) : printNumber(value);
};

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

const legendLine = (kind: 'first' | 'second', name: string): Html =>
  html`<li>
    <svg viewBox="0 0 30 10" aria-hidden="true">
      <polyline class="${kind}" points="1,5 29,5" />
      <circle class="${kind}" cx="15" cy="5" r="3.2" /></svg
    >${name}
  </li>`;

/** A chart for the loss and for each metric, with the validation's beside the training's. */
function curves({ epoch, history }: History): Html {
  const names = Object.keys(history).filter((name) => !isValidation(name, history));
  if (epoch.length === 0 || names.length === 0)
    return section('curves', 'Curves', html`<p>No epoch was completed.</p>`);
  const epochs = epoch.map((at) => at + 1);
  const figures = names.map((name, i) => {
    const [train = [], validation] = [history[name], history[validationOf(name)]];
    const lines = [
      { name: 'training', kind: 'first', values: train } as const,
      ...(validation ? [{ name: 'validation', kind: 'second', values: validation } as const] : []),
    ];
    const columns = [{ name: 'epoch', isNumber: true }, ...lines.map((line) => ({ name: line.name, isNumber: true }))];
    const rows = epochs.map((at, row) => [`${at}`, ...lines.map(({ values }) => printNumber(values[row] ?? NaN))]);
    return html`<figure class="card">
      <figcaption>
        ${readable(name)}
        <ul class="legend">
          ${lines.map(({ kind, name: line }) => legendLine(kind, line))}
        </ul>
      </figcaption>
      ${lineChart(`curve-${i}`, readable(name), epochs, lines)}
      <details>
        <summary>The numbers</summary>
        ${table(`${readable(name)} of each epoch`, columns, rows)}
      </details>
    </figure>`;
  });
  return section(
    'curves',
    'Curves',
    html`<p>Means over each epoch, taken while the weights were changing; validation after it.</p>
      <div class="plots">${figures}</div>`,
  );
}

const validationOf = (name: string): string => `val${name.charAt(0).toUpperCase()}${name.slice(1)}`;

const isValidation = (name: string, history: History['history']): boolean =>
  Object.keys(history).some((other) => validationOf(other) === name);

function results(outcome: Classification | Regression, tested: Tested): Html {
  return outcome.kind === 'classes'
    ? html`${confusions(outcome)}${section('samples', 'Sample predictions', classSamples(outcome, tested))}`
    : section('predictions', 'Predicted against true', numbers(outcome));
}

const isRight = ({ label, predicted }: Classified): boolean => label === predicted;

function confusions({ names, matrix, examples }: Classification): Html {
  const about = `${examples.length.toLocaleString('en-US')} test examples: rows are what they are, columns what they were taken for.`;
  const order = matrix
    .flatMap((row, i) => row.map((count, j) => ({ i, j, count })))
    .filter(({ i, j, count }) => i !== j && count > 0)
    .sort((a, b) => b.count - a.count);
  const often = order.slice(0, 10).map(({ i, j, count }) => [names[i] ?? '', names[j] ?? '', `${count}`]);
  const worst =
    often.length === 0
      ? html``
      : html`<details${names.length > mostClasses ? html` open` : ''}><summary>The most frequent confusions</summary>${table('How often', [{ name: 'true' }, { name: 'taken for' }, { name: 'times', isNumber: true }], often)}</details>`;
  const shown = names.length > mostClasses ? html`` : html`<div class="matrix">${matrixTable(names, matrix)}</div>`;
  return section(
    'confusions',
    'Confusion matrix',
    html`<p>${about}</p>
      <div class="card">${shown}${worst}</div>`,
  );
}

function matrixTable(names: readonly string[], matrix: readonly (readonly number[])[]): Html {
  const sums = matrix.map(total);
  const columns = names.map((_, j) => total(matrix.map((row) => row[j] ?? 0)));
  const rows = matrix.map((row, i) => {
    const cells = row.map((count, j) => {
      const share = count / Math.max(sums[i] ?? 0, 1);
      const kind = [i === j ? 'right' : 'wrong', count === 0 ? 'zero' : '', share > 0.6 ? 'deep' : ''].join(' ').trim();
      return html`<td class="${kind}" style="--share:${count === 0 ? '0' : Math.max(share, 0.06).toFixed(3)}">
        ${count}
      </td>`;
    });
    const own = row[i] ?? 0;
    const scores = [own / (sums[i] ?? 0), own / (columns[i] ?? 0)].map(
      (score) => html`<td class="score">${Number.isFinite(score) ? printPercent(score) : '–'}</td>`,
    );
    return html`<tr>
      <th scope="row">${names[i] ?? ''}</th>
      ${cells}${scores}
    </tr>`;
  });
  const heads = [...names, 'recall', 'precision'].map((name) => html`<th scope="col">${name}</th>`);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix">
    <table>
      <caption>
        true class by row, predicted class by column
      </caption>
      <thead>
        <tr>
          <td class="score"></td>
          ${heads}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

/** The wrong ones that the model was most certain of, and the right ones, the first of each class. */
function classSamples(outcome: Classification, { x }: Tested): Html {
  const { examples, names } = outcome;
  const wrong = examples.filter((each) => !isRight(each)).sort((a, b) => b.certainty - a.certainty);
  const right = examples.filter(isRight);
  const firsts = names.flatMap((_, label) => right.find((each) => each.label === label) ?? []);
  const chosen = [...new Set([...firsts, ...right])]
    .slice(0, mostRight)
    .sort((a, b) => a.label - b.label || a.row - b.row);
  const show = (list: readonly Classified[]): Html =>
    arePictures(x) ? pictures(list, names, x) : rowsTable(list, names, x);
  const part = (title: string, list: readonly Classified[]): Html =>
    list.length === 0
      ? html``
      : html`<h3>${title}</h3>
          ${show(list)}`;
  const count = wrong.length.toLocaleString('en-US');
  const title = wrong.length > mostWrong ? `Wrong, the ${mostWrong} most certain of ${count}` : `Wrong, all ${count}`;
  return html`${part(title, wrong.slice(0, mostWrong))}${part('Right', chosen)}`;
}

function pictures(list: readonly Classified[], names: readonly string[], x: NDArray): Html {
  const items = list.map((each) => {
    const [label, predicted] = [names[each.label] ?? '', names[each.predicted] ?? ''];
    const about = isRight(each) ? `is ${label}` : `is ${label}, taken for ${predicted}`;
    const truth = isRight(each) ? html`` : html`<span>is ${label}</span><br />`;
    return html`<li class="${isRight(each) ? 'right' : 'wrong'}">
      <img src="${pictureOf(x, each.row)}" alt="Test example ${each.row}: ${about}" />
      <p><strong>${predicted}</strong>${truth}<span>${printPercent(each.certainty)}</span></p>
    </li>`;
  });
  return html`<ul class="samples">
    ${items}
  </ul>`;
}

/** How many numbers of an example are shown. */
const mostNumbers = 8;

function inputsOf({ shape, data }: NDArray, row: number): string {
  const size = data.length / (shape[0] ?? 1);
  const shown = Array.from(data.subarray(row * size, row * size + Math.min(size, mostNumbers)), printNumber);
  return `${shown.join('  ')}${size > mostNumbers ? ' …' : ''}`;
}

function rowsTable(list: readonly Classified[], names: readonly string[], x: NDArray): Html {
  const columns = [
    { name: 'example', isNumber: true },
    { name: 'input' },
    { name: 'true' },
    { name: 'predicted' },
    { name: 'probability', isNumber: true },
  ];
  const rows = list.map(({ row, label, predicted, certainty }) => [
    `${row}`,
    inputsOf(x, row),
    names[label] ?? '',
    names[predicted] ?? '',
    printPercent(certainty),
  ]);
  return html`<div class="card">${table('Sample predictions', columns, rows)}</div>`;
}

function numbers({ pairs }: Regression): Html {
  const every = Math.max(1, Math.ceil(pairs.length / mostPoints));
  const points = pairs.filter((_, i) => i % every === 0).map(([, label, prediction]) => [label, prediction] as const);
  const errors = pairs.map(([, label, prediction]) => prediction - label);
  const squares = total(errors.map((error) => error * error));
  const mean = total(pairs.map(([, label]) => label)) / pairs.length;
  const spread = total(pairs.map(([, label]) => (label - mean) ** 2));
  const scores = [
    ['mean absolute error', printNumber(total(errors.map(Math.abs)) / errors.length)],
    ['root of the mean squared error', printNumber(Math.sqrt(squares / errors.length))],
    ['largest error', printNumber(errors.reduce((most, error) => Math.max(most, Math.abs(error)), 0))],
    ...(spread > 0 ? [['R²', printNumber(1 - squares / spread)]] : []),
  ];
  const columns = [
    { name: 'example', isNumber: true },
    { name: 'true', isNumber: true },
    { name: 'predicted', isNumber: true },
    { name: 'error', isNumber: true },
  ];
  const rows = pairs
    .slice(0, 6)
    .map(([row, label, prediction]) => [
      `${row}`,
      printNumber(label),
      printNumber(prediction),
      printNumber(prediction - label),
    ]);
  return html`<div class="plots">
    <figure class="card">
      <figcaption>
        test examples
        <ul class="legend">
          <li>
            <svg viewBox="0 0 30 10" aria-hidden="true"><polyline class="second" points="1,5 29,5" /></svg>predicted as
            true
          </li>
        </ul>
      </figcaption>
      ${scatterChart('scatter', points)}
    </figure>
    <div class="card">
      ${table('Errors over the test examples', [{ name: 'score' }, { name: 'value', isNumber: true }], scores)}
      ${table('The first predictions', columns, rows)}
    </div>
  </div>`;
}

/** The value below which a share of the values lies; the values in order. */
const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;

const sortedTimes = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

function timings({ msPerEpoch = [], msPerStep = [], history }: ReportContents): Html {
  if (msPerEpoch.length === 0) return html``;
  const [epochTimes, stepTimes] = [sortedTimes(msPerEpoch), sortedTimes(msPerStep)];
  const rows = [
    ['all epochs', printTime(total(msPerEpoch))],
    ['an epoch, median', printTime(quantile(epochTimes, 0.5))],
    ['fastest and slowest epoch', `${printTime(quantile(epochTimes, 0))}, ${printTime(quantile(epochTimes, 1))}`],
    ...(stepTimes.length === 0
      ? []
      : [
          ['steps', stepTimes.length.toLocaleString('en-US')],
          ['a step, median', printTime(quantile(stepTimes, 0.5))],
          ['a step, 95 % are below', printTime(quantile(stepTimes, 0.95))],
        ]),
  ];
  const epochs = history.epoch.slice(-msPerEpoch.length).map((at) => at + 1);
  const [unit, name] = quantile(epochTimes, 1) < 1000 ? ([1, 'milliseconds'] as const) : ([1000, 'seconds'] as const);
  const line = [{ name: 'an epoch', kind: 'first', values: msPerEpoch.map((ms) => ms / unit) }] as const;
  const chart =
    msPerEpoch.length < 2
      ? html``
      : html`<figure class="card">
          <figcaption>time of each epoch</figcaption>
          ${lineChart('times', name, epochs, line, false)}
        </figure>`;
  const times = table('Times', [{ name: 'what' }, { name: 'time', isNumber: true }], rows);
  return section(
    'timings',
    'Timings',
    html`<p>Validation after an epoch is part of it.</p>
      <div class="plots">
        <div class="card">${times}</div>
        ${chart}
      </div>`,
  );
}

function surroundings(environment: Readonly<Record<string, string>>): Html {
  const rows = Object.entries(environment);
  if (rows.length === 0) return html``;
  return html`<section class="environment" aria-labelledby="environment">
    <h2 id="environment">Environment</h2>
    <div class="card">
      <dl>
        ${rows.map(
          ([name, value]) =>
            html`<dt>${name}</dt>
              <dd>${name === 'command' ? html`<code>${value}</code>` : value}</dd>`,
        )}
      </dl>
    </div>
  </section>`;
}
