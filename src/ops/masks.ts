/** One-hot rows and the bands of matrices, written with `iota` and comparisons. */
import { ShapeError } from '../core/errors.js';
import { type Dim, printShape } from '../core/shape.js';
import type { DType } from '../core/dtype.js';
import { sub } from './binary.js';
import { cast } from './cast.js';
import { equal, greaterEqual, lessEqual, where } from './compare.js';
import { reshape } from './move.js';
import { iota } from './source.js';
import type { Tensor } from './tensor.js';

/** i32 [...] -> [..., depth]: 1 at the index, 0 elsewhere; an index out of range gives zeros. */
export function oneHot(indices: Tensor, depth: Dim, dtype: DType = 'f32'): Tensor {
  const classes = iota(indices.recorder, [depth]);
  return cast(equal(reshape(indices, [...indices.shape, 1]), classes), dtype);
}

/** Column less row of the matrices [..., m, n] of `x`: i32 [m, n]. */
function diagonals(op: string, x: Tensor): Tensor {
  if (x.rank < 2) throw new ShapeError(op, `matrices [..., m, n] are required. Received ${printShape(x.shape)}.`);
  const matrix = x.shape.slice(-2);
  return sub(iota(x.recorder, matrix, 1), iota(x.recorder, matrix, 0));
}

/** The matrices [..., m, n] with zeros above diagonal `k`: 0 the main one, positive ones above it. */
export const tril = (x: Tensor, k = 0): Tensor => where(lessEqual(diagonals('tril', x), k), x, 0);

/** The matrices [..., m, n] with zeros below diagonal `k`. */
export const triu = (x: Tensor, k = 0): Tensor => where(greaterEqual(diagonals('triu', x), k), x, 0);

/** The matrices [..., m, n] with zeros beyond `lower` diagonals below the main one and `upper` above it. */
export const bandPart = (x: Tensor, lower: number, upper: number): Tensor => tril(triu(x, 0 - lower), upper);
