// Functions of floats, and the table of constants that they load. Largest errors in units in the last place, against
// float64, over 1.2e9 arguments of all exponents (pow: 2e7 pairs); tests/math.test.ts holds them to it:
//
//             relaxed   simd
//   exp         1.57     1.90
//   log         0.83     0.84
//   tanh        5.3      6.4     near 1; never beyond it
//   expRow      2.2      2.5     exp of what is not above 0
//   sigmoid     2.7      2.5     1 / (1 + exp(-x))
//   pow         0.51     0.51
//
// NaN gives NaN. Below the smallest normal number exp gives 0; log and pow take denormal numbers, and pow gives them.
// Constants are loaded, for engines rebuild v128.const wherever it stands.

import { lanesBelow, loadLanes, storeLanes } from './lanes';
import { scratch } from './runtime';
import { fma, fnma } from './simd';

const TABLE: usize = 1024;

// exp
const HIGHEST: usize = TABLE;
const LOWEST: usize = TABLE + 16;
const LOG2E: usize = TABLE + 32;
const EXPONENT: usize = TABLE + 48;
const LN2_HIGH: usize = TABLE + 64;
const LN2_LOW: usize = TABLE + 80;
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
const HALF: usize = TABLE + 320;
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
const POW_LOG2E: usize = TABLE + 528;
const POW_LOG: usize = TABLE + 544;
const POW_EXP: usize = TABLE + 624;
const POW_EXPONENT: usize = TABLE + 736;
const POW_LIMIT: usize = TABLE + 752;
const POW_ONE: usize = TABLE + 768;
const POW_INFINITE: usize = TABLE + 784;
const LARGEST: usize = TABLE + 800;
const NOT_SIGN: usize = TABLE + 816;
// exp, to the nearest power of two
const MINUS_HALF: usize = TABLE + 832;
const NEAR_2: usize = TABLE + 848;
const NEAR_3: usize = TABLE + 864;
const NEAR_4: usize = TABLE + 880;
const NEAR_5: usize = TABLE + 896;

function floats(at: usize, value: f32): void {
  v128.store(at, f32x4.splat(value));
}

function ints(at: usize, value: i32): void {
  v128.store(at, i32x4.splat(value));
}

function doubles(at: usize, value: f64): void {
  v128.store(at, f64x2.splat(value));
}

