// Winograd's convolution F(4 x 4, 3 x 3) of integers, exact: a quarter of the products, and the sums to the last bit.
//
// The points are 0, 1, -1, 2, -2 and infinity. Weights are taken at them times 3, 1, 1, 1, 1 and 3, which makes integers of
// all: the least common multiple, 24 for each axis, is what comes out too large. From bytes to results:
//   - values of u8 images: a row's six pixels have coefficients of at most 10 together, so that a point's value lies within
//     100 * 255; the positive and the negative ones among them are at most 68 and 50, so that |value| <= 68 * 255 = 17340;
//   - values of i8 weights: coefficients of at most 7 for an axis, so that |value| <= 49 * 128 = 6272;
//   - both fit 16 bits, and two products of them 32 bits: no product is ever wrong;
//   - all that follows is adding, subtracting and doubling, and is right modulo 2^32 whatever overflows between;
//   - what comes out is 576 = 9 * 64 times the sum: 9 is divided away exactly, for it is odd, by a product with its inverse
//     modulo 2^32; 64 by a shift, which is right if 64 * |sum| < 2^31.
// To keep the sums small pixels count from 128: a constant image is zero at all points but (1, 1), where it is 36 times itself,
// so that only there 36 * 128 is taken off. Then |sum| <= 9 * channels * 128 * 128, and up to `MOST_CHANNELS` channels are
// added up at a time. Pixels that a result does not depend on cancel out exactly, whatever they are.
import { loadOctets } from './lanes';
import { NINTH } from './winograd';

/** 9 * 128 * 128 * 227 < 2^25; even, since channels go by pairs. */
export const MOST_CHANNELS: i32 = 226;

/** Values at the six points of six pixels. */
// @ts-ignore: decorator
@inline
function evaluatePixels(to: usize, step: usize, d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128): void {
  const far = i16x8.sub(d4, d2);
  const near = i16x8.sub(d3, d1);
  const twice = i16x8.add(near, near);
  v128.store(to, i16x8.add(i16x8.shl(i16x8.sub(d0, d2), 2), far));
  v128.store(to + 5 * step, i16x8.sub(i16x8.sub(d5, d3), i16x8.add(twice, twice)));
  const even = i16x8.sub(d4, i16x8.shl(d2, 2));
  const odd = i16x8.sub(d3, i16x8.shl(d1, 2));
  v128.store(to + step, i16x8.add(even, odd));
  v128.store(to + 2 * step, i16x8.sub(even, odd));
  v128.store(to + 3 * step, i16x8.add(far, twice));
  v128.store(to + 4 * step, i16x8.sub(far, twice));
}

/** to[36 planes][channels] = the values at all points of the 6 x 6 pixels at `from`, of eight channels or more. */
export function evaluateBytes(
  to: usize, plane: usize, from: usize, line: usize, pixel: usize, channels: i32, buffer: usize,
): void {
  for (let channel = 0; channel < channels; channel += 8) {
    // The last eight channels may overlap those before them.
    const at = <usize>min(channel, channels - 8);
    let x = from + at;
    let values = buffer;
    for (let i = 0; i < 6; i++) {
      const d0 = v128.load8x8_u(x);
      const d1 = v128.load8x8_u(x + pixel);
      const d2 = v128.load8x8_u(x + 2 * pixel);
      const d3 = v128.load8x8_u(x + 3 * pixel);
      const d4 = v128.load8x8_u(x + 4 * pixel);
      const d5 = v128.load8x8_u(x + 5 * pixel);
      evaluatePixels(values, 16, d0, d1, d2, d3, d4, d5);
      x += line;
      values += 96;
    }
    const start = to + (at << 1);
    let y = start;
    values = buffer;
    for (let j = 0; j < 6; j++) {
      const d0 = v128.load(values);
      const d1 = v128.load(values, 96);
      const d2 = v128.load(values, 192);
      const d3 = v128.load(values, 288);
      const d4 = v128.load(values, 384);
      const d5 = v128.load(values, 480);
      evaluatePixels(y, 6 * plane, d0, d1, d2, d3, d4, d5);
      y += plane;
      values += 16;
    }
    const middle = start + 7 * plane;
    v128.store(middle, i16x8.sub(v128.load(middle), i16x8.splat(36 * 128)));
  }
}

/**
 * Adds to sums of 4 x 4 results of eight filters what their products at all points come to. A result (row, column) lies in
 * block 2 * (row % 2) + column % 2, of `block` bytes, there at place 2 * (row / 2) + column / 2: pools of 2 x 2 take one of each.
 */
