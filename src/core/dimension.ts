/**
 * The text of symbolic dimensions: sums of products of integers, symbols and `floor((sum)/integer)`. One grammar, for
 * whoever gives its operations a meaning: polynomials for those who calculate with dimensions, numbers for those who
 * know what the symbols stand for.
 */
import { ArgumentError } from './errors.js';

/** What the operations of a dimension make. */
export interface Algebra<T> {
  constant(value: number): T;
  symbol(name: string): T;
  plus(a: T, b: T): T;
  times(a: T, b: T): T;
  /** floor(inside / divisor) */
  floor(inside: T, divisor: number): T;
}

/** Dimensions are read from files. */
const maxText = 1024;

/** What a text without white space says; throws `ArgumentError` where it says nothing. */
export function readDim<T>(text: string, algebra: Algebra<T>): T {
  let at = 0;
  const fail = (): never => {
    throw new ArgumentError(
      'dimension',
      `a dimension such as 'batch' or '4*batch+1' is required. Received '${text.slice(0, maxText)}'.`,
    );
  };
  if (text.length > maxText) fail();
  const sum = (): T => {
    let total = term(text[at] === '-' ? (at++, -1) : 1);
    while (text[at] === '+' || text[at] === '-') {
      const sign = text[at++] === '+' ? 1 : -1;
      total = algebra.plus(total, term(sign));
    }
    return total;
  };
  const term = (sign: number): T => {
    let product = factor();
    while (text[at] === '*') {
      at++;
      product = algebra.times(product, factor());
    }
    return sign < 0 ? algebra.times(algebra.constant(sign), product) : product;
  };
  const factor = (): T => {
    if (text.startsWith('floor((', at)) {
      at += 7;
      const inside = sum();
      if (!text.startsWith(')/', at)) fail();
      at += 2;
      const divisor = integer();
      if (text[at++] !== ')' || divisor <= 0) fail();
      return algebra.floor(inside, divisor);
    }
    if (text[at] === '(') {
      at++;
      const inside = sum();
      if (text[at++] !== ')') fail();
      return inside;
    }
    const symbol = /^[A-Za-z_][A-Za-z0-9_]*/.exec(text.slice(at));
    if (symbol) {
      at += symbol[0].length;
      return algebra.symbol(symbol[0]);
    }
    return algebra.constant(integer());
  };
  const integer = (): number => {
    const digits = /^[0-9]+/.exec(text.slice(at));
    if (!digits) return fail();
    at += digits[0].length;
    return Number(digits[0]);
  };
  const result = sum();
  if (at !== text.length) fail();
  return result;
}
