/**
 * Drops what does nothing, bit for bit: x * 1, x / 1, x - 0, movement and casts to what x already is, reductions over
 * no axes; and turns the size of fixed axes into a constant. Differentiation and importers leave plenty of these.
 */
import type { Graph, Node, ValueId } from '../program.js';
import type { TensorType } from '../../ops/tensor.js';
import { sameShape, sizeOfShape } from '../../core/shape.js';
import { type Edit, isNode, rewrite } from './rewrite.js';

export function foldConstants(graph: Graph): Graph {
  return rewrite(graph, (node, edit) => {
    const [output] = node.outputs;
    const same = identityOf(node, edit);
    if (output !== undefined && same !== undefined && sameType(edit.typeOf(output), edit.typeOf(same))) {
      edit.replace(output, same);
      return [];
    }
    const count = fixedSizeOf(node, edit);
    if (count === undefined) return [node];
    return [{ ...node, op: 'constant', attrs: { dtype: 'f32', shape: [], data: [count] }, inputs: [] }];
  });
}

/** The input that the node gives back, provided that it is of the output's type. */
function identityOf(node: Node, edit: Edit): ValueId | undefined {
  const [a, b] = node.inputs;
  switch (node.op) {
    case 'mul':
      return isAll(1, b, edit) ? a : isAll(1, a, edit) ? b : undefined;
    case 'div':
      return isAll(1, b, edit) ? a : undefined;
    case 'sub':
      return isAll(0, b, edit) ? a : undefined;
    case 'cast':
    case 'reshape':
    case 'broadcastTo':
    case 'slice':
      return a;
    case 'transpose':
      return isNode(node, 'transpose') && node.attrs.permutation.every((axis, i) => axis === i) ? a : undefined;
    case 'sum':
    case 'mean':
      return (isNode(node, 'sum') || isNode(node, 'mean')) && node.attrs.axes.length === 0 ? a : undefined;
    default:
      return undefined;
  }
}

function isAll(value: number, id: ValueId | undefined, edit: Edit): boolean {
  const maker = id === undefined ? undefined : edit.makerOf(id);
  return isNode(maker, 'constant') && maker.attrs.data.length > 0 && maker.attrs.data.every((x) => Object.is(x, value));
}

function fixedSizeOf(node: Node, edit: Edit): number | undefined {
  const [x] = node.inputs;
  if (!isNode(node, 'size') || x === undefined) return undefined;
  const count = sizeOfShape(node.attrs.axes.map((axis) => edit.typeOf(x).shape[axis] ?? 0));
  return typeof count === 'number' ? Math.fround(count) : undefined;
}

const sameType = (a: TensorType, b: TensorType): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);
