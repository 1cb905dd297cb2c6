/** Logarithms and powers to other bases, sums of exponentials, and the length of a hypotenuse, written with other ops. */
import { add, div, maximum, minimum, mul, pow, sub } from './binary.js';
import { equal, where } from './compare.js';
import { abs, exp, log, neg, sqrt, square } from './elementwise.js';
import { two } from './rules.js';
import { constant, type Operand, tensorsOf } from './source.js';
import { log1p } from './special.js';
import type { Tensor } from './tensor.js';

/** 2^x, within 0.51 units in the last place. */
export const exp2 = (x: Tensor): Tensor => pow(constant(x.recorder, 2), x);

/** The logarithm to the base 2, within 2 units in the last place. */
export const log2 = (x: Tensor): Tensor => mul(log(x), Math.LOG2E);

/** The logarithm to the base 10, within 2 units in the last place. */
export const log10 = (x: Tensor): Tensor => mul(log(x), Math.LOG10E);

/** log(exp(a) + exp(b)), without overflow. */
export function logAddExp(a: Operand, b: Operand): Tensor {
  const [x, y] = two('logAddExp', tensorsOf('logAddExp', a, b));
  const distance = where(equal(x, y), 0, sub(x, y));
  return add(maximum(x, y), log1p(exp(neg(abs(distance)))));
}

/** sqrt(a^2 + b^2), without overflow. */
export function hypot(a: Operand, b: Operand): Tensor {
  const [x, y] = two('hypot', tensorsOf('hypot', a, b)).map(abs) as [Tensor, Tensor];
  const long = maximum(x, y);
  const short = minimum(x, y);
  const isEqual = equal(x, y);
  const ratio = div(where(isEqual, 1, short), where(isEqual, 1, long));
  return mul(long, sqrt(add(square(ratio), 1)));
}
