// Layer normalisation (Ba, Kiros, Hinton 2016) in two passes: the mean, then the squares of what is left.

import { lanesBelow, loadLanes, storeLanes } from '../lanes';
import { fma, hsum } from '../simd';

/** The sum of (x - shift) or of its square over a row. */
// @ts-ignore: decorator
@inline
function sumOf(x: usize, count: i32, shift: v128, squared: bool): f32 {
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (; count >= 16; count -= 16) {
    const e = f32x4.sub(v128.load(x), shift);
    const f = f32x4.sub(v128.load(x, 16), shift);
    const g = f32x4.sub(v128.load(x, 32), shift);
    const h = f32x4.sub(v128.load(x, 48), shift);
    a = squared ? fma(e, e, a) : f32x4.add(a, e);
    b = squared ? fma(f, f, b) : f32x4.add(b, f);
    c = squared ? fma(g, g, c) : f32x4.add(c, g);
    d = squared ? fma(h, h, d) : f32x4.add(d, h);
    x += 64;
  }
  for (; count >= 4; count -= 4) {
    const e = f32x4.sub(v128.load(x), shift);
    a = squared ? fma(e, e, a) : f32x4.add(a, e);
    x += 16;
  }
  if (count > 0) {
    const e = v128.and(f32x4.sub(loadLanes(x, count), shift), lanesBelow(count));
    a = squared ? fma(e, e, a) : f32x4.add(a, e);
  }
  return hsum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
}

/** y = (x - mean) / sqrt(variance + epsilon) * gamma + beta of each row; y may be x. A unit is `perUnit` rows. */
export function layerNormalization(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  gamma: usize,
  beta: usize,
  rows: i32,
  width: i32,
  perUnit: i32,
  epsilon: f32,
): void {
  const first = min(begin * perUnit, rows);
  const last = min(end * perUnit, rows);
  let from = x + (<usize>(first * width) << 2);
  let to = y + (<usize>(first * width) << 2);
  for (let row = first; row < last; ++row) {
    const mean = f32x4.splat(sumOf(from, width, i32x4.splat(0), false) / <f32>width);
    const variance = sumOf(from, width, mean, true) / <f32>width;
    const scale = f32x4.splat(<f32>1 / sqrt<f32>(variance + epsilon));
    let at: usize = 0;
    let n = width;
    for (; n >= 4; n -= 4) {
      const z = f32x4.mul(f32x4.sub(v128.load(from + at), mean), scale);
      v128.store(to + at, fma(z, v128.load(gamma + at), v128.load(beta + at)));
      at += 16;
    }
    if (n > 0) {
      const z = f32x4.mul(f32x4.sub(loadLanes(from + at, n), mean), scale);
      storeLanes(to + at, fma(z, loadLanes(gamma + at, n), loadLanes(beta + at, n)), n);
    }
    from += <usize>width << 2;
    to += <usize>width << 2;
  }
}
