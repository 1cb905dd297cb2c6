// What softmax, losses and normalisation need of a row of floats.

import { expRow } from './math';
import { lanesBelow, loadLanes, storeLanes } from './lanes';
import { scratch } from './runtime';
import { hsum } from './simd';

/** The largest of a row, NaN left out: -Infinity for none. */
export function largestOf(x: usize, count: i32): f32 {
  const lowest = f32x4.splat(-Infinity);
  let a = lowest;
  let b = lowest;
  let c = lowest;
  let d = lowest;
  for (; count >= 16; count -= 16) {
    a = f32x4.pmax(a, v128.load(x));
    b = f32x4.pmax(b, v128.load(x, 16));
    c = f32x4.pmax(c, v128.load(x, 32));
    d = f32x4.pmax(d, v128.load(x, 48));
    x += 64;
  }
  for (; count >= 4; count -= 4) {
    a = f32x4.pmax(a, v128.load(x));
    x += 16;
  }
  if (count > 0) b = f32x4.pmax(b, v128.bitselect(loadLanes(x, count), lowest, lanesBelow(count)));
  a = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
  a = f32x4.pmax(a, v128.shuffle<i32>(a, a, 2, 3, 0, 1));
  a = f32x4.pmax(a, v128.shuffle<i32>(a, a, 1, 0, 3, 2));
  return f32x4.extract_lane(a, 0);
}

/** Floats of scratch that `sumOfExp` writes. */
const PIECE: i32 = 256;

/** The sum of exp(x - shift) over a row, by pieces that only the thread's scratch holds. */
export function sumOfExp(x: usize, count: i32, shift: f32): f32 {
  const minus = f32x4.splat(-shift);
  let sum = i32x4.splat(0);
  for (; count > 0; count -= PIECE) {
    sum = f32x4.add(sum, expRow(scratch(), x, min(count, PIECE), minus));
    x += PIECE << 2;
  }
  return hsum(sum);
}

/** Multiplies a row by `scale`. */
// @ts-ignore: decorator
@inline
export function scaleRow(x: usize, count: i32, scale: v128): void {
  for (; count >= 16; count -= 16) {
    v128.store(x, f32x4.mul(v128.load(x), scale));
    v128.store(x, f32x4.mul(v128.load(x, 16), scale), 16);
    v128.store(x, f32x4.mul(v128.load(x, 32), scale), 32);
    v128.store(x, f32x4.mul(v128.load(x, 48), scale), 48);
    x += 64;
  }
  for (; count >= 4; count -= 4) {
    v128.store(x, f32x4.mul(v128.load(x), scale));
    x += 16;
  }
  if (count > 0) storeLanes(x, f32x4.mul(loadLanes(x, count), scale), count);
}
