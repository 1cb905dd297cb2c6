// The gradients of attention, whose probabilities are made again block by block from the logarithms of the rows' sums. One
// kernel does both halves: rows of queries over columns of keys give the gradient of the queries; rows of keys over columns
// of queries, `flipped`, give those of the keys and the values. A unit is a block of rows, and owns what it writes.

import { BLOCKS, COLUMNS, maskAt, maskRow, product, ROWS, scaledRows, ZEROS } from '../attention';
import { storeLanes } from '../lanes';
import { expRow } from '../math';
import { BAD_INDEX, fail, scratch } from '../runtime';

/**
 * With s = x * scale * others^T, e = u * partners^T, p = exp(s - logSum) and g = p (e - delta), where nothing is hidden:
 * dx = g * others * scale and, unless `du` is 0, du = p * partners. x [matrices, m, d], u [matrices, m, dv]; others and
 * partners, of n rows, are packed by rows and by columns; logSum and delta belong to the queries.
 */
export function attentionGrad(
  begin: i32, end: i32, dx: usize, du: usize, x: usize, u: usize, others: usize, partners: usize, otherColumns: usize,
  partnerColumns: usize, logSum: usize, delta: usize, mask: usize, lengths: usize, heads: i32, m: i32, n: i32, d: i32, dv: i32,
  scale: f32, causal: i32, flipped: i32,
): void {
  const blocks = (m + ROWS - 1) / ROWS;
  const table = scratch();
  const zeros = table + ZEROS;
  const probabilities = table + BLOCKS;
  const slopes = probabilities + (ROWS * COLUMNS << 2);
  const scaled = slopes + (ROWS * COLUMNS << 2);
  const width = <usize>((d + 3) & ~3) << 2;
  v128.store(zeros, i32x4.splat(0));
  v128.store(zeros, i32x4.splat(0), 16);
  for (let unit = begin; unit < end; unit++) {
    const matrix = unit / blocks;
    const row = (unit - matrix * blocks) * ROWS;
    const rows = min(ROWS, m - row);
    const batch = matrix / heads;
    const keys = flipped ? m : n;
    let length = keys;
    if (lengths) {
      length = load<i32>(lengths + (<usize>batch << 2));
      if (<u32>length > <u32>keys) {
        fail(BAD_INDEX, length);
        return;
      }
    }
    // Columns before `column` and from `last` on show nothing of these rows.
    let column = 0;
    let last = flipped ? n : length;
    if (causal) {
      if (flipped) column = row & -COLUMNS;
      else last = min(last, row + rows);
    }
    const first = <usize>matrix * m + row;
    const queries = flipped ? <usize>matrix * n : first;
    const toX = dx + first * (<usize>d << 2);
    const toU = du + first * (<usize>dv << 2);
    const fromU = u + first * (<usize>dv << 2);
    const panels = <usize>matrix * ((n + 7) >> 3) << 5;
    const right = others + panels * d;
    const rightOfU = partners + panels * dv;
    const below = otherColumns + (<usize>matrix * ((d + 7) >> 3) * n << 5);
    const belowU = partnerColumns + (<usize>matrix * ((dv + 7) >> 3) * n << 5);
    scaledRows(scaled, width, x + first * (<usize>d << 2), d << 2, rows, scale);
    let start = zeros;
    for (; column < last; column += COLUMNS) {
      const columns = min(COLUMNS, last - column);
      product(table, probabilities, COLUMNS << 2, scaled, width, rows, d, right + (<usize>column * d << 2), d << 5, columns, zeros);
      product(table, slopes, COLUMNS << 2, fromU, dv << 2, rows, dv, rightOfU + (<usize>column * dv << 2), dv << 5, columns, zeros);
      for (let i = 0; i < rows; i++) {
        const p = probabilities + (i * COLUMNS << 2);
        const g = slopes + (i * COLUMNS << 2);
        let visible = columns;
        let hidden = 0;
        if (causal) {
          if (flipped) hidden = max(0, min(columns, row + i - column));
          else visible = max(0, min(columns, row + i + 1 - column));
        }
        if (flipped && row + i >= length) visible = 0;
        if (mask) maskRow(p, columns, mask, maskAt(mask, batch, matrix % heads, row + i, column));
        if (flipped) {
          const sums = logSum + (queries + column << 2);
          const centers = delta + (queries + column << 2);
          for (let j = 0; j < columns; j += 4) {
            const at = <usize>j << 2;
            v128.store(p + at, f32x4.sub(v128.load(p + at), v128.load(sums + at)));
          }
          expRow(p, p, columns, i32x4.splat(0));
          clear(p, hidden, visible, columns);
          for (let j = 0; j < columns; j += 4) {
            const at = <usize>j << 2;
            v128.store(g + at, f32x4.mul(v128.load(p + at), f32x4.sub(v128.load(g + at), v128.load(centers + at))));
          }
        } else {
          const center = v128.load32_splat(delta + (queries + i << 2));
          expRow(p, p, columns, f32x4.neg(v128.load32_splat(logSum + (queries + i << 2))));
          clear(p, hidden, visible, columns);
          for (let j = 0; j < columns; j += 4) {
            const at = <usize>j << 2;
            v128.store(g + at, f32x4.mul(v128.load(p + at), f32x4.sub(v128.load(g + at), center)));
          }
        }
      }
      product(table, toX, d << 2, slopes, COLUMNS << 2, rows, columns, below + (<usize>column << 5), n << 5, d, start);
      if (du) product(table, toU, dv << 2, probabilities, COLUMNS << 2, rows, columns, belowU + (<usize>column << 5), n << 5, dv, start);
      start = 0;
    }
    if (start) {
      memory.fill(toX, 0, <usize>rows * d << 2);
      if (du) memory.fill(toU, 0, <usize>rows * dv << 2);
    } else {
      const factor = f32x4.splat(scale);
      for (let left = rows * d, at = toX; left > 0; left -= 4, at += 16) storeLanes(at, f32x4.mul(v128.load(at), factor), left);
    }
  }
}

/** Zeros for the probabilities before `hidden` and from `visible` to `columns`. */
function clear(p: usize, hidden: i32, visible: i32, columns: i32): void {
  if (hidden > 0) memory.fill(p, 0, <usize>hidden << 2);
  if (visible < columns) memory.fill(p + (<usize>visible << 2), 0, <usize>(columns - visible) << 2);
}