/** Writes the constants at [1024, 2048). */
export function setupMath(): void {
  // e^r = 1 + r + r^2 (c2 + c3 r + ... + c6 r^4) on [0, ln 2], least relative error 3e-9.
  floats(HIGHEST, 88.8);
  floats(LOWEST, -88);
  floats(LOG2E, 1.44269504);
  floats(EXPONENT, 12583039); // 1.5 * 2^23 + 127: the sum's low bits are the biased exponent
  floats(LN2_HIGH, 0.693359375);
  floats(LN2_LOW, -2.12194440e-4);
  floats(EXP_2, 0.5000022851336118);
  floats(EXP_3, 0.1666319139622765);
  floats(EXP_4, 0.04185498172853581);
  floats(EXP_5, 0.007868427826821052);
  floats(EXP_6, 0.0019124861482158508);
  floats(ONE, 1);
  // log(1 + f) = 2s + s z (c1 + c2 z + c3 z^2), s = f / (2 + f), z = s^2, least relative error 1e-9.
  floats(SMALLEST, 1.17549435e-38);
  floats(TWO_23, 8388608);
  ints(INT_23, 23);
  ints(ROOT_HALF, 0x3f3504f3);
  ints(MANTISSA, 0x7fffff);
  floats(LOG_1, 0.6666677638162062);
  floats(LOG_2, 0.3997754157562795);
  floats(LOG_3, 0.2987172775721441);
  floats(HALF, 0.5);
  floats(INFINITE, Infinity);
  // tanh(x) = x (1 + p1 u + ... + p4 u^4) / (1 + q1 u + ... + q4 u^4), u = x^2, on [0, 9.02], relative error 4e-8.
  floats(TANH_LIMIT, 9.02);
  floats(TANH_P1, 0.1338268220424652);
  floats(TANH_P2, 0.0034974522422999144);
  floats(TANH_P3, 2.0635743567254394e-5);
  floats(TANH_P4, 1.3384197750099247e-8);
  floats(TANH_Q1, 0.46716001629829407);
  floats(TANH_Q2, 0.025884339585900307);
  floats(TANH_Q3, 0.0003288509033154696);
  floats(TANH_Q4, 7.790207519065007e-7);
  // The same logarithm with five terms (3e-14), and 2^r = 1 + c1 r + ... + c7 r^7 on [-1/2, 1/2] (2e-10).
  v128.store(POW_ROOT_HALF, i64x2.splat(0x3fe6a09e00000000));
  v128.store(POW_MANTISSA, i64x2.splat(0x000fffffffffffff));
  doubles(POW_LOG2E, 1.4426950408889634);
  doubles(POW_LOG, 0.6666666667579991);
  doubles(POW_LOG + 16, 0.3999999562253928);
  doubles(POW_LOG + 32, 0.28572109052045547);
  doubles(POW_LOG + 48, 0.22176194305010002);
  doubles(POW_LOG + 64, 0.19584055749839308);
  doubles(POW_EXP, 0.6931471838168677);
  doubles(POW_EXP + 16, 0.24022650920782687);
  doubles(POW_EXP + 32, 0.05550400375315061);
  doubles(POW_EXP + 48, 0.009618056919350254);
  doubles(POW_EXP + 64, 0.001334195100236379);
  doubles(POW_EXP + 80, 0.00015461367657221677);
  doubles(POW_EXP + 96, 0.000013359831999895838);
  doubles(POW_EXPONENT, 6755399441056767); // 1.5 * 2^52 + 1023
  doubles(POW_LIMIT, 200);
  doubles(POW_ONE, 1);
  doubles(POW_INFINITE, Infinity);
  floats(LARGEST, 3.40282347e38);
  ints(NOT_SIGN, 0x7fffffff);
  // e^r = 1 + r + r^2 (c2 + c3 r + c4 r^2 + c5 r^3) on [-ln 2 / 2, ln 2 / 2], least relative error 1.1e-7.
  floats(MINUS_HALF, -0.5);
  floats(NEAR_2, 0.4999923030974419);
  floats(NEAR_3, 0.16667115389066586);
  floats(NEAR_4, 0.04189033150417398);
  floats(NEAR_5, 0.00831250125056287);
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

/** e^x of four floats that are not above 0, but for rounding. */
// @ts-ignore: decorator
@inline
function expBelow(x: v128): v128 {
  const a = f32x4.pmax(x, v128.load(LOWEST));
  const bias = v128.load(EXPONENT);
  const bits = fma(a, v128.load(LOG2E), bias);
  const n = f32x4.sub(bits, bias);
  const r = fnma(n, v128.load(LN2_LOW), fnma(n, v128.load(LN2_HIGH), a));
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
    const p = below ? expBelow(f32x4.add(a, change)) : exp(v128.xor(a, change));
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

/** The natural logarithm: of 0 it is -Infinity, of what is below 0 NaN. */
export function log(x: v128): v128 {
  const small = f32x4.lt(x, v128.load(SMALLEST));
  const rootHalf = v128.load(ROOT_HALF);
  const bits = i32x4.sub(v128.bitselect(f32x4.mul(x, v128.load(TWO_23)), x, small), rootHalf);
  const exponent = i32x4.sub(i32x4.shr_s(bits, 23), v128.and(small, v128.load(INT_23)));
  const n = f32x4.convert_i32x4_s(exponent);
  const m = i32x4.add(v128.and(bits, v128.load(MANTISSA)), rootHalf);
  const one = v128.load(ONE);
  const f = f32x4.sub(m, one);
  const s = f32x4.div(f, f32x4.add(f, f32x4.add(one, one)));
  const z = f32x4.mul(s, s);
  const r = f32x4.mul(z, fma(fma(v128.load(LOG_3), z, v128.load(LOG_2)), z, v128.load(LOG_1)));
  const h = f32x4.mul(f32x4.mul(f, f), v128.load(HALF));
  const low = fma(s, f32x4.add(h, r), f32x4.mul(n, v128.load(LN2_LOW)));
  let y = fma(n, v128.load(LN2_HIGH), f32x4.sub(f, f32x4.sub(h, low)));
  const infinite = v128.load(INFINITE);
  const zero = i32x4.splat(0);
  y = v128.bitselect(y, x, f32x4.lt(x, infinite));
  y = v128.or(y, f32x4.lt(x, zero));
  return v128.bitselect(f32x4.neg(infinite), y, f32x4.eq(x, zero));
}

/** 1 / (1 + e^-x) of four floats. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const one = v128.load(ONE);
  return f32x4.div(one, f32x4.add(one, exp(f32x4.neg(x))));
}

// @ts-ignore: decorator
@inline
function tanhOf(
  x: v128, highest: v128, lowest: v128, one: v128, minus: v128, p1: v128, p2: v128, p3: v128, p4: v128, q1: v128, q2: v128,
  q3: v128, q4: v128,
): v128 {
  const t = f32x4.pmax(f32x4.pmin(x, highest), lowest);
  const u = f32x4.mul(t, t);
  const p = fma(fma(fma(fma(p4, u, p3), u, p2), u, p1), u, one);
  const q = fma(fma(fma(fma(q4, u, q3), u, q2), u, q1), u, one);
  const z = f32x4.div(f32x4.mul(t, p), q);
  return f32x4.pmax(f32x4.pmin(z, one), minus);
}

/** The hyperbolic tangent of four floats. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const highest = v128.load(TANH_LIMIT);
  const one = v128.load(ONE);
  return tanhOf(
    x, highest, f32x4.neg(highest), one, f32x4.neg(one), v128.load(TANH_P1), v128.load(TANH_P2), v128.load(TANH_P3),
    v128.load(TANH_P4), v128.load(TANH_Q1), v128.load(TANH_Q2), v128.load(TANH_Q3), v128.load(TANH_Q4),
  );
}

/** y = tanh(x) for `count` floats; y may be x. */
export function tanhRow(y: usize, x: usize, count: i32): void {
  const highest = v128.load(TANH_LIMIT);
  const lowest = f32x4.neg(highest);
  const one = v128.load(ONE);
  const minus = f32x4.neg(one);
  const p1 = v128.load(TANH_P1);
  const p2 = v128.load(TANH_P2);
  const p3 = v128.load(TANH_P3);
  const p4 = v128.load(TANH_P4);
  const q1 = v128.load(TANH_Q1);
  const q2 = v128.load(TANH_Q2);
  const q3 = v128.load(TANH_Q3);
  const q4 = v128.load(TANH_Q4);
  for (; count >= 4; count -= 4) {
    v128.store(y, tanhOf(v128.load(x), highest, lowest, one, minus, p1, p2, p3, p4, q1, q2, q3, q4));
    x += 16;
    y += 16;
  }
  if (count > 0) {
    v128.store(scratch(), loadLanes(x, count));
    tanhRow(scratch(), scratch(), 4);
    storeLanes(y, v128.load(scratch()), count);
  }
}

/** x^y of two float64 lanes, x not negative. */
function powHalf(x: v128, y: v128): v128 {
  const one = v128.load(POW_ONE);
  const rootHalf = v128.load(POW_ROOT_HALF);
  const bits = i64x2.sub(x, rootHalf);
  const exponent = i32x4.shr_s(bits, 20);
  const k = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(exponent, exponent, 1, 3, 1, 3));
  const f = f64x2.sub(i64x2.add(v128.and(bits, v128.load(POW_MANTISSA)), rootHalf), one);
  const s = f64x2.div(f, f64x2.add(f, f64x2.add(one, one)));
  const z = f64x2.mul(s, s);
  let p = v128.load(POW_LOG, 64);
  p = f64x2.add(f64x2.mul(p, z), v128.load(POW_LOG, 48));
  p = f64x2.add(f64x2.mul(p, z), v128.load(POW_LOG, 32));
  p = f64x2.add(f64x2.mul(p, z), v128.load(POW_LOG, 16));
  p = f64x2.add(f64x2.mul(p, z), v128.load(POW_LOG));
  const natural = f64x2.add(f64x2.add(s, s), f64x2.mul(f64x2.mul(s, z), p));
  let log2 = f64x2.add(f64x2.mul(natural, v128.load(POW_LOG2E)), k);
  const infinite = v128.load(POW_INFINITE);
  log2 = v128.bitselect(log2, x, f64x2.lt(x, infinite));
  log2 = v128.bitselect(f64x2.neg(infinite), log2, f64x2.eq(x, i32x4.splat(0)));

  const limit = v128.load(POW_LIMIT);
  const t = f64x2.pmax(f64x2.pmin(f64x2.mul(y, log2), limit), f64x2.neg(limit));
  const n = f64x2.nearest(t);
  const r = f64x2.sub(t, n);
  p = v128.load(POW_EXP, 96);
  p = f64x2.add(f64x2.mul(p, r), v128.load(POW_EXP, 80));
  p = f64x2.add(f64x2.mul(p, r), v128.load(POW_EXP, 64));
  p = f64x2.add(f64x2.mul(p, r), v128.load(POW_EXP, 48));
  p = f64x2.add(f64x2.mul(p, r), v128.load(POW_EXP, 32));
  p = f64x2.add(f64x2.mul(p, r), v128.load(POW_EXP, 16));
  p = f64x2.add(f64x2.mul(p, r), v128.load(POW_EXP));
  p = f64x2.add(f64x2.mul(p, r), one);
  return f64x2.mul(p, i64x2.shl(f64x2.add(n, v128.load(POW_EXPONENT)), 52));
}

/**
 * x^y as C's powf: a negative x takes integer powers only, x^0 and 1^y are 1 even of NaN, (-1)^±Infinity is 1.
 * Through 2^(y log2 x) in float64, which keeps large powers exact and rounds denormal results once.
 */
export function pow(x: v128, y: v128): v128 {
  const zero = i32x4.splat(0);
  const one = v128.load(ONE);
  const largest = v128.load(LARGEST);
  const base = f32x4.abs(x);
  const power = f32x4.pmax(f32x4.pmin(y, largest), f32x4.neg(largest));
  const low = powHalf(f64x2.promote_low_f32x4(base), f64x2.promote_low_f32x4(power));
  const high = powHalf(
    f64x2.promote_low_f32x4(v128.shuffle<i32>(base, base, 2, 3, 2, 3)),
    f64x2.promote_low_f32x4(v128.shuffle<i32>(power, power, 2, 3, 2, 3)),
  );
  let z = v128.shuffle<i32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
  const half = f32x4.mul(y, v128.load(HALF));
  const integer = f32x4.eq(f32x4.trunc(y), y);
  const odd = v128.and(integer, f32x4.ne(f32x4.trunc(half), half));
  z = v128.or(z, v128.andnot(v128.and(x, odd), v128.load(NOT_SIGN)));
  const root = v128.andnot(f32x4.lt(x, zero), integer);
  z = v128.or(z, v128.and(root, f32x4.lt(base, v128.load(INFINITE))));
  return v128.bitselect(one, z, v128.or(f32x4.eq(y, zero), f32x4.eq(x, one)));
}
