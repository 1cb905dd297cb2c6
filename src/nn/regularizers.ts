/**
 * Regularizers, by their Keras names: what large weights cost. It is part of the loss that training lowers and
 * that `fit` and `evaluate` report. A regularizer is plain data, which model files keep.
 */
import { add, mul } from '../ops/binary.js';
import { abs, square } from '../ops/elementwise.js';
import { sum } from '../ops/reduce.js';
import type { Tensor } from '../ops/tensor.js';
import { type Field, nonNegative, optional, readOptions } from './options.js';

/** l1 * sum(|w|) + l2 * sum(w^2); each 0 unless said. */
export interface Regularizer {
  readonly l1?: number;
  readonly l2?: number;
}

/** The sum of absolute values, 0.01 times unless said: weights that help little become 0. */
export const l1 = (factor = 0.01): Regularizer => l1L2({ l1: factor });

/** The sum of squares, 0.01 times unless said: weights stay small. */
export const l2 = (factor = 0.01): Regularizer => l1L2({ l2: factor });

const fields = { l1: optional(nonNegative, 0), l2: optional(nonNegative, 0) };

/** Both. Throws `ArgumentError` for factors below 0. */
export const l1L2 = (factors: Regularizer): Regularizer => readOptions<Regularizer>('l1L2', fields, factors);

/** An option that takes a regularizer; none unless said. */
export const regularizer: Field<Regularizer | null> = (value, where, name) =>
  value === undefined || value === null ? null : readOptions<Regularizer>(`${where} ${name}`, fields, value);

/** What a variable with the regularizer costs, as its declaration says it. */
export function penaltyOf(given: Regularizer | null): ((weights: Tensor) => Tensor) | undefined {
  const { l1: absolute = 0, l2: squared = 0 } = given ?? {};
  const byAbsolute = (w: Tensor): Tensor => mul(sum(abs(w)), absolute);
  const bySquare = (w: Tensor): Tensor => mul(sum(square(w)), squared);
  if (absolute > 0 && squared > 0) return (w) => add(byAbsolute(w), bySquare(w));
  return absolute > 0 ? byAbsolute : squared > 0 ? bySquare : undefined;
}
