/** What every backend checks before it runs: the feeds, what the symbols stand for, where outputs go. */
import { type DType, holds } from '../core/dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import { type NDArray, requireArray, sizeOf } from '../core/ndarray.js';
import { evaluateDim, type Extents, printShape, sameShape } from '../core/shape.js';
import type { Named } from '../core/tree.js';
import type { TensorType } from '../ops/tensor.js';

/** An array, and what a graph calls it. */
export interface NamedArray extends NDArray {
  readonly name: string;
}

/** Whether feeds are of the dtypes and shapes of these inputs and no others: then `extentsOf` finds what it found for them. */
export function areLike(inputs: readonly NamedArray[], feeds: Named<NDArray>): boolean {
  for (const { name, dtype, shape, data } of inputs) {
    const feed = Object.hasOwn(feeds, name) ? feeds[name] : undefined;
    if (feed?.dtype !== dtype || !holds(dtype, feed.data) || feed.data.length !== data.length) return false;
    if (!Array.isArray(feed.shape) || !sameShape(feed.shape, shape)) return false;
  }
  return Object.keys(feeds).length === inputs.length;
}

/**
 * Holds feeds against a graph's inputs and gives the extents of its symbols. Throws `ArgumentError` for a feed that is
 * missing or is none, `DTypeError`, or `ShapeError` for a shape that does not fit or that is above the bounds.
 */
export function extentsOf(
  name: string,
  inputs: Named<TensorType>,
  feeds: Named<NDArray>,
  bounds: Named<number>,
): Extents {
  const extents: Record<string, number> = {};
  for (const feed of Object.keys(feeds)) {
    if (Object.hasOwn(inputs, feed)) continue;
    const names = Object.keys(inputs).join(', ') || 'none';
    throw new ArgumentError(name, `feeds for the inputs are required (${names}). Received '${feed}'.`);
  }
  for (const [input, type] of Object.entries(inputs)) {
    const array = Object.hasOwn(feeds, input) ? feeds[input] : undefined;
    if (!array) throw new ArgumentError(name, `a feed for input '${input}' is required. Received none.`);
    checkArray(`${name}: input ${input}`, type, array);
    type.shape.forEach((dim, axis) => {
      const extent = array.shape[axis] as number;
      const bound = bounds[dim];
      if (typeof dim === 'number' || bound === undefined) return;
      if (extent > bound) {
        throw new ShapeError(`${name}: input ${input}`, `${dim} of at most ${bound} is required. Received ${extent}.`);
      }
      extents[dim] ??= extent;
    });
  }
  for (const [input, { shape }] of Object.entries(inputs)) {
    const received = feeds[input]?.shape ?? [];
    if (shape.every((dim, axis) => evaluateDim(dim, extents) === received[axis])) continue;
    const known = Object.entries(extents).map(([symbol, extent]) => `, ${symbol} = ${extent}`);
    throw new ShapeError(
      `${name}: input ${input}`,
      `a shape of ${printShape(shape)}${known.join('')} is required. Received ${printShape(received)}.`,
    );
  }
  return extents;
}

/** What an output of a graph is, with the extents in place. */
export interface NamedType {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * Holds the arrays that a caller gives for outputs against a graph's. Throws `ArgumentError` for one that is for none of
 * them or that lies in another's memory, `DTypeError`, or `ShapeError`.
 */
export function checkOutputs(name: string, outputs: readonly NamedType[], given: Named<NDArray>): void {
  const received = Object.keys(given);
  let known = 0;
  for (const type of outputs) {
    if (!Object.hasOwn(given, type.name)) continue;
    checkExactly(`${name}: output ${type.name}`, type, given[type.name] as NDArray);
    known++;
  }
  if (received.length > known) {
    const names = outputs.map((output) => output.name);
    const other = received.find((each) => !names.includes(each));
    const message = `arrays for the outputs are required (${names.join(', ') || 'none'}). Received '${other}'.`;
    throw new ArgumentError(name, message);
  }
  if (known > 1) checkApart(name, Object.entries(given));
}

/** Throws where two of these lie in the same memory: one of them would be lost. */
function checkApart(name: string, arrays: readonly (readonly [string, NDArray])[]): void {
  arrays.forEach(([first, { data: a }], i) => {
    for (const [second, { data: b }] of arrays.slice(i + 1)) {
      const apart = a.byteOffset + a.byteLength <= b.byteOffset || b.byteOffset + b.byteLength <= a.byteOffset;
      if (apart || a.buffer !== b.buffer) continue;
      throw new ArgumentError(
        `${name}: output ${second}`,
        `memory of its own is required. Received an array in that of output ${first}.`,
      );
    }
  });
}

/** Throws unless `value` can be stored in variable `name`. */
export function checkVariable(name: string, variable: TensorType, value: NDArray): void {
  checkExactly(`variable ${name}`, variable, value);
}

/** Throws unless `array` is of the type's dtype and shape, and its data too. */
function checkExactly(where: string, type: TensorType, array: NDArray): void {
  checkArray(where, type, array);
  if (sameShape(type.shape, array.shape)) return;
  const message = `a shape of ${printShape(type.shape)} is required. Received ${printShape(array.shape)}.`;
  throw new ShapeError(where, message);
}

/** Throws unless `array` is of the type's dtype and rank, and its data of that dtype and as long as its shape says. */
function checkArray(where: string, { dtype, shape }: TensorType, array: NDArray): void {
  requireArray(where, array);
  if (array.dtype !== dtype || !holds(dtype, array.data)) {
    throw new DTypeError(where, `${dtype} is required. Received ${array.dtype} in a ${array.data.constructor.name}.`);
  }
  if (array.shape.length !== shape.length) {
    const message = `a shape of ${printShape(shape)} is required. Received ${printShape(array.shape)}.`;
    throw new ShapeError(where, message);
  }
  if (array.data.length !== sizeOf(array.shape)) {
    throw new ShapeError(where, `${sizeOf(array.shape)} elements are required. Received ${array.data.length}.`);
  }
}
