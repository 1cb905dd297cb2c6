// Winograd's convolution F(4 x 4, 3 x 3): a tile of 4 x 4 results needs 36 products for each pair of channels instead of
// 144. Images are polynomials, whose values at six points are multiplied: 0, -a, a, -b, b and infinity. Points with a = 1 /
// sqrt(2), b = 1 / a keep the transforms well conditioned: the largest error is 1.4 times that of a plain sum, where it is
// 7 to 11 times with the usual points of 1 and 2 (normal numbers, 8 to 64 channels).
import { floats, ints } from './constants';
import { copyBytes, loadLanes, storeLanes } from './lanes';
import { fma, fnma } from './simd';

const TABLE: usize = 3840;
const A: usize = TABLE;
const B: usize = TABLE + 16;
/** a^2, b^2, a^2 + b^2, b^3. */
const A2: usize = TABLE + 32;
const B2: usize = TABLE + 48;
const SUM: usize = TABLE + 64;
const A3: usize = TABLE + 80;
const B3: usize = TABLE + 96;
/** The weights' values at the points, over the products of the differences between the points. */
const W_A: usize = TABLE + 112;
const W_A1: usize = TABLE + 128;
const W_A2: usize = TABLE + 144;
const W_B: usize = TABLE + 160;
const W_B1: usize = TABLE + 176;
const W_B2: usize = TABLE + 192;
/** 1 / 9 modulo 2^32: see assembly/winograd-integer.ts. */
export const NINTH: usize = TABLE + 208;

const a: f64 = 0.7071067811865476;

/** Bytes of the vectors that a transform along one axis leaves for the other. */
export const BUFFER: usize = 36 * 16;

/** Writes the constants at [3840, 4096). */
export function setupWinograd(): void {
  let at = TABLE;
  at = floats(at, <f32>a);
  at = floats(at, <f32>(2 * a));
  at = floats(at, 0.5);
  at = floats(at, 2);
  at = floats(at, 2.5);
  at = floats(at, <f32>(a / 2));
  at = floats(at, <f32>(4 * a));
  at = floats(at, <f32>(-2.0 / 3));
  at = floats(at, <f32>(-2.0 / 3 * a));
  at = floats(at, <f32>(-1.0 / 3));
  at = floats(at, <f32>(1.0 / 6));
  at = floats(at, <f32>(a / 3));
  at = floats(at, <f32>(1.0 / 3));
  ints(at, 0x38e38e39);
}

/** to[36 planes][channels] = the values at all points of the 6 x 6 pixels at `from`, of four channels or more. */
export function evaluateTile(
  to: usize, plane: usize, from: usize, line: usize, pixel: usize, channels: i32, buffer: usize,
): void {
  const a = v128.load(A);
  const b = v128.load(B);
  const a2 = v128.load(A2);
  const b2 = v128.load(B2);
  const sum = v128.load(SUM);
  const planes: usize = 6 * plane;
  for (let channel = 0; channel < channels; channel += 4) {
    // The last four channels may overlap those before them.
    const at = <usize>min(channel, channels - 4) << 2;
    let x = from + at;
    let values = buffer;
    for (let i = 0; i < 6; i++) {
      const d0 = v128.load(x);
      const d1 = v128.load(x + pixel);
      const d2 = v128.load(x + 2 * pixel);
      const d3 = v128.load(x + 3 * pixel);
      const d4 = v128.load(x + 4 * pixel);
      const d5 = v128.load(x + 5 * pixel);
      v128.store(values, fnma(sum, d2, f32x4.add(d0, d4)));
      v128.store(values, fnma(sum, d3, f32x4.add(d1, d5)), 80);
      const evenA = fnma(b2, d2, d4);
      const oddA = fnma(b2, d1, d3);
      v128.store(values, fma(a, oddA, evenA), 16);
      v128.store(values, fnma(a, oddA, evenA), 32);
      const evenB = fnma(a2, d2, d4);
      const oddB = fnma(a2, d1, d3);
      v128.store(values, fma(b, oddB, evenB), 48);
      v128.store(values, fnma(b, oddB, evenB), 64);
      x += line;
      values += 96;
    }
    let y = to + at;
    values = buffer;
    for (let j = 0; j < 6; j++) {
      const d0 = v128.load(values);
      const d1 = v128.load(values, 96);
      const d2 = v128.load(values, 192);
      const d3 = v128.load(values, 288);
      const d4 = v128.load(values, 384);
      const d5 = v128.load(values, 480);
      v128.store(y, fnma(sum, d2, f32x4.add(d0, d4)));
      v128.store(y + 5 * planes, fnma(sum, d3, f32x4.add(d1, d5)));
      const evenA = fnma(b2, d2, d4);
      const oddA = fnma(b2, d1, d3);
      v128.store(y + planes, fma(a, oddA, evenA));
      v128.store(y + 2 * planes, fnma(a, oddA, evenA));
      const evenB = fnma(a2, d2, d4);
      const oddB = fnma(a2, d1, d3);
      v128.store(y + 3 * planes, fma(b, oddB, evenB));
      v128.store(y + 4 * planes, fnma(b, oddB, evenB));
      y += plane;
      values += 16;
    }
  }
}

