/** Replays a stored graph inside a trace, as when a loaded model is trained further. */
import { GraphError } from '../core/errors.js';
import type { Named } from '../core/tree.js';
import type { OpName } from '../ops/schema.js';
import type { Tensor } from '../ops/tensor.js';
import type { Scope } from './builder.js';
import type { Node, Program, ValueId } from './program.js';
import { checkType } from './trace.js';

/**
 * Records the nodes of graph `name` of `program` on `inputs`, one for each input of the graph and of its type; declares
 * and reads its variables, assigns its updates, and returns its outputs. Names lie below the scope's layer.
 */
export function inline(scope: Scope, program: Program, name: string, inputs: Named<Tensor>): Record<string, Tensor> {
  const graph = program.graphs[name];
  if (!graph) {
    const names = Object.keys(program.graphs).join(', ');
    throw new GraphError('inline', `a graph of the program is required (${names}). Received '${name}'.`);
  }
  const tensors = new Map<ValueId, Tensor>();
  const tensorOf = (id: ValueId): Tensor => {
    const tensor = tensors.get(id);
    if (!tensor) throw new GraphError(name, `a value that is made before it is used is required. Received ${id}.`);
    return tensor;
  };

  for (const [input, id] of Object.entries(graph.inputs)) {
    const type = graph.values[id];
    const tensor = inputs[input];
    if (!type || !tensor) throw new GraphError('inline', `input '${input}' of '${name}' is required. Received none.`);
    checkType('inline', `input '${input}' of '${name}'`, type, tensor);
    tensors.set(id, tensor);
  }
  for (const [variable, id] of Object.entries(graph.variables)) {
    tensors.set(id, scope.variable(variable, program.variables[variable]));
  }
  for (const node of graph.nodes) {
    const layer = node.name.split('/').slice(0, -1).join('/');
    const record = () => replay(scope, node, node.inputs.map(tensorOf));
    const outputs = layer === '' ? record() : scope.within(layer, record);
    node.outputs.forEach((id, i) => tensors.set(id, outputs[i] as Tensor));
  }
  for (const [variable, id] of Object.entries(graph.updates)) {
    scope.variable(variable, program.variables[variable]);
    scope.assign(variable, tensorOf(id));
  }
  return Object.fromEntries(Object.entries(graph.outputs).map(([output, id]) => [output, tensorOf(id)]));
}

/** Records a stored node again, on other tensors. */
export function replay<N extends OpName>(scope: Scope, node: Node<N>, inputs: readonly Tensor[]): readonly Tensor[] {
  return scope.trace.record(node.op, node.attrs, inputs);
}
