// From tiles to blocks: chooses tile heights, walks the rows of a block, prepares what a panel of eight columns needs.
import {
  columns1, columns2, columns3, columns4, columns5, columns6, rows1, rows2, rows3, rows4, rows5, rows6, scores1, scores4, scores5, scores6,
  stream1, stream4, values1, values4, values5, values6, wide1x1, wide1x2, wide1x4, wide2x1, wide2x2,
} from './generated/tiles';
import {
  dots1, dots2, dots3, dots4, dots5, dots6, pairs1, pairs2, pairs3, pairs4, pairs5, words1, words4, words5,
} from './generated/integer-tiles';
import { HAS_DOT, TILE_ROWS } from './simd';

let tileRows: i32 = TILE_ROWS;

/** Sets the height of float tiles: 4, 5 or 6. It changes speed, never a bit. */
export function setTile(rows: i32): void {
  tileRows = rows;
}

/** The height of the next tile where `left` rows are left: two even ones rather than a full one and a small rest. */
// @ts-ignore: decorator
@inline
function heightOf(left: i32, most: i32): i32 {
  return left <= most ? left : left < 2 * most ? (left + 1) >> 1 : most;
}

/**
 * `count` rows of C's panel at byte `column` of each row. `table` holds {row of A, row of C} for each; a row of A is
 * `segments` runs of `length` numbers, `gap` bytes apart; `skip` bytes of B lie between the runs. B is packed
 * unless its numbers of one k lie `bStep` bytes apart.
 */
export function rowsOfPanel(
  table: usize, count: i32, b: usize, segments: i32, length: i32, gap: usize, skip: usize, column: usize, columns: i32,
  bias: usize, low: f32, bStep: usize = 32,
): void {
  while (count > 0) {
    const height = heightOf(count, tileRows);
    switch (height) {
      case 1: rows1(table, b, segments, length, gap, skip, column, columns, bias, low, bStep); break;
      case 2: rows2(table, b, segments, length, gap, skip, column, columns, bias, low, bStep); break;
      case 3: rows3(table, b, segments, length, gap, skip, column, columns, bias, low, bStep); break;
      case 4: rows4(table, b, segments, length, gap, skip, column, columns, bias, low, bStep); break;
      case 5: rows5(table, b, segments, length, gap, skip, column, columns, bias, low, bStep); break;
      default: rows6(table, b, segments, length, gap, skip, column, columns, bias, low, bStep);
    }
    table += height << 3;
    count -= height;
  }
}

/**
 * `count` rows of C's panel at `y`, where A's rows lie down the columns of memory: `table` holds {column k of A} for each
 * of `length` numbers, eight bytes an entry; the first row is `shift` bytes into a column.
 */
export function columnsOfPanel(
  table: usize, shift: usize, count: i32, b: usize, bStep: usize, length: i32, y: usize, yStep: usize, columns: i32, bias: usize,
  low: f32,
): void {
  while (count > 0) {
    const height = heightOf(count, tileRows);
    switch (height) {
      case 1: columns1(table, shift, b, bStep, length, y, yStep, columns, bias, low); break;
      case 2: columns2(table, shift, b, bStep, length, y, yStep, columns, bias, low); break;
      case 3: columns3(table, shift, b, bStep, length, y, yStep, columns, bias, low); break;
      case 4: columns4(table, shift, b, bStep, length, y, yStep, columns, bias, low); break;
      case 5: columns5(table, shift, b, bStep, length, y, yStep, columns, bias, low); break;
      default: columns6(table, shift, b, bStep, length, y, yStep, columns, bias, low);
    }
    shift += height << 2;
    y += <usize>height * yStep;
    count -= height;
  }
}

/** One or two rows of C over the panels of `columns` columns; `panel` bytes from one panel of B to the next. */
export function wideRows(
  a: usize, aStep: usize, count: i32, b: usize, bStep: usize, panel: usize, length: i32, y: usize, yStep: usize, columns: i32,
  bias: usize, low: f32,
): void {
  // Small tiles mark an engine that would spill the widest one.
  const widest = count == 1 && tileRows > 4 ? 4 : 2;
  while (columns > 0) {
    let panels = widest;
    while (panels > 1 && panels << 3 > columns) panels >>= 1;
    if (count == 2) {
      if (panels == 2) wide2x2(a, aStep, b, bStep, panel, length, y, yStep, columns, bias, low);
      else wide2x1(a, aStep, b, bStep, panel, length, y, yStep, columns, bias, low);
    } else if (panels == 4) {
      wide1x4(a, aStep, b, bStep, panel, length, y, yStep, columns, bias, low);
    } else if (panels == 2) {
      wide1x2(a, aStep, b, bStep, panel, length, y, yStep, columns, bias, low);
    } else {
      wide1x1(a, aStep, b, bStep, panel, length, y, yStep, columns, bias, low);
    }
    columns -= panels << 3;
    b += <usize>panels * panel;
    y += panels << 5;
    bias += panels << 5;
  }
}

/**
 * y = start + a B for one row of `length` numbers, `columns` of them; y may be start. B lies by blocks of 32 columns,
 * [length][32], zeros to the right.
 */
