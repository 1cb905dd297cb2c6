// Attention without the matrix of scores: blocks of keys, and for each query the largest score and the sum so far (Milakov
// and Gimelshein 2018; Dao et al., NeurIPS 2022). A unit is a block of queries of one head.

import { BLOCKS, COLUMNS, maskAt, maskRow, product, ROWS, scaledRows, STATE, ZEROS } from '../attention';
import { dotsOfRows } from '../dots';
import { exp, expRow, log } from '../math';
import { largestOf, scaleRow } from '../rows';
import { BAD_INDEX, fail, scratch } from '../runtime';
import { hsum } from '../simd';
import { wideRows } from '../tile';

/**
 * y = softmax(q keys^T * scale) values, and the logarithm of each row's sum of exponentials: 0, and y is 0, where every key
 * is hidden. q [matrices, m, d]; keys are packed by rows, values by columns, unless `few` queries read both as they lie: then
 * dv is a multiple of eight. `lengths`, or 0, says how many of a batch's keys are there.
 */
export function attention(
  begin: i32, end: i32, y: usize, logSum: usize, q: usize, keys: usize, values: usize, mask: usize, lengths: usize, heads: i32,
  m: i32, n: i32, d: i32, dv: i32, scale: f32, causal: i32, few: i32,
): void {
  const blocks = (m + ROWS - 1) / ROWS;
  const table = scratch();
  const zeros = table + ZEROS;
  const largest = table + STATE;
  const scores = table + BLOCKS;
  const queries = scores + (ROWS * COLUMNS << 2);
  const width = <usize>((d + 3) & ~3) << 2;
  v128.store(zeros, i32x4.splat(0));
  v128.store(zeros, i32x4.splat(0), 16);
  for (let unit = begin; unit < end; unit++) {
    const matrix = unit / blocks;
    const row = (unit - matrix * blocks) * ROWS;
    const rows = min(ROWS, m - row);
    const batch = matrix / heads;
    let last = n;
    if (lengths) {
      last = load<i32>(lengths + (<usize>batch << 2));
      if (<u32>last > <u32>n) {
        fail(BAD_INDEX, last);
        return;
      }
    }
    if (causal) last = min(last, row + rows);
    const first = <usize>matrix * m + row;
    const to = y + first * (<usize>dv << 2);
    const right = keys + (few ? <usize>matrix * n * d << 2 : <usize>matrix * ((n + 7) >> 3) * d << 5);
    const below = values + (few ? <usize>matrix * n * dv << 2 : <usize>matrix * ((dv + 7) >> 3) * n << 5);
    scaledRows(queries, width, q + first * (<usize>d << 2), d << 2, rows, scale);
    for (let i = 0; i < rows; i++) {
      store<f32>(largest + (i << 3), -Infinity);
      store<f32>(largest + (i << 3), 0, 4);
    }
    if (few || last == 0) memory.fill(to, 0, <usize>rows * dv << 2);
    for (let column = 0; column < last; column += COLUMNS) {
      const columns = min(COLUMNS, last - column);
      const block = right + (<usize>column * d << 2);
      if (few) {
        for (let i = 0; i < rows; i++) dotsOfRows(scores + (i * COLUMNS << 2), queries + <usize>i * width, block, columns, d);
      } else {
        product(table, scores, COLUMNS << 2, queries, width, rows, d, block, d << 5, columns, zeros);
      }
      for (let i = 0; i < rows; i++) {
        const row4 = scores + (i * COLUMNS << 2);
        const state = largest + (i << 3);
        const visible = causal ? max(0, min(columns, row + i + 1 - column)) : columns;
        if (mask) maskRow(row4, visible, mask, maskAt(mask, batch, matrix % heads, row + i, column));
        const before = load<f32>(state);
        const highest = max(before, largestOf(row4, visible));
        // Where all are hidden there is nothing to subtract, and a NaN must stay one.
        const shift: f32 = highest == -Infinity ? 0 : -highest;
        const sum = hsum(expRow(row4, row4, visible, f32x4.splat(shift)));
        if (visible < columns) memory.fill(row4 + (visible << 2), 0, <usize>(columns - visible) << 2);
        let total = load<f32>(state, 4);
        if (highest > before) {
          const factor = exp(f32x4.splat(before - highest));
          total *= f32x4.extract_lane(factor, 0);
          if (column > 0) scaleRow(to + <usize>i * (<usize>dv << 2), dv, factor);
        }
        store<f32>(state, highest);
        store<f32>(state, total + sum, 4);
      }
      if (few) {
        const block = below + (<usize>column * dv << 2);
        for (let i = 0; i < rows; i++) {
          const sums = to + <usize>i * (<usize>dv << 2);
          wideRows(scores + (i * COLUMNS << 2), 0, 1, block, dv << 2, 32, columns, sums, 0, dv, sums, -Infinity);
        }
        continue;
      }
      const start: usize = column > 0 ? 0 : zeros;
      product(table, to, dv << 2, scores, COLUMNS << 2, rows, columns, below + (<usize>column << 5), n << 5, dv, start);
    }
    for (let i = 0; i < rows; i++) {
      const total = load<f32>(largest + (i << 3), 4);
      const empty = total == 0;
      const logarithm = f32x4.extract_lane(log(f32x4.splat(total)), 0);
      scaleRow(to + <usize>i * (<usize>dv << 2), dv, f32x4.splat(empty ? 0 : <f32>1 / total));
      store<f32>(logSum + (first + i << 2), empty ? 0 : load<f32>(largest + (i << 3)) + logarithm);
    }
  }
}
