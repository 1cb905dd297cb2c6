/** Builds the page: one HTML file with its script and style inside, from the sources in `edge/page/`. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { FormatError } from '../src/core/errors.js';

export interface PageOptions {
  /** The model's name, as requests call it. */
  readonly model: string;
  /** What the page calls the place that computes: `Worker`, `server`. */
  readonly host: string;
}

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** The sources lie beside this file's TypeScript, two levels above what is built of it. */
const folder = fileURLToPath(new URL('../../edge/page/', import.meta.url));

export async function buildPage({ model, host }: PageOptions): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: folder,
    entryPoints: ['page.ts', 'style.css'],
    outdir: '.',
    bundle: true,
    minify: true,
    format: 'iife',
    target: ['es2022', 'safari16.4'],
    write: false,
    logLevel: 'silent',
  });
  const bundled = (extension: string): string =>
    outputFiles.find(({ path }) => path.endsWith(extension))?.text.trim() ?? '';
  const replace = (html: string, from: string, to: string): string => {
    if (!html.includes(from)) throw new FormatError('page', `'${from}' is required in index.html.`);
    return html.replaceAll(from, () => to);
  };
  let html = (await readFile(`${folder}index.html`, 'utf8')).replace(/\s*\n\s*/g, '\n');
  html = replace(html, '<link rel="stylesheet" href="style.css" />', `<style>${bundled('.css')}</style>`);
  html = replace(
    html,
    '<script type="module" src="page.ts"></script>',
    `<script type="module">${bundled('.js')}</script>`,
  );
  html = replace(html, '{{model}}', escapeHtml(model));
  return replace(html, '{{host}}', escapeHtml(host));
}
