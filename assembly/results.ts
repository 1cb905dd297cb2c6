// Results of integer products: from exact sums to floats, or to bytes again.
import { storeLanes, storeOctets } from './lanes';

/** What is known of eight columns: +0 scales, +32 biases, +64 what the sums start from. */
export const PANEL_BYTES = 96;

/** 1.5 * 2^23: adding it rounds a small float to an integer, halves to even, in the low bits. */
const MAGIC: f32 = 12582912;

/**
 * Writes what results of columns [at, at + columns) need, of which eight are used. Results are divided by `by`; sums start
 * from what the zero point of x adds to them, negated.
 */
export function preparePanel(
  panel: usize, at: i32, columns: i32, bias: usize, columnSums: usize, xScale: f32, xZero: i32, weightScale: usize,
  weightStep: i32, by: f32,
): void {
  for (let i = 0; i < 8; i++) {
    const known = i < columns;
    const scale = known ? xScale * load<f32>(weightScale + (at + i) * weightStep) : 0;
    store<f32>(panel + (i << 2), scale / by);
    store<f32>(panel + (i << 2), bias && known ? load<f32>(bias + (at + i << 2)) / by : 0, 32);
    store<i32>(panel + (i << 2), -xZero * load<i32>(columnSums + (at + i << 2)), 64);
  }
}

/**
 * The sums that give the largest results of `taps` blocks of `rows` rows, in the first block: results rise with their sums,
 * or fall in the columns whose scale is negative.
 */
export function poolSums(sums: usize, rows: i32, taps: i32, scales: usize): void {
  const zero = i32x4.splat(0);
  const falling0 = i32x4.lt_s(v128.load(scales), zero);
  const falling1 = i32x4.lt_s(v128.load(scales, 16), zero);
  const block = <usize>rows << 5;
  for (; rows > 0; rows--) {
    let most0 = v128.xor(v128.load(sums), falling0);
    let most1 = v128.xor(v128.load(sums, 16), falling1);
    let from = sums;
    for (let tap = taps - 1; tap > 0; tap--) {
      from += block;
      most0 = i32x4.max_s(most0, v128.xor(v128.load(from), falling0));
      most1 = i32x4.max_s(most1, v128.xor(v128.load(from, 16), falling1));
    }
    v128.store(sums, v128.xor(most0, falling0));
    v128.store(sums, v128.xor(most1, falling1), 16);
    sums += 32;
  }
}

/** Floats of `count` rows from their sums: y = sum * scale + bias, at least `low`. */
export function storeFloats(panel: usize, table: usize, sums: usize, count: i32, offset: usize, columns: i32, low: f32): void {
  const scale0 = v128.load(panel), scale1 = v128.load(panel, 16);
  const bias0 = v128.load(panel, 32), bias1 = v128.load(panel, 48);
  const least = f32x4.splat(low);
  for (; count > 0; count--) {
    const to = load<usize>(table, 4) + offset;
    const y0 = f32x4.pmax(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), scale0), bias0), least);
    const y1 = f32x4.pmax(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums, 16)), scale1), bias1), least);
    if (columns >= 8) {
      v128.store(to, y0);
      v128.store(to, y1, 16);
    } else {
      storeLanes(to, y0, columns);
      storeLanes(to + 16, y1, columns - 4);
    }
    table += 8;
    sums += 32;
  }
}

/** Unsigned bytes of `count` rows from their sums: y = round(sum * scale + bias) + zeroPoint, at least `low`, saturated. */
export function storeQuantized(
  panel: usize, table: usize, sums: usize, count: i32, offset: usize, columns: i32, low: f32, zeroPoint: i32,
): void {
  const scale0 = v128.load(panel), scale1 = v128.load(panel, 16);
  const bias0 = v128.load(panel, 32), bias1 = v128.load(panel, 48);
  const least = f32x4.splat(max<f32>(low, <f32>-zeroPoint));
  const room: i32 = 255 - zeroPoint;
  const most = f32x4.splat(<f32>room);
  const magic = f32x4.splat(MAGIC);
  const shift = i32x4.splat(reinterpret<i32>(MAGIC) - zeroPoint);
  for (; count > 0; count--) {
    const to = load<usize>(table, 4) + offset;
    let y0 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), scale0), bias0);
    let y1 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums, 16)), scale1), bias1);
    y0 = f32x4.add(f32x4.pmin(f32x4.pmax(y0, least), most), magic);
    y1 = f32x4.add(f32x4.pmin(f32x4.pmax(y1, least), most), magic);
    const words = i16x8.narrow_i32x4_s(i32x4.sub(y0, shift), i32x4.sub(y1, shift));
    const bytes = i8x16.narrow_i16x8_u(words, words);
    if (columns >= 8) v128.store64_lane(to, bytes, 0);
    else storeOctets(to, bytes, columns);
    table += 8;
    sums += 32;
  }
}
