/**
 * Takes the addition of a bias and a relu into the matmul or the convolution before them, whose kernels apply both while
 * the result is in registers. Only where nobody else reads what lies between.
 */
import type { Graph, Node, ValueId } from '../program.js';
import { sameShape } from '../../core/shape.js';
import { type Edit, isNode, rewrite, usesOf } from './rewrite.js';

type Fusable = Node<'matmul'> | Node<'conv2d'> | Node<'depthwiseConv2d'>;

const isFusable = (node: Node | undefined): node is Fusable =>
  isNode(node, 'matmul') || isNode(node, 'conv2d') || isNode(node, 'depthwiseConv2d');

export function fuse(graph: Graph): Graph {
  const uses = usesOf(graph);
  return rewrite(graph, (node, edit) => {
    const inner = (id: ValueId | undefined): Fusable | undefined => {
      const maker = id === undefined || uses[id] !== 1 ? undefined : edit.makerOf(id);
      return isFusable(maker) && maker.attrs.activation === 'linear' ? maker : undefined;
    };
    const [a, b] = node.inputs;
    if (node.op === 'add' && a !== undefined && b !== undefined) {
      return [biased(node, inner(a), b, edit) ?? biased(node, inner(b), a, edit) ?? node];
    }
    const fusable = node.op === 'relu' ? inner(a) : undefined;
    return [fusable ? activated(node, fusable) : node];
  });
}

function biased(node: Node, fusable: Fusable | undefined, bias: ValueId, edit: Edit): Node | undefined {
  const [output] = node.outputs;
  const [product] = fusable?.outputs ?? [];
  if (!fusable || output === undefined || product === undefined || fusable.inputs.length !== 2) return undefined;
  const { shape } = edit.typeOf(output);
  const isVector = sameShape(edit.typeOf(bias).shape, shape.slice(-1));
  if (!isVector || !sameShape(edit.typeOf(product).shape, shape)) return undefined;
  return { ...fusable, inputs: [...fusable.inputs, bias], outputs: node.outputs };
}

function activated(node: Node, fusable: Fusable): Node {
  if (isNode(fusable, 'matmul')) {
    return { ...fusable, attrs: { ...fusable.attrs, activation: 'relu' }, outputs: node.outputs };
  }
  if (isNode(fusable, 'conv2d')) {
    return { ...fusable, attrs: { ...fusable.attrs, activation: 'relu' }, outputs: node.outputs };
  }
  return { ...fusable, attrs: { ...fusable.attrs, activation: 'relu' }, outputs: node.outputs };
}
