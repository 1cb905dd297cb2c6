/**
 * A graph bound to the extents of its symbols and to a session. All that a run asks for of it follows from these, so that
 * a run like the one before finds it at hand. Views stay good: a program's memory never grows.
 */
import { viewOf } from '../../core/dtype.js';
import { type NDArray, sizeOf } from '../../core/ndarray.js';
import { type Dim, evaluateDim, evaluateShape, type Extents } from '../../core/shape.js';
import type { Named } from '../../core/tree.js';
import type { NamedArray } from '../feeds.js';
import type { LaidOutGraph, PlacedValue } from './laid-out.js';

export interface Binding {
  readonly extents: Extents;
  /** How far the session's variables lie from those of the first. */
  readonly session: number;
  /** The inputs and the outputs as they lie in memory. */
  readonly inputs: readonly NamedArray[];
  readonly outputs: readonly NamedArray[];
}

/** Writes the graph's words for these extents and this session. */
export function bind(graph: LaidOutGraph, memory: DataView, extents: Extents, session: number): Binding {
  const known = new Map<Dim, number>();
  for (const { at, dim, base, session: inSession } of graph.patches) {
    let value = known.get(dim);
    if (value === undefined) known.set(dim, (value = evaluateDim(dim, extents)));
    memory.setInt32(at, base + value + (inSession ? session : 0), true);
  }
  const binding = { extents, session };
  const placed = (values: Named<PlacedValue>): NamedArray[] =>
    Object.entries(values).map(([name, value]) => ({ name, ...arrayAt(value, memory, binding) }));
  return { ...binding, inputs: placed(graph.inputs), outputs: placed(graph.outputs) };
}

/** A value as it lies in memory. */
export function arrayAt(
  { dtype, shape: dims, at, session: inSession }: PlacedValue,
  { buffer }: DataView,
  { extents, session }: Pick<Binding, 'extents' | 'session'>,
): NDArray {
  const shape = evaluateShape(dims, extents);
  return { dtype, shape, data: viewOf(dtype, buffer, at + (inSession ? session : 0), sizeOf(shape)) };
}
