// Functions of floats, and the table of constants that they load. docs/accuracy.md has their largest errors; that of `expRow`,
// exp of what is not above 0, is 2.2 units in the last place, without relaxed SIMD 2.5.
//
// NaN gives NaN. Below the smallest normal number exp gives 0; log and pow take denormal numbers, and pow gives them.
// Constants are loaded, for engines rebuild v128.const wherever it stands.

import { doubles, floats, ints, longs } from './constants';
import { lanesBelow, loadLanes, storeLanes } from './lanes';
import { fma, fmaDouble, fnma } from './simd';

const TABLE: usize = 1024;

// exp
const HIGHEST: usize = TABLE;
const LOWEST: usize = TABLE + 16;
export const LOG2E: usize = TABLE + 32;
export const EXPONENT: usize = TABLE + 48;
export const LN2_HIGH: usize = TABLE + 64;
export const LN2_LOW: usize = TABLE + 80;
const EXP_2: usize = TABLE + 96;
const EXP_3: usize = TABLE + 112;
const EXP_4: usize = TABLE + 128;
const EXP_5: usize = TABLE + 144;
const EXP_6: usize = TABLE + 160;
export const ONE: usize = TABLE + 176;
// log
const SMALLEST: usize = TABLE + 192;
const TWO_23: usize = TABLE + 208;
const INT_23: usize = TABLE + 224;
const ROOT_HALF: usize = TABLE + 240;
const MANTISSA: usize = TABLE + 256;
const LOG_1: usize = TABLE + 272;
const LOG_2: usize = TABLE + 288;
const LOG_3: usize = TABLE + 304;
export const HALF: usize = TABLE + 320;
const INFINITE: usize = TABLE + 336;
// tanh
const TANH_LIMIT: usize = TABLE + 352;
const TANH_P1: usize = TABLE + 368;
const TANH_P2: usize = TABLE + 384;
const TANH_P3: usize = TABLE + 400;
const TANH_P4: usize = TABLE + 416;
const TANH_Q1: usize = TABLE + 432;
const TANH_Q2: usize = TABLE + 448;
const TANH_Q3: usize = TABLE + 464;
const TANH_Q4: usize = TABLE + 480;
// pow, in float64
const POW_ROOT_HALF: usize = TABLE + 496;
const POW_MANTISSA: usize = TABLE + 512;
const POW_BELOW: usize = TABLE + 528;
const POW_LOG: usize = TABLE + 544;
const POW_EXP: usize = TABLE + 624;
const POW_EXPONENT: usize = TABLE + 736;
const POW_LIMIT: usize = TABLE + 752;
export const ONE_DOUBLE: usize = TABLE + 768;
const POW_TWO_52: usize = TABLE + 784;
const POW_WHOLE: usize = TABLE + 800;
export const NOT_SIGN: usize = TABLE + 816;
// exp, to the nearest power of two
const MINUS_HALF: usize = TABLE + 832;
const NEAR_2: usize = TABLE + 848;
const NEAR_3: usize = TABLE + 864;
const NEAR_4: usize = TABLE + 880;
const NEAR_5: usize = TABLE + 896;
// the least sum of the smallest normal number's bits and those of one
const NORMAL: usize = TABLE + 912;
// 2^x
const LEAST_POWER: usize = TABLE + 928;
const POWER_1: usize = TABLE + 944;
const POWER_2: usize = TABLE + 960;
const POWER_3: usize = TABLE + 976;
const POWER_4: usize = TABLE + 992;
const POWER_5: usize = TABLE + 1008;
const GATE_LIMIT: usize = TABLE + 1024;

