/** What every backend checks before it runs: which graph, which feeds, what the symbols stand for, where outputs go. */
import { type DType, holds } from '../core/dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import { type NDArray, requireArray, sizeOf } from '../core/ndarray.js';
import { evaluateDim, evaluateShape, type Extents, isFixed, printShape, sameShape } from '../core/shape.js';
import type { Named } from '../core/tree.js';
import type { Graph, Node, Program, Variable } from '../graph/program.js';
import type { OpName } from '../ops/schema.js';
import { shapeTable } from '../ops/tables/shape.js';
import type { TensorType } from '../ops/tensor.js';
import type { CompileOptions } from './backend.js';

/** The graph of a name; throws `ArgumentError` naming the others. */
export function graphOf(graphs: Named<Graph>, name: string): Graph {
  const graph = Object.hasOwn(graphs, name) ? graphs[name] : undefined;
  if (graph) return graph;
  const names = Object.keys(graphs).join(', ') || 'none';
  throw new ArgumentError('run', `a compiled graph is required (${names}). Received '${name}'.`);
}

/** The graphs that the options ask for, by name. */
export function graphsOf(program: Program, { graphs }: CompileOptions): Record<string, Graph> {
  if (!graphs) return { ...program.graphs };
  return Object.fromEntries(graphs.map((name) => [name, graphOf(program.graphs, name)]));
}

/** The largest extent of each symbol: the program's, lowered where the options say so. */
export function boundsOf(program: Program, { bounds = {} }: CompileOptions): Record<string, number> {
  const largest = Object.fromEntries(Object.entries(program.symbols).map(([name, { max }]) => [name, max]));
  for (const [name, bound] of Object.entries(bounds)) {
    const max = Object.hasOwn(largest, name) ? largest[name] : undefined;
    if (max === undefined || !Number.isInteger(bound) || bound < 1 || bound > max) {
      const allowed = max === undefined ? `one of ${Object.keys(largest).join(', ') || 'none'}` : `from 1 to ${max}`;
      throw new ArgumentError('compile', `a bound for a symbol, ${allowed}, is required. Received ${name}: ${bound}.`);
    }
    largest[name] = bound;
  }
  return largest;
}

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
export function extentsOf(name: string, graph: Graph, feeds: Named<NDArray>, bounds: Named<number>): Extents {
  const extents: Record<string, number> = {};
  const inputs = Object.entries(graph.inputs).map(([input, id]) => [input, graph.values[id] as TensorType] as const);
  for (const feed of Object.keys(feeds)) {
    if (Object.hasOwn(graph.inputs, feed)) continue;
    const names = Object.keys(graph.inputs).join(', ') || 'none';
    throw new ArgumentError(name, `feeds for the inputs are required (${names}). Received '${feed}'.`);
  }
  for (const [input, type] of inputs) {
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
  for (const [input, { shape }] of inputs) {
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

/**
 * Throws `ShapeError` where extents leave a value of the graph with a negative axis, or an input that is smaller than the
 * window that slides over it.
 */
export function checkExtents(name: string, graph: Graph, extents: Extents): void {
  for (const { shape } of graph.values) {
    if (shape.every((dim) => evaluateDim(dim, extents) >= 0)) continue;
    const given = Object.entries(extents).map(([symbol, extent]) => `${symbol} = ${extent}`);
    throw new ShapeError(
      name,
      `extents that leave no axis negative are required. Received ${given.join(', ')} for ${printShape(shape)}.`,
    );
  }
  for (const node of graph.nodes) if ('padding' in node.attrs) checkWindow(node, graph, extents);
}

/** A symbolic size has so many positions as one could count, which are none for a window that is a little too large. */
function checkWindow<N extends OpName>({ op, attrs, inputs }: Node<N>, graph: Graph, extents: Extents): void {
  const types = inputs.map((id) => graph.values[id] as TensorType);
  if ('inputSize' in attrs || types.every(({ shape }) => isFixed(shape.slice(1)))) return;
  shapeTable[op](
    attrs,
    types.map(({ dtype, shape }) => ({ dtype, shape: evaluateShape(shape, extents) })),
  );
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
export function checkVariable(name: string, variable: Variable, value: NDArray): void {
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
