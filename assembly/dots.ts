// Dot products with the rows of a matrix as they lie, which is read once: four at a time.

import { loadLanes } from './lanes';
import { fma } from './simd';

/** The dot products of `a` with four vectors of `k` numbers. */
export function fourDots(a: usize, b0: usize, b1: usize, b2: usize, b3: usize, k: i32): v128 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const whole = <usize>(k & ~3) << 2;
  for (let at: usize = 0; at < whole; at += 16) {
    const x = v128.load(a + at);
    s0 = fma(x, v128.load(b0 + at), s0);
    s1 = fma(x, v128.load(b1 + at), s1);
    s2 = fma(x, v128.load(b2 + at), s2);
    s3 = fma(x, v128.load(b3 + at), s3);
  }
  const rest = k & 3;
  if (rest) {
    const x = loadLanes(a + whole, rest);
    s0 = fma(x, loadLanes(b0 + whole, rest), s0);
    s1 = fma(x, loadLanes(b1 + whole, rest), s1);
    s2 = fma(x, loadLanes(b2 + whole, rest), s2);
    s3 = fma(x, loadLanes(b3 + whole, rest), s3);
  }
  const low01 = v128.shuffle<i32>(s0, s1, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(s0, s1, 2, 6, 3, 7);
  const low23 = v128.shuffle<i32>(s2, s3, 0, 4, 1, 5);
  const high23 = v128.shuffle<i32>(s2, s3, 2, 6, 3, 7);
  return f32x4.add(
    f32x4.add(v128.shuffle<i64>(low01, low23, 0, 2), v128.shuffle<i64>(low01, low23, 1, 3)),
    f32x4.add(v128.shuffle<i64>(high01, high23, 0, 2), v128.shuffle<i64>(high01, high23, 1, 3)),
  );
}

/** y[j] = the dot product of `a` with row j of B, [rows][k]; y is written up to a multiple of four. */
export function dotsOfRows(y: usize, a: usize, b: usize, rows: i32, k: i32): void {
  const step = <usize>k << 2;
  for (; rows > 0; rows -= 4) {
    const b1 = rows > 1 ? b + step : b;
    const b2 = rows > 2 ? b1 + step : b;
    const b3 = rows > 3 ? b2 + step : b;
    v128.store(y, fourDots(a, b, b1, b2, b3, k));
    b += step << 2;
    y += 16;
  }
}
