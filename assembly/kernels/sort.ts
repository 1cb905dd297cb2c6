// The first elements of rows in order. An element is a word of 64 bits: above, an unsigned key of its order, all ones for
// NaN; below, its index. So no two are equal, and of equal elements the one of lower index is first.

import { scratch } from '../runtime';

/** Digits of a key, and how many values one takes. */
const DIGITS: i32 = 4;
const RADIX: i32 = 256;
const COUNTS_BYTES: usize = 4096;

/** The word of element `index` of a row at `x`, turned round where the largest are first. */
// @ts-ignore: decorator
@inline
function wordOf(x: usize, index: i32, isFloat: i32, flip: u32): u64 {
  const at = x + (<usize>index << 2);
  let key = load<u32>(at) ^ 0x80000000;
  if (isFloat) {
    const value = load<f32>(at);
    const bits = value == 0 ? 0 : load<i32>(at);
    key = value == value ? <u32>(bits ^ ((bits >> 31) | 0x80000000)) : 0xffffffff;
  }
  return (<u64>(key ^ flip) << 32) | <u64>(<u32>index);
}

// @ts-ignore: decorator
@inline
function put(values: usize, indices: usize, x: usize, at: i32, word: u64): void {
  const offset = <usize>at << 2;
  const index = <u32>word;
  store<u32>(indices + offset, index);
  store<u32>(values + offset, load<u32>(x + (<usize>index << 2)));
}

/** Lets `word` sink from the root of a heap of `count` words, whose largest is on top. */
function sink(heap: usize, root: i32, count: i32, word: u64): void {
  for (;;) {
    let child = 2 * root + 1;
    if (child >= count) break;
    let at = heap + (<usize>child << 3);
    if (child + 1 < count && load<u64>(at, 8) > load<u64>(at)) {
      ++child;
      at += 8;
    }
    const below = load<u64>(at);
    if (below <= word) break;
    store<u64>(heap + (<usize>root << 3), below);
    root = child;
  }
  store<u64>(heap + (<usize>root << 3), word);
}

/** A bit for each of sixteen elements at `at` that may come before `most`; the signs of all are turned by `turn`. */
// @ts-ignore: decorator
@inline
function sooner(at: usize, most: v128, turn: v128, isFloat: i32): i32 {
  const a = v128.xor(v128.load(at), turn);
  const b = v128.xor(v128.load(at, 16), turn);
  const c = v128.xor(v128.load(at, 32), turn);
  const d = v128.xor(v128.load(at, 48), turn);
  // Neither is at least as large as NaN.
  const later = isFloat
    ? i8x16.narrow_i16x8_s(
        i16x8.narrow_i32x4_s(f32x4.ge(a, most), f32x4.ge(b, most)),
        i16x8.narrow_i32x4_s(f32x4.ge(c, most), f32x4.ge(d, most)),
      )
    : i8x16.narrow_i16x8_s(
        i16x8.narrow_i32x4_s(i32x4.ge_s(a, most), i32x4.ge_s(b, most)),
        i16x8.narrow_i32x4_s(i32x4.ge_s(c, most), i32x4.ge_s(d, most)),
      );
  return i8x16.bitmask(later) ^ 0xffff;
}

/** Keeps the least k words of a row in a heap, and takes them out from the largest on. */
function select(values: usize, indices: usize, x: usize, n: i32, k: i32, isFloat: i32, flip: u32): void {
  const heap = scratch();
  const turn = i32x4.splat(isFloat ? flip & 0x80000000 : flip);
  for (let i = 0; i < k; ++i) store<u64>(heap + (<usize>i << 3), wordOf(x, i, isFloat, flip));
  for (let i = (k >> 1) - 1; i >= 0; --i) sink(heap, i, k, load<u64>(heap + (<usize>i << 3)));
  let i = k;
  while (i < n) {
    let found = 1;
    let step = 1;
    if (i + 16 <= n) {
      const most = v128.xor(v128.load32_splat(x + (<usize>load<u32>(heap) << 2)), turn);
      found = sooner(x + (<usize>i << 2), most, turn, isFloat);
      step = 16;
    }
    for (; found; found &= found - 1) {
      const word = wordOf(x, i + ctz(found), isFloat, flip);
      if (word < load<u64>(heap)) sink(heap, 0, k, word);
    }
    i += step;
  }
  for (let i = k - 1; i >= 0; --i) {
    put(values, indices, x, i, load<u64>(heap));
    sink(heap, 0, i, load<u64>(heap + (<usize>i << 3)));
  }
}

/** Sorts the words of a row by the digits of their keys, the lowest first; a digit that all share is passed over. */
function sort(values: usize, indices: usize, x: usize, n: i32, k: i32, isFloat: i32, flip: u32): void {
  const counts = scratch();
  let from = counts + COUNTS_BYTES;
  let to = from + (<usize>n << 3);
  memory.fill(counts, 0, COUNTS_BYTES);
  for (let i = 0; i < n; ++i) {
    const word = wordOf(x, i, isFloat, flip);
    store<u64>(from + (<usize>i << 3), word);
    for (let digit = 0; digit < DIGITS; ++digit) {
      const count = counts + (<usize>((digit << 8) + <i32>((word >> (32 + (digit << 3))) & 255)) << 2);
      store<i32>(count, load<i32>(count) + 1);
    }
  }
  for (let digit = 0; digit < DIGITS; ++digit) {
    const shift: u64 = 32 + (digit << 3);
    const places = counts + (<usize>digit << 10);
    if (load<i32>(places + (<usize>((load<u64>(from) >> shift) & 255) << 2)) == n) continue;
    let place = 0;
    for (let value = 0; value < RADIX; ++value) {
      const at = places + (<usize>value << 2);
      const count = load<i32>(at);
      store<i32>(at, place);
      place += count;
    }
    for (let i = 0; i < n; ++i) {
      const word = load<u64>(from + (<usize>i << 3));
      const at = places + (<usize>((word >> shift) & 255) << 2);
      const next = load<i32>(at);
      store<i32>(at, next + 1);
      store<u64>(to + (<usize>next << 3), word);
    }
    const other = from;
    from = to;
    to = other;
  }
  for (let i = 0; i < k; ++i) put(values, indices, x, i, load<u64>(from + (<usize>i << 3)));
}

/**
 * The k first of each row x [rows, n] and their indices: the smallest or, where `largest`, the largest; NaN is larger
 * than everything. A unit is `perUnit` rows. Sorting takes 4096 + 16 n bytes of scratch, selecting 8 k.
 */
export function topK(
  begin: i32,
  end: i32,
  values: usize,
  indices: usize,
  x: usize,
  rows: i32,
  n: i32,
  k: i32,
  isFloat: i32,
  largest: i32,
  sorting: i32,
  perUnit: i32,
): void {
  if (k == 0) return;
  const flip: u32 = largest ? 0xffffffff : 0;
  const last = min(end * perUnit, rows);
  for (let row = begin * perUnit; row < last; ++row) {
    const to = <usize>(row * k) << 2;
    const from = x + (<usize>(row * n) << 2);
    if (sorting) sort(values + to, indices + to, from, n, k, isFloat, flip);
    else select(values + to, indices + to, from, n, k, isFloat, flip);
  }
}
