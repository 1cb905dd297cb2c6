/** The benchmark in a page: runs each contender in a fresh worker, shows the rows as they come, and shares them as JSON. */
import { html, type Html } from '../../src/report/html.js';
import { bandwidth } from '../measure/bandwidth.js';
import { leastTicks, resolutionOf } from '../measure/clock.js';
import type { MeasuredOps } from '../ops/measure.js';
import type { OpsAnswer, OpsRequest } from '../ops/messages.js';
import type { OpRow } from '../ops/rows.js';
import type { Answer } from '../process/messages.js';
import { type Channel, Player } from '../process/player.js';
import type { Row } from '../process/rows.js';
import { type Measured, measureWith } from '../process/suite.js';
import { barsOf } from '../report/bars.js';
import { opsOf } from '../report/ops.js';
import { rooflineOf, suiteOf } from '../report/page.js';
import { type Suite, type Work, works } from '../tasks/work.js';
import { type Contents, contentsElement, opsWorkerElement, workerElement } from './contents.js';
import { faultOf } from './expected.js';
import { type Bytes, moduleNames, trainingNames } from './modules.js';

function element<E extends HTMLElement>(id: string, kind: new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`an element '${id}' is required`);
  return found;
}

const textOf = (id: string): string => element(id, HTMLElement).textContent ?? '';

const contents = JSON.parse(textOf(contentsElement)) as Contents;
const bytesOf = (names: readonly string[]): Bytes =>
  Object.fromEntries(
    names.map((name) => [name, Uint8Array.from(atob(textOf(name)), (character) => character.charCodeAt(0))]),
  );

const bytes = bytesOf(moduleNames);

const scriptOf = (id: string): string => URL.createObjectURL(new Blob([textOf(id)], { type: 'text/javascript' }));

const script = scriptOf(workerElement);

function workerChannel(): Channel {
  const worker = new Worker(script);
  worker.postMessage(bytes);
  let ended: string | undefined;
  return {
    ask: (request) =>
      new Promise<Answer>((resolve) => {
        if (ended !== undefined) return resolve({ unable: ended });
        worker.onmessage = ({ data }: MessageEvent<Answer>): void => resolve(data);
        worker.onerror = ({ message }): void => resolve({ unable: (ended = `its worker ended: ${message}`) });
        worker.postMessage(request);
      }),
    kill: () => worker.terminate(),
  };
}

const environment = (): Record<string, string> => ({
  'user agent': navigator.userAgent,
  processors: `${navigator.hardwareConcurrency}`,
  threads: '1',
  clock: `steps of ${resolutionOf().toPrecision(2)} ms`,
  module: WebAssembly.validate(bytes['infer-relaxed'] ?? new Uint8Array()) ? 'relaxed SIMD' : 'SIMD',
  versions: `Quern ${contents.version}`,
  written: new Date().toISOString(),
});

const put = (id: string, part: Html): void => void (element(id, HTMLElement).innerHTML = part.text);

const say = (text: string): void => void (element('status', HTMLElement).textContent = text);

/** Beyond the caches of a phone, and within its memory. */
const memoryBytes = 128 * 2 ** 20;

const expected = new Map(contents.rows.map((row) => [row.id, row.expected]));

const check = (work: Work, result: Float32Array): string | undefined => {
  const known = expected.get(work.id);
  return known ? faultOf(work, result, known) : 'no result to hold it against';
};

async function measureAll(): Promise<Measured[]> {
  const rows = works.filter(({ id }) => expected.has(id));
  const suites = [...new Set<Suite>(rows.map(({ suite }) => suite))];
  const measured: Measured[] = [];
  const done: Row[] = [];
  const tell = (): void => say(`${done.length} of ${rows.length} rows. Leave the page in front, the device at rest.`);
  const seen = (row: Row): void => {
    done.push(row);
    tell();
    const bars = done.map((each) => barsOf(each, []));
    put('results', html`<section><div class="plots">${bars}</div></section>`);
  };
  tell();
  for (const suite of suites) {
    const players = ['quern', 'quern-simd'].map((label) => new Player(label, workerChannel()));
    const mine = rows.filter((row) => row.suite === suite);
    measured.push(await measureWith(suite, mine, players, contents.pace, seen, { check }));
  }
  return measured;
}

/** The suite `ops` in a worker of its own. Where that ends early its version says how. */
function measureOps(request: OpsRequest, seen: (row: OpRow) => void): Promise<MeasuredOps> {
  const worker = new Worker(scriptOf(opsWorkerElement));
  const rows: OpRow[] = [];
  return new Promise<MeasuredOps>((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<OpsAnswer>): void => {
      if ('done' in data) return resolve({ version: data.done, rows });
      rows.push(data.row);
      seen(data.row);
    };
    worker.onerror = ({ message }): void => resolve({ version: `its worker ended: ${message}`, rows });
    worker.postMessage({ ...request, bytes: { ...bytes, ...bytesOf(trainingNames) } });
  }).finally(() => worker.terminate());
}

function offer(json: string): void {
  const link = element('download', HTMLAnchorElement);
  link.href = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  element('copy', HTMLButtonElement).onclick = (): void =>
    void navigator.clipboard.writeText(json).then(
      () => say('Copied.'),
      (error: unknown) => say(`Not copied: ${String(error)}`),
    );
  const share = element('share', HTMLButtonElement);
  share.hidden = !('share' in navigator);
  share.onclick = (): void =>
    void navigator.share({ title: 'Quern benchmark', text: json }).catch((error: unknown) => say(String(error)));
  element('sharing', HTMLElement).hidden = false;
}

async function run(): Promise<void> {
  const button = element('run', HTMLButtonElement);
  button.disabled = true;
  try {
    const measured = await measureAll();
    const rate = bandwidth(memoryBytes, Math.max(1, leastTicks * resolutionOf()));
    const before = html`${measured.map((suite) => suiteOf(suite, []))} ${rooflineOf(measured, rate)}`;
    put('results', before);
    const { ops: asked, pace, refused } = contents;
    const ops = asked && (await measureOps(asked, ({ title }) => say(`Measured ${title}.`)));
    if (ops) put('results', html`${before} ${opsOf(ops)}`);
    const about = environment();
    put(
      'environment',
      html`<h2>Environment</h2>
        <dl>
          ${Object.entries(about).map(
            ([name, value]) =>
              html`<dt>${name}</dt>
                <dd>${value}</dd>`,
          )}
        </dl>`,
    );
    const report = { environment: about, pace, bandwidth: rate, measured, ...(ops ? { ops } : {}), refused };
    offer(JSON.stringify(report, null, 2));
    say('Done.');
  } catch (error) {
    say(`It stopped: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    button.disabled = false;
  }
}

element('run', HTMLButtonElement).onclick = (): void => void run();
const opCount = contents.ops?.ops.length ?? 0;
say(
  `${contents.rows.length} rows${opCount > 0 ? ` and ${opCount} ops` : ''}, ${navigator.hardwareConcurrency} processors, one thread.`,
);
