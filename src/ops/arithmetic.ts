/** Arithmetic written with other ops: squared differences, and division with its rests as in NumPy. */
import { div, mul, sub } from './binary.js';
import { cast } from './cast.js';
import { less } from './compare.js';
import { floor, sign, square } from './elementwise.js';
import { trunc } from './numbers.js';
import { two } from './rules.js';
import { type Operand, tensorsOf } from './source.js';
import type { Tensor } from './tensor.js';

/** (a - b)^2 */
export const squaredDifference = (a: Operand, b: Operand): Tensor => square(sub(a, b));

/** The largest integer not above a / b, of f32 and i32; of integers, 0 where b is 0. */
export function floorDivide(a: Operand, b: Operand): Tensor {
  const [x, y] = two('floorDivide', tensorsOf('floorDivide', a, b));
  const quotient = div(x, y);
  if (x.dtype === 'f32') return floor(quotient);
  const rest = sub(x, mul(quotient, y));
  return sub(quotient, cast(less(mul(sign(rest), sign(y)), 0), 'i32'));
}

/** a - b floorDivide(a, b): it has the sign of b. Of f32 as exact as the quotient, whose size it loses in precision. */
export function mod(a: Operand, b: Operand): Tensor {
  const [x, y] = two('mod', tensorsOf('mod', a, b));
  return sub(x, mul(floorDivide(x, y), y));
}

/** a - b trunc(a / b): it has the sign of a; see `mod`. */
export function fmod(a: Operand, b: Operand): Tensor {
  const [x, y] = two('fmod', tensorsOf('fmod', a, b));
  const quotient = div(x, y);
  return sub(x, mul(x.dtype === 'f32' ? trunc(quotient) : quotient, y));
}
