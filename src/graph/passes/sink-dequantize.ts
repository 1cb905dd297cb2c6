/**
 * Moves integers instead of floats: pooling and movement of x = dequantize(q) become dequantize of the same op on q.
 * Exact: dequantize moves no element, and keeps their order where its scale is a constant above 0.
 */
import type { Graph, Node, ValueId } from '../program.js';
import { type Edit, isNode, rewrite } from './rewrite.js';

const movers: readonly string[] = ['maxPool2d', 'reshape', 'transpose', 'slice'];

export function sinkDequantize(graph: Graph): Graph {
  return rewrite(graph, (node, edit) => {
    const [x] = node.inputs;
    const [y] = node.outputs;
    const maker = x === undefined || !movers.includes(node.op) ? undefined : edit.makerOf(x);
    if (!isNode(maker, 'dequantize') || maker.attrs.axis !== null || y === undefined) return [node];
    const [q, ...parameters] = maker.inputs;
    if (q === undefined || (node.op === 'maxPool2d' && !isPositive(parameters[0], edit))) return [node];
    const moved = edit.value({ dtype: edit.typeOf(q).dtype, shape: edit.typeOf(y).shape });
    const sunk: Node<'dequantize'> = { ...maker, inputs: [moved, ...parameters], outputs: [y] };
    return [{ ...node, inputs: [q], outputs: [moved] }, sunk];
  });
}

function isPositive(scale: ValueId | undefined, edit: Edit): boolean {
  const maker = scale === undefined ? undefined : edit.makerOf(scale);
  return isNode(maker, 'constant') && maker.attrs.data.every((value) => value > 0);
}
