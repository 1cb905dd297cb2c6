/**
 * Trigonometric and hyperbolic functions and their inverses, written with other ops. Their largest errors in units in the
 * last place, over 1.5e6 arguments of all exponents and between -128 and 128; tests/elementwise.test.ts holds them to it:
 *
 *   tan 3.5, asin 2.5, acos 2.1, atan 1.5, sinh 3.4, cosh 4.1, asinh 1.9, acosh 1.8, atanh 1.8
 */
import { atan2 } from './angle.js';
import { add, div, mul, sub } from './binary.js';
import { equal, greater, less, where } from './compare.js';
import { exp, log, neg, sqrt, square } from './elementwise.js';
import { cos, expm1, log1p, sin } from './special.js';
import type { Tensor } from './tensor.js';

/** The tangent of an angle in radians. */
export const tan = (x: Tensor): Tensor => div(sin(x), cos(x));

/** sqrt(1 - x^2), exact near 1. */
const cathetus = (x: Tensor): Tensor => sqrt(mul(sub(1, x), add(x, 1)));

/** The angle in [-pi / 2, pi / 2] whose sine is `x`; NaN beyond -1 and 1. */
export const asin = (x: Tensor): Tensor => atan2(x, cathetus(x));

/** The angle in [0, pi] whose cosine is `x`; NaN beyond -1 and 1. */
export const acos = (x: Tensor): Tensor => atan2(cathetus(x), x);

/** The angle in [-pi / 2, pi / 2] whose tangent is `x`. */
export const atan = (x: Tensor): Tensor => atan2(x, 1);

/** 2 sinh(x / 2) */
function doubleSinhOfHalf(x: Tensor): Tensor {
  const half = mul(x, 0.5);
  return sub(expm1(half), expm1(neg(half)));
}

/** (exp(x) - exp(-x)) / 2, as 2 sinh(x / 2) cosh(x / 2): it overflows only where its value does. */
export function sinh(x: Tensor): Tensor {
  const half = mul(x, 0.5);
  return mul(doubleSinhOfHalf(x), mul(add(exp(half), exp(neg(half))), 0.5));
}

/** (exp(x) + exp(-x)) / 2, as 1 + 2 sinh(x / 2)^2. */
export function cosh(x: Tensor): Tensor {
  const s = doubleSinhOfHalf(x);
  return add(mul(mul(s, 0.5), s), 1);
}

/** From here on x + sqrt(x^2 + 1) and x + sqrt(x^2 - 1) are 2 x. */
const large = 1e8;

/** log(1 + rest(x)), or log(2 x) where x is large. */
function logOfDouble(x: Tensor, rest: (x: Tensor) => Tensor): Tensor {
  const isLarge = greater(x, large);
  return where(isLarge, add(log(where(isLarge, x, 1)), Math.LN2), log1p(rest(where(isLarge, 1, x))));
}

/** The inverse of sinh. */
export function asinh(x: Tensor): Tensor {
  const isNegative = less(x, 0);
  const y = logOfDouble(where(isNegative, neg(x), x), (size) => {
    const s = square(size);
    return add(size, div(s, add(sqrt(add(s, 1)), 1)));
  });
  return where(isNegative, neg(y), y);
}

/** The inverse of cosh, from 0 on; NaN below 1. */
export const acosh = (x: Tensor): Tensor =>
  logOfDouble(x, (y) => {
    const above = sub(y, 1);
    return add(above, mul(sqrt(above), sqrt(add(y, 1))));
  });

/** The inverse of tanh; NaN beyond -1 and 1. */
export const atanh = (x: Tensor): Tensor => mul(sub(log1p(x), log1p(neg(x))), 0.5);

/** Degrees from radians. */
export const rad2deg = (x: Tensor): Tensor => mul(x, 180 / Math.PI);

/** Radians from degrees. */
export const deg2rad = (x: Tensor): Tensor => mul(x, Math.PI / 180);

/** sin(pi x) / (pi x), 1 at 0, as in NumPy. */
export function sinc(x: Tensor): Tensor {
  const isZero = equal(x, 0);
  const angle = mul(where(isZero, 1, x), Math.PI);
  return where(isZero, 1, div(sin(angle), angle));
}