export function streamRow(a: usize, b: usize, length: i32, y: usize, columns: i32, start: usize): void {
  for (; columns > 0; columns -= 32) {
    if (tileRows > 4) stream4(a, b, length, y, columns, start);
    else stream1(a, b, length, y, columns, start);
    b += <usize>length << 7;
    y += 128;
    start += 128;
  }
}

/**
 * The next of attention's tiles where `left` rows are left: their height, and above its four bits their number. Full ones
 * first, then as many a row lower as leave none that is short. Fewer than four rows, which are rare, go one by one.
 */
function tilesFor(left: i32, most: i32): i32 {
  const over = left % most;
  const lower = over && most > 4 ? most - over : 0;
  const full = left - lower * (most - 1);
  if (full >= most) return ((full / most) << 4) | most;
  if (lower && full == 0) return (lower << 4) | (most - 1);
  const height = heightOf(left, most);
  return height < 4 ? (left << 4) | 1 : 16 | height;
}

/**
 * scores[keys][8] = keys * queries, where `keys` are `count` rows of `length` numbers, `step` bytes apart, and `queries` a
 * panel [length][8]; `largest` [8] is raised to the largest of each query.
 */
export function scoresOfKeys(
  scores: usize, keys: usize, step: usize, count: i32, queries: usize, length: i32, largest: usize,
): void {
  while (count > 0) {
    const next = tilesFor(count, tileRows);
    const tiles = next >> 4;
    const height = next & 15;
    switch (height) {
      case 1: scores1(scores, keys, step, tiles, queries, length, largest); break;
      case 4: scores4(scores, keys, step, tiles, queries, length, largest); break;
      case 5: scores5(scores, keys, step, tiles, queries, length, largest); break;
      default: scores6(scores, keys, step, tiles, queries, length, largest);
    }
    const done = height * tiles;
    scores += done << 5;
    keys += <usize>done * step;
    count -= done;
  }
}

/** sums[size][8] += values * weights, where `values` are `count` rows of `size` numbers and `weights` a panel [count][8]. */
export function sumsOfValues(sums: usize, values: usize, size: i32, count: i32, weights: usize): void {
  const step = <usize>size << 2;
  while (size > 0) {
    const next = tilesFor(size, tileRows);
    const tiles = next >> 4;
    const height = next & 15;
    switch (height) {
      case 1: values1(sums, values, step, tiles, weights, count); break;
      case 4: values4(sums, values, step, tiles, weights, count); break;
      case 5: values5(sums, values, step, tiles, weights, count); break;
      default: values6(sums, values, step, tiles, weights, count);
    }
    const done = height * tiles;
    sums += done << 5;
    values += done << 2;
    size -= done;
  }
}

/** sums[row][8] = start[8] + A * B for `count` rows, B by groups of four; lengths in groups. */
export function dotsOfPanel(
  table: usize, count: i32, b: usize, segments: i32, length: i32, gap: usize, start: usize, sums: usize,
): void {
  if (!HAS_DOT) return;
  while (count > 0) {
    const height = heightOf(count, tileRows);
    switch (height) {
      case 1: dots1(table, b, segments, length, gap, start, sums); break;
      case 2: dots2(table, b, segments, length, gap, start, sums); break;
      case 3: dots3(table, b, segments, length, gap, start, sums); break;
      case 4: dots4(table, b, segments, length, gap, start, sums); break;
      case 5: dots5(table, b, segments, length, gap, start, sums); break;
      default: dots6(table, b, segments, length, gap, start, sums);
    }
    table += height << 3;
    sums += height << 5;
    count -= height;
  }
}

/** The same with B by groups of two. */
export function pairsOfPanel(
  table: usize, count: i32, b: usize, segments: i32, length: i32, gap: usize, start: usize, sums: usize,
): void {
  while (count > 0) {
    const height = heightOf(count, min(tileRows, 5));
    switch (height) {
      case 1: pairs1(table, b, segments, length, gap, start, sums); break;
      case 2: pairs2(table, b, segments, length, gap, start, sums); break;
      case 3: pairs3(table, b, segments, length, gap, start, sums); break;
      case 4: pairs4(table, b, segments, length, gap, start, sums); break;
      default: pairs5(table, b, segments, length, gap, start, sums);
    }
    table += height << 3;
    sums += height << 5;
    count -= height;
  }
}

/**
 * sums[row][8] = A * B for `count` rows of 16-bit integers, `step` bytes apart; `length` pairs of them. For two, three and
 * seven rows there is one or two more, of whatever lies there.
 */
export function wordsOfPanel(a: usize, step: usize, count: i32, b: usize, length: i32, sums: usize): void {
  for (; count % 5 > 1; count -= 4) {
    words4(a, step, b, length, sums, 1);
    a += 4 * step;
    sums += 4 << 5;
  }
  if (count > 4) {
    words5(a, step, b, length, sums, count / 5);
    a += <usize>(count - 1) * step;
    sums += count - 1 << 5;
    count %= 5;
  }
  if (count == 1) words1(a, step, b, length, sums, 1);
}

/** The bias of `columns` columns from `column` on, with zeros to the next multiple of eight; zeros without a bias. */
export function biasBlock(to: usize, bias: usize, column: i32, columns: i32): void {
  const padded = (columns + 7) & ~7;
  if (bias) memory.copy(to, bias + (column << 2), columns << 2);
  else columns = 0;
  memory.fill(to + (columns << 2), 0, (padded - columns) << 2);
}
