// Between floats and 8-bit integers: q = round(x / scale) + zeroPoint, halves to even, saturated; a NaN becomes the zero
// point. Scales and zero points (as i32) are broadcast: one for all, or one for each channel. A unit is BLOCK elements.

import { loadLanes, loadOctets, storeLanes, storeOctets } from '../lanes';
import { eachRow, spread } from '../templates';

/** Four integers as i32, within the range of i16. */
// @ts-ignore: decorator
@inline
function quantized(x: v128, scale: v128, zero: v128): v128 {
  const far = f32x4.splat(1024);
  const near = f32x4.pmax(f32x4.pmin(f32x4.nearest(f32x4.div(x, scale)), far), f32x4.neg(far));
  return i32x4.add(i32x4.trunc_sat_f32x4_s(near), zero);
}

// @ts-ignore: decorator
@inline
function saturate<T>(low: v128, high: v128): v128 {
  return isSigned<T>() ? i8x16.narrow_i16x8_s(low, high) : i8x16.narrow_i16x8_u(low, high);
}

@unmanaged
class QuantizeRow<T> {
  @inline
  row(q: usize, x: usize, scale: usize, zero: usize, n: i32, _stepX: usize, stepScale: usize, stepZero: usize): void {
    scale = spread(scale, stepScale, 0);
    zero = spread(zero, stepZero, 1);
    for (; n >= 16; n -= 16) {
      const a = quantized(v128.load(x), v128.load(scale), v128.load(zero));
      const b = quantized(v128.load(x, 16), v128.load(scale, 16), v128.load(zero, 16));
      const c = quantized(v128.load(x, 32), v128.load(scale, 32), v128.load(zero, 32));
      const d = quantized(v128.load(x, 48), v128.load(scale, 48), v128.load(zero, 48));
      v128.store(q, saturate<T>(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
      x += 64;
      scale += stepScale << 4;
      zero += stepZero << 4;
      q += 16;
    }
    for (; n > 0; n -= 4) {
      const a = quantized(loadLanes(x, n), loadLanes(scale, n), loadLanes(zero, n));
      const half = i16x8.narrow_i32x4_s(a, a);
      storeOctets(q, saturate<T>(half, half), min(n, 4));
      x += 16;
      scale += stepScale << 2;
      zero += stepZero << 2;
      q += 4;
    }
  }
}

/** u8 from floats. */
export function quantizeU8(begin: i32, end: i32, q: usize, x: usize, scale: usize, zero: usize, table: usize): void {
  eachRow<QuantizeRow<u8>, u8, f32, f32, i32>(begin, end, q, x, scale, zero, table);
}

/** i8 from floats. */
export function quantizeI8(begin: i32, end: i32, q: usize, x: usize, scale: usize, zero: usize, table: usize): void {
  eachRow<QuantizeRow<i8>, i8, f32, f32, i32>(begin, end, q, x, scale, zero, table);
}

/** Four floats from i32. */
// @ts-ignore: decorator
@inline
function dequantized(q: v128, scale: v128, zero: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(q, zero)), scale);
}

@unmanaged
class DequantizeRow<T> {
  @inline
  row(x: usize, q: usize, scale: usize, zero: usize, n: i32, _stepQ: usize, stepScale: usize, stepZero: usize): void {
    scale = spread(scale, stepScale, 0);
    zero = spread(zero, stepZero, 1);
    for (; n >= 8; n -= 8) {
      const words = isSigned<T>() ? v128.load8x8_s(q) : v128.load8x8_u(q);
      v128.store(x, dequantized(i32x4.extend_low_i16x8_s(words), v128.load(scale), v128.load(zero)));
      v128.store(x, dequantized(i32x4.extend_high_i16x8_s(words), v128.load(scale, 16), v128.load(zero, 16)), 16);
      q += 8;
      scale += stepScale << 3;
      zero += stepZero << 3;
      x += 32;
    }
    for (; n > 0; n -= 4) {
      const bytes = loadOctets(q, min(n, 4));
      const words = isSigned<T>() ? i16x8.extend_low_i8x16_s(bytes) : i16x8.extend_low_i8x16_u(bytes);
      storeLanes(x, dequantized(i32x4.extend_low_i16x8_s(words), loadLanes(scale, n), loadLanes(zero, n)), n);
      q += 4;
      scale += stepScale << 2;
      zero += stepZero << 2;
      x += 16;
    }
  }
}

/** Floats from u8. */
export function dequantizeU8(begin: i32, end: i32, x: usize, q: usize, scale: usize, zero: usize, table: usize): void {
  eachRow<DequantizeRow<u8>, f32, u8, f32, i32>(begin, end, x, q, scale, zero, table);
}

/** Floats from i8. */
export function dequantizeI8(begin: i32, end: i32, x: usize, q: usize, scale: usize, zero: usize, table: usize): void {
  eachRow<DequantizeRow<i8>, f32, i8, f32, i32>(begin, end, x, q, scale, zero, table);
}