export function interpolateSums(to: usize, block: usize, from: usize, plane: usize, buffer: usize): void {
  const ninth = v128.load(NINTH);
  const planes: usize = 6 * plane;
  for (let half: usize = 0; half < 32; half += 16) {
    let x = from + half;
    let values = buffer;
    for (let j = 0; j < 6; j++) {
      const plusA = v128.load(x + planes);
      const minusA = v128.load(x + 2 * planes);
      const evenA = i32x4.add(plusA, minusA);
      const oddA = i32x4.sub(plusA, minusA);
      const plusB = v128.load(x + 3 * planes);
      const minusB = v128.load(x + 4 * planes);
      const evenB = i32x4.add(plusB, minusB);
      const oddB = i32x4.sub(plusB, minusB);
      const first = v128.load(x);
      const last = i32x4.add(oddB, v128.load(x + 5 * planes));
      v128.store(values, i32x4.add(i32x4.sub(evenB, i32x4.shl(evenA, 2)), i32x4.add(first, first)));
      v128.store(values, i32x4.sub(i32x4.add(oddB, oddB), i32x4.shl(oddA, 2)), 96);
      v128.store(values, i32x4.shl(i32x4.sub(evenB, evenA), 2), 192);
      v128.store(values, i32x4.shl(i32x4.sub(i32x4.add(last, last), oddA), 2), 288);
      x += plane;
      values += 16;
    }
    let y = to + half;
    let step = block << 1;
    values = buffer;
    for (let i = 0; i < 4; i++) {
      const plusA = v128.load(values, 16);
      const minusA = v128.load(values, 32);
      const evenA = i32x4.add(plusA, minusA);
      const oddA = i32x4.sub(plusA, minusA);
      const plusB = v128.load(values, 48);
      const minusB = v128.load(values, 64);
      const evenB = i32x4.add(plusB, minusB);
      const oddB = i32x4.sub(plusB, minusB);
      const first = v128.load(values);
      const last = i32x4.add(oddB, v128.load(values, 80));
      // The second to the fourth are left out doubled once and twice, and shifted less instead.
      const y0 = i32x4.add(i32x4.sub(evenB, i32x4.shl(evenA, 2)), i32x4.add(first, first));
      const y1 = i32x4.sub(oddB, i32x4.add(oddA, oddA));
      const y2 = i32x4.sub(evenB, evenA);
      const y3 = i32x4.sub(i32x4.add(last, last), oddA);
      v128.store(y, i32x4.add(v128.load(y), i32x4.shr_s(i32x4.mul(y0, ninth), 6)));
      v128.store(y + 32, i32x4.add(v128.load(y + 32), i32x4.shr_s(i32x4.mul(y2, ninth), 4)));
      const right = y + block;
      v128.store(right, i32x4.add(v128.load(right), i32x4.shr_s(i32x4.mul(y1, ninth), 5)));
      v128.store(right + 32, i32x4.add(v128.load(right + 32), i32x4.shr_s(i32x4.mul(y3, ninth), 4)));
      y += step;
      step = 64 - step;
      values += 96;
    }
  }
}

/** Values at the six points of three weights. */
function evaluateTaps(to: usize, step: usize, g0: v128, g1: v128, g2: v128): void {
  v128.store(to, i16x8.add(g0, i16x8.add(g0, g0)));
  v128.store(to + 5 * step, i16x8.add(g2, i16x8.add(g2, g2)));
  const evenA = i16x8.add(g0, g2);
  v128.store(to + step, i16x8.add(evenA, g1));
  v128.store(to + 2 * step, i16x8.sub(evenA, g1));
  const evenB = i16x8.add(g0, i16x8.shl(g2, 2));
  const oddB = i16x8.add(g1, g1);
  v128.store(to + 3 * step, i16x8.add(evenB, oddB));
  v128.store(to + 4 * step, i16x8.sub(evenB, oddB));
}

/** to[36][8] = the values at all points of up to eight kernels of 3 x 3 i8, `step` bytes from a tap to the next. */
export function evaluateOctets(to: usize, from: usize, step: usize, count: i32, buffer: usize): void {
  for (let i: usize = 0; i < 3; i++) {
    const g0 = i16x8.extend_low_i8x16_s(loadOctets(from, count));
    const g1 = i16x8.extend_low_i8x16_s(loadOctets(from + step, count));
    const g2 = i16x8.extend_low_i8x16_s(loadOctets(from + 2 * step, count));
    evaluateTaps(buffer + 96 * i, 16, g0, g1, g2);
    from += 3 * step;
  }
  for (let j: usize = 0; j < 6; j++) {
    const at = buffer + 16 * j;
    evaluateTaps(to + 16 * j, 96, v128.load(at), v128.load(at, 96), v128.load(at, 192));
  }
}
