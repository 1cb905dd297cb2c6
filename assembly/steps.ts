// What the kernels of recurrent layers share: products of some rows with packed weights, by the tiles of matrix products.
//
// The thread's scratch: {row of A, row of C} for each row of a unit | the numbers that every row starts from | rows.
import { scratch } from './runtime';
import { biasBlock, rowsOfPanel, wideRows } from './tile';

/** Bytes of the table: sixteen rows. */
const TABLE: usize = 128;

/** Where the starts of rows of `width` numbers lie: `bias`, or zeros, and zeros up to a multiple of eight. */
export function startOf(bias: usize, width: i32): usize {
  const start = scratch() + TABLE;
  biasBlock(start, bias, 0, width);
  return start;
}

/** Where the rows behind `startOf` lie. */
// @ts-ignore: decorator
@inline
export function rowsBehind(start: usize, width: i32): usize {
  return start + (<usize>((width + 7) & ~7) << 2);
}

/**
 * to[rows][width] = start + A B for up to sixteen rows of A, `step` bytes apart, of `depth` numbers; B is packed by columns.
 * Where `start` is 0, what `to` holds is added to.
 */
export function multiplyRows(
  to: usize, toStep: usize, a: usize, step: usize, rows: i32, depth: i32, b: usize, width: i32, start: usize,
): void {
  if (rows == 1) {
    wideRows(a, 0, 1, b, 32, depth << 5, depth, to, 0, width, start ? start : to, -Infinity);
    return;
  }
  const table = scratch();
  for (let i = 0; i < rows; i++) {
    store<usize>(table + (i << 3), a + <usize>i * step);
    store<usize>(table + (i << 3), to + <usize>i * toStep, 4);
  }
  for (let j = 0; j < width; j += 8) {
    rowsOfPanel(table, rows, b + (<usize>j * depth << 2), 1, depth, 0, 0, j << 2, width - j, start ? start + (j << 2) : 0, -Infinity);
  }
}
