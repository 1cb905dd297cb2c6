/**
 * A plan bound to the extents of its symbols and to a session. All that a run asks for of a graph follows from these, so
 * that a run like the one before finds it at hand. Views stay good: a program's memory never grows.
 */
import { viewOf } from '../../core/dtype.js';
import { type NDArray, sizeOf } from '../../core/ndarray.js';
import { evaluateShape, type Extents } from '../../core/shape.js';
import type { Named } from '../../core/tree.js';
import type { ValueId } from '../../graph/program.js';
import type { NamedArray } from '../feeds.js';
import { patch, type Plan } from './layout.js';

export interface Binding {
  readonly extents: Extents;
  /** How far the session's variables lie from those of the first. */
  readonly session: number;
  /** The inputs and the outputs as they lie in memory. */
  readonly inputs: readonly NamedArray[];
  readonly outputs: readonly NamedArray[];
}

/** Writes the plan's words for these extents and this session. */
export function bind(plan: Plan, memory: DataView, extents: Extents, session: number): Binding {
  patch(plan, memory, extents, session);
  const binding = { extents, session };
  const placed = (values: Named<ValueId>): NamedArray[] =>
    Object.entries(values).map(([name, value]) => ({ name, ...arrayAt(plan, memory, value, binding) }));
  const { inputs, outputs } = plan.draft.graph;
  return { ...binding, inputs: placed(inputs), outputs: placed(outputs) };
}

/** A value of the graph as it lies in memory. */
export function arrayAt(
  { draft, addressOf }: Plan,
  { buffer }: DataView,
  value: ValueId,
  { extents, session }: Pick<Binding, 'extents' | 'session'>,
): NDArray {
  const address = draft.addressOf[value];
  const type = draft.graph.values[value];
  if (!address || !type) throw new RangeError(`value ${value} is not in the plan`);
  const place = addressOf(address);
  const shape = evaluateShape(type.shape, extents);
  const at = place.at + (place.session ? session : 0);
  return { dtype: type.dtype, shape, data: viewOf(type.dtype, buffer, at, sizeOf(shape)) };
}
