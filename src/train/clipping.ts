/** Keeps gradients small before an optimizer sees them, by the three ways of Keras. */
import { ArgumentError } from '../core/errors.js';
import { add, div, maximum, minimum, mul } from '../ops/binary.js';
import { sqrt, square } from '../ops/elementwise.js';
import { sum } from '../ops/reduce.js';
import type { Tensor } from '../ops/tensor.js';

/** One of three at most. */
export interface Clipping {
  /** Every element of a gradient is kept within [-clipvalue, clipvalue]. */
  readonly clipvalue?: number;
  /** A gradient whose elements' squares sum to more than its square is scaled down to it, each by itself. */
  readonly clipnorm?: number;
  /** As clipnorm, but over all gradients together: their directions stay. */
  readonly globalClipnorm?: number;
}

/** Throws `ArgumentError` for more than one, and for what is not positive. */
export function checkClipping(where: string, { clipvalue, clipnorm, globalClipnorm }: Clipping): void {
  const given = Object.entries({ clipvalue, clipnorm, globalClipnorm }).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    const names = given.map(([name]) => name).join(', ');
    throw new ArgumentError(where, `one of clipvalue, clipnorm, globalClipnorm is required. Received ${names}.`);
  }
  for (const [name, value] of given) {
    if (typeof value === 'number' && value > 0 && value < Infinity) continue;
    throw new ArgumentError(where, `a positive ${name} is required. Received ${value}.`);
  }
}

const squares = (x: Tensor): Tensor => sum(square(x));

/** The gradients, kept small as it was asked for. */
export function clip(
  gradients: readonly Tensor[],
  { clipvalue, clipnorm, globalClipnorm }: Clipping,
): readonly Tensor[] {
  if (clipvalue !== undefined) return gradients.map((g) => minimum(maximum(g, -clipvalue), clipvalue));
  const within = (total: Tensor, norm: number): Tensor => div(norm, maximum(sqrt(total), norm));
  if (clipnorm !== undefined) return gradients.map((g) => mul(g, within(squares(g), clipnorm)));
  if (globalClipnorm === undefined || gradients.length === 0) return gradients;
  const scale = within(
    gradients.map(squares).reduce((a, b) => add(a, b)),
    globalClipnorm,
  );
  return gradients.map((g) => mul(g, scale));
}
