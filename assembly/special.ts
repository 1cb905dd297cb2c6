// More functions of floats: the error function, sine, cosine and the angle of a point, and exp and log near 1. Largest
// errors in units in the last place, against float64, over 2.8e7 arguments of all exponents; tests/math.test.ts holds
// them to it:
//
//             relaxed   simd
//   erf         2.5      2.6
//   sin, cos    1.6      1.6     of every finite argument
//   atan2       1.75     1.72    of 1e7 pairs
//   log1p       1.44     1.44
//   expm1       1.5      1.6
//
// Angles are reduced in float64, from 2^25 on with as many bits of 2 / pi as it takes (Payne, Hanek 1983).

import { exp, log, ONE } from './math';
import { scratch } from './runtime';
import { fma, fnma } from './simd';

const TABLE: usize = 2048;

const ERF_LIMIT: usize = TABLE;
const ERF_NEAR: usize = TABLE + 16;
const ERF_FAR: usize = TABLE + 128;
const ANGLE_LIMIT: usize = TABLE + 240;
const TURNS: usize = TABLE + 256;
const RIGHT_HIGH: usize = TABLE + 272;
const RIGHT_LOW: usize = TABLE + 288;
const SIN_3: usize = TABLE + 304;
const SIN_5: usize = TABLE + 320;
const SIN_7: usize = TABLE + 336;
const COS_4: usize = TABLE + 352;
const COS_6: usize = TABLE + 368;
const COS_8: usize = TABLE + 384;
const HALF: usize = TABLE + 400;
const EXPM1_HIGHEST: usize = TABLE + 416;
const EXPM1_LOWEST: usize = TABLE + 432;
const LOG2E: usize = TABLE + 448;
const LN2_HIGH: usize = TABLE + 464;
const LN2_LOW: usize = TABLE + 480;
const EXPM1_3: usize = TABLE + 496;
const EXPM1_4: usize = TABLE + 512;
const EXPM1_5: usize = TABLE + 528;
const EXPM1_6: usize = TABLE + 544;
const EXPONENT: usize = TABLE + 560;
const ATAN: usize = TABLE + 576;
const RIGHT: usize = TABLE + 704;
const RIGHT_REST: usize = TABLE + 720;

function floats(at: usize, value: f32): void {
  v128.store(at, f32x4.splat(value));
}

function doubles(at: usize, value: f64): void {
  v128.store(at, f64x2.splat(value));
}

/** Writes the constants at [2048, 2784). */
export function setupSpecial(): void {
  // erf(x) = x (c0 + c1 u + ... + c6 u^6), u = x^2, up to 1: relative error 1.2e-9.
  floats(ERF_LIMIT, 4);
  floats(ERF_NEAR, 1.1283791657266884);
  floats(ERF_NEAR + 16, -0.3761262582409359);
  floats(ERF_NEAR + 32, 0.11283585147033579);
  floats(ERF_NEAR + 48, -0.026853811869239547);
  floats(ERF_NEAR + 64, 0.005188327560305239);
  floats(ERF_NEAR + 80, -0.0008010192523817128);
  floats(ERF_NEAR + 96, 7.853857718174984e-5);
  // erf(x) = 1 - exp(-(c0 + c1 x + ... + c6 x^6)) from 1 to 4: relative error 1.1e-9.
  floats(ERF_FAR, 0.0003415125918251708);
  floats(ERF_FAR + 16, 1.127089233770441);
  floats(ERF_FAR + 32, 0.6381447581811691);
  floats(ERF_FAR + 48, 0.10310682136387328);
  floats(ERF_FAR + 64, -0.02183809696534522);
  floats(ERF_FAR + 80, 0.0029476667959186242);
  floats(ERF_FAR + 96, -0.00018638008418847551);
  // sin r = r + r^3 (c3 + c5 u + c7 u^2) and cos r = 1 - u / 2 + u^2 (c4 + c6 u + c8 u^2), u = r^2, up to pi / 4:
  // relative errors 4e-9 and 2e-10. The high part of pi / 2 has 28 bits.
  floats(ANGLE_LIMIT, 33554432);
  doubles(TURNS, 0.6366197723675814);
  doubles(RIGHT_HIGH, 1.570796325802803);
  doubles(RIGHT_LOW, 9.920935796805404e-10);
  floats(SIN_3, -0.16666654602058595);
  floats(SIN_5, 0.008332160281689246);
  floats(SIN_7, -0.00019515217006505457);
  floats(COS_4, 0.04166664566968688);
  floats(COS_6, -0.0013887315597318915);
  floats(COS_8, 2.443308078649948e-5);
  floats(HALF, 0.5);
  // e^r - 1 = r + r^2 (1/2 + c3 r + ... + c6 r^4) up to ln(2) / 2: relative error 2e-8.
  floats(EXPM1_HIGHEST, 88.8);
  floats(EXPM1_LOWEST, -18);
  floats(LOG2E, 1.44269504);
  floats(LN2_HIGH, 0.693359375);
  floats(LN2_LOW, -2.1219444e-4);
  floats(EXPM1_3, 0.1666654317657867);
  floats(EXPM1_4, 0.041667201816402405);
  floats(EXPM1_5, 0.008366580475425833);
  floats(EXPM1_6, 0.0013882507582975954);
  floats(EXPONENT, 12583038); // 1.5 * 2^23 + 126: the sum's low bits are the biased exponent of 2^(n - 1)
  // atan(t) = t + t u (c0 + c1 u + ... + c7 u^7), u = t^2, up to 1: relative error 2e-8. pi / 2 in two parts.
  floats(ATAN, -0.3333315273602016);
  floats(ATAN + 16, 0.1999377283371609);
  floats(ATAN + 32, -0.14211055297231343);
  floats(ATAN + 48, 0.10666004593916706);
  floats(ATAN + 64, -0.07552214160267573);
  floats(ATAN + 80, 0.04321185905412128);
  floats(ATAN + 96, -0.016367926778437326);
  floats(ATAN + 112, 0.00292069189543295);
  floats(RIGHT, 1.5707963705062866);
  floats(RIGHT_REST, -4.371139006309477e-8);
}

