// Functions of two and three operands, with broadcasting. A unit is BLOCK elements of the result.

import { loadOctets, loadLanes, storeOctets, storeLanes } from '../lanes';
import { powPairs } from '../math';
import { scratch } from '../runtime';
import { atan2 } from '../special';
import { compare, eachRow, spread, spreadByte, zip, zipBytes } from '../templates';

@unmanaged
class Light {
  @inline
  heavy(): bool {
    return false;
  }
}

@unmanaged
class Add extends Light {
  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.add(a, b);
  }
}

export function addF32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<Add>(begin, end, y, a, b, table);
}

@unmanaged
class Sub extends Light {
  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.sub(a, b);
  }
}

export function subF32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<Sub>(begin, end, y, a, b, table);
}

@unmanaged
class Mul extends Light {
  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.mul(a, b);
  }
}

export function mulF32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<Mul>(begin, end, y, a, b, table);
}

@unmanaged
class Div extends Light {
  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.div(a, b);
  }
}

export function divF32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<Div>(begin, end, y, a, b, table);
}

@unmanaged
class Max extends Light {
  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.max(a, b);
  }
}

export function maxF32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<Max>(begin, end, y, a, b, table);
}

@unmanaged
class Min extends Light {
  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.min(a, b);
  }
}

export function minF32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<Min>(begin, end, y, a, b, table);
}

@unmanaged
class PowRow {
  @inline
  row(y: usize, a: usize, b: usize, _c: usize, n: i32, stepA: usize, stepB: usize, _stepC: usize): void {
    a = spread(a, stepA, 0);
    b = spread(b, stepB, 1);
    const whole = n & -2;
    powPairs(y, a, b, whole, stepA << 1, stepB << 1);
    if (n > whole) {
      // Behind what is read of a repeated element.
      const last = scratch() + 16;
      store<f32>(last, load<f32>(a + <usize>whole * stepA));
      store<f32>(last, load<f32>(b + <usize>whole * stepB), 8);
      powPairs(last, last, last + 8, 2, 0, 0);
      store<f32>(y + (<usize>whole << 2), load<f32>(last));
    }
  }
}

export function powF32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  eachRow<PowRow, i32, i32, i32, i32>(begin, end, y, a, b, 0, table);
}

@unmanaged
class Atan2 {
  @inline
  heavy(): bool {
    return true;
  }

  @inline
  apply(a: v128, b: v128): v128 {
    return atan2(a, b);
  }
}

export function atan2F32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<Atan2>(begin, end, y, a, b, table);
}

@unmanaged
class AddInteger extends Light {
  @inline
  apply(a: v128, b: v128): v128 {
    return i32x4.add(a, b);
  }
}

export function addI32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<AddInteger>(begin, end, y, a, b, table);
}

@unmanaged
class SubInteger extends Light {
  @inline
  apply(a: v128, b: v128): v128 {
    return i32x4.sub(a, b);
  }
}

export function subI32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<SubInteger>(begin, end, y, a, b, table);
}

@unmanaged
class MulInteger extends Light {
  @inline
  apply(a: v128, b: v128): v128 {
    return i32x4.mul(a, b);
  }
}

export function mulI32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<MulInteger>(begin, end, y, a, b, table);
}

@unmanaged
class DivInteger {
  @inline
  heavy(): bool {
    return true;
  }

  /** In float64 the quotient of 32-bit integers truncates right. x / 0 is 0, and the one quotient that is too large wraps. */
  @inline
  apply(a: v128, b: v128): v128 {
    const low = i32x4.trunc_sat_f64x2_s_zero(f64x2.div(f64x2.convert_low_i32x4_s(a), f64x2.convert_low_i32x4_s(b)));
    const upperA = v128.shuffle<i32>(a, a, 2, 3, 2, 3);
    const upperB = v128.shuffle<i32>(b, b, 2, 3, 2, 3);
    const high = i32x4.trunc_sat_f64x2_s_zero(
      f64x2.div(f64x2.convert_low_i32x4_s(upperA), f64x2.convert_low_i32x4_s(upperB)),
    );
    const quotient = v128.shuffle<i32>(low, high, 0, 1, 4, 5);
    const over = v128.and(i32x4.eq(a, i32x4.splat(i32.MIN_VALUE)), i32x4.eq(b, i32x4.splat(-1)));
    return v128.andnot(i32x4.sub(quotient, over), i32x4.eq(b, i32x4.splat(0)));
  }
}

export function divI32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<DivInteger>(begin, end, y, a, b, table);
}