/**
 * The first `rows` x `columns` of 4 x 4 results of `filters` filters, from the products at all points, plus the bias. Planes of
 * products hold whole vectors.
 */
export function interpolateTile(
  to: usize, line: usize, pixel: usize, rows: i32, columns: i32, from: usize, plane: usize, bias: usize, filters: i32,
  low: f32, buffer: usize,
): void {
  const a = v128.load(A);
  const b = v128.load(B);
  const a2 = v128.load(A2);
  const b2 = v128.load(B2);
  const a3 = v128.load(A3);
  const b3 = v128.load(B3);
  const least = f32x4.splat(low);
  const planes: usize = 6 * plane;
  const whole = columns == 4;
  for (let filter = 0; filter < filters; filter += 4) {
    let x = from;
    let values = buffer;
    for (let j = 0; j < 6; j++) {
      const plusA = v128.load(x + planes);
      const minusA = v128.load(x + 2 * planes);
      const evenA = f32x4.add(plusA, minusA);
      const oddA = f32x4.sub(plusA, minusA);
      const plusB = v128.load(x + 3 * planes);
      const minusB = v128.load(x + 4 * planes);
      const evenB = f32x4.add(plusB, minusB);
      const oddB = f32x4.sub(plusB, minusB);
      v128.store(values, f32x4.add(v128.load(x), f32x4.add(evenA, evenB)));
      v128.store(values, fma(b, oddB, f32x4.mul(a, oddA)), 96);
      v128.store(values, fma(b2, evenB, f32x4.mul(a2, evenA)), 192);
      v128.store(values, fma(b3, oddB, fma(a3, oddA, v128.load(x + 5 * planes))), 288);
      x += plane;
      values += 16;
    }
    const start = v128.load(bias);
    const count = filters - filter;
    let y = to;
    values = buffer;
    for (let i = 0; i < rows; i++) {
      const plusA = v128.load(values, 16);
      const minusA = v128.load(values, 32);
      const evenA = f32x4.add(plusA, minusA);
      const oddA = f32x4.sub(plusA, minusA);
      const plusB = v128.load(values, 48);
      const minusB = v128.load(values, 64);
      const evenB = f32x4.add(plusB, minusB);
      const oddB = f32x4.sub(plusB, minusB);
      const y0 = f32x4.pmax(f32x4.add(f32x4.add(start, v128.load(values)), f32x4.add(evenA, evenB)), least);
      const y1 = f32x4.pmax(fma(b, oddB, fma(a, oddA, start)), least);
      const y2 = f32x4.pmax(fma(b2, evenB, fma(a2, evenA, start)), least);
      const y3 = f32x4.pmax(fma(b3, oddB, fma(a3, oddA, f32x4.add(start, v128.load(values, 80)))), least);
      if (whole && count >= 4) {
        v128.store(y, y0);
        v128.store(y + pixel, y1);
        v128.store(y + 2 * pixel, y2);
        v128.store(y + 3 * pixel, y3);
      } else {
        storeLanes(y, y0, count);
        if (columns > 1) storeLanes(y + pixel, y1, count);
        if (columns > 2) storeLanes(y + 2 * pixel, y2, count);
        if (columns > 3) storeLanes(y + 3 * pixel, y3, count);
      }
      y += line;
      values += 96;
    }
    from += 16;
    to += 16;
    bias += 16;
  }
}

