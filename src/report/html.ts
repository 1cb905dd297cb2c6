/** Text as HTML: everything that is put into a template is escaped, but for what came out of one. */

/** HTML that is safe as it stands. */
export class Html {
  constructor(readonly text: string) {}
}

type Part = Html | string | number | readonly Html[];

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function print(part: Part): string {
  if (part instanceof Html) return part.text;
  return typeof part === 'string' || typeof part === 'number' ? escape(`${part}`) : part.map(print).join('');
}

/** A template of HTML or SVG. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.map((text, i) => text + (i < parts.length ? print(parts[i] ?? '') : '')).join(''));

export interface Column {
  readonly name: string;
  /** Whether it holds numbers, which are aligned right. */
  readonly isNumber?: boolean;
}

/** A table whose first column names its rows. It scrolls within itself where it is wider than the page. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly (string | Html)[])[],
): Html {
  const kind = (i: number): string => (columns[i]?.isNumber ? 'number' : 'text');
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(({ name }, i) => html`<th scope="col" class="${kind(i)}">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([head = '', ...cells]) =>
            html`<tr>
              <th scope="row" class="${kind(0)}">${head}</th>
              ${cells.map((cell, i) => html`<td class="${kind(i + 1)}">${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
