// Dropout from counter-based random numbers, the same bits as src/core/random.ts: Threefry-2x32 with 20 rounds (Salmon
// et al. 2011). The counter of element i is (i >> 1, stream), and the element takes word i & 1. A unit is 4,096 elements.
import { storePart } from '../simd';

const BLOCK = 4096;
const PARITY: i32 = 0x1bd11bda;

// @ts-ignore: decorator
@inline
function rotate(x: v128, by: i32): v128 {
  return v128.or(i32x4.shl(x, by), i32x4.shr_u(x, 32 - by));
}

/** Keeps an element where its word's upper 24 bits are at least `threshold`, and scales it. `key` holds (seed, step). */
export function dropout(
  begin: i32, end: i32, y: usize, x: usize, key: usize, length: i32, stream: i32, threshold: i32, scale: f32,
): void {
  const k0 = v128.load32_splat(key);
  const k1 = v128.load32_splat(key, 4);
  const k2 = i32x4.splat(PARITY ^ load<i32>(key) ^ load<i32>(key, 4));
  const one = i32x4.splat(1);
  const limit = i32x4.splat(threshold - 1);
  const factor = f32x4.splat(scale);
  const start1 = i32x4.add(i32x4.splat(stream), k1);
  const last = min(end * BLOCK, length);
  for (let i = begin * BLOCK; i < last; i += 8) {
    const half = i >> 1;
    let a = i32x4.add(i32x4.add(i32x4.splat(half), k0), i32x4(0, 1, 2, 3));
    let b = start1;
    let ka = k1;
    let kb = k2;
    let kc = k0;
    let round = one;
    for (let group = 0; group < 5; group++) {
      const odd = group & 1;
      a = i32x4.add(a, b);
      b = v128.xor(a, odd ? rotate(b, 17) : rotate(b, 13));
      a = i32x4.add(a, b);
      b = v128.xor(a, odd ? rotate(b, 29) : rotate(b, 15));
      a = i32x4.add(a, b);
      b = v128.xor(a, odd ? rotate(b, 16) : rotate(b, 26));
      a = i32x4.add(a, b);
      b = v128.xor(a, odd ? rotate(b, 24) : rotate(b, 6));
      a = i32x4.add(a, ka);
      b = i32x4.add(i32x4.add(b, kb), round);
      round = i32x4.add(round, one);
      const next = kc;
      kc = ka;
      ka = kb;
      kb = next;
    }
    const at = <usize>i << 2;
    const low = i32x4.gt_s(i32x4.shr_u(v128.shuffle<i32>(a, b, 0, 4, 1, 5), 8), limit);
    storePart(y + at, v128.and(f32x4.mul(v128.load(x + at), factor), low), length - i);
    if (i + 4 < length) {
      const high = i32x4.gt_s(i32x4.shr_u(v128.shuffle<i32>(a, b, 2, 6, 3, 7), 8), limit);
      storePart(y + at + 16, v128.and(f32x4.mul(v128.load(x + at, 16), factor), high), length - i - 4);
    }
  }
}
