/** Movement written with other ops: axes added, dropped and moved, tensors repeated, rolled, cut up and stacked. */
import { ArgumentError, ShapeError } from '../core/errors.js';
import {
  addDims,
  type Dim,
  divideExactly,
  isFixed,
  mulDims,
  normalizeAxis,
  printShape,
  type Shape,
} from '../core/shape.js';
import { broadcastTo, reshape, transpose } from './move.js';
import { sum } from './reduce.js';
import { requireIntegers } from './rules.js';
import { concat, slice } from './slice.js';
import { constant } from './source.js';
import { bind, type Recorder, type Tensor } from './tensor.js';

type Numbers = number | readonly number[];

const listOf = (values: Numbers): readonly number[] => (typeof values === 'number' ? [values] : values);

/** Different axes of a shape of `rank`, as positions. */
function axesOf(op: string, axes: Numbers, rank: number): number[] {
  const positions = listOf(axes).map((axis) => normalizeAxis(op, axis, rank));
  if (new Set(positions).size !== positions.length) {
    throw new ArgumentError(op, `different axes are required. Received [${listOf(axes).join(', ')}].`);
  }
  return positions;
}

/** `x` with axes of one element put in, so that they are the `axes` of the result. */
export function expandDims(x: Tensor, axes: Numbers): Tensor {
  const rank = x.rank + listOf(axes).length;
  const added = axesOf('expandDims', axes, rank);
  const rest = [...x.shape];
  return reshape(
    x,
    Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (rest.shift() ?? 1))),
  );
}

/** `x` without `axes`, which have one element; without all such axes unless said. */
export function squeeze(x: Tensor, axes?: Numbers): Tensor {
  const dropped =
    axes === undefined ? x.shape.flatMap((dim, axis) => (dim === 1 ? [axis] : [])) : axesOf('squeeze', axes, x.rank);
  if (dropped.some((axis) => x.shape[axis] !== 1)) {
    const required = `axes of one element are required. Received [${dropped.join(', ')}]`;
    throw new ShapeError('squeeze', `${required} of ${printShape(x.shape)}.`);
  }
  return reshape(
    x,
    x.shape.filter((_, axis) => !dropped.includes(axis)),
  );
}

/** The axes in the order of `permutation`, where that changes anything. */
const arranged = (x: Tensor, permutation: readonly number[]): Tensor =>
  permutation.every((axis, i) => axis === i) ? x : transpose(x, permutation);

/** `x` with two of its axes in each other's place. */
export function swapaxes(x: Tensor, axis1: number, axis2: number): Tensor {
  const [a, b] = [axis1, axis2].map((axis) => normalizeAxis('swapaxes', axis, x.rank)) as [number, number];
  const order = x.shape.map((_, axis) => axis);
  return arranged(x, order.with(a, b).with(b, a));
}

/** `x` with the `source` axes at the places `destination`, the others in their order. */
export function moveaxis(x: Tensor, source: Numbers, destination: Numbers): Tensor {
  const from = axesOf('moveaxis', source, x.rank);
  const to = axesOf('moveaxis', destination, x.rank);
  if (from.length !== to.length) {
    throw new ArgumentError('moveaxis', `as many places as axes are required. Received ${from.length}, ${to.length}.`);
  }
  const others = x.shape.flatMap((_, axis) => (from.includes(axis) ? [] : [axis]));
  const order = x.shape.map((_, place) => {
    const moved = to.indexOf(place);
    return (moved < 0 ? others.shift() : from[moved]) ?? 0;
  });
  return arranged(x, order);
}

