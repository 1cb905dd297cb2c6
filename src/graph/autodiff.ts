/**
 * Reverse-mode differentiation: `gradients(loss, wrt)` records, in the loss's own trace, what it takes to make the
 * gradients. Rules are written with ops, so gradients are tensors like any other and can be differentiated again.
 *
 *   const weights = scope.trainables();
 *   const grads = gradients(loss, Object.values(weights));       // one for each, of equal shape
 *
 * Nodes that a rule records lie in the layer of the node that it differentiates: `dense_1/gradient/matmul`.
 */
import { DTypeError, GraphError, ShapeError } from '../core/errors.js';
import type { OpName } from '../ops/schema.js';
import { constant } from '../ops/source.js';
import { gradientTable } from '../ops/tables/gradient.js';
import { bind, type Tensor } from '../ops/tensor.js';
import { printType } from './names.js';
import type { Node, ValueId } from './program.js';
import { checkType, Trace } from './trace.js';

/**
 * d loss / d wrt for each tensor of `wrt`: of its shape; zeros where the loss does not depend on it. The loss is a scalar
 * f32. Throws `GraphError`, naming the op, where the loss depends on `wrt` through an op that has no gradient.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  const trace = loss.recorder;
  if (!(trace instanceof Trace)) throw new GraphError('gradients', 'a loss that a trace has recorded is required.');
  if (loss.dtype !== 'f32')
    throw new DTypeError('gradients', `a loss of f32 is required. Received ${printType(loss)}.`);
  if (loss.rank !== 0) throw new ShapeError('gradients', `a scalar loss is required. Received ${printType(loss)}.`);
  for (const tensor of wrt) {
    if (tensor.recorder !== trace) throw new GraphError('gradients', 'tensors of the trace of the loss are required.');
    if (tensor.dtype !== 'f32') {
      throw new DTypeError('gradients', `f32 tensors are differentiated. Received ${printType(tensor)}.`);
    }
  }

  const nodes = [...trace.nodes];
  const dependent = dependents(trace, nodes, wrt);
  const found = new Map<ValueId, Tensor>([[loss.id, constant(trace, 1)]]);
  for (const node of nodes.reverse()) {
    const isDependent = (id: ValueId) => dependent.has(id);
    if (!node.inputs.some(isDependent) || !node.outputs.some((id) => found.has(id))) continue;
    const layer = node.name.slice(0, Math.max(0, node.name.lastIndexOf('/')));
    trace.at(layer === '' ? 'gradient' : `${layer}/gradient`, () => {
      const contributions = differentiate(trace, node, found);
      node.inputs.forEach((id, i) => {
        const contribution = contributions[i];
        if (!contribution || !isDependent(id)) return;
        checkType(node.name, `the gradient of input ${i}`, trace.tensor(id), contribution);
        const sum = found.get(id);
        found.set(id, sum ? bind('add', {}, sum, contribution) : contribution);
      });
    });
  }
  return wrt.map((tensor) => found.get(tensor.id) ?? zeros(trace, tensor));
}

/** The values of f32 that depend on `wrt`, `wrt` among them. */
function dependents(trace: Trace, nodes: readonly Node[], wrt: readonly Tensor[]): Set<ValueId> {
  const dependent = new Set(wrt.map((tensor) => tensor.id));
  for (const node of nodes) {
    if (!node.inputs.some((id) => dependent.has(id))) continue;
    for (const id of node.outputs) if (trace.tensor(id).dtype === 'f32') dependent.add(id);
  }
  return dependent;
}

function differentiate<N extends OpName>(
  trace: Trace,
  node: Node<N>,
  found: ReadonlyMap<ValueId, Tensor>,
): readonly (Tensor | null)[] {
  const rule = gradientTable[node.op];
  if (!rule) {
    throw new GraphError(
      node.name,
      `an op with a gradient is required between the loss and a variable. Received ${node.op}.`,
    );
  }
  const tensors = (ids: readonly ValueId[]) => ids.map((id) => trace.tensor(id));
  return rule({
    attrs: node.attrs,
    inputs: tensors(node.inputs),
    outputs: tensors(node.outputs),
    gradients: node.outputs.map((id) => found.get(id) ?? null),
  });
}

function zeros(trace: Trace, { shape }: Tensor): Tensor {
  return bind('broadcastTo', { shape }, constant(trace, 0));
}
