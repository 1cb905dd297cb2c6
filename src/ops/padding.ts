/** Surroundings of tensors: constants, or what stands at and within their edges. */
import { ArgumentError, ShapeError } from '../core/errors.js';
import { printShape } from '../core/shape.js';
import { gather } from './gather.js';
import { broadcastTo } from './move.js';
import { requireIntegers } from './rules.js';
import type { Pair } from './schema.js';
import { concat, pad as padWithZeros } from './slice.js';
import { constant } from './source.js';
import type { Tensor } from './tensor.js';

/**
 * What surrounds a tensor: `constant` a value, `edge` the outermost elements, `reflect` the elements mirrored at the
 * outermost ones, `symmetric` mirrored at the edge, `wrap` the elements of the other side.
 */
export type PadMode = 'constant' | 'edge' | 'reflect' | 'symmetric' | 'wrap';

export interface PadOptions {
  /** What stands outside (default `constant`). */
  readonly mode?: PadMode;
  /** Of mode `constant`; 0 unless said. */
  readonly value?: number;
}

const floorMod = (x: number, by: number): number => ((x % by) + by) % by;

/** Which of `extent` elements stands at `place`, which may lie before the first or behind the last. */
const places: Readonly<Record<Exclude<PadMode, 'constant'>, (place: number, extent: number) => number>> = {
  edge: (place, extent) => Math.max(0, Math.min(extent - 1, place)),
  reflect: (place, extent) => {
    const at = floorMod(place, Math.max(1, 2 * extent - 2));
    return Math.min(at, 2 * extent - 2 - at);
  },
  symmetric: (place, extent) => {
    const at = floorMod(place, 2 * extent);
    return Math.min(at, 2 * extent - 1 - at);
  },
  wrap: floorMod,
};

const sides = (x: Tensor, axis: number, [low, high]: Pair, value: number): Tensor => {
  const side = (count: number): Tensor[] =>
    count === 0 ? [] : [broadcastTo(constant(x.recorder, value, x.dtype), x.shape.with(axis, count))];
  return concat([...side(low), x, ...side(high)], axis);
};

function extended(x: Tensor, axis: number, [low, high]: Pair, mode: Exclude<PadMode, 'constant'>): Tensor {
  const extent = x.shape[axis];
  if (typeof extent !== 'number' || extent === 0) {
    const required = `elements, of a number that is known, along axis ${axis} are required`;
    throw new ShapeError('pad', `${required}. Received ${printShape(x.shape)}.`);
  }
  const data = Int32Array.from({ length: low + extent + high }, (_, i) => places[mode](i - low, extent));
  return gather(x, constant(x.recorder, { dtype: 'i32', shape: [data.length], data }), axis);
}

/**
 * `x` with `[before, after]` elements around each axis, as numpy.pad: zeros unless said. Modes other than `constant` take
 * fixed extents along the axes that grow, and repeat what they show where it is short.
 */
export function pad(x: Tensor, paddings: readonly Pair[], { mode = 'constant', value = 0 }: PadOptions = {}): Tensor {
  if (mode !== 'constant' && !Object.hasOwn(places, mode)) {
    const known = ['constant', ...Object.keys(places)].join(', ');
    throw new ArgumentError('pad', `a mode of ${known} is required. Received ${String(mode)}.`);
  }
  if (mode === 'constant' && value === 0) return padWithZeros(x, paddings);
  requireIntegers('pad', 'paddings', paddings.flat(), 2 * x.rank);
  return paddings.reduce<Tensor>((padded, [low, high], axis) => {
    if (low === 0 && high === 0) return padded;
    const around: Pair = [low, high];
    return mode === 'constant' ? sides(padded, axis, around, value) : extended(padded, axis, around, mode);
  }, x);
}