/** `x` repeated whole, `repetitions` times along each axis; axes of one element are put in front where they are more. */
export function tile(x: Tensor, repetitions: Numbers): Tensor {
  const given = listOf(repetitions);
  requireIntegers('tile', 'repetitions', given, given.length);
  const rank = Math.max(x.rank, given.length);
  const ones = (count: number): number[] => Array.from({ length: count }, () => 1);
  const times = [...ones(rank - given.length), ...given];
  const extents: Shape = [...ones(rank - x.rank), ...x.shape];
  const apart = reshape(
    x,
    extents.flatMap((dim) => [1, dim]),
  );
  const repeated = broadcastTo(
    apart,
    extents.flatMap((dim, axis) => [times[axis] ?? 1, dim]),
  );
  return reshape(
    repeated,
    extents.map((dim, axis) => mulDims(dim, times[axis] ?? 1)),
  );
}

/** Each element `repetitions` times in a row along `axis`; of the flattened tensor unless said. */
export function repeat(x: Tensor, repetitions: number, axis?: number): Tensor {
  requireIntegers('repeat', 'repetitions', [repetitions], 1);
  if (axis === undefined) return repeat(reshape(x, [-1]), repetitions, 0);
  const along = normalizeAxis('repeat', axis, x.rank);
  const apart = expandDims(x, along + 1);
  return reshape(
    broadcastTo(apart, apart.shape.with(along + 1, repetitions)),
    x.shape.with(along, mulDims(x.shape[along] ?? 1, repetitions)),
  );
}

/** `size` entries of `x` along `axis` from `start`. */
function part(x: Tensor, axis: number, start: Dim, size: Dim): Tensor {
  const starts = x.shape.map((_, i): Dim => (i === axis ? start : 0));
  const sizes = x.shape.with(axis, size);
  if (isFixed(starts)) return slice(x, starts, sizes);
  return bind('stridedSlice', { starts, sizes, steps: x.shape.map(() => 1) }, x);
}

/** The elements moved on by `shift` along each of `axes`, those at the end to the front; of the flattened tensor unless said. */
export function roll(x: Tensor, shift: Numbers, axes?: Numbers): Tensor {
  if (axes === undefined) return reshape(roll(reshape(x, [-1]), shift, 0), x.shape);
  const shifts = listOf(shift);
  const along = listOf(axes).map((axis) => normalizeAxis('roll', axis, x.rank));
  requireIntegers('roll', 'shift', shifts, along.length, Number.MIN_SAFE_INTEGER);
  return along.reduce((moved, axis, i) => {
    const extent = x.shape[axis];
    if (typeof extent !== 'number') {
      throw new ShapeError('roll', `a fixed extent along axis ${axis} is required. Received ${printShape(x.shape)}.`);
    }
    const by = extent === 0 ? 0 : (((shifts[i] ?? 0) % extent) + extent) % extent;
    if (by === 0) return moved;
    return concat([part(moved, axis, extent - by, by), part(moved, axis, 0, extent - by)], axis);
  }, x);
}

/** Parts of `x` along `axis`: so many of equal size, or of these sizes, which add up to the axis. */
export function split(x: Tensor, parts: number | readonly Dim[], axis = 0): Tensor[] {
  const along = normalizeAxis('split', axis, x.rank);
  const extent = x.shape[along] ?? 1;
  const received = `${typeof parts === 'number' ? parts : printShape(parts)} of ${printShape(x.shape)}`;
  if (typeof parts === 'number') {
    requireIntegers('split', 'parts', [parts], 1, 1);
    const size = divideExactly(extent, parts);
    if (size === null) {
      throw new ShapeError('split', `parts that divide axis ${along} are required. Received ${received}.`);
    }
    return split(
      x,
      Array.from({ length: parts }, () => size),
      along,
    );
  }
  const starts = parts.reduce<readonly Dim[]>((ends, size) => [...ends, addDims(ends.at(-1) ?? 0, size)], [0]);
  if (starts.at(-1) !== extent) {
    throw new ShapeError('split', `sizes that add up to axis ${along} are required. Received ${received}.`);
  }
  return parts.map((size, i) => part(x, along, starts[i] ?? 0, size));
}