@unmanaged
class MaxInteger extends Light {
  @inline
  apply(a: v128, b: v128): v128 {
    return i32x4.max_s(a, b);
  }
}

export function maxI32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<MaxInteger>(begin, end, y, a, b, table);
}

@unmanaged
class MinInteger extends Light {
  @inline
  apply(a: v128, b: v128): v128 {
    return i32x4.min_s(a, b);
  }
}

export function minI32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zip<MinInteger>(begin, end, y, a, b, table);
}

@unmanaged
class Equal {
  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.eq(a, b);
  }
}

export function equalF32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  compare<Equal>(begin, end, y, a, b, table);
}

@unmanaged
class Less {
  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.lt(a, b);
  }
}

export function lessF32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  compare<Less>(begin, end, y, a, b, table);
}

@unmanaged
class LessEqual {
  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.le(a, b);
  }
}

export function lessEqualF32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  compare<LessEqual>(begin, end, y, a, b, table);
}

@unmanaged
class EqualInteger {
  @inline
  apply(a: v128, b: v128): v128 {
    return i32x4.eq(a, b);
  }
}

export function equalI32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  compare<EqualInteger>(begin, end, y, a, b, table);
}

@unmanaged
class LessInteger {
  @inline
  apply(a: v128, b: v128): v128 {
    return i32x4.lt_s(a, b);
  }
}

export function lessI32(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  compare<LessInteger>(begin, end, y, a, b, table);
}

@unmanaged
class And {
  @inline
  apply(a: v128, b: v128): v128 {
    return v128.and(a, b);
  }
}

/** a and b of bytes. */
export function andBytes(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zipBytes<And>(begin, end, y, a, b, table);
}

@unmanaged
class Or {
  @inline
  apply(a: v128, b: v128): v128 {
    return v128.or(a, b);
  }
}

export function orBytes(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  zipBytes<Or>(begin, end, y, a, b, table);
}

/** a or b by the low half of eight flags of 16 bits. */
// @ts-ignore: decorator
@inline
function choose(flags: v128, a: v128, b: v128): v128 {
  return v128.bitselect(a, b, i32x4.ne(i32x4.extend_low_i16x8_u(flags), i32x4.splat(0)));
}

@unmanaged
class WhereRow {
  @inline
  row(y: usize, c: usize, a: usize, b: usize, n: i32, stepC: usize, stepA: usize, stepB: usize): void {
    c = spreadByte(c, stepC, 0);
    a = spread(a, stepA, 1);
    b = spread(b, stepB, 2);
    for (; n >= 8; n -= 8) {
      const flags = v128.load8x8_u(c);
      v128.store(y, choose(flags, v128.load(a), v128.load(b)));
      const upper = v128.shuffle<i64>(flags, flags, 1, 1);
      v128.store(y, choose(upper, v128.load(a, 16), v128.load(b, 16)), 16);
      c += stepC << 3;
      a += stepA << 3;
      b += stepB << 3;
      y += 32;
    }
    for (; n > 0; n -= 4) {
      const flags = i16x8.extend_low_i8x16_u(loadOctets(c, min(n, 4)));
      storeLanes(y, choose(flags, loadLanes(a, n), loadLanes(b, n)), n);
      c += stepC << 2;
      a += stepA << 2;
      b += stepB << 2;
      y += 16;
    }
  }
}

/** y = condition ? a : b for 32-bit elements; the condition is bytes. */
export function where32(begin: i32, end: i32, y: usize, condition: usize, a: usize, b: usize, table: usize): void {
  eachRow<WhereRow, i32, u8, i32, i32>(begin, end, y, condition, a, b, table);
}

@unmanaged
class WhereByteRow {
  @inline
  row(y: usize, c: usize, a: usize, b: usize, n: i32, stepC: usize, stepA: usize, stepB: usize): void {
    const zero = i32x4.splat(0);
    c = spreadByte(c, stepC, 0);
    a = spreadByte(a, stepA, 1);
    b = spreadByte(b, stepB, 2);
    for (; n > 0; n -= 16) {
      const mask = i8x16.ne(loadOctets(c, n), zero);
      storeOctets(y, v128.bitselect(loadOctets(a, n), loadOctets(b, n), mask), n);
      c += stepC << 4;
      a += stepA << 4;
      b += stepB << 4;
      y += 16;
    }
  }
}

/** The same for bytes. */
export function where8(begin: i32, end: i32, y: usize, condition: usize, a: usize, b: usize, table: usize): void {
  eachRow<WhereByteRow, u8, u8, u8, u8>(begin, end, y, condition, a, b, table);
}