/** Writes the constants at [1024, 2064). */
export function setupMath(): void {
  let at = TABLE;
  // e^r = 1 + r + r^2 (c2 + c3 r + ... + c6 r^4) on [0, ln 2], least relative error 3e-9.
  at = floats(at, 88.8);
  at = floats(at, -88);
  at = floats(at, 1.44269504);
  at = floats(at, 12583039); // 1.5 * 2^23 + 127: the sum's low bits are the biased exponent
  at = floats(at, 0.693359375);
  at = floats(at, -2.12194440e-4);
  at = floats(at, 0.5000022851336118);
  at = floats(at, 0.1666319139622765);
  at = floats(at, 0.04185498172853581);
  at = floats(at, 0.007868427826821052);
  at = floats(at, 0.0019124861482158508);
  at = floats(at, 1);
  // log(1 + f) = 2s + s z (c1 + c2 z + c3 z^2), s = f / (2 + f), z = s^2, least relative error 1e-9.
  at = floats(at, 1.17549435e-38);
  at = floats(at, 8388608);
  at = ints(at, 23);
  at = ints(at, 0x3f3504f3);
  at = ints(at, 0x7fffff);
  at = floats(at, 0.6666677638162062);
  at = floats(at, 0.3997754157562795);
  at = floats(at, 0.2987172775721441);
  at = floats(at, 0.5);
  at = floats(at, Infinity);
  // tanh(x) = x (1 + p1 u + ... + p4 u^4) / (1 + q1 u + ... + q4 u^4), u = x^2, on [0, 9.02], relative error 4e-8.
  at = floats(at, 9.02);
  at = floats(at, 0.1338268220424652);
  at = floats(at, 0.0034974522422999144);
  at = floats(at, 2.0635743567254394e-5);
  at = floats(at, 1.3384197750099247e-8);
  at = floats(at, 0.46716001629829407);
  at = floats(at, 0.025884339585900307);
  at = floats(at, 0.0003288509033154696);
  at = floats(at, 7.790207519065007e-7);
  // log2(1 + f) = s (c0 + c1 z + ... + c4 z^4), s = f / (2 + f), z = s^2: relative error 5e-12; 2^r = 1 + c1 r + ... + c7 r^7
  // on [-1/2, 1/2]: 5e-11.
  at = longs(at, 0x3fe6a09e00000000);
  at = longs(at, 0x000fffffffffffff);
  at = longs(at, 0x00095f6200000000); // 1 less the root, by bits
  at = doubles(at, 2.8853900817789353);
  at = doubles(at, 0.9617966787103197);
  at = doubles(at, 0.5770829114354177);
  at = doubles(at, 0.41170366440532197);
  at = doubles(at, 0.3402584767004029);
  at = doubles(at, 0.6931471807045315);
  at = doubles(at, 0.24022651066560524);
  at = doubles(at, 0.055504103659927743);
  at = doubles(at, 0.009618038132120758);
  at = doubles(at, 0.0013333935054800352);
  at = doubles(at, 0.00015466756302057557);
  at = doubles(at, 1.5196156682517597e-05);
  at = doubles(at, 6755399441056767); // 1.5 * 2^52 + 1023
  at = doubles(at, 200);
  at = doubles(at, 1);
  at = doubles(at, 4503599627370496);
  at = doubles(at, 4503599627371519); // 2^52 + 1023
  at = ints(at, 0x7fffffff);
  // e^r = 1 + r + r^2 (c2 + c3 r + c4 r^2 + c5 r^3) on [-ln 2 / 2, ln 2 / 2], least relative error 1.1e-7.
  at = floats(at, -0.5);
  at = floats(at, 0.4999923030974419);
  at = floats(at, 0.16667115389066586);
  at = floats(at, 0.04189033150417398);
  at = floats(at, 0.00831250125056287);
  // Bits of positive normal numbers and of the smallest, added, are at least this; nothing else's are: Infinity's overflow.
  at = ints(at, 0x01000000);
  // 2^r = 1 + r (c1 + ... + c5 r^4) on [-1/2, 1/2], least relative error 9e-8.
  at = floats(at, -127);
  at = floats(at, 0.6931469756);
  at = floats(at, 0.24022242);
  at = floats(at, 0.05550734);
  at = floats(at, 0.00967151);
  at = floats(at, 0.00132647);
  floats(at, 87);
}

