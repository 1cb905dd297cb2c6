// Between floats and 8-bit integers: q = round(x / scale) + zeroPoint, halves to even, saturated; a NaN becomes the zero
// point. `signed` is 1 for i8 and 0 for u8.
import { storeBytes, storePart } from '../simd';

const BLOCK = 4096;

/** Four integers as i32, in the range of the type. */
// @ts-ignore: decorator
@inline
function quantized(x: v128, scale: v128, zeroPoint: v128): v128 {
  const far = f32x4.splat(1024);
  const near = f32x4.pmax(f32x4.pmin(f32x4.nearest(f32x4.div(x, scale)), far), f32x4.neg(far));
  return i32x4.add(i32x4.trunc_sat_f32x4_s(near), zeroPoint);
}

// @ts-ignore: decorator
@inline
function narrow(a: v128, b: v128, c: v128, d: v128, signed: i32): v128 {
  const low = i16x8.narrow_i32x4_s(a, b);
  const high = i16x8.narrow_i32x4_s(c, d);
  return signed ? i8x16.narrow_i16x8_s(low, high) : i8x16.narrow_i16x8_u(low, high);
}

/** Four 8-bit integers as i32. */
// @ts-ignore: decorator
@inline
function widened(from: usize, signed: i32): v128 {
  const bytes = v128.load32_zero(from);
  return signed
    ? i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(bytes))
    : i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
}

// @ts-ignore: decorator
@inline
function zeroPointAt(at: usize, signed: i32): v128 {
  return i32x4.splat(signed ? <i32>load<i8>(at) : <i32>load<u8>(at));
}

/** Row r of `inner` elements has the scale of channel r % channels. A unit is up to 4,096 elements of one row. */
export function quantizeRows(
  begin: i32, end: i32, q: usize, x: usize, scale: usize, zeroPoint: usize, inner: i32, channels: i32, signed: i32,
): void {
  const blocks = (inner + BLOCK - 1) / BLOCK;
  for (let unit = begin; unit < end; unit++) {
    const row = unit / blocks;
    const channel = row % channels;
    const by = v128.load32_splat(scale + (<usize>channel << 2));
    const zero = zeroPointAt(zeroPoint + channel, signed);
    const start = (unit % blocks) * BLOCK;
    const last = min(start + BLOCK, inner);
    const base = <usize>row * inner;
    for (let i = start; i < last; i += 16) {
      const from = x + ((base + i) << 2);
      const a = quantized(v128.load(from), by, zero);
      const b = quantized(v128.load(from, 16), by, zero);
      const c = quantized(v128.load(from, 32), by, zero);
      const d = quantized(v128.load(from, 48), by, zero);
      storeBytes(q + base + i, narrow(a, b, c, d, signed), last - i);
    }
  }
}

/** Every column has a scale of its own: channels are the last axis. A unit is one row. */
export function quantizeColumns(
  begin: i32, end: i32, q: usize, x: usize, scale: usize, zeroPoint: usize, channels: i32, signed: i32,
): void {
  for (let unit = begin; unit < end; unit++) {
    const base = <usize>unit * channels;
    for (let i = 0; i < channels; i += 4) {
      const by = v128.load(scale + (<usize>i << 2));
      const a = quantized(v128.load(x + ((base + i) << 2)), by, widened(zeroPoint + i, signed));
      storeBytes(q + base + i, narrow(a, a, a, a, signed), min(channels - i, 4));
    }
  }
}

/** Rows as in quantizeRows. */
export function dequantizeRows(
  begin: i32, end: i32, x: usize, q: usize, scale: usize, zeroPoint: usize, inner: i32, channels: i32, signed: i32,
): void {
  const blocks = (inner + BLOCK - 1) / BLOCK;
  for (let unit = begin; unit < end; unit++) {
    const row = unit / blocks;
    const channel = row % channels;
    const by = v128.load32_splat(scale + (<usize>channel << 2));
    const zero = zeroPointAt(zeroPoint + channel, signed);
    const start = (unit % blocks) * BLOCK;
    const last = min(start + BLOCK, inner);
    const base = <usize>row * inner;
    for (let i = start; i < last; i += 4) {
      const value = f32x4.convert_i32x4_s(i32x4.sub(widened(q + base + i, signed), zero));
      storePart(x + ((base + i) << 2), f32x4.mul(value, by), last - i);
    }
  }
}

/** Columns as in quantizeColumns. */
export function dequantizeColumns(
  begin: i32, end: i32, x: usize, q: usize, scale: usize, zeroPoint: usize, channels: i32, signed: i32,
): void {
  for (let unit = begin; unit < end; unit++) {
    const base = <usize>unit * channels;
    for (let i = 0; i < channels; i += 4) {
      const zero = widened(zeroPoint + i, signed);
      const value = f32x4.convert_i32x4_s(i32x4.sub(widened(q + base + i, signed), zero));
      storePart(x + ((base + i) << 2), f32x4.mul(value, v128.load(scale + (<usize>i << 2))), channels - i);
    }
  }
}
