/**
 * Moves integers instead of floats: pooling and movement of x = dequantize(q) become dequantize of the same op on q.
 * Exact for one positive scale: dequantize keeps order, and moves elements not at all.
 */
import type { Graph, Node } from '../program.js';
import { isNode, rewrite } from './rewrite.js';

const movers: readonly string[] = ['maxPool2d', 'reshape', 'transpose', 'slice'];

export function sinkDequantize(graph: Graph): Graph {
  return rewrite(graph, (node, edit) => {
    const [x] = node.inputs;
    const [y] = node.outputs;
    const maker = x === undefined || !movers.includes(node.op) ? undefined : edit.makerOf(x);
    if (!isNode(maker, 'dequantize') || maker.attrs.axis !== null || y === undefined) return [node];
    const [q, ...parameters] = maker.inputs;
    if (q === undefined) return [node];
    const moved = edit.value({ dtype: edit.typeOf(q).dtype, shape: edit.typeOf(y).shape });
    const sunk: Node<'dequantize'> = { ...maker, inputs: [moved, ...parameters], outputs: [y] };
    return [{ ...node, inputs: [q], outputs: [moved] }, sunk];
  });
}
