// Counter-based random numbers, the same bits as src/core/random.ts: Threefry-2x32 with 20 rounds (Salmon et al. 2011).
// The counter of element i is (i >> 1, stream), and the element takes word i & 1. A vector is four blocks. `key` holds
// (seed, step).

import { loadLanes, storeLanes } from '../lanes';
import { elementsBefore } from '../templates';

const PARITY: i32 = 0x1bd11bda;

// @ts-ignore: decorator
@inline
function rotate(x: v128, by: i32): v128 {
  return v128.or(i32x4.shl(x, by), i32x4.shr_u(x, 32 - by));
}

/** `store` makes four elements of four words; `n` of them, at most four. */
@unmanaged
class Keep {
  /** Kept where the words' upper 24 bits are above the limit, and scaled. */
  @inline
  store(y: usize, x: usize, words: v128, limit: v128, scale: v128, n: i32): void {
    storeLanes(y, v128.and(f32x4.mul(loadLanes(x, n), scale), i32x4.gt_s(i32x4.shr_u(words, 8), limit)), n);
  }
}

@unmanaged
class Uniform {
  /** The upper 24 bits of the words, scaled. */
  @inline
  store(y: usize, _x: usize, words: v128, _limit: v128, scale: v128, n: i32): void {
    storeLanes(y, f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(words, 8)), scale), n);
  }
}

// @ts-ignore: decorator
@inline
function draw<Op>(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  key: usize,
  count: i32,
  stream: i32,
  threshold: i32,
  scale: f32,
): void {
  const op = changetype<Op>(0);
  const k0 = v128.load32_splat(key);
  const k1 = v128.load32_splat(key, 4);
  const k2 = i32x4.splat(PARITY ^ load<i32>(key) ^ load<i32>(key, 4));
  const limit = i32x4.splat(threshold - 1);
  const factor = f32x4.splat(scale);
  const secondCounter = i32x4.add(i32x4.splat(stream), k1);
  const four = i32x4.splat(4);
  const last = elementsBefore(end, count);
  for (let i = elementsBefore(begin, count); i < last; i += 16) {
    // Two vectors of blocks: one waits for its own results most of the time.
    let a = i32x4.add(i32x4.add(i32x4.splat(i >> 1), k0), i32x4(0, 1, 2, 3));
    let b = secondCounter;
    let c = i32x4.add(a, four);
    let d = secondCounter;
    // Two groups of four rounds at a time, for their rotations repeat, and the fifth group at the end.
    let ka = k1;
    let kb = k2;
    let kc = k0;
    for (let group = 1; ; group += 2) {
      a = i32x4.add(a, b);
      c = i32x4.add(c, d);
      b = v128.xor(a, rotate(b, 13));
      d = v128.xor(c, rotate(d, 13));
      a = i32x4.add(a, b);
      c = i32x4.add(c, d);
      b = v128.xor(a, rotate(b, 15));
      d = v128.xor(c, rotate(d, 15));
      a = i32x4.add(a, b);
      c = i32x4.add(c, d);
      b = v128.xor(a, rotate(b, 26));
      d = v128.xor(c, rotate(d, 26));
      a = i32x4.add(a, b);
      c = i32x4.add(c, d);
      b = v128.xor(a, rotate(b, 6));
      d = v128.xor(c, rotate(d, 6));
      const odd = i32x4.add(kb, i32x4.splat(group));
      a = i32x4.add(a, ka);
      c = i32x4.add(c, ka);
      b = i32x4.add(b, odd);
      d = i32x4.add(d, odd);
      if (group == 5) break;
      a = i32x4.add(a, b);
      c = i32x4.add(c, d);
      b = v128.xor(a, rotate(b, 17));
      d = v128.xor(c, rotate(d, 17));
      a = i32x4.add(a, b);
      c = i32x4.add(c, d);
      b = v128.xor(a, rotate(b, 29));
      d = v128.xor(c, rotate(d, 29));
      a = i32x4.add(a, b);
      c = i32x4.add(c, d);
      b = v128.xor(a, rotate(b, 16));
      d = v128.xor(c, rotate(d, 16));
      a = i32x4.add(a, b);
      c = i32x4.add(c, d);
      b = v128.xor(a, rotate(b, 24));
      d = v128.xor(c, rotate(d, 24));
      const even = i32x4.add(kc, i32x4.splat(group + 1));
      a = i32x4.add(a, kb);
      c = i32x4.add(c, kb);
      b = i32x4.add(b, even);
      d = i32x4.add(d, even);
      // Two groups on, the keys have moved by two places.
      const next = ka;
      ka = kc;
      kc = kb;
      kb = next;
    }
    const at = <usize>i << 2;
    const n = last - i;
    const words0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const words1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const words2 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    const words3 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    if (n >= 16) {
      op.store(y + at, x + at, words0, limit, factor, 4);
      op.store(y + at + 16, x + at + 16, words1, limit, factor, 4);
      op.store(y + at + 32, x + at + 32, words2, limit, factor, 4);
      op.store(y + at + 48, x + at + 48, words3, limit, factor, 4);
    } else {
      op.store(y + at, x + at, words0, limit, factor, n);
      if (n > 4) op.store(y + at + 16, x + at + 16, words1, limit, factor, n - 4);
      if (n > 8) op.store(y + at + 32, x + at + 32, words2, limit, factor, n - 8);
      if (n > 12) op.store(y + at + 48, x + at + 48, words3, limit, factor, n - 12);
    }
  }
}

/** Keeps an element where its word's upper 24 bits are at least `threshold`, and scales it. */
export function dropout(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  key: usize,
  count: i32,
  stream: i32,
  threshold: i32,
  scale: f32,
): void {
  draw<Keep>(begin, end, y, x, key, count, stream, threshold, scale);
}

/** Numbers in [0, 1): the upper 24 bits of each word. */
export function randomUniform(begin: i32, end: i32, y: usize, key: usize, count: i32, stream: i32): void {
  draw<Uniform>(begin, end, y, y, key, count, stream, 0, <f32>(1.0 / 16777216.0));
}