/** The polynomial of six degrees whose coefficients lie at `at`. */
// @ts-ignore: decorator
@inline
function polynomial(at: usize, x: v128): v128 {
  let p = fma(v128.load(at, 96), x, v128.load(at, 80));
  p = fma(p, x, v128.load(at, 64));
  p = fma(p, x, v128.load(at, 48));
  p = fma(p, x, v128.load(at, 32));
  p = fma(p, x, v128.load(at, 16));
  return fma(p, x, v128.load(at));
}

/** The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
export function erf(x: v128): v128 {
  const one = v128.load(ONE);
  const size = f32x4.pmin(f32x4.abs(x), v128.load(ERF_LIMIT));
  const near = f32x4.mul(x, polynomial(ERF_NEAR, f32x4.mul(size, size)));
  const tail = exp(f32x4.neg(polynomial(ERF_FAR, size)));
  const sign = v128.and(x, i32x4.splat(0x80000000));
  const far = v128.or(f32x4.sub(one, tail), sign);
  return v128.bitselect(far, near, f32x4.gt(size, one));
}

/** The 64 bits of 2 / pi behind the first `skip` ones, the first of which has the weight 1/2. */
function bitsOfTurns(skip: i32): u64 {
  const shift = <u64>(skip & 63);
  const high = wordOfTurns(skip >> 6) << shift;
  return shift ? high | (wordOfTurns((skip >> 6) + 1) >> (64 - shift)) : high;
}

function wordOfTurns(index: i32): u64 {
  if (index == 0) return 0xa2f9836e4e441529;
  if (index == 1) return 0xfc2757d1f534ddc0;
  return index == 2 ? 0xdb6295993c439041 : 0xfe5163abdebbc561;
}

/**
 * An angle of at least 2^25, infinite or NaN, less the nearest multiple of pi / 2: writes the rest, f32, at `rest`, and
 * the multiple, of which the two lowest bits count, 16 bytes behind it.
 */
function reduceFar(angle: f32, rest: usize): void {
  const bits = reinterpret<u32>(angle);
  const exponent = <i32>((bits >> 23) & 255) - 150;
  if (exponent > 104) {
    store<f32>(rest, NaN);
    store<i32>(rest, 0, 16);
    return;
  }
  // angle = m 2^exponent: bits of 2 / pi above the weight 2^(1 - exponent) add whole turns. In units of 2^-62 quarter
  // turns, the overflow drops the others.
  const m = <u64>((bits & 0x7fffff) | 0x800000);
  const turns = m * bitsOfTurns(exponent - 2) + ((m * (bitsOfTurns(exponent + 62) >> 24)) >> 40);
  const whole = (turns + (<u64>1 << 61)) >> 62;
  const part = <f64>(<i64>(turns - (whole << 62))) * 2.168404344971009e-19;
  const r = <f32>(part * 1.5707963267948966);
  const negative = <i32>bits < 0;
  store<f32>(rest, negative ? -r : r);
  store<i32>(rest, negative ? -(<i32>whole) : <i32>whole, 16);
}

