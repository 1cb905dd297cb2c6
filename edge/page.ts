/**
 * The page: one HTML file with its script and style inside. The build makes it of the sources in `edge/page/`; here it gets
 * its names.
 */
import { fileURLToPath } from 'node:url';
import { readBuilt } from './built.js';

export interface PageOptions {
  /** The model's name, as requests call it. */
  readonly model: string;
  /** What the page calls the place that computes: `Worker`, `server`. */
  readonly host: string;
}

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const path = fileURLToPath(new URL('./page.html', import.meta.url));

/** Throws `IoError` where the page was not built. */
export async function buildPage({ model, host }: PageOptions): Promise<string> {
  const html = new TextDecoder().decode(await readBuilt('a page', path));
  return html.replaceAll('{{model}}', () => escapeHtml(model)).replaceAll('{{host}}', () => escapeHtml(host));
}
