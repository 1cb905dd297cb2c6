/**
 * Programs and graphs: plain data that serialises to JSON. A program is named graphs over one store of named
 * variables. A graph lists its nodes in order of execution; every value is made once, by an input, a variable or a
 * node. Passes make new graphs; nothing here is changed in place once traced.
 */
import type { Named } from '../core/tree.js';
import type { OpAttrs, OpName } from '../ops/schema.js';
import type { TensorType } from '../ops/tensor.js';

/** An index into the values of a graph. */
export type ValueId = number;

/** One op on values of its graph. */
export interface Node<N extends OpName = OpName> {
  readonly op: N;
  readonly attrs: OpAttrs[N];
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  /** The path of the layer that recorded it, `conv2d_1/conv2d`. */
  readonly name: string;
}

/** Nodes in order, with what they take, give, read and update: plain data. */
export interface Graph {
  /** The type of every value; values are numbered from 0. */
  readonly values: readonly TensorType[];
  /** Fed by the caller at each run. */
  readonly inputs: Named<ValueId>;
  /** Variables that are read, by the value that holds them at the start of the run. */
  readonly variables: Named<ValueId>;
  readonly nodes: readonly Node[];
  readonly outputs: Named<ValueId>;
  /** Variables that are updated: when the run has ended, the variable holds the value. */
  readonly updates: Named<ValueId>;
}

/** A variable of a program. Its shape is fixed; `session` variables exist once for each session, zeroed when it opens. */
export interface Variable {
  readonly dtype: TensorType['dtype'];
  readonly shape: readonly number[];
  readonly scope: 'shared' | 'session';
  readonly trainable: boolean;
}

/** A symbolic dimension's bounds: extents from 0 to `max` are accepted. */
export interface Bound {
  readonly max: number;
}

/** Graphs over one store of variables: plain data, and what a model file holds. */
export interface Program {
  readonly symbols: Named<Bound>;
  readonly variables: Named<Variable>;
  readonly graphs: Named<Graph>;
}
