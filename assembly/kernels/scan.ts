// Running sums of x [outer, axis, inner] along the axis. An item is one row, or one block of columns; a unit is `perUnit`
// items. Sums are added up in order, so that they do not depend on how the work is cut.

import { loadLanes, storeLanes } from '../lanes';
import { scratch } from '../runtime';

/** Columns of a block, whose sums are in the thread's scratch. */
const COLUMNS: i32 = 256;

/**
 * y[i] = x[0] + ... + x[i] along the axis, without x[i] where `exclusive`; from the last to the first where `reverse`.
 * Items are outer and blocks of columns.
 */
export function cumsumF32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  inner: i32,
  exclusive: i32,
  reverse: i32,
  perUnit: i32,
): void {
  const blocks = (inner + COLUMNS - 1) / COLUMNS;
  const last = min(end * perUnit, items);
  for (let item = begin * perUnit; item < last; ++item) {
    const outer = item / blocks;
    const column = (item - outer * blocks) * COLUMNS;
    const row = outer * axis + (reverse ? axis - 1 : 0);
    const offset = <usize>(row * inner + column) << 2;
    const pitch = <usize>(reverse ? -inner : inner) << 2;
    if (inner == 1) scanRow(y + offset, x + offset, axis, pitch, exclusive);
    else scanColumns(y + offset, x + offset, axis, pitch, min(COLUMNS, inner - column), exclusive);
  }
}

// @ts-ignore: decorator
@inline
function scanRow(y: usize, x: usize, axis: i32, pitch: usize, exclusive: i32): void {
  let sum: f32 = 0;
  for (; axis > 0; --axis) {
    const next = sum + load<f32>(x);
    store<f32>(y, exclusive ? sum : next);
    sum = next;
    x += pitch;
    y += pitch;
  }
}

// @ts-ignore: decorator
@inline
function scanColumns(y: usize, x: usize, axis: i32, pitch: usize, width: i32, exclusive: i32): void {
  const sums = scratch();
  for (let i = 0; i < width; i += 4) v128.store(sums + (<usize>i << 2), i32x4.splat(0));
  for (; axis > 0; --axis) {
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i << 2;
      const n = width - i;
      const sum = v128.load(sums + at);
      const next = f32x4.add(sum, loadLanes(x + at, n));
      v128.store(sums + at, next);
      storeLanes(y + at, exclusive ? sum : next, n);
    }
    x += pitch;
    y += pitch;
  }
}
