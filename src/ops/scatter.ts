/** Gathering and scattering by positions of several axes, and sums, means and extremes of segments, written with other ops. */
import { DTypeError, ShapeError } from '../core/errors.js';
import { type Dim, printShape, type Shape, sizeOfShape } from '../core/shape.js';
import { add, div, maximum, mul } from './binary.js';
import { cast } from './cast.js';
import { greaterEqual, less, logicalAnd, where } from './compare.js';
import { scatterElements, type ScatterOptions } from './elements.js';
import { neg } from './elementwise.js';
import { gather } from './gather.js';
import { broadcastTo, reshape } from './move.js';
import { slice } from './slice.js';
import { constant, type Operand, size } from './source.js';
import { bind, type Tensor } from './tensor.js';

/** The extent of an axis: a number, or what it is in a run. */
function extentOf(x: Tensor, axis: number): Operand {
  const dim = x.shape[axis] ?? 1;
  return typeof dim === 'number' ? dim : cast(size(x, [axis]), 'i32');
}

/** Positions, in the last axis of `indices`, of the first axes of `x` as one index each; -1 where one is out of range. */
function flatIndices(op: string, x: Tensor, indices: Tensor): { readonly flat: Tensor; readonly depth: number } {
  const depth = indices.shape.at(-1);
  if (indices.dtype !== 'i32') throw new DTypeError(op, `indices of i32 are required. Received ${indices.dtype}.`);
  if (typeof depth !== 'number' || depth < 1 || depth > x.rank) {
    const required = `indices [..., axes] of 1 to ${x.rank} axes are required`;
    throw new ShapeError(op, `${required}. Received ${printShape(indices.shape)} for ${printShape(x.shape)}.`);
  }
  const outer = indices.shape.slice(0, -1);
  const component = (axis: number): Tensor =>
    reshape(slice(indices, [...outer.map(() => 0), axis], [...outer, 1]), outer);
  if (depth === 1) return { flat: component(0), depth };
  const axes = Array.from({ length: depth }, (_, axis) => ({ at: component(axis), extent: extentOf(x, axis) }));
  const flat = axes.slice(1).reduce((total, { at, extent }) => add(mul(total, extent), at), component(0));
  const inside = axes
    .map(({ at, extent }) => logicalAnd(greaterEqual(at, 0), less(at, extent)))
    .reduce((all, each) => logicalAnd(all, each));
  return { flat: where(inside, flat, -1), depth };
}

/**
 * The parts of `x` at positions of its first axes: of indices (i32) [..., k] the result is [..., ...x.shape from axis k].
 * A position out of range stops the run, as the index -1 where k is 2 and more. ONNX and TensorFlow call it GatherND.
 */
export function gatherNd(x: Tensor, indices: Tensor): Tensor {
  const { flat, depth } = flatIndices('gatherNd', x, indices);
  return gather(reshape(x, [sizeOfShape(x.shape.slice(0, depth)), ...x.shape.slice(depth)]), flat);
}

/**
 * `x`, f32 or i32, with `updates` [..., ...x.shape from axis k] at positions (i32) [..., k] of its first axes; see
 * `scatterElements` for how they join and `gatherNd` for positions.
 */
export function scatterNd(x: Tensor, indices: Tensor, updates: Tensor, options: ScatterOptions = {}): Tensor {
  const { flat, depth } = flatIndices('scatterNd', x, indices);
  const places = sizeOfShape(x.shape.slice(0, depth));
  const inner = sizeOfShape(x.shape.slice(depth));
  const count = sizeOfShape(flat.shape);
  const required: Shape = [...flat.shape, ...x.shape.slice(depth)];
  if (printShape(updates.shape) !== printShape(required)) {
    const received = printShape(updates.shape);
    throw new ShapeError('scatterNd', `updates of ${printShape(required)} are required. Received ${received}.`);
  }
  const rows = reshape(flat, [count, 1]);
  const y = scatterElements(reshape(x, [places, inner]), rows, reshape(updates, [count, inner]), 0, options);
  return reshape(y, x.shape);
}

function requireSegments(op: string, x: Tensor, segments: Tensor): void {
  if (x.rank < 1 || segments.rank !== 1 || segments.shape[0] !== x.shape[0]) {
    const received = `${printShape(x.shape)}, ${printShape(segments.shape)}`;
    throw new ShapeError(op, `a segment for each entry of axis 0 is required. Received ${received}.`);
  }
}

/**
 * The sums of the entries x [n, ...] that have one segment (i32 [n], in any order): [count, ...], 0 for a segment without
 * entries. A segment out of range stops the run.
 */
export function segmentSum(x: Tensor, segments: Tensor, count: Dim): Tensor {
  requireSegments('segmentSum', x, segments);
  return bind('gatherGrad', { axis: 0, size: count }, x, segments);
}

/** The means of the entries of each segment, 0 for a segment without entries; see `segmentSum`. */
export function segmentMean(x: Tensor, segments: Tensor, count: Dim): Tensor {
  const total = segmentSum(x, segments, count);
  const ones = broadcastTo(constant(x.recorder, 1), segments.shape);
  const entries = maximum(segmentSum(ones, segments, count), 1);
  return div(total, reshape(entries, [count, ...x.shape.slice(1).map(() => 1)]));
}

/** The entries of each segment joined to what stands for none. */
function segmentExtreme(x: Tensor, segments: Tensor, count: Dim, none: Tensor, reduction: 'max' | 'min'): Tensor {
  const places = reshape(segments, [...segments.shape, ...x.shape.slice(1).map(() => 1)]);
  return scatterElements(broadcastTo(none, [count, ...x.shape.slice(1)]), places, x, 0, { reduction });
}

/** -Infinity, which a graph, being JSON, cannot hold. */
const lowest = (x: Tensor): Tensor => div(constant(x.recorder, -1), 0);

/** The largest entries of each segment of f32, -Infinity for a segment without entries; see `segmentSum`. */
export function segmentMax(x: Tensor, segments: Tensor, count: Dim): Tensor {
  requireSegments('segmentMax', x, segments);
  return segmentExtreme(x, segments, count, lowest(x), 'max');
}

/** The smallest entries of each segment of f32, Infinity for a segment without entries; see `segmentSum`. */
export function segmentMin(x: Tensor, segments: Tensor, count: Dim): Tensor {
  requireSegments('segmentMin', x, segments);
  return segmentExtreme(x, segments, count, neg(lowest(x)), 'min');
}
