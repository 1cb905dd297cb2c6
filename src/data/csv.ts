/**
 * CSV as RFC 4180 writes it: records on lines, fields between commas, a field in double quotes where it holds a comma, a
 * quote (written twice) or a line break. UTF-8, with or without a byte order mark; lines end with CRLF, LF or CR, the
 * last perhaps with nothing, and empty lines are passed over.
 *
 *   const table = readCsv(bytes, { columns: { species: 'class' } });
 *   const x = matrixOf(table, ['length', 'width']);
 *
 * Errors name the row, counted from 0 as the rows of arrays are, and the line that it begins on, counted from 1.
 */
import { ArgumentError, DTypeError, FormatError, UnsupportedError } from '../core/errors.js';
import { type NDArray, ndarray } from '../core/ndarray.js';
import type { Named } from '../core/tree.js';

/** What a column holds: numbers, integers, texts, or texts that name a class. */
export type ColumnType = 'f32' | 'i32' | 'text' | 'class';

/** A column of a table: its name and its values. */
export type Column =
  | { readonly type: 'f32' | 'i32'; readonly values: NDArray }
  | { readonly type: 'text'; readonly values: readonly string[] }
  /** `values` are i32 positions in `classes`, which are in the order of their code units. */
  | { readonly type: 'class'; readonly values: NDArray<'i32'>; readonly classes: readonly string[] };

/** A field that holds nothing. */
export interface Missing {
  /** Of the file, counted from 0 and without the header. */
  readonly row: number;
  readonly column: string;
}

/** What a CSV file holds. */
export interface Table {
  readonly rows: number;
  readonly columns: Named<Column>;
  /** Every missing field, those of rows that were dropped too. */
  readonly missing: readonly Missing[];
}

export interface CsvOptions {
  /** Whether the first record names the columns (default true); else they are '0', '1' and so on. */
  readonly header?: boolean;
  /** Types of columns by name; f32 unless said. */
  readonly columns?: Named<ColumnType>;
  /** One character (default a comma). */
  readonly delimiter?: string;
  /** Texts without quotes that stand for nothing (default the empty one, `NA`, `NaN` and `?`). */
  readonly missingTexts?: readonly string[];
  /** Rows with a missing field: `refuse` them (default), `drop` them, or `keep` them with NaN or an empty text. */
  readonly missing?: 'refuse' | 'drop' | 'keep';
  /** Names the file in errors. */
  readonly where?: string;
}

/** Texts of JavaScript engines end at 2^29 characters. */
const maxBytes = 2 ** 28;
const maxFields = 2 ** 16;
/** Missing fields that an error lists. */
const listed = 5;

interface Field {
  readonly text: string;
  readonly isQuoted: boolean;
}

interface CsvRecord {
  readonly fields: readonly Field[];
  /** The line that it begins on, from 1. */
  readonly line: number;
}

/** Reads a table. Throws `FormatError` for what is no CSV or does not fit its columns, naming the row. */
export function readCsv(source: Uint8Array | string, options: CsvOptions = {}): Table {
  const { header = true, columns: types = {}, delimiter = ',', missing: policy = 'refuse', where = 'csv' } = options;
  if (delimiter.length !== 1 || /["\r\n]/.test(delimiter)) {
    throw new ArgumentError(where, `a delimiter of one character is required. Received ${JSON.stringify(delimiter)}.`);
  }
  const absent = new Set(options.missingTexts ?? ['', 'NA', 'NaN', '?']);
  const records = recordsOf(textOf(source, where), delimiter, where);
  const first = header ? records.next().value : undefined;
  const rows = [...records];
  const names = (first ?? rows[0])?.fields.map(({ text }, i) => (header ? text.trim() : String(i))) ?? [];
  checkNames(where, names, types);
  rows.forEach(({ fields, line }, row) => {
    if (fields.length === names.length) return;
    const message = `${names.length} fields in every row are required. Received ${fields.length} in row ${row} (line ${line}).`;
    throw new FormatError(where, message);
  });

  const isMissing = ({ text, isQuoted }: Field): boolean => !isQuoted && absent.has(text.trim());
  const missing = rows.flatMap(({ fields }, row) =>
    fields.flatMap((field, i) => (isMissing(field) ? [{ row, column: names[i] ?? '' }] : [])),
  );
  const typeOf = (name: string): ColumnType => (Object.hasOwn(types, name) ? types[name] : undefined) ?? 'f32';
  const isRefused = ({ column }: Missing): boolean => policy === 'refuse' || /^(i32|class)$/.test(typeOf(column));
  const refused = policy === 'drop' ? [] : missing.filter(isRefused);
  if (refused.length > 0) throw new FormatError(where, describeMissing(refused, rows));

  const without = new Set(policy === 'drop' ? missing.map(({ row }) => row) : []);
  const kept = rows.flatMap((record, row) => (without.has(row) ? [] : [{ ...record, row }]));
  const columnOf = (name: string, at: number): Column => {
    const cells = kept.map(({ fields, line, row }) => {
      const field = fields[at] ?? { text: '', isQuoted: false };
      return { text: isMissing(field) ? '' : field.text, place: () => `row ${row} (line ${line}), column '${name}'` };
    });
    return readColumn(where, typeOf(name), cells);
  };
  return {
    rows: kept.length,
    columns: Object.fromEntries(names.map((name, at) => [name, columnOf(name, at)])),
    missing,
  };
}

/** Columns of numbers side by side: f32 [rows, columns]. All of them unless names are given. */
export function matrixOf({ rows, columns }: Table, names: readonly string[] = Object.keys(columns)): NDArray<'f32'> {
  const data = new Float32Array(rows * names.length);
  names.forEach((name, at) => {
    const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
    if (!column) {
      const known = Object.keys(columns).join(', ');
      throw new ArgumentError('matrixOf', `a column among ${known} is required. Received '${name}'.`);
    }
    if (column.type !== 'f32' && column.type !== 'i32') {
      throw new DTypeError('matrixOf', `columns of numbers are required. '${name}' is of type ${column.type}.`);
    }
    for (let row = 0; row < rows; row++) data[row * names.length + at] = column.values.data[row] ?? NaN;
  });
  return ndarray('f32', [rows, names.length], data);
}

function textOf(source: Uint8Array | string, where: string): string {
  if (source.length > maxBytes) {
    throw new UnsupportedError(where, `a file of at most ${maxBytes} bytes is required. Received ${source.length}.`);
  }
  if (typeof source === 'string') return source.replace(/^\uFEFF/, '');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(source);
  } catch (cause) {
    throw new FormatError(where, 'text in UTF-8 is required. Received other bytes.', { cause });
  }
}

