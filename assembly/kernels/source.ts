// Values that come from shapes alone.

import { storeLanes } from '../lanes';
import { elementsBefore } from '../templates';

/** The i32 numbers y [outer, extent, inner] = position along the axis; a unit is BLOCK elements. */
export function iota(begin: i32, end: i32, y: usize, count: i32, extent: i32, inner: i32): void {
  const last = elementsBefore(end, count);
  const step = inner == 1 ? 1 : 0;
  const steps = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(step));
  const four = i32x4.splat(step << 2);
  for (let at = elementsBefore(begin, count); at < last; ) {
    // A run: the whole axis where it is innermost, otherwise the equal numbers of one position.
    const row = at / inner;
    const position = row % extent;
    const n = min(step ? extent - position : (row + 1) * inner - at, last - at);
    let to = y + (<usize>at << 2);
    let x = i32x4.add(i32x4.splat(position), steps);
    for (let left = n; left > 0; left -= 4) {
      storeLanes(to, x, left);
      x = i32x4.add(x, four);
      to += 16;
    }
    at += n;
  }
}

/** One float from an integer that the host knows. */
export function size(begin: i32, end: i32, y: usize, value: i32): void {
  store<f32>(y, <f32>value);
}
