// Softmax and its logarithm along rows. The largest element is subtracted first, so that nothing overflows.

import { expRow, log } from '../math';
import { largestOf, scaleRow, sumOfExp } from '../rows';
import { loadLanes, storeLanes } from '../lanes';
import { hsum } from '../simd';

/** y = exp(x) / sum(exp(x)) of each row [rows, width]; y may be x. A unit is `perUnit` rows. */
export function softmax(begin: i32, end: i32, y: usize, x: usize, rows: i32, width: i32, perUnit: i32): void {
  const first = min(begin * perUnit, rows);
  const last = min(end * perUnit, rows);
  let from = x + (<usize>(first * width) << 2);
  let to = y + (<usize>(first * width) << 2);
  for (let row = first; row < last; ++row) {
    const shift = f32x4.splat(-largestOf(from, width));
    const scale = f32x4.splat(<f32>1 / hsum(expRow(to, from, width, shift)));
    from += <usize>width << 2;
    scaleRow(to, width, scale);
    to += <usize>width << 2;
  }
}

/** y = x - log(sum(exp(x))) of each row; y may be x. */
export function logSoftmax(begin: i32, end: i32, y: usize, x: usize, rows: i32, width: i32, perUnit: i32): void {
  const first = min(begin * perUnit, rows);
  const last = min(end * perUnit, rows);
  let from = x + (<usize>(first * width) << 2);
  let to = y + (<usize>(first * width) << 2);
  for (let row = first; row < last; ++row) {
    const largest = largestOf(from, width);
    const shift = f32x4.splat(largest);
    const rest = log(f32x4.splat(sumOfExp(from, width, largest)));
    let n = width;
    for (; n >= 4; n -= 4) {
      v128.store(to, f32x4.sub(f32x4.sub(v128.load(from), shift), rest));
      from += 16;
      to += 16;
    }
    if (n > 0) {
      storeLanes(to, f32x4.sub(f32x4.sub(loadLanes(from, n), shift), rest), n);
      from += <usize>n << 2;
      to += <usize>n << 2;
    }
  }
}