/** Tensors of one shape side by side along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors;
  if (!first) throw new ArgumentError('stack', 'at least one tensor is required. Received none.');
  const along = normalizeAxis('stack', axis, first.rank + 1);
  return concat(
    tensors.map((each) => expandDims(each, along)),
    along,
  );
}

/** The entries of `x` along `axis`, whose extent is fixed, without that axis. */
export function unstack(x: Tensor, axis = 0): Tensor[] {
  const along = normalizeAxis('unstack', axis, x.rank);
  const extent = x.shape[along];
  if (typeof extent !== 'number') {
    throw new ShapeError('unstack', `a fixed extent along axis ${along} is required. Received ${printShape(x.shape)}.`);
  }
  return Array.from({ length: extent }, (_, i) => squeeze(part(x, along, i, 1), along));
}

/**
 * The coordinates that vectors span, one tensor for each: of shape [length 1, length 0, length 2, ...] for `xy` (the
 * default) and [length 0, length 1, ...] for `ij`, as in NumPy.
 */
export function meshgrid(
  vectors: readonly Tensor[],
  { indexing = 'xy' }: { readonly indexing?: 'xy' | 'ij' } = {},
): Tensor[] {
  const wrong = vectors.find((vector) => vector.rank !== 1);
  if (wrong) throw new ShapeError('meshgrid', `vectors are required. Received ${printShape(wrong.shape)}.`);
  const place = (i: number): number => (indexing === 'xy' && vectors.length > 1 && i < 2 ? 1 - i : i);
  const shape = vectors.map((_, axis) => vectors[place(axis)]?.shape[0] ?? 1);
  return vectors.map((vector, i) =>
    broadcastTo(
      reshape(
        vector,
        shape.map((dim, axis) => (axis === place(i) ? dim : 1)),
      ),
      shape,
    ),
  );
}

/** `count` numbers from `start` to `stop` at equal distances: f32 [count], a literal. */
export function linspace(recorder: Recorder, start: number, stop: number, count = 50): Tensor {
  requireIntegers('linspace', 'count', [count], 1, 0);
  const step = (stop - start) / Math.max(count - 1, 1);
  const data = Float32Array.from({ length: count }, (_, i) => (i > 0 && i === count - 1 ? stop : start + i * step));
  return constant(recorder, { dtype: 'f32', shape: [count], data });
}

/** Which diagonal of which matrices. */
export interface DiagonalOptions {
  /** 0 the main one (the default), positive ones above it. */
  readonly offset?: number;
  /** The axes of rows and columns, 0 and 1 unless said; their extents are fixed. */
  readonly axes?: readonly [number, number];
}

/** The diagonals of the matrices that two axes of `x` make, as the last axis of the result. */
export function diagonal(x: Tensor, { offset = 0, axes = [0, 1] }: DiagonalOptions = {}): Tensor {
  const matrices = moveaxis(x, axes, [-2, -1]);
  const outer = matrices.shape.slice(0, -2);
  const matrix = matrices.shape.slice(-2);
  requireIntegers('diagonal', 'offset', [offset], 1, Number.MIN_SAFE_INTEGER);
  if (!isFixed(matrix)) {
    throw new ShapeError('diagonal', `matrices of fixed size are required. Received ${printShape(x.shape)}.`);
  }
  const [rows = 0, columns = 0] = matrix;
  const size = Math.max(0, Math.min(rows + Math.min(offset, 0), columns - Math.max(offset, 0)));
  const start = size === 0 ? 0 : offset >= 0 ? offset : -offset * columns;
  const flat = reshape(matrices, [...outer, rows * columns]);
  const attrs = {
    starts: [...outer.map(() => 0), start],
    sizes: [...outer, size],
    steps: [...outer.map(() => 1), columns + 1],
  };
  return bind('stridedSlice', attrs, flat);
}

/** The sums of the diagonals. */
export const trace = (x: Tensor, options: DiagonalOptions = {}): Tensor => sum(diagonal(x, options), { axes: -1 });
