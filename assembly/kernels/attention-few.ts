// Attention of few queries, which read keys and values once, as they lie. A unit is a head.

import { BLOCKS, COLUMNS, maskAt, maskRow, scaledRows, STATE } from '../attention';
import { dotsOfRows } from '../dots';
import { exp, expRow, log } from '../math';
import { largestOf, scaleRow } from '../rows';
import { BAD_INDEX, fail, scratch } from '../runtime';
import { hsum } from '../simd';
import { wideRows } from '../tile';

/** `attention` of no more queries than the rows of a block; dv is a multiple of eight. */
export function attentionFew(
  begin: i32, end: i32, y: usize, logSum: usize, q: usize, keys: usize, values: usize, mask: usize, lengths: usize, heads: i32,
  m: i32, n: i32, d: i32, dv: i32, scale: f32, causal: i32,
): void {
  const largest = scratch() + STATE;
  const scores = scratch() + BLOCKS;
  const queries = scores + (<usize>m * COLUMNS << 2);
  const width = <usize>((d + 3) & ~3) << 2;
  const size = <usize>dv << 2;
  for (let matrix = begin; matrix < end; matrix++) {
    const batch = matrix / heads;
    let last = n;
    if (lengths) {
      last = load<i32>(lengths + (<usize>batch << 2));
      if (<u32>last > <u32>n) {
        fail(BAD_INDEX, last);
        return;
      }
    }
    if (causal) last = min(last, m);
    const first = <usize>matrix * m;
    const to = y + first * size;
    const others = <usize>matrix * n;
    scaledRows(queries, width, q + first * (<usize>d << 2), d << 2, m, scale);
    for (let i = 0; i < m; i++) {
      store<f32>(largest + (i << 3), -Infinity);
      store<f32>(largest + (i << 3), 0, 4);
    }
    memory.fill(to, 0, <usize>m * size);
    for (let column = 0; column < last; column += COLUMNS) {
      const columns = min(COLUMNS, last - column);
      const block = keys + (others + column) * (<usize>d << 2);
      const below = values + (others + column) * size;
      for (let i = 0; i < m; i++) {
        const row = scores + (i * COLUMNS << 2);
        const state = largest + (i << 3);
        const sums = to + <usize>i * size;
        dotsOfRows(row, queries + <usize>i * width, block, columns, d);
        const visible = causal ? max(0, min(columns, i + 1 - column)) : columns;
        if (mask) maskRow(row, visible, mask, maskAt(mask, batch, matrix % heads, i, column));
        const before = load<f32>(state);
        const highest = max(before, largestOf(row, visible));
        // Where all are hidden there is nothing to subtract, and a NaN must stay one.
        const shift: f32 = highest == -Infinity ? 0 : -highest;
        const sum = hsum(expRow(row, row, visible, f32x4.splat(shift)));
        if (visible < columns) memory.fill(row + (visible << 2), 0, <usize>(columns - visible) << 2);
        let total = load<f32>(state, 4);
        if (highest > before) {
          const factor = exp(f32x4.splat(before - highest));
          total *= f32x4.extract_lane(factor, 0);
          if (column > 0) scaleRow(sums, dv, factor);
        }
        store<f32>(state, highest);
        store<f32>(state, total + sum, 4);
        wideRows(row, 0, 1, below, size, 32, columns, sums, 0, dv, sums, -Infinity);
      }
    }
    for (let i = 0; i < m; i++) {
      const total = load<f32>(largest + (i << 3), 4);
      const empty = total == 0;
      const logarithm = f32x4.extract_lane(log(f32x4.splat(total)), 0);
      scaleRow(to + <usize>i * size, dv, f32x4.splat(empty ? 0 : <f32>1 / total));
      store<f32>(logSum + (first + i << 2), empty ? 0 : load<f32>(largest + (i << 3)) + logarithm);
    }
  }
}
