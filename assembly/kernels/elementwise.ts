// Functions of one operand. A unit is BLOCK elements.

import { loadOctets, loadLanes, storeOctets, storeLanes } from '../lanes';
import { expAny } from '../math';
import { fail, NOT_FINITE } from '../runtime';
import { elementsBefore, map, narrow } from '../templates';

@unmanaged
class Abs {
  @inline
  apply(x: v128): v128 {
    return f32x4.abs(x);
  }
}

export function absF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<Abs>(begin, end, y, x, count);
}

@unmanaged
class AbsInteger {
  @inline
  apply(x: v128): v128 {
    return i32x4.abs(x);
  }
}

export function absI32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<AbsInteger>(begin, end, y, x, count);
}

@unmanaged
class Sign {
  /** What is neither above nor below 0 is its own sign: zeros and NaN. */
  @inline
  apply(x: v128): v128 {
    const zero = i32x4.splat(0);
    const one = v128.or(v128.and(x, i32x4.splat(0x80000000)), f32x4.splat(1));
    return v128.bitselect(one, x, v128.or(f32x4.lt(x, zero), f32x4.gt(x, zero)));
  }
}

export function signF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<Sign>(begin, end, y, x, count);
}

@unmanaged
class SignInteger {
  @inline
  apply(x: v128): v128 {
    return i32x4.sub(i32x4.shr_s(x, 31), i32x4.gt_s(x, i32x4.splat(0)));
  }
}

export function signI32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<SignInteger>(begin, end, y, x, count);
}

@unmanaged
class Floor {
  @inline
  apply(x: v128): v128 {
    return f32x4.floor(x);
  }
}

export function floorF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<Floor>(begin, end, y, x, count);
}

@unmanaged
class Sqrt {
  @inline
  apply(x: v128): v128 {
    return f32x4.sqrt(x);
  }
}

export function sqrtF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<Sqrt>(begin, end, y, x, count);
}

@unmanaged
class Rsqrt {
  @inline
  apply(x: v128): v128 {
    return f32x4.div(f32x4.splat(1), f32x4.sqrt(x));
  }
}

export function rsqrtF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<Rsqrt>(begin, end, y, x, count);
}

@unmanaged
class Relu {
  /** `pmax` keeps its first operand when one of them is NaN. */
  @inline
  apply(x: v128): v128 {
    return f32x4.pmax(x, i32x4.splat(0));
  }
}

export function reluF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<Relu>(begin, end, y, x, count);
}

@unmanaged
class ToInteger {
  @inline
  apply(x: v128): v128 {
    return i32x4.trunc_sat_f32x4_s(x);
  }
}

/** i32 from f32: truncated, saturated, NaN gives 0. */
export function toI32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<ToInteger>(begin, end, y, x, count);
}

@unmanaged
class ToFloat {
  @inline
  apply(x: v128): v128 {
    return f32x4.convert_i32x4_s(x);
  }
}

/** f32 from i32. */
export function toF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<ToFloat>(begin, end, y, x, count);
}

export function expF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  const first = elementsBefore(begin, count);
  const at = <usize>first << 2;
  expAny(y + at, x + at, elementsBefore(end, count) - first, i32x4.splat(0));
}

/** y = 1 / (1 + exp(-x)), by pieces that stay in the first cache. */
export function sigmoidF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  const first = elementsBefore(begin, count);
  const one = f32x4.splat(1);
  const minus = i32x4.splat(0x80000000);
  x += <usize>first << 2;
  y += <usize>first << 2;
  for (let left = elementsBefore(end, count) - first; left > 0; left -= 1024) {
    let n = min(left, 1024);
    expAny(y, x, n, minus);
    x += 4096;
    for (; n > 0; n -= 4) {
      storeLanes(y, f32x4.div(one, f32x4.add(one, loadLanes(y, n))), n);
      y += 16;
    }
  }
}

/** The bytes 1 where x is 0 and 0 elsewhere: `not` for bool. */
export function isZero(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  const first = elementsBefore(begin, count);
  const zero = i32x4.splat(0);
  const one = i8x16.splat(1);
  x += <usize>first;
  y += <usize>first;
  for (let n = elementsBefore(end, count) - first; n > 0; n -= 16) {
    storeOctets(y, v128.and(i8x16.eq(loadOctets(x, n), zero), one), n);
    x += 16;
    y += 16;
  }
}

// @ts-ignore: decorator
@inline
function widenBytes<T>(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  const first = elementsBefore(begin, count);
  x += <usize>first;
  y += <usize>first << 2;
  for (let n = elementsBefore(end, count) - first; n > 0; n -= 16) {
    const bytes = loadOctets(x, n);
    const low = isSigned<T>() ? i16x8.extend_low_i8x16_s(bytes) : i16x8.extend_low_i8x16_u(bytes);
    const high = isSigned<T>() ? i16x8.extend_high_i8x16_s(bytes) : i16x8.extend_high_i8x16_u(bytes);
    storeLanes(y, i32x4.extend_low_i16x8_s(low), n);
    if (n > 4) storeLanes(y + 16, i32x4.extend_high_i16x8_s(low), n - 4);
    if (n > 8) storeLanes(y + 32, i32x4.extend_low_i16x8_s(high), n - 8);
    if (n > 12) storeLanes(y + 48, i32x4.extend_high_i16x8_s(high), n - 12);
    x += 16;
    y += 64;
  }
}

/** i32 from u8. */
export function widenU8(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  widenBytes<u8>(begin, end, y, x, count);
}

/** i32 from i8. */
export function widenI8(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  widenBytes<i8>(begin, end, y, x, count);
}

/** The low bytes of i32, clamped to [low, high] before. */
export function narrowI32(begin: i32, end: i32, y: usize, x: usize, count: i32, low: i32, high: i32): void {
  const first = elementsBefore(begin, count);
  const least = i32x4.splat(low);
  const most = i32x4.splat(high);
  const mask = i32x4.splat(255);
  x += <usize>first << 2;
  y += <usize>first;
  for (let n = elementsBefore(end, count) - first; n > 0; n -= 4) {
    const bytes = v128.and(i32x4.min_s(i32x4.max_s(loadLanes(x, n), least), most), mask);
    storeOctets(y, narrow(bytes, bytes, bytes, bytes), min(n, 4));
    x += 16;
    y += 4;
  }
}

/** Stops the run at the first element of a unit that is NaN or infinite. */
export function checkFinite(begin: i32, end: i32, x: usize, count: i32): void {
  const exponent = i32x4.splat(0x7f800000);
  let at = elementsBefore(begin, count);
  const last = elementsBefore(end, count);
  for (; at < last; at += 4) {
    const bits = v128.and(loadLanes(x + (<usize>at << 2), last - at), exponent);
    const found = i32x4.bitmask(i32x4.eq(bits, exponent));
    if (found) {
      fail(NOT_FINITE, at + ctz(found));
      return;
    }
  }
}
