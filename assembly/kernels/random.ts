// Dropout from counter-based random numbers, the same bits as src/core/random.ts: Threefry-2x32 with 20 rounds (Salmon
// et al. 2011). The counter of element i is (i >> 1, stream), and the element takes word i & 1. A vector is four blocks.

import { loadLanes, storeLanes } from '../lanes';
import { elementsBefore } from '../templates';

const PARITY: i32 = 0x1bd11bda;

/** The second word of a block after a round: the first has been added to, and is mixed in. */
// @ts-ignore: decorator
@inline
function mix(a: v128, b: v128, by: i32): v128 {
  return v128.xor(a, v128.or(i32x4.shl(b, by), i32x4.shr_u(b, 32 - by)));
}

/** Keeps an element where its word's upper 24 bits are at least `threshold`, and scales it. `key` holds (seed, step). */
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
  const k0 = v128.load32_splat(key);
  const k1 = v128.load32_splat(key, 4);
  const k2 = i32x4.splat(PARITY ^ load<i32>(key) ^ load<i32>(key, 4));
  const limit = i32x4.splat(threshold - 1);
  const factor = f32x4.splat(scale);
  const secondCounter = i32x4.add(i32x4.splat(stream), k1);
  const last = elementsBefore(end, count);
  for (let i = elementsBefore(begin, count); i < last; i += 8) {
    let a = i32x4.add(i32x4.add(i32x4.splat(i >> 1), k0), i32x4(0, 1, 2, 3));
    let b = secondCounter;
    // Two groups of four rounds at a time, for their rotations repeat, and the fifth group at the end.
    let ka = k1;
    let kb = k2;
    let kc = k0;
    for (let group = 1; ; group += 2) {
      a = i32x4.add(a, b);
      b = mix(a, b, 13);
      a = i32x4.add(a, b);
      b = mix(a, b, 15);
      a = i32x4.add(a, b);
      b = mix(a, b, 26);
      a = i32x4.add(a, b);
      b = mix(a, b, 6);
      a = i32x4.add(a, ka);
      b = i32x4.add(i32x4.add(b, kb), i32x4.splat(group));
      if (group == 5) break;
      a = i32x4.add(a, b);
      b = mix(a, b, 17);
      a = i32x4.add(a, b);
      b = mix(a, b, 29);
      a = i32x4.add(a, b);
      b = mix(a, b, 16);
      a = i32x4.add(a, b);
      b = mix(a, b, 24);
      a = i32x4.add(a, kb);
      b = i32x4.add(i32x4.add(b, kc), i32x4.splat(group + 1));
      // Two groups on, the keys have moved by two places.
      const next = ka;
      ka = kc;
      kc = kb;
      kb = next;
    }
    const at = <usize>i << 2;
    const n = last - i;
    const low = i32x4.gt_s(i32x4.shr_u(v128.shuffle<i32>(a, b, 0, 4, 1, 5), 8), limit);
    storeLanes(y + at, v128.and(f32x4.mul(loadLanes(x + at, n), factor), low), n);
    if (n > 4) {
      const high = i32x4.gt_s(i32x4.shr_u(v128.shuffle<i32>(a, b, 2, 6, 3, 7), 8), limit);
      storeLanes(y + at + 16, v128.and(f32x4.mul(loadLanes(x + at + 16, n - 4), factor), high), n - 4);
    }
  }
}
