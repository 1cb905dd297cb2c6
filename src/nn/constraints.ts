/**
 * Constraints, by their Keras names: what weights are brought back to after each update. Norms are those of what leads to
 * one output, over all axes but the last. A constraint is plain data, which model files keep.
 */
import { add, div, maximum, minimum, mul } from '../ops/binary.js';
import { sqrt, square } from '../ops/elementwise.js';
import { sum } from '../ops/reduce.js';
import type { Tensor } from '../ops/tensor.js';
import { type Field, oneOf, optional, positive, readOptions } from './options.js';

/** What weights are brought back to after each update: a function of the updated weights. */
export interface Constraint {
  readonly kind: 'maxNorm' | 'nonNeg' | 'unitNorm';
  /** For `maxNorm`. */
  readonly maxValue?: number;
}

const fields = { kind: oneOf('maxNorm', 'nonNeg', 'unitNorm'), maxValue: optional(positive, 2) };

/** Norms of at most `maxValue` (default 2). Throws `ArgumentError` where it is not positive. */
export const maxNorm = (maxValue = 2): Constraint =>
  readOptions<Constraint>('maxNorm', fields, { kind: 'maxNorm', maxValue });

/** No weight below 0. */
export const nonNeg = (): Constraint => ({ kind: 'nonNeg' });

/** Norms of 1. */
export const unitNorm = (): Constraint => ({ kind: 'unitNorm' });

/** An option that takes a constraint; none unless said. */
export const constraint: Field<Constraint | null> = (value, where, name) =>
  value === undefined || value === null ? null : readOptions<Constraint>(`${where} ${name}`, fields, value);

/** Keeps a norm of 0 from being divided by. */
const epsilon = 1e-7;

/** How a variable with the constraint is brought back, as its declaration says it. */
export function projectionOf(given: Constraint | null): ((weights: Tensor) => Tensor) | undefined {
  if (!given) return undefined;
  const { kind, maxValue = 2 } = given;
  if (kind === 'nonNeg') return (w) => maximum(w, 0);
  return (w) => {
    const axes = w.shape.slice(0, -1).map((_, axis) => axis);
    const norm = sqrt(sum(square(w), { axes, keepDims: true }));
    const wanted = kind === 'maxNorm' ? minimum(norm, maxValue) : 1;
    return mul(w, div(wanted, add(norm, epsilon)));
  };
}