/** e^x of four floats. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const a = f32x4.pmax(f32x4.pmin(x, v128.load(HIGHEST)), v128.load(LOWEST));
  const bias = v128.load(EXPONENT);
  // The integer below, in the low bits: adding the bias rounds to the nearest of what is half less.
  const bits = f32x4.add(fma(a, v128.load(LOG2E), v128.load(MINUS_HALF)), bias);
  const n = f32x4.sub(bits, bias);
  const r = fnma(n, v128.load(LN2_LOW), fnma(n, v128.load(LN2_HIGH), a));
  const one = v128.load(ONE);
  let p = fma(v128.load(EXP_6), r, v128.load(EXP_5));
  p = fma(p, r, v128.load(EXP_4));
  p = fma(p, r, v128.load(EXP_3));
  p = fma(p, r, v128.load(EXP_2));
  p = fma(fma(p, r, one), r, one);
  return f32x4.mul(p, i32x4.shl(bits, 23));
}

/** e^x of four floats from the least power of two to 88.37. */
// @ts-ignore: decorator
@inline
export function expInside(x: v128): v128 {
  const bias = v128.load(EXPONENT);
  const bits = fma(x, v128.load(LOG2E), bias);
  const n = f32x4.sub(bits, bias);
  const r = fnma(n, v128.load(LN2_LOW), fnma(n, v128.load(LN2_HIGH), x));
  const one = v128.load(ONE);
  let p = fma(v128.load(NEAR_5), r, v128.load(NEAR_4));
  p = fma(p, r, v128.load(NEAR_3));
  p = fma(p, r, v128.load(NEAR_2));
  p = fma(fma(p, r, one), r, one);
  return f32x4.mul(p, i32x4.shl(bits, 23));
}

/**
 * y = exp(x xor change) or, `below`, exp(x + change) where that sum is not above 0; y may be x. Returns sums of the results,
 * by lane. Four vectors at a time share each constant. `below` takes the nearest power of two and with it a term less, which
 * would lose the results from e^88.37 on.
 */
// @ts-ignore: decorator
@inline
function expOf(y: usize, x: usize, count: i32, change: v128, below: bool): v128 {
  let sumA = i32x4.splat(0);
  let sumB = sumA;
  for (; count >= 16; count -= 16) {
    let a = below ? f32x4.add(v128.load(x), change) : v128.xor(v128.load(x), change);
    let b = below ? f32x4.add(v128.load(x, 16), change) : v128.xor(v128.load(x, 16), change);
    let c = below ? f32x4.add(v128.load(x, 32), change) : v128.xor(v128.load(x, 32), change);
    let d = below ? f32x4.add(v128.load(x, 48), change) : v128.xor(v128.load(x, 48), change);
    let k: v128;
    if (!below) {
      k = v128.load(HIGHEST);
      a = f32x4.pmin(a, k);
      b = f32x4.pmin(b, k);
      c = f32x4.pmin(c, k);
      d = f32x4.pmin(d, k);
    }
    k = v128.load(LOWEST);
    a = f32x4.pmax(a, k);
    b = f32x4.pmax(b, k);
    c = f32x4.pmax(c, k);
    d = f32x4.pmax(d, k);
    k = v128.load(LOG2E);
    const bias = v128.load(EXPONENT);
    const half = v128.load(MINUS_HALF);
    const ba = below ? fma(a, k, bias) : f32x4.add(fma(a, k, half), bias);
    const bb = below ? fma(b, k, bias) : f32x4.add(fma(b, k, half), bias);
    const bc = below ? fma(c, k, bias) : f32x4.add(fma(c, k, half), bias);
    const bd = below ? fma(d, k, bias) : f32x4.add(fma(d, k, half), bias);
    let pa = f32x4.sub(ba, bias);
    let pb = f32x4.sub(bb, bias);
    let pc = f32x4.sub(bc, bias);
    let pd = f32x4.sub(bd, bias);
    k = v128.load(LN2_HIGH);
    a = fnma(pa, k, a);
    b = fnma(pb, k, b);
    c = fnma(pc, k, c);
    d = fnma(pd, k, d);
    k = v128.load(LN2_LOW);
    a = fnma(pa, k, a);
    b = fnma(pb, k, b);
    c = fnma(pc, k, c);
    d = fnma(pd, k, d);
    if (below) {
      k = v128.load(NEAR_5);
      const next = v128.load(NEAR_4);
      pa = fma(k, a, next);
      pb = fma(k, b, next);
      pc = fma(k, c, next);
      pd = fma(k, d, next);
    } else {
      k = v128.load(EXP_6);
      const next = v128.load(EXP_5);
      pa = fma(k, a, next);
      pb = fma(k, b, next);
      pc = fma(k, c, next);
      pd = fma(k, d, next);
      k = v128.load(EXP_4);
      pa = fma(pa, a, k);
      pb = fma(pb, b, k);
      pc = fma(pc, c, k);
      pd = fma(pd, d, k);
    }
    k = v128.load(below ? NEAR_3 : EXP_3);
    pa = fma(pa, a, k);
    pb = fma(pb, b, k);
    pc = fma(pc, c, k);
    pd = fma(pd, d, k);
    k = v128.load(below ? NEAR_2 : EXP_2);
    pa = fma(pa, a, k);
    pb = fma(pb, b, k);
    pc = fma(pc, c, k);
    pd = fma(pd, d, k);
    k = v128.load(ONE);
    pa = fma(fma(pa, a, k), a, k);
    pb = fma(fma(pb, b, k), b, k);
    pc = fma(fma(pc, c, k), c, k);
    pd = fma(fma(pd, d, k), d, k);
    a = f32x4.mul(pa, i32x4.shl(ba, 23));
    b = f32x4.mul(pb, i32x4.shl(bb, 23));
    c = f32x4.mul(pc, i32x4.shl(bc, 23));
    d = f32x4.mul(pd, i32x4.shl(bd, 23));
    v128.store(y, a);
    v128.store(y, b, 16);
    v128.store(y, c, 32);
    v128.store(y, d, 48);
    sumA = f32x4.add(sumA, a);
    sumB = f32x4.add(sumB, b);
    sumA = f32x4.add(sumA, c);
    sumB = f32x4.add(sumB, d);
    x += 64;
    y += 64;
  }
  for (; count > 0; count -= 4) {
    const a = loadLanes(x, count);
    const p = below ? expInside(f32x4.pmax(f32x4.add(a, change), v128.load(LOWEST))) : exp(v128.xor(a, change));
    storeLanes(y, p, count);
    sumA = f32x4.add(sumA, count >= 4 ? p : v128.and(p, lanesBelow(count)));
    x += 16;
    y += 16;
  }
  return f32x4.add(sumA, sumB);
}

