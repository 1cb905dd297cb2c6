/** Makes the page: one HTML file with script, modules and expected results inside, under a policy without generated code. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { modulePath } from '../../src/backend/wasm/modules-node.js';
import { Html, html } from '../../src/report/html.js';
import { style } from '../../src/report/style.js';
import { contenders } from '../peers/contenders.js';
import { benchStyle, refusedOf } from '../report/page.js';
import type { Work } from '../tasks/work.js';
import { type Contents, contentsElement, opsWorkerElement, workerElement } from './contents.js';
import { expectedOf } from './expected.js';
import { moduleNames, trainingNames } from './modules.js';

const pageStyle = `${style.text}${benchStyle.text}
.controls{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center}
button,.button{min-height:2.75rem;padding:0 1.2rem;border:1px solid var(--line);border-radius:.6rem;background:var(--card);color:var(--ink);font:500 1rem var(--sans);display:inline-flex;align-items:center;text-decoration:none;cursor:pointer}
#run{background:var(--first);border-color:var(--first);color:var(--ground)}button:disabled{opacity:.5;cursor:default}
button:focus-visible,.button:focus-visible{outline:3px solid var(--second);outline-offset:2px}
[hidden]{display:none}
`;

/** A script of this room and what it imports, as one. */
export async function bundle(url: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(url)],
    bundle: true,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: ['es2022', 'safari16.4'],
    write: false,
  });
  return (outputFiles[0]?.text ?? '').trim().replaceAll('</script', '<\\/script');
}

/** What this engine gives for each row. */
async function rowsOf(works: readonly Work[]): Promise<Contents['rows']> {
  const contender = await contenders.quern(1)();
  const rows: Contents['rows'][number][] = [];
  for (const { id, task } of works) {
    const prepared = await contender.prepare(task);
    rows.push({ id, expected: expectedOf(await prepared.result()) });
    prepared.close();
  }
  return rows;
}

const sourceOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const dataElement = (id: string, text: string): Html =>
  html`<script type="text/plain" id="${id}">
    ${new Html(text)}
  </script>`;

export async function buildBenchPage(works: readonly Work[], said: Omit<Contents, 'rows'>): Promise<string> {
  const [page, worker, opsWorker, rows] = await Promise.all([
    bundle(new URL('./page.js', import.meta.url)),
    bundle(new URL('./worker.js', import.meta.url)),
    said.ops ? bundle(new URL('./ops-worker.js', import.meta.url)) : '',
    rowsOf(works),
  ]);
  const contents: Contents = { ...said, rows };
  const names = [...moduleNames, ...(said.ops ? trainingNames : [])];
  const data = [
    ...names.map((name) => dataElement(name, readFileSync(modulePath(name)).toString('base64'))),
    dataElement(workerElement, worker),
    dataElement(opsWorkerElement, opsWorker),
    dataElement(contentsElement, JSON.stringify(contents).replaceAll('<', '\\u003c')),
  ];
  const policy = [
    "default-src 'none'",
    `script-src ${sourceOf(page)} 'wasm-unsafe-eval'`,
    'worker-src blob:',
    `style-src ${sourceOf(pageStyle)}`,
    // The lengths of bars.
    "style-src-attr 'unsafe-inline'",
    'img-src data:',
  ].join('; ');
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="content-security-policy" content="${policy}" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Quern benchmark</title>
        <link rel="icon" href="data:," />
        ${new Html(`<style>${pageStyle}</style>`)}
      </head>
      <body>
        <header>
          <h1>Quern benchmark</h1>
          <p>Kernels and a model, measured in this browser: the best module that it takes, and the baseline.</p>
        </header>
        <div class="controls">
          <button id="run" type="button">Run</button>
          <span id="sharing" hidden>
            <a id="download" class="button" download="quern-bench.json">Download JSON</a>
            <button id="copy" type="button">Copy</button>
            <button id="share" type="button">Share</button>
          </span>
        </div>
        <p id="status" role="status" aria-live="polite"></p>
        <main id="results"></main>
        ${refusedOf(said.refused)}
        <section id="environment" class="environment"></section>
        ${data} ${new Html(`<script>${page}</script>`)}
      </body>
    </html>`.text;
}