/** Four weights at `from`, `step` bytes apart; zeros behind the first `count`. */
// @ts-ignore: decorator
@inline
function loadApart(from: usize, step: usize, count: i32): v128 {
  if (step == 4) return loadLanes(from, count);
  let x = v128.load32_zero(from);
  if (count > 1) x = v128.load32_lane(from + step, x, 1);
  if (count > 2) x = v128.load32_lane(from + 2 * step, x, 2);
  if (count > 3) x = v128.load32_lane(from + 3 * step, x, 3);
  return x;
}

/** The values at the points of three weights, `toStep` bytes apart. */
// @ts-ignore: decorator
@inline
function evaluateWeights(to: usize, toStep: usize, g0: v128, g1: v128, g2: v128): void {
  v128.store(to, g0);
  v128.store(to + 5 * toStep, g2);
  const evenA = fma(v128.load(W_A2), g2, f32x4.mul(v128.load(W_A), g0));
  const oddA = f32x4.mul(v128.load(W_A1), g1);
  v128.store(to + toStep, f32x4.add(evenA, oddA));
  v128.store(to + 2 * toStep, f32x4.sub(evenA, oddA));
  const evenB = fma(v128.load(W_B2), g2, f32x4.mul(v128.load(W_B), g0));
  const oddB = f32x4.mul(v128.load(W_B1), g1);
  v128.store(to + 3 * toStep, f32x4.add(evenB, oddB));
  v128.store(to + 4 * toStep, f32x4.sub(evenB, oddB));
}

/** to[36 planes][4] = the values at all points of `count` kernels of 3 x 3, `step` bytes apart, their taps `tapStep`. */
export function evaluateKernels(
  to: usize, plane: usize, from: usize, tapStep: usize, step: usize, count: i32, buffer: usize,
): void {
  for (let i: usize = 0; i < 3; i++) {
    const g0 = loadApart(from, step, count);
    const g1 = loadApart(from + tapStep, step, count);
    const g2 = loadApart(from + 2 * tapStep, step, count);
    evaluateWeights(buffer + 96 * i, 16, g0, g1, g2);
    from += 3 * tapStep;
  }
  for (let j: usize = 0; j < 6; j++) {
    const at = buffer + 16 * j;
    evaluateWeights(to + j * plane, 6 * plane, v128.load(at), v128.load(at, 96), v128.load(at, 192));
  }
}

/** Bytes from one point's numbers to the next one's: never a multiple of 128, so that they fall into all sets of a cache. */
// @ts-ignore: decorator
@inline
export function planeOf(bytes: usize): usize {
  return bytes + 63 & ~63 | 64;
}

/** `fill` from `to` on, up to `end` or at most 15 bytes beyond it. Returns `end`. */
// @ts-ignore: decorator
@inline
function clear(to: usize, end: usize, fill: v128): usize {
  for (; to < end; to += 16) v128.store(to, fill);
  return end;
}

/** The 6 x 6 pixels from (row, column) on of an image, `fill` where they lie outside of it; up to 15 bytes more. */
export function copyTile(
  to: usize, image: usize, row: i32, column: i32, height: i32, width: i32, pixel: usize, fill: v128,
): void {
  const first = max(0, min(6, -column));
  const last = max(first, min(6, width - column));
  for (let i = row; i < row + 6; i++) {
    const end = to + 6 * pixel;
    if (i >= 0 && i < height && first < last) {
      const bytes = <usize>(last - first) * pixel;
      to = clear(to, to + <usize>first * pixel, fill);
      copyBytes(to, image + <usize>(i * width + column + first) * pixel, bytes);
      to += bytes;
    }
    to = clear(to, end, fill);
  }
}