/** y = exp(x + shift) for `count` floats, none above 0 by more than rounding; y may be x. Returns sums of them, by lane. */
export function expRow(y: usize, x: usize, count: i32, shift: v128): v128 {
  return expOf(y, x, count, shift, true);
}

/** y = exp(x xor sign) for `count` floats; y may be x. */
export function expAny(y: usize, x: usize, count: i32, sign: v128): void {
  expOf(y, x, count, sign, false);
}

/** n ln 2 + log(m), m from sqrt(1/2) to sqrt(2), f = m - 1; `rest` is n times the low part of ln 2. */
// @ts-ignore: decorator
@inline
function logOf(m: v128, f: v128, n: v128, rest: v128, one: v128, c1: v128, c2: v128, c3: v128, high: v128): v128 {
  const s = f32x4.div(f, f32x4.add(m, one));
  const z = f32x4.mul(s, s);
  const r = f32x4.mul(z, fma(fma(c3, z, c2), z, c1));
  return fma(n, high, f32x4.add(f, fnma(s, f32x4.sub(f, r), rest)));
}

/** 2^x of four floats that are not above 127, to 2.1 units in the last place where multiply-adds are fused; 0 from -127 on. */
// @ts-ignore: decorator
@inline
export function powerOf2(x: v128): v128 {
  const a = f32x4.pmax(x, v128.load(LEAST_POWER));
  const bias = v128.load(EXPONENT);
  const bits = f32x4.add(a, bias);
  const r = f32x4.sub(a, f32x4.sub(bits, bias));
  let p = fma(v128.load(POWER_5), r, v128.load(POWER_4));
  p = fma(p, r, v128.load(POWER_3));
  p = fma(p, r, v128.load(POWER_2));
  p = fma(p, r, v128.load(POWER_1));
  return f32x4.mul(fma(p, r, v128.load(ONE)), i32x4.shl(bits, 23));
}

/**
 * x = 2^(x - shift) for `count` rows of eight floats, none above 0 by more than rounding; adds the sums of the columns to
 * `sums`. Two rows at a time share each constant.
 */
