// More functions of floats: the error function, sine, cosine and the angle of a point, and exp near 1. docs/accuracy.md has
// their largest errors.
//
// Angles are reduced in float64, from 2^25 on with as many bits of 2 / pi as it takes (Payne, Hanek 1983).

import { doubles, floats } from './constants';
import { EXPONENT, HALF, LN2_HIGH, LN2_LOW, LOG2E, NOT_SIGN, ONE, ONE_DOUBLE } from './math';
import { scratch } from './runtime';
import { fma, fmaDouble, fnma, fnmaDouble } from './simd';

const TABLE: usize = 2064;

const ERF_LIMIT: usize = TABLE;
const ERF_NEAR: usize = TABLE + 16;
const ERF_FAR: usize = TABLE + 128;
const ANGLE_LIMIT: usize = TABLE + 224;
const HALF_TURNS: usize = TABLE + 240;
const PI_HIGH: usize = TABLE + 256;
const PI_LOW: usize = TABLE + 272;
const SIN: usize = TABLE + 288;
const WHOLE: usize = TABLE + 352;
const EXPM1_HIGHEST: usize = TABLE + 368;
const EXPM1_LOWEST: usize = TABLE + 384;
const EXP_3: usize = TABLE + 400;
const EXP_4: usize = TABLE + 416;
const EXP_5: usize = TABLE + 432;
const EXP_6: usize = TABLE + 448;
const EXPM1_BIAS: usize = TABLE + 464;
const ATAN: usize = TABLE + 480;
const RIGHT: usize = TABLE + 608;
const PI: usize = TABLE + 624;
const REST: usize = TABLE + 640;

/** Writes the constants at [2064, 2720). */
export function setupSpecial(): void {
  let at = TABLE;
  // erf(x) = x + x (c0 + c1 u + ... + c6 u^6), u = x^2, up to 1: relative error 1.4e-9.
  at = floats(at, 4);
  at = floats(at, 0.12837916612625122);
  at = floats(at, -0.3761262595653534);
  at = floats(at, 0.11283578723669052);
  at = floats(at, -0.026853347197175026);
  at = floats(at, 0.005187162198126316);
  at = floats(at, -0.0007997853099368513);
  at = floats(at, 7.806903886375949e-05);
  // erf(x) = 1 - exp(x (c0 + c1 x + ... + c5 x^5)) from 1 to 4: relative error 3e-9.
  at = floats(at, -1.128480076789856);
  at = floats(at, -0.635831356048584);
  at = floats(at, -0.10511629283428192);
  at = floats(at, 0.022798558697104454);
  at = floats(at, -0.003186976769939065);
  at = floats(at, 0.00021064706379547715);
  // sin r = r + r u (c0 + c1 u + c2 u^2 + c3 u^3), u = r^2, up to pi / 2: relative error 6e-9. The high part of pi has 28 bits.
  at = floats(at, 33554432);
  at = doubles(at, 0.3183098861837907);
  at = doubles(at, 3.141592651605606);
  at = doubles(at, 1.984187159361081e-9);
  at = doubles(at, -0.16666659544585188);
  at = doubles(at, 0.008333066083005294);
  at = doubles(at, -0.0001980959012209638);
  at = doubles(at, 2.6057507394257897e-06);
  at = doubles(at, 6755399441055744); // 1.5 * 2^52: the sum's low bits are the integer
  // e^r - 1 = r + r^2 (1/2 + c3 r + ... + c6 r^4) up to ln(2) / 2: relative error 2e-8.
  at = floats(at, 88.8);
  at = floats(at, -18);
  at = floats(at, 0.1666654497385025);
  at = floats(at, 0.04166640341281891);
  at = floats(at, 0.008366456255316734);
  at = floats(at, 0.0013940560165792704);
  at = floats(at, 12583038); // 1.5 * 2^23 + 126: the sum's low bits are the biased exponent of 2^(n - 1)
  // atan(t) = t + t u (c0 + c1 u + ... + c7 u^7), u = t^2, up to 1: relative error 2e-8.
  at = floats(at, -0.3333315273602016);
  at = floats(at, 0.1999377283371609);
  at = floats(at, -0.14211055297231343);
  at = floats(at, 0.10666004593916706);
  at = floats(at, -0.07552214160267573);
  at = floats(at, 0.04321185905412128);
  at = floats(at, -0.016367926778437326);
  at = floats(at, 0.00292069189543295);
  at = floats(at, 1.5707963705062866);
  at = floats(at, 3.1415927410125732);
  floats(at, -2.782753519e-8); // what the floats lack, as a share of them
}

