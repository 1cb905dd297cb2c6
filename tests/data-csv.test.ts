/** CSV: what RFC 4180 writes, what is missing, and what is refused with the row that is to blame. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DTypeError, FormatError, QuernError } from '../src/core/errors.js';
import { permutation } from '../src/core/random.js';
import { type Column, matrixOf, readCsv, type Table } from '../src/data/csv.js';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const columnOf = ({ columns }: Table, name: string): Column => {
  const column = columns[name];
  if (!column) throw new Error(`no column ${name}`);
  return column;
};

const valuesOf = (table: Table, name: string): (number | string)[] => {
  const column = columnOf(table, name);
  return column.type === 'text' ? [...column.values] : Array.from(column.values.data);
};

function failure(type: new (...args: never[]) => Error, message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof type && message.test(error.message);
}

test('columns have their names and types', () => {
  const text = 'length,count,species,note\r\n5.1,3,setosa,a\r\n-.5e1,-2,virginica,b\r\n7,0,setosa,c\r\n';
  const table = readCsv(utf8(text), { columns: { count: 'i32', species: 'class', note: 'text' } });
  assert.is(table.rows, 3);
  assert.equal(Object.keys(table.columns), ['length', 'count', 'species', 'note']);
  assert.equal(valuesOf(table, 'length'), [Math.fround(5.1), -5, 7]);
  assert.equal(valuesOf(table, 'count'), [3, -2, 0]);
  const species = columnOf(table, 'species');
  assert.ok(species.type === 'class');
  assert.equal([species.classes, species.values.dtype], [['setosa', 'virginica'], 'i32']);
  assert.equal(valuesOf(table, 'species'), [0, 1, 0]);
  assert.equal(valuesOf(table, 'note'), ['a', 'b', 'c']);
  const x = matrixOf(table, ['count', 'length']);
  assert.equal([x.dtype, x.shape, [...x.data]], ['f32', [3, 2], [3, Math.fround(5.1), -2, -5, 0, 7]]);
});

test('quoted fields hold delimiters, quotes and line breaks', () => {
  const text = 'a,b\n"x, y","say ""hi"""\n"two\r\nlines",""\n"",z\n';
  const table = readCsv(text, { columns: { a: 'text', b: 'text' } });
  assert.equal(valuesOf(table, 'a'), ['x, y', 'two\r\nlines', '']);
  assert.equal(valuesOf(table, 'b'), ['say "hi"', '', 'z']);
  assert.equal(table.missing, []);
});

test('line ends, byte order marks, empty lines and other delimiters make no difference', () => {
  for (const text of ['a;b\n1;2\n3;4', 'a;b\r\n1;2\r\n\r\n3;4\r\n', 'a;b\r1;2\r3;4\r', '\ufeffa;b\n\n1;2\n3;4\n\n']) {
    for (const source of [text, utf8(text)]) {
      assert.equal([...matrixOf(readCsv(source, { delimiter: ';' })).data], [1, 2, 3, 4]);
    }
  }
  const bare = readCsv('1,2\n3,4\n', { header: false });
  assert.equal(Object.keys(bare.columns), ['0', '1']);
  assert.equal([...matrixOf(bare).data], [1, 2, 3, 4]);
  for (const delimiter of ['\t', ']', '\\', '^', '-']) {
    assert.equal([...matrixOf(readCsv(`a${delimiter}b\n1${delimiter}2\n`, { delimiter })).data], [1, 2]);
  }
  const none = readCsv('a,b\n');
  assert.equal([none.rows, matrixOf(none).shape], [0, [0, 2]]);
});

test('a row with too many or too few fields is named', () => {
  const many = 'a,b\n1,2\n3,4,5\n';
  assert.throws(() => readCsv(many), failure(FormatError, /^\[csv\] 2 fields .* Received 3 in row 1 \(line 3\)\.$/));
  assert.throws(() => readCsv('a,b\n"1\n",2\n3\n'), failure(FormatError, /Received 1 in row 1 \(line 4\)/));
  assert.throws(() => readCsv('a,b\n1,2,\n', { where: 'mine.csv' }), /^.*\[mine\.csv\] .*Received 3 in row 0/);
  assert.throws(() => readCsv('1,2\n3\n', { header: false }), /Received 1 in row 1 \(line 2\)/);
});

test('missing values are reported by row: refused, dropped or kept', () => {
  const text = 'a,b,c\n1,2,x\n,5,y\n7,NA,\n8,9,"NA"\n';
  const columns = { c: 'text' } as const;
  const message = /Missing: 'a' of row 1 \(line 3\), 'b' of row 2 \(line 4\), 'c' of row 2 \(line 4\)\./;
  assert.throws(() => readCsv(text, { columns }), failure(FormatError, message));
  const missing = [
    { row: 1, column: 'a' },
    { row: 2, column: 'b' },
    { row: 2, column: 'c' },
  ];
  const dropped = readCsv(text, { columns, missing: 'drop' });
  assert.equal([dropped.rows, dropped.missing], [2, missing]);
  assert.equal(valuesOf(dropped, 'a'), [1, 8]);
  assert.equal(valuesOf(dropped, 'c'), ['x', 'NA']);
  const kept = readCsv(text, { columns, missing: 'keep' });
  assert.equal([kept.rows, kept.missing], [4, missing]);
  assert.equal(valuesOf(kept, 'a'), [1, NaN, 7, 8]);
  assert.equal(valuesOf(kept, 'b'), [2, 5, NaN, 9]);
  assert.equal(valuesOf(kept, 'c'), ['x', 'y', '', 'NA']);
  // Neither an integer nor a class can be nothing.
  assert.throws(() => readCsv('a\n \n', { missing: 'keep', columns: { a: 'i32' } }), /'a' of row 0 \(line 2\)/);
  assert.throws(() => readCsv('a\n?\n', { missing: 'keep', columns: { a: 'class' } }), /'a' of row 0/);
  assert.equal(valuesOf(readCsv('a\n-9\n', { missing: 'keep', missingTexts: ['-9'] }), 'a'), [NaN]);
  const many = `a,b\n${',\n'.repeat(9)}`;
  assert.throws(() => readCsv(many), /row 2 \(line 4\), and 13 more\.$/);
});

test('fields that are not of their column are named', () => {
  const bad = (field: string, type: 'f32' | 'i32'): (() => void) => {
    return () => readCsv(`a,b\n1,1\n${field},2\n`, { columns: { a: type } });
  };
  for (const field of ['x', '1,5', '0x10', '1e39', 'Infinity', '1 2', '--1', '.', 'e5', '1e', '"1\n2"']) {
    if (field !== '1,5')
      assert.throws(bad(field, 'f32'), failure(FormatError, /a number .*row 1 \(line 3\), column 'a'/));
  }
  for (const field of ['1.5', '2147483648', '-2147483649', 'x', '1e10']) {
    assert.throws(bad(field, 'i32'), failure(FormatError, /a 32-bit integer .* row 1 \(line 3\), column 'a'/));
  }
  assert.not.throws(bad('-2147483648', 'i32'));
});

test('what is no CSV is refused', () => {
  assert.throws(() => readCsv('a\n"open\n1\n'), failure(FormatError, /opened on line 2 must be closed/));
  assert.throws(() => readCsv('a\n"x"y\n'), failure(FormatError, /a closed quote ends its field.*"y".*line 2/));
  assert.throws(() => readCsv('a\nx"y"\n'), failure(FormatError, /a quote begins its field.*line 2/));
  assert.throws(() => readCsv(''), failure(FormatError, /at least one record/));
  assert.throws(() => readCsv('a,b,a\n1,2,3\n'), failure(FormatError, /Two are 'a'/));
  assert.throws(() => readCsv(new Uint8Array([0x61, 0x0a, 0xff, 0xfe])), failure(FormatError, /UTF-8/));
  assert.throws(() => readCsv('a\n1\n', { columns: { b: 'i32' } }), failure(ArgumentError, /columns among a .*'b'/));
  assert.throws(() => readCsv('a\n1\n', { delimiter: '"' }), failure(ArgumentError, /one character/));
  assert.throws(() => readCsv('a\n1\n', { delimiter: ', ' }), failure(ArgumentError, /one character/));
  assert.throws(() => readCsv(`${','.repeat(70_000)}\n`, { header: false }), failure(QuernError, /65536 fields/));
  const table = readCsv('a,b\n1,x\n', { columns: { b: 'text' } });
  assert.throws(() => matrixOf(table), failure(DTypeError, /'b' is of type text/));
  assert.throws(() => matrixOf(table, ['toString']), failure(ArgumentError, /among a, b .*'toString'/));
});

test('what is written by the rules is read back, whatever it holds', () => {
  const pieces = ['a', ',', '"', '\n', '\r\n', '\r', ' ', 'é', '1.5', '', '😀'];
  for (let round = 0; round < 200; round++) {
    const order = permutation([round, 0], 60);
    const cell = (i: number): string => [0, 1, 2].map((j) => pieces[(order[3 * i + j] ?? 0) % pieces.length]).join('');
    const cells = Array.from({ length: 20 }, (_, i) => cell(i));
    const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    const lines = Array.from({ length: 10 }, (_, row) =>
      cells
        .slice(2 * row, 2 * row + 2)
        .map(quote)
        .join(),
    );
    const table = readCsv(utf8(lines.join('\r\n')), { header: false, columns: { 0: 'text', 1: 'text' } });
    assert.equal(
      valuesOf(table, '0'),
      cells.filter((_, i) => i % 2 === 0),
    );
    assert.equal(
      valuesOf(table, '1'),
      cells.filter((_, i) => i % 2 === 1),
    );
  }
});

test('damaged bytes are read or refused with a typed error, never otherwise', () => {
  const whole = utf8('a,b\n"x, y",2\n3,"4 ""5"""\n,7\n');
  for (let round = 0; round < 2000; round++) {
    const bytes = whole.slice();
    const order = permutation([round, 1], 256);
    for (let i = 0; i <= round % 3; i++) bytes[(order[i] ?? 0) % bytes.length] = order[i + 3] ?? 0;
    try {
      readCsv(bytes, { missing: 'keep' });
    } catch (error) {
      assert.instance(error, QuernError);
    }
  }
});

test.run();