export function powersOf2(x: usize, count: i32, shift0: v128, shift1: v128, sums: usize): void {
  let sum0 = v128.load(sums);
  let sum1 = v128.load(sums, 16);
  for (; count >= 2; count -= 2) {
    let k = v128.load(LEAST_POWER);
    let a = f32x4.pmax(f32x4.sub(v128.load(x), shift0), k);
    let b = f32x4.pmax(f32x4.sub(v128.load(x, 16), shift1), k);
    let c = f32x4.pmax(f32x4.sub(v128.load(x, 32), shift0), k);
    let d = f32x4.pmax(f32x4.sub(v128.load(x, 48), shift1), k);
    k = v128.load(EXPONENT);
    const ba = f32x4.add(a, k);
    const bb = f32x4.add(b, k);
    const bc = f32x4.add(c, k);
    const bd = f32x4.add(d, k);
    a = f32x4.sub(a, f32x4.sub(ba, k));
    b = f32x4.sub(b, f32x4.sub(bb, k));
    c = f32x4.sub(c, f32x4.sub(bc, k));
    d = f32x4.sub(d, f32x4.sub(bd, k));
    k = v128.load(POWER_5);
    const next = v128.load(POWER_4);
    let pa = fma(k, a, next);
    let pb = fma(k, b, next);
    let pc = fma(k, c, next);
    let pd = fma(k, d, next);
    k = v128.load(POWER_3);
    pa = fma(pa, a, k);
    pb = fma(pb, b, k);
    pc = fma(pc, c, k);
    pd = fma(pd, d, k);
    k = v128.load(POWER_2);
    pa = fma(pa, a, k);
    pb = fma(pb, b, k);
    pc = fma(pc, c, k);
    pd = fma(pd, d, k);
    k = v128.load(POWER_1);
    pa = fma(pa, a, k);
    pb = fma(pb, b, k);
    pc = fma(pc, c, k);
    pd = fma(pd, d, k);
    k = v128.load(ONE);
    a = f32x4.mul(fma(pa, a, k), i32x4.shl(ba, 23));
    b = f32x4.mul(fma(pb, b, k), i32x4.shl(bb, 23));
    c = f32x4.mul(fma(pc, c, k), i32x4.shl(bc, 23));
    d = f32x4.mul(fma(pd, d, k), i32x4.shl(bd, 23));
    v128.store(x, a);
    v128.store(x, b, 16);
    v128.store(x, c, 32);
    v128.store(x, d, 48);
    sum0 = f32x4.add(f32x4.add(sum0, a), c);
    sum1 = f32x4.add(f32x4.add(sum1, b), d);
    x += 64;
  }
  if (count) {
    const a = powerOf2(f32x4.sub(v128.load(x), shift0));
    const b = powerOf2(f32x4.sub(v128.load(x, 16), shift1));
    v128.store(x, a);
    v128.store(x, b, 16);
    sum0 = f32x4.add(sum0, a);
    sum1 = f32x4.add(sum1, b);
  }
  v128.store(sums, sum0);
  v128.store(sums, sum1, 16);
}

/** The natural logarithm: of 0 it is -Infinity, of what is below 0 NaN. */
export function log(x: v128): v128 {
  const small = f32x4.lt(x, v128.load(SMALLEST));
  const rootHalf = v128.load(ROOT_HALF);
  const bits = i32x4.sub(v128.bitselect(f32x4.mul(x, v128.load(TWO_23)), x, small), rootHalf);
  const exponent = i32x4.sub(i32x4.shr_s(bits, 23), v128.and(small, v128.load(INT_23)));
  const m = i32x4.add(v128.and(bits, v128.load(MANTISSA)), rootHalf);
  const n = f32x4.convert_i32x4_s(exponent);
  const one = v128.load(ONE);
  let y = logOf(
    m, f32x4.sub(m, one), n, f32x4.mul(n, v128.load(LN2_LOW)), one, v128.load(LOG_1), v128.load(LOG_2), v128.load(LOG_3),
    v128.load(LN2_HIGH),
  );
  const infinite = v128.load(INFINITE);
  const zero = i32x4.splat(0);
  y = v128.bitselect(y, x, f32x4.lt(x, infinite));
  y = v128.or(y, f32x4.lt(x, zero));
  return v128.bitselect(f32x4.neg(infinite), y, f32x4.eq(x, zero));
}

/**
 * y = log(x) for `count` floats, a multiple of four, or, `above`, log(1 + x): the logarithm of what 1 + x rounds to, with
 * what was rounded away times the slope there. y may be x. What is not positive and normal is left to `log`.
 */
