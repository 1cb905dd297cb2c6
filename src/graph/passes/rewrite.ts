/** What passes share: walking a graph and writing another. Passes ship to the edge and know no op but by its name. */
import type { OpName } from '../../ops/schema.js';
import type { TensorType } from '../../ops/tensor.js';
import type { Graph, Node, ValueId } from '../program.js';
import { deadCode } from './dead-code.js';

/** The graph being written, as seen by the visit of one node. */
export interface Edit {
  typeOf(id: ValueId): TensorType;
  /** The node written so far that makes a value; undefined for inputs and variables. */
  makerOf(id: ValueId): Node | undefined;
  /** A new value. */
  value(type: TensorType): ValueId;
  /** From here on `id` stands for `old`, which is not made any more. */
  replace(old: ValueId, id: ValueId): void;
}

/** Writes a graph whose nodes are those that `visit` returns for each node in turn; then drops what nobody needs. */
export function rewrite(graph: Graph, visit: (node: Node, edit: Edit) => readonly Node[]): Graph {
  const values = [...graph.values];
  const makers = new Map<ValueId, Node>();
  const replaced = new Map<ValueId, ValueId>();
  const current = (id: ValueId): ValueId => replaced.get(id) ?? id;
  const currentOf = (record: Graph['outputs']) =>
    Object.fromEntries(Object.entries(record).map(([name, id]) => [name, current(id)]));
  const edit: Edit = {
    typeOf: (id) => values[id] as TensorType,
    makerOf: (id) => makers.get(id),
    value: (type) => values.push(type) - 1,
    replace: (old, id) => replaced.set(old, id),
  };
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    for (const written of visit({ ...node, inputs: node.inputs.map(current) }, edit)) {
      nodes.push(written);
      for (const id of written.outputs) makers.set(id, written);
    }
  }
  return deadCode({ ...graph, values, nodes, outputs: currentOf(graph.outputs), updates: currentOf(graph.updates) });
}

/** Whether a node is of op `op`. */
export const isNode = <N extends OpName>(node: Node | undefined, op: N): node is Node<N> => node?.op === op;

/** How many nodes, outputs and updates read each value. */
export function usesOf(graph: Graph): number[] {
  const uses = graph.values.map(() => 0);
  const use = (id: ValueId) => {
    uses[id] = (uses[id] ?? 0) + 1;
  };
  graph.nodes.forEach((node) => node.inputs.forEach(use));
  [...Object.values(graph.outputs), ...Object.values(graph.updates)].forEach(use);
  return uses;
}