/** The sign's bit of each lane. */
// @ts-ignore: decorator
@inline
function signOf(x: v128): v128 {
  return v128.andnot(x, v128.load(NOT_SIGN));
}

/**
 * The error function of `count` floats, a multiple of eight: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x; y may
 * be x. Two vectors at a time share the constants.
 */
export function erfRow(y: usize, x: usize, count: i32): void {
  const one = v128.load(ONE);
  for (; count >= 8; count -= 8) {
    const a = v128.load(x);
    const b = v128.load(x, 16);
    let k = v128.load(ERF_LIMIT);
    const sizeA = f32x4.pmin(f32x4.abs(a), k);
    const sizeB = f32x4.pmin(f32x4.abs(b), k);
    const uA = f32x4.mul(sizeA, sizeA);
    const uB = f32x4.mul(sizeB, sizeB);
    k = v128.load(ERF_FAR, 80);
    let next = v128.load(ERF_FAR, 64);
    let farA = fma(k, sizeA, next);
    let farB = fma(k, sizeB, next);
    k = v128.load(ERF_FAR, 48);
    next = v128.load(ERF_FAR, 32);
    farA = fma(farA, uA, fma(k, sizeA, next));
    farB = fma(farB, uB, fma(k, sizeB, next));
    k = v128.load(ERF_FAR, 16);
    next = v128.load(ERF_FAR);
    farA = f32x4.mul(sizeA, fma(farA, uA, fma(k, sizeA, next)));
    farB = f32x4.mul(sizeB, fma(farB, uB, fma(k, sizeB, next)));
    const bias = v128.load(EXPONENT);
    k = v128.load(LOG2E);
    const bitsA = fma(farA, k, bias);
    const bitsB = fma(farB, k, bias);
    const nA = f32x4.sub(bitsA, bias);
    const nB = f32x4.sub(bitsB, bias);
    k = v128.load(LN2_HIGH);
    farA = fnma(nA, k, farA);
    farB = fnma(nB, k, farB);
    k = v128.load(LN2_LOW);
    farA = fnma(nA, k, farA);
    farB = fnma(nB, k, farB);
    k = v128.load(EXP_6);
    next = v128.load(EXP_5);
    let tailA = fma(k, farA, next);
    let tailB = fma(k, farB, next);
    k = v128.load(EXP_4);
    tailA = fma(tailA, farA, k);
    tailB = fma(tailB, farB, k);
    k = v128.load(EXP_3);
    tailA = fma(tailA, farA, k);
    tailB = fma(tailB, farB, k);
    k = v128.load(HALF);
    tailA = fma(tailA, farA, k);
    tailB = fma(tailB, farB, k);
    tailA = fma(fma(tailA, farA, one), farA, one);
    tailB = fma(fma(tailB, farB, one), farB, one);
    farA = f32x4.sub(one, f32x4.mul(tailA, i32x4.shl(bitsA, 23)));
    farB = f32x4.sub(one, f32x4.mul(tailB, i32x4.shl(bitsB, 23)));
    k = v128.load(ERF_NEAR, 96);
    next = v128.load(ERF_NEAR, 80);
    let nearA = fma(k, uA, next);
    let nearB = fma(k, uB, next);
    k = v128.load(ERF_NEAR, 64);
    nearA = fma(nearA, uA, k);
    nearB = fma(nearB, uB, k);
    k = v128.load(ERF_NEAR, 48);
    nearA = fma(nearA, uA, k);
    nearB = fma(nearB, uB, k);
    k = v128.load(ERF_NEAR, 32);
    nearA = fma(nearA, uA, k);
    nearB = fma(nearB, uB, k);
    k = v128.load(ERF_NEAR, 16);
    nearA = fma(nearA, uA, k);
    nearB = fma(nearB, uB, k);
    k = v128.load(ERF_NEAR);
    nearA = fma(fma(nearA, uA, k), a, a);
    nearB = fma(fma(nearB, uB, k), b, b);
    k = v128.load(NOT_SIGN);
    v128.store(y, v128.bitselect(v128.or(farA, v128.andnot(a, k)), nearA, f32x4.gt(sizeA, one)));
    v128.store(y, v128.bitselect(v128.or(farB, v128.andnot(b, k)), nearB, f32x4.gt(sizeB, one)), 16);
    x += 32;
    y += 32;
  }
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

/** The sine, or with a `quadrant` of 1 the cosine, of an angle of at least 2^25 or infinite. */
function farWave(angle: f32, quadrant: i32): f32 {
  const bits = reinterpret<u32>(angle);
  const exponent = <i32>((bits >> 23) & 255) - 150;
  if (exponent > 104) return NaN;
  // angle = m 2^exponent: bits of 2 / pi above the weight 2^(1 - exponent) add whole turns. In units of 2^-62 quarter
  // turns, the overflow drops the others.
  const m = <u64>((bits & 0x7fffff) | 0x800000);
  let turns = m * bitsOfTurns(exponent - 2) + ((m * (bitsOfTurns(exponent + 62) >> 24)) >> 40);
  turns += <u64>quadrant << 62;
  // The rest of half turns, which are 2^63.
  const whole = (turns + (<u64>1 << 62)) >> 63;
  const r = <f64>(<i64>(turns - (whole << 63))) * 2.168404344971009e-19 * 1.5707963267948966;
  const u = r * r;
  let p = load<f64>(SIN, 48);
  p = p * u + load<f64>(SIN, 32);
  p = p * u + load<f64>(SIN, 16);
  p = p * u + load<f64>(SIN);
  const sine = <f32>(r + r * u * p);
  return <bool>(<i32>whole & 1) != (quadrant == 0 && <i32>bits < 0) ? -sine : sine;
}

/** The sines of two angles or, with a `half` of 1/2 and not 0, the cosines. */
// @ts-ignore: decorator
@inline
function waves(
  x: v128, half: v128, turns: v128, whole: v128, high: v128, low: v128, one: v128, c0: v128, c1: v128, c2: v128, c3: v128,
): v128 {
  const bits = f64x2.add(fmaDouble(x, turns, half), whole);
  const n = f64x2.sub(f64x2.sub(bits, whole), half);
  const r = fnmaDouble(n, low, fnmaDouble(n, high, x));
  const u = f64x2.mul(r, r);
  const p = fmaDouble(fmaDouble(c3, u, c2), f64x2.mul(u, u), fmaDouble(c1, u, c0));
  return v128.xor(f64x2.mul(r, fmaDouble(p, u, one)), i64x2.shl(bits, 63));
}

/**
 * y = sin(x + quadrant pi / 2), a `quadrant` of 0 or 1, for `count` angles in radians, a multiple of four; NaN of
 * infinities; y may be x. The argument is reduced to half a turn around 0. Takes 16 bytes of scratch from its 32nd on.
 */
export function waveRow(y: usize, x: usize, count: i32, quadrant: i32): void {
  const half = f64x2.splat(0.5 * <f64>quadrant);
  const limit = v128.load(ANGLE_LIMIT);
  const turns = v128.load(HALF_TURNS);
  const whole = v128.load(WHOLE);
  const high = v128.load(PI_HIGH);
  const low = v128.load(PI_LOW);
  const one = v128.load(ONE_DOUBLE);
  const c0 = v128.load(SIN);
  const c1 = v128.load(SIN, 16);
  const c2 = v128.load(SIN, 32);
  const c3 = v128.load(SIN, 48);
  while (count >= 4) {
    let a: v128;
    let z: v128;
    let far = false;
    // Left where an angle is far, so that this loop calls nothing.
    do {
      a = v128.load(x);
      const b = v128.shuffle<i32>(a, a, 2, 3, 2, 3);
      const lower = waves(f64x2.promote_low_f32x4(a), half, turns, whole, high, low, one, c0, c1, c2, c3);
      const upper = waves(f64x2.promote_low_f32x4(b), half, turns, whole, high, low, one, c0, c1, c2, c3);
      z = v128.shuffle<i32>(f32x4.demote_f64x2_zero(lower), f32x4.demote_f64x2_zero(upper), 0, 1, 4, 5);
      far = v128.any_true(f32x4.ge(f32x4.abs(a), limit));
      v128.store(y, z);
      x += 16;
      y += 16;
      count -= 4;
    } while (!far && count >= 4);
    if (far) {
      v128.store(scratch() + 32, a);
      for (let at: usize = 0; at < 16; at += 4) {
        const angle = load<f32>(scratch() + 32 + at);
        if (abs(angle) >= f32x4.extract_lane(limit, 0)) store<f32>(y + at - 16, farWave(angle, quadrant));
      }
    }
  }
}

/**
 * y = e^x - 1 = 2 (2^(n - 1) (e^r - 1) + (2^(n - 1) - 1/2)), x = n ln 2 + r, for `count` floats, a multiple of four; y may
 * be x.
 */
export function expm1Row(y: usize, x: usize, count: i32): void {
  const highest = v128.load(EXPM1_HIGHEST);
  const lowest = v128.load(EXPM1_LOWEST);
  const perTwo = v128.load(LOG2E);
  const bias = v128.load(EXPM1_BIAS);
  const high = v128.load(LN2_HIGH);
  const low = v128.load(LN2_LOW);
  const half = v128.load(HALF);
  const c3 = v128.load(EXP_3);
  const c4 = v128.load(EXP_4);
  const c5 = v128.load(EXP_5);
  const c6 = v128.load(EXP_6);
  for (; count >= 4; count -= 4) {
    const a = f32x4.pmax(f32x4.pmin(v128.load(x), highest), lowest);
    const bits = fma(a, perTwo, bias);
    const n = f32x4.sub(bits, bias);
    const r = fnma(n, low, fnma(n, high, a));
    const u = f32x4.mul(r, r);
    const p = fma(fma(c6, u, fma(c5, r, c4)), u, fma(c3, r, half));
    const scale = i32x4.shl(bits, 23);
    const z = fma(fma(p, u, r), scale, f32x4.sub(scale, half));
    v128.store(y, f32x4.add(z, z));
    x += 16;
    y += 16;
  }
}

/**
 * The angle of the point (x, y), from -pi to pi, as C's atan2f: the sign of a zero chooses the side, and two infinities
 * lie on a diagonal.
 */
// @ts-ignore: decorator
@inline
export function atan2(y: v128, x: v128): v128 {
  const height = f32x4.abs(y);
  const width = f32x4.abs(x);
  // NaN goes through either.
  const low = f32x4.pmin(height, width);
  const high = f32x4.pmax(width, height);
  // 1 for two infinities, 0 at the origin.
  const quotient = v128.bitselect(v128.load(ONE), f32x4.div(low, high), f32x4.eq(low, high));
  const t = v128.andnot(quotient, i32x4.eq(v128.or(low, high), i32x4.splat(0)));
  const u = f32x4.mul(t, t);
  const uu = f32x4.mul(u, u);
  let p = fma(v128.load(ATAN, 112), u, v128.load(ATAN, 96));
  p = fma(p, uu, fma(v128.load(ATAN, 80), u, v128.load(ATAN, 64)));
  p = fma(p, uu, fma(v128.load(ATAN, 48), u, v128.load(ATAN, 32)));
  p = fma(p, uu, fma(v128.load(ATAN, 16), u, v128.load(ATAN)));
  // From the nearest axis on, one way or the other.
  const steep = f32x4.gt(height, width);
  const back = i32x4.shr_s(x, 31);
  const axis = v128.bitselect(v128.load(RIGHT), v128.and(back, v128.load(PI)), steep);
  const angle = v128.xor(fma(f32x4.mul(t, u), p, t), signOf(v128.xor(steep, back)));
  return v128.or(f32x4.add(axis, fma(axis, v128.load(REST), angle)), signOf(y));
}