// @ts-ignore: decorator
@inline
function logVectors(y: usize, x: usize, count: i32, above: bool): void {
  const rootHalf = v128.load(ROOT_HALF);
  const mantissa = v128.load(MANTISSA);
  const smallest = v128.load(SMALLEST);
  const normal = v128.load(NORMAL);
  const one = v128.load(ONE);
  const c1 = v128.load(LOG_1);
  const c2 = v128.load(LOG_2);
  const c3 = v128.load(LOG_3);
  const high = v128.load(LN2_HIGH);
  const low = v128.load(LN2_LOW);
  while (count >= 4) {
    let z: v128;
    let u: v128;
    let odd: v128;
    let any = false;
    // Left for `log`, so that this loop calls nothing.
    do {
      const a = v128.load(x);
      u = above ? f32x4.add(one, a) : a;
      const bits = i32x4.sub(u, rootHalf);
      const exponent = i32x4.shr_s(bits, 23);
      const n = f32x4.convert_i32x4_s(exponent);
      const m = i32x4.add(v128.and(bits, mantissa), rootHalf);
      const f = f32x4.sub(m, one);
      let rest = f32x4.mul(n, low);
      if (above) {
        const lost = f32x4.mul(f32x4.sub(a, f32x4.sub(u, one)), i32x4.sub(one, i32x4.shl(exponent, 23)));
        rest = fma(lost, fma(f, f32x4.sub(f, one), one), rest);
      }
      z = logOf(m, f, n, rest, one, c1, c2, c3, high);
      if (above) z = v128.or(z, v128.andnot(a, v128.load(NOT_SIGN)));
      // Beyond 2^127 the scale of what is lost is no number.
      odd = i32x4.gt_s(normal, i32x4.add(above ? f32x4.add(u, u) : u, smallest));
      any = v128.any_true(odd);
      v128.store(y, z);
      x += 16;
      y += 16;
      count -= 4;
    } while (!any && count >= 4);
    if (any) v128.store(y - 16, v128.bitselect(log(u), z, odd));
  }
}

/** y = log(x) for `count` floats, a multiple of four; y may be x. */
export function logRow(y: usize, x: usize, count: i32): void {
  logVectors(y, x, count, false);
}

/** y = log(1 + x) for `count` floats, a multiple of four; y may be x. */
export function log1pRow(y: usize, x: usize, count: i32): void {
  logVectors(y, x, count, true);
}

/**
 * y = 1 / (1 + e^-x) for `count` floats, the gates of recurrent layers; y may be x. Four vectors at a time share each
 * constant. Its error grows with |x|, to 4.6 units in the last place at 10: no more than the rounding of sums brings in.
 */
export function gateRow(y: usize, x: usize, count: i32): void {
  const minus = f32x4.neg(v128.load(LOG2E));
  for (; count >= 16; count -= 16) {
    let k = v128.load(GATE_LIMIT);
    let a = f32x4.pmin(v128.load(x), k);
    let b = f32x4.pmin(v128.load(x, 16), k);
    let c = f32x4.pmin(v128.load(x, 32), k);
    let d = f32x4.pmin(v128.load(x, 48), k);
    k = f32x4.neg(k);
    a = f32x4.pmax(a, k);
    b = f32x4.pmax(b, k);
    c = f32x4.pmax(c, k);
    d = f32x4.pmax(d, k);
    k = v128.load(EXPONENT);
    const ba = fma(a, minus, k);
    const bb = fma(b, minus, k);
    const bc = fma(c, minus, k);
    const bd = fma(d, minus, k);
    a = fma(a, minus, f32x4.sub(k, ba));
    b = fma(b, minus, f32x4.sub(k, bb));
    c = fma(c, minus, f32x4.sub(k, bc));
    d = fma(d, minus, f32x4.sub(k, bd));
    k = v128.load(POWER_5);
    const next = v128.load(POWER_4);
    let pa = fma(k, a, next);
    let pb = fma(k, b, next);
    let pc = fma(k, c, next);
    let pd = fma(k, d, next);
    k = v128.load(POWER_3);
    pa = fma(pa, a, k);
    pb = fma(pb, b, k);
    pc = fma(pc, c, k);
    pd = fma(pd, d, k);
    k = v128.load(POWER_2);
    pa = fma(pa, a, k);
    pb = fma(pb, b, k);
    pc = fma(pc, c, k);
    pd = fma(pd, d, k);
    k = v128.load(POWER_1);
    pa = fma(pa, a, k);
    pb = fma(pb, b, k);
    pc = fma(pc, c, k);
    pd = fma(pd, d, k);
    k = v128.load(ONE);
    a = f32x4.div(k, fma(fma(pa, a, k), i32x4.shl(ba, 23), k));
    b = f32x4.div(k, fma(fma(pb, b, k), i32x4.shl(bb, 23), k));
    c = f32x4.div(k, fma(fma(pc, c, k), i32x4.shl(bc, 23), k));
    d = f32x4.div(k, fma(fma(pd, d, k), i32x4.shl(bd, 23), k));
    v128.store(y, a);
    v128.store(y, b, 16);
    v128.store(y, c, 32);
    v128.store(y, d, 48);
    x += 64;
    y += 64;
  }
  const one = v128.load(ONE);
  for (; count > 0; count -= 4) {
    const limit = v128.load(GATE_LIMIT);
    const a = f32x4.pmax(f32x4.pmin(loadLanes(x, count), limit), f32x4.neg(limit));
    storeLanes(y, f32x4.div(one, f32x4.add(one, powerOf2(f32x4.mul(a, minus)))), count);
    x += 16;
    y += 16;
  }
}

