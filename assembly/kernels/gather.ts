// Rows by their index.

import { copyBytes } from '../lanes';
import { BAD_INDEX, fail } from '../runtime';

/**
 * y [outer, count, bytes] = x [outer, extent, bytes] at `indices` [count]. A row is one of outer times count; a unit is
 * `perUnit` rows. A row whose index is out of range stops the run and is left as it is.
 */
export function gather(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  indices: usize,
  rows: i32,
  count: i32,
  extent: i32,
  bytes: i32,
  perUnit: i32,
): void {
  const last = min(end * perUnit, rows);
  for (let row = begin * perUnit; row < last; ++row) {
    const outer = row / count;
    const index = load<i32>(indices + (<usize>(row - outer * count) << 2));
    if (<u32>index >= <u32>extent) {
      fail(BAD_INDEX, index);
      continue;
    }
    const to = y + <usize>row * bytes;
    const from = x + <usize>(outer * extent + index) * bytes;
    if (bytes == 4) store<i32>(to, load<i32>(from));
    else copyBytes(to, from, bytes);
  }
}
