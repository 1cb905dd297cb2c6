/**
 * Drops the nodes and variables that no output and no update needs, and numbers the values anew. Inputs stay: they are
 * the graph's signature. `checkNumerics` stays: it is there to stop the run.
 */
import { mapNamed } from '../../core/tree.js';
import type { TensorType } from '../../ops/tensor.js';
import type { Graph, Node, ValueId } from '../program.js';

export function deadCode(graph: Graph): Graph {
  const needed = new Set([...Object.values(graph.outputs), ...Object.values(graph.updates)]);
  const kept: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (node.op !== 'checkNumerics' && !node.outputs.some((id) => needed.has(id))) continue;
    kept.push(node);
    for (const id of node.inputs) needed.add(id);
  }
  const values: TensorType[] = [];
  const numbers = new Map<ValueId, ValueId>();
  const make = (id: ValueId): ValueId => {
    numbers.set(id, values.length);
    return values.push(graph.values[id] as TensorType) - 1;
  };
  const use = (id: ValueId): ValueId => numbers.get(id) as ValueId;
  const read = Object.entries(graph.variables).filter(([, id]) => needed.has(id));
  return {
    inputs: mapNamed(graph.inputs, make),
    variables: mapNamed(Object.fromEntries(read), make),
    nodes: kept.reverse().map((node) => ({ ...node, inputs: node.inputs.map(use), outputs: node.outputs.map(make) })),
    outputs: mapNamed(graph.outputs, use),
    updates: mapNamed(graph.updates, use),
    values,
  };
}