// @ts-ignore: decorator
@inline
function tanhOf(
  x: v128, highest: v128, one: v128, notSign: v128, p1: v128, p2: v128, p3: v128, p4: v128, q1: v128, q2: v128, q3: v128, q4: v128,
): v128 {
  const t = f32x4.pmin(v128.and(x, notSign), highest);
  const u = f32x4.mul(t, t);
  const p = fma(fma(fma(fma(p4, u, p3), u, p2), u, p1), u, one);
  const q = fma(fma(fma(fma(q4, u, q3), u, q2), u, q1), u, one);
  const z = f32x4.div(f32x4.mul(t, p), q);
  return v128.or(f32x4.pmin(z, one), v128.andnot(x, notSign));
}

/** The hyperbolic tangent of four floats. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  return tanhOf(
    x, v128.load(TANH_LIMIT), v128.load(ONE), v128.load(NOT_SIGN), v128.load(TANH_P1), v128.load(TANH_P2), v128.load(TANH_P3),
    v128.load(TANH_P4), v128.load(TANH_Q1), v128.load(TANH_Q2), v128.load(TANH_Q3), v128.load(TANH_Q4),
  );
}

/** y = tanh(x) for `count` floats; y may be x. */
export function tanhRow(y: usize, x: usize, count: i32): void {
  const highest = v128.load(TANH_LIMIT);
  const one = v128.load(ONE);
  const notSign = v128.load(NOT_SIGN);
  const p1 = v128.load(TANH_P1);
  const p2 = v128.load(TANH_P2);
  const p3 = v128.load(TANH_P3);
  const p4 = v128.load(TANH_P4);
  const q1 = v128.load(TANH_Q1);
  const q2 = v128.load(TANH_Q2);
  const q3 = v128.load(TANH_Q3);
  const q4 = v128.load(TANH_Q4);
  for (; count >= 4; count -= 4) {
    v128.store(y, tanhOf(v128.load(x), highest, one, notSign, p1, p2, p3, p4, q1, q2, q3, q4));
    x += 16;
    y += 16;
  }
  if (count > 0) storeLanes(y, tanh(loadLanes(x, count)), count);
}

