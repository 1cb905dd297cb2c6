/** What a number is - finite, negative, nothing - and what replaces it, element by element, written with other ops. */
import { div, mul } from './binary.js';
import { equal, greater, less, lessEqual, logicalAnd, logicalNot, logicalOr, notEqual, where } from './compare.js';
import { abs, floor, neg } from './elementwise.js';
import { two } from './rules.js';
import { type Operand, tensorsOf } from './source.js';
import { ceil } from './special.js';
import type { Tensor } from './tensor.js';

const largestFloat = 3.4028234663852886e38;

/** Whether an element is no number. */
export const isNaN = (x: Tensor): Tensor => notEqual(x, x);

/** Whether an element is neither infinite nor NaN. */
export const isFinite = (x: Tensor): Tensor => lessEqual(abs(x), largestFloat);

/** Whether an element is Infinity or -Infinity. */
export const isInf = (x: Tensor): Tensor => greater(abs(x), largestFloat);

/** Whether an element is negative, -0 among them; the sign of a NaN is not looked at. */
export const signBit = (x: Tensor): Tensor => logicalOr(less(x, 0), logicalAnd(equal(x, 0), less(div(1, x), 0)));

/** `size` with the sign of `sign`, that of a zero too. */
export function copySign(size: Operand, sign: Operand): Tensor {
  const [x, y] = two('copySign', tensorsOf('copySign', size, sign));
  const positive = abs(x);
  return where(signBit(y), neg(positive), positive);
}

/** What stands for NaN and for infinities: 0 and the largest numbers of float32 unless said. */
export interface NanToNumOptions {
  readonly nan?: number;
  readonly posInf?: number;
  readonly negInf?: number;
}

/** `x` with numbers in the place of NaN and infinities. */
export function nanToNum(
  x: Tensor,
  { nan = 0, posInf = largestFloat, negInf = -largestFloat }: NanToNumOptions = {},
): Tensor {
  const high = where(greater(x, largestFloat), posInf, x);
  return where(isNaN(x), nan, where(less(x, -largestFloat), negInf, high));
}

/** Toward zero to an integer. */
export const trunc = (x: Tensor): Tensor => where(less(x, 0), ceil(x), floor(x));

/** 0 where x is negative, `atZero` where it is 0, otherwise 1. */
export function heaviside(x: Tensor, atZero: Operand): Tensor {
  const sides = where(less(x, 0), 0, where(greater(x, 0), 1, mul(x, 0)));
  return where(equal(x, 0), atZero, sides);
}

/** Whether one of the two is true, and not both. */
export const logicalXor = (a: Tensor, b: Tensor): Tensor => logicalAnd(logicalOr(a, b), logicalNot(logicalAnd(a, b)));
