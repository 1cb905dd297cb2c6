/** What commands print: text for people, or with `--json` one JSON object as the last line of standard output. */

export interface Output {
  /** Text for people: on standard output, or on standard error when that is for a machine. */
  note(text: string): void;
  /** The result: `text` for people, `value` for machines. */
  result(value: object, text: string): void;
}

export function outputOf(json = false): Output {
  const note = (text: string): void => void (json ? process.stderr : process.stdout).write(`${text}\n`);
  return {
    note,
    result: (value, text) => {
      note(text);
      if (json) process.stdout.write(`${JSON.stringify(value)}\n`);
    },
  };
}

/** Two columns, the second aligned right. */
export function table(rows: readonly (readonly [name: string, value: string])[]): string {
  const names = Math.max(...rows.map(([name]) => name.length));
  const values = Math.max(...rows.map(([, value]) => value.length));
  const rule = '\u2500'.repeat(names + 2 + values);
  return [rule, ...rows.map(([name, value]) => `${name.padEnd(names)}  ${value.padStart(values)}`), rule].join('\n');
}

/** Rows below their names; the first `texts` columns are aligned left, the others right. */
export function columns(names: readonly string[], rows: readonly (readonly string[])[], texts = 1): string {
  const widths = names.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i < texts ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const rule = '\u2500'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [line(names), rule, ...rows.map(line)].join('\n');
}

export const bytes = (count: number): string => `${count.toLocaleString('en-US')} B`;

export const milliseconds = (ms: number): string => `${ms.toFixed(ms < 1 ? 3 : ms < 100 ? 1 : 0)} ms`;

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