/** x^y of two float64 lanes, of a normal float32 x that is positive and a finite y. */
// @ts-ignore: decorator
@inline
function powInside(x: v128, y: v128): v128 {
  const one = v128.load(ONE_DOUBLE);
  const bits = i64x2.add(x, v128.load(POW_BELOW));
  const k = f64x2.sub(v128.or(i64x2.shr_u(bits, 52), v128.load(POW_TWO_52)), v128.load(POW_WHOLE));
  const m = i64x2.add(v128.and(bits, v128.load(POW_MANTISSA)), v128.load(POW_ROOT_HALF));
  const s = f64x2.div(f64x2.sub(m, one), f64x2.add(m, one));
  const z = f64x2.mul(s, s);
  const zz = f64x2.mul(z, z);
  let p = fmaDouble(v128.load(POW_LOG, 64), zz, fmaDouble(v128.load(POW_LOG, 48), z, v128.load(POW_LOG, 32)));
  p = fmaDouble(p, zz, fmaDouble(v128.load(POW_LOG, 16), z, v128.load(POW_LOG)));
  const limit = v128.load(POW_LIMIT);
  const t = f64x2.pmax(f64x2.pmin(f64x2.mul(y, fmaDouble(s, p, k)), limit), f64x2.neg(limit));
  const exponent = v128.load(POW_EXPONENT);
  const n = f64x2.add(t, exponent);
  const r = f64x2.sub(t, f64x2.sub(n, exponent));
  const rr = f64x2.mul(r, r);
  p = fmaDouble(v128.load(POW_EXP, 96), rr, fmaDouble(v128.load(POW_EXP, 80), r, v128.load(POW_EXP, 64)));
  p = fmaDouble(p, rr, fmaDouble(v128.load(POW_EXP, 48), r, v128.load(POW_EXP, 32)));
  p = fmaDouble(p, rr, fmaDouble(v128.load(POW_EXP, 16), r, v128.load(POW_EXP)));
  p = fmaDouble(p, r, one);
  return f64x2.mul(p, i64x2.shl(n, 52));
}

/** z = |x|^y, right where x is positive and both are finite, as x^y anywhere. */
function powEdges(x: v128, y: v128, z: v128): v128 {
  const zero = i32x4.splat(0);
  const one = v128.load(ONE);
  const infinite = v128.load(INFINITE);
  const base = f32x4.abs(x);
  const endless = v128.not(f32x4.lt(f32x4.abs(y), infinite));
  // Of 0, infinities and NaN: 0 or infinite, by the side of 1 on which the base lies.
  const side = f32x4.mul(f32x4.sub(base, one), y);
  const limit = v128.or(v128.and(f32x4.gt(side, zero), infinite), f32x4.ne(side, side));
  const inside = v128.and(f32x4.gt(base, zero), f32x4.lt(base, infinite));
  z = v128.bitselect(z, limit, v128.andnot(inside, endless));
  const half = f32x4.mul(y, v128.load(HALF));
  const integer = f32x4.eq(f32x4.trunc(y), y);
  const odd = v128.and(integer, f32x4.ne(f32x4.trunc(half), half));
  z = v128.or(z, v128.andnot(v128.and(x, odd), v128.load(NOT_SIGN)));
  const root = v128.andnot(f32x4.lt(x, zero), integer);
  z = v128.or(z, v128.and(root, f32x4.lt(base, infinite)));
  const plain = v128.or(f32x4.eq(y, zero), f32x4.eq(x, one));
  return v128.bitselect(one, z, v128.or(plain, v128.and(f32x4.eq(base, one), f32x4.eq(f32x4.abs(y), infinite))));
}

/**
 * z = x^y for `count` floats, an even number, as C's powf: a negative x takes integer powers only, x^0 and 1^y are 1 even of
 * NaN, (-1)^±Infinity is 1. Through 2^(y log2 x) in float64, which keeps large powers exact and rounds denormal results
 * once. x and y advance by their steps, in bytes, for every two.
 */
export function powPairs(z: usize, x: usize, y: usize, count: i32, stepX: usize, stepY: usize): void {
  const notSign = v128.load(NOT_SIGN);
  const infinite = v128.load(INFINITE);
  while (count > 0) {
    let a: v128;
    let b: v128;
    let power: v128;
    let any = false;
    // Left where there is more to a power, so that this loop calls nothing.
    do {
      a = v128.load64_splat(x);
      b = v128.load64_splat(y);
      power = f32x4.demote_f64x2_zero(powInside(f64x2.promote_low_f32x4(v128.and(a, notSign)), f64x2.promote_low_f32x4(b)));
      const odd = i32x4.gt_s(v128.load(NORMAL), i32x4.add(a, v128.load(SMALLEST)));
      any = v128.any_true(v128.or(odd, i32x4.eq(v128.and(b, infinite), infinite)));
      v128.store64_lane(z, power, 0);
      x += stepX;
      y += stepY;
      z += 8;
      count -= 2;
    } while (!any && count > 0);
    if (any) v128.store64_lane(z - 8, powEdges(a, b, power), 0);
  }
}