/** sin(x + quadrant pi / 2). */
function wave(x: v128, quadrant: i32): v128 {
  const far = f32x4.ge(f32x4.abs(x), v128.load(ANGLE_LIMIT));
  const turns = v128.load(TURNS);
  const high = v128.load(RIGHT_HIGH);
  const low = v128.load(RIGHT_LOW);
  const a = f64x2.promote_low_f32x4(x);
  const b = f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3));
  const na = f64x2.nearest(f64x2.mul(a, turns));
  const nb = f64x2.nearest(f64x2.mul(b, turns));
  const ra = f64x2.sub(f64x2.sub(a, f64x2.mul(na, high)), f64x2.mul(na, low));
  const rb = f64x2.sub(f64x2.sub(b, f64x2.mul(nb, high)), f64x2.mul(nb, low));
  let r = v128.shuffle<i32>(f32x4.demote_f64x2_zero(ra), f32x4.demote_f64x2_zero(rb), 0, 1, 4, 5);
  let n = v128.shuffle<i32>(i32x4.trunc_sat_f64x2_s_zero(na), i32x4.trunc_sat_f64x2_s_zero(nb), 0, 1, 4, 5);
  if (v128.any_true(far)) {
    const at = scratch();
    reduceFar(f32x4.extract_lane(x, 0), at);
    reduceFar(f32x4.extract_lane(x, 1), at + 4);
    reduceFar(f32x4.extract_lane(x, 2), at + 8);
    reduceFar(f32x4.extract_lane(x, 3), at + 12);
    r = v128.bitselect(v128.load(at), r, far);
    n = v128.bitselect(v128.load(at, 16), n, far);
  }
  n = i32x4.add(n, i32x4.splat(quadrant));
  const u = f32x4.mul(r, r);
  const s = fma(fma(v128.load(SIN_7), u, v128.load(SIN_5)), u, v128.load(SIN_3));
  const c = fma(fma(v128.load(COS_8), u, v128.load(COS_6)), u, v128.load(COS_4));
  const sine = fma(f32x4.mul(r, u), s, r);
  const cosine = fma(f32x4.mul(u, u), c, fnma(u, v128.load(HALF), v128.load(ONE)));
  const odd = i32x4.shr_s(i32x4.shl(n, 31), 31);
  const sign = i32x4.shl(i32x4.shr_u(n, 1), 31);
  return v128.xor(v128.bitselect(cosine, sine, odd), sign);
}

/** The sine of an angle in radians; NaN of infinities. Takes 32 bytes of scratch. */
// @ts-ignore: decorator
@inline
export function sin(x: v128): v128 {
  return wave(x, 0);
}

/** The cosine, alike. */
// @ts-ignore: decorator
@inline
export function cos(x: v128): v128 {
  return wave(x, 1);
}

/** log(1 + x): the logarithm of what 1 + x rounds to, and the derivative times what was rounded away. */
export function log1p(x: v128): v128 {
  const one = v128.load(ONE);
  const u = f32x4.add(one, x);
  const logarithm = log(u);
  const y = f32x4.add(logarithm, f32x4.div(f32x4.sub(x, f32x4.sub(u, one)), u));
  // 1 + x is x from 2^25 on, and the logarithms of 0, of Infinity and of what is below 0 need no correction.
  const plain = v128.or(f32x4.le(u, i32x4.splat(0)), f32x4.ge(u, v128.load(ANGLE_LIMIT)));
  return v128.bitselect(x, v128.bitselect(logarithm, y, plain), f32x4.eq(u, one));
}

/** e^x - 1 = 2 (2^(n - 1) (e^r - 1) + (2^(n - 1) - 1/2)), x = n ln 2 + r. */
export function expm1(x: v128): v128 {
  const a = f32x4.pmax(f32x4.pmin(x, v128.load(EXPM1_HIGHEST)), v128.load(EXPM1_LOWEST));
  const n = f32x4.nearest(f32x4.mul(a, v128.load(LOG2E)));
  const r = fnma(n, v128.load(LN2_LOW), fnma(n, v128.load(LN2_HIGH), a));
  const half = v128.load(HALF);
  let p = fma(v128.load(EXPM1_6), r, v128.load(EXPM1_5));
  p = fma(p, r, v128.load(EXPM1_4));
  p = fma(p, r, v128.load(EXPM1_3));
  p = fma(p, r, half);
  p = fma(f32x4.mul(r, r), p, r);
  const scale = i32x4.shl(f32x4.add(n, v128.load(EXPONENT)), 23);
  const y = fma(p, scale, f32x4.sub(scale, half));
  return f32x4.add(y, y);
}

/**
 * The angle of the point (x, y), from -pi to pi, as C's atan2f: the sign of a zero chooses the side, and two infinities
 * lie on a diagonal.
 */
export function atan2(y: v128, x: v128): v128 {
  const zero = i32x4.splat(0);
  const height = f32x4.abs(y);
  const width = f32x4.abs(x);
  const low = f32x4.min(height, width);
  const high = f32x4.max(height, width);
  let t = v128.bitselect(v128.load(ONE), f32x4.div(low, high), f32x4.eq(low, high));
  t = v128.bitselect(zero, t, f32x4.eq(high, zero));
  const u = f32x4.mul(t, t);
  const p = fma(polynomial(ATAN + 16, u), u, v128.load(ATAN));
  let angle = fma(f32x4.mul(t, u), p, t);
  const right = v128.load(RIGHT);
  const rest = v128.load(RIGHT_REST);
  angle = v128.bitselect(f32x4.sub(right, f32x4.sub(angle, rest)), angle, f32x4.gt(height, width));
  const back = f32x4.sub(f32x4.add(right, right), f32x4.sub(angle, f32x4.add(rest, rest)));
  angle = v128.bitselect(back, angle, i32x4.lt_s(x, zero));
  return v128.or(angle, v128.and(y, i32x4.splat(0x80000000)));
}