/** The records of a text, one pass over it. Throws `FormatError` where a quote is out of place or never closed. */
function* recordsOf(text: string, delimiter: string, where: string): Generator<CsvRecord, undefined, void> {
  // Plain text runs to the next of these; a sticky search finds it without looking at every character here.
  const end = new RegExp(`[${delimiter.replace(/[\]\\^-]/g, '\\$&')}\r\n"]|$`, 'g');
  let [at, line] = [0, 1];

  const quoted = (): string => {
    const opened = line;
    let value = '';
    for (let start = at + 1; ;) {
      const close = text.indexOf('"', start);
      if (close < 0) throw new FormatError(where, `a quote that is opened on line ${opened} must be closed.`);
      const part = text.slice(start, close);
      line += part.match(/\r\n|\r|\n/g)?.length ?? 0;
      value += part;
      at = close + 1;
      if (text[at] !== '"') return value;
      value += '"';
      start = at + 1;
    }
  };
  const plain = (): string => {
    const start = at;
    end.lastIndex = at;
    at = end.exec(text)?.index ?? text.length;
    return text.slice(start, at);
  };

  while (at < text.length) {
    const fields: Field[] = [];
    const begun = line;
    for (let isOpen = true; isOpen;) {
      const isQuoted = text[at] === '"';
      fields.push({ text: isQuoted ? quoted() : plain(), isQuoted });
      const next = text[at];
      if (next !== undefined && next !== delimiter && next !== '\r' && next !== '\n') {
        const rule = isQuoted ? 'a closed quote ends its field' : 'a quote begins its field, or is within a quoted one';
        throw new FormatError(where, `${rule}. Received ${JSON.stringify(next)} after it on line ${line}.`);
      }
      if (fields.length > maxFields) {
        throw new UnsupportedError(where, `at most ${maxFields} fields are required. Line ${begun} has more.`);
      }
      isOpen = next === delimiter;
      if (isOpen) at++;
    }
    if (at < text.length) {
      at += text.startsWith('\r\n', at) ? 2 : 1;
      line++;
    }
    const [only] = fields;
    const isEmpty = fields.length === 1 && only?.text === '' && !only.isQuoted;
    if (!isEmpty) yield { fields, line: begun };
  }
  return undefined;
}

function checkNames(where: string, names: readonly string[], types: Named<ColumnType>): void {
  if (names.length === 0) throw new FormatError(where, 'at least one record is required. Received none.');
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new FormatError(where, `columns of different names are required. Two are '${twice}'.`);
  const unknown = Object.keys(types).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new ArgumentError(where, `columns among ${names.join(', ')} are required. Received a type for '${unknown}'.`);
}

function describeMissing(missing: readonly Missing[], rows: readonly CsvRecord[]): string {
  const places = missing
    .slice(0, listed)
    .map(({ row, column }) => `'${column}' of row ${row} (line ${rows[row]?.line})`);
  const more = missing.length > listed ? `, and ${missing.length - listed} more` : '';
  return `a value in every field is required. Missing: ${places.join(', ')}${more}.`;
}

interface Cell {
  readonly text: string;
  /** For errors. */
  readonly place: () => string;
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function readColumn(where: string, type: ColumnType, cells: readonly Cell[]): Column {
  const shape = [cells.length];
  if (type === 'text') return { type, values: cells.map(({ text }) => text) };
  if (type === 'class') {
    const classes = [...new Set(cells.map(({ text }) => text))].sort();
    const positions = new Map(classes.map((name, i) => [name, i]));
    const values = Int32Array.from(cells, ({ text }) => positions.get(text) ?? 0);
    return { type, values: ndarray('i32', shape, values), classes };
  }
  const numbers = cells.map(({ text, place }) => {
    const trimmed = text.trim();
    if (type === 'f32' && trimmed === '') return NaN;
    const value = decimal.test(trimmed) ? Number(trimmed) : NaN;
    const fits = type === 'f32' ? Number.isFinite(Math.fround(value)) : value === (value | 0);
    if (fits) return value;
    const required = type === 'f32' ? 'a number' : 'a 32-bit integer';
    throw new FormatError(
      where,
      `${required} is required in ${place()}. Received ${JSON.stringify(text.slice(0, 60))}.`,
    );
  });
  return { type, values: ndarray(type, shape, numbers) };
}
