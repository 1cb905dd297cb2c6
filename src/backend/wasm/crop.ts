/**
 * Pixels that nobody reads are not computed. Windows of a pooling without padding may leave rows and columns out at the
 * bottom and at the right: 2x2 on 11x11 reads 10x10. The convolution before it makes only what is read; the pool's
 * gradient is zero elsewhere, so what is made of that gradient leaves the same pixels out. The values get smaller shapes
 * than the rules of their ops say: kernels take the extents of their operands from these.
 */
import { sameShape, type Shape } from '../../core/shape.js';
import { isNode, usesOf } from '../../graph/passes/rewrite.js';
import type { Graph, Node, ValueId } from '../../graph/program.js';
import type { Window } from '../../ops/schema.js';

/** What is known of the pixels of a value that are left out. */
type Left = 'unread' | 'zero';

/** Values that are cropped together with another one; null where it cannot be cropped. */
type Links = readonly (readonly [ValueId | undefined, Left])[] | null;

interface Reader {
  readonly node: Node;
  readonly position: number;
}

/** The graph with smaller shapes for the values that pools read in part. */
export function crop(graph: Graph): Graph {
  const values = [...graph.values];
  const uses = usesOf(graph);
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));
  const readers = new Map<ValueId, Reader[]>();
  for (const node of graph.nodes) {
    node.inputs.forEach((id, position) => readers.set(id, [...(readers.get(id) ?? []), { node, position }]));
  }

  /** All that must be cropped where `start` is; nothing where one of them cannot be. */
  const together = (start: ValueId, whole: Shape, isPool: (node: Node) => boolean): Iterable<ValueId> => {
    const found = new Map<ValueId, Left>([[start, 'unread']]);
    for (const [id, left] of found) {
      const known = readers.get(id) ?? [];
      if (known.length !== uses[id] || !sameShape(values[id]?.shape ?? [], whole)) return [];
      const made = left === 'unread' ? madeUnread(makers.get(id)) : madeZero(makers.get(id), isPool);
      const read = known.map((reader) => (left === 'unread' ? readUnread(reader, isPool) : readZero(reader)));
      for (const links of [made, ...read]) {
        if (!links) return [];
        for (const [other, claim] of links) {
          if (other === undefined || (found.get(other) ?? claim) !== claim) return [];
          found.set(other, claim);
        }
      }
    }
    return found.keys();
  };

  for (const node of graph.nodes) {
    if (!isNode(node, 'maxPool2d') && !isNode(node, 'avgPool2d')) continue;
    const [[x = -1], [y = -1], { attrs }] = [node.inputs, node.outputs, node];
    const [whole = [], pooled = []] = [values[x]?.shape, values[y]?.shape];
    const kept = readBy(attrs, whole, pooled);
    if (!kept || sameShape(kept, whole)) continue;
    for (const id of together(x, whole, (other) => isLike(other, attrs))) {
      const type = values[id];
      if (type) values[id] = { ...type, shape: kept };
    }
  }
  return { ...graph, values };
}

/** The part of x that a pool reads; null where it pads, and where its result is empty or symbolic. */
function readBy({ poolSize, strides, padding }: Window, [n = 0, , , c = 0]: Shape, [, h, w]: Shape): Shape | null {
  if (padding !== 'valid' || typeof h !== 'number' || typeof w !== 'number' || h === 0 || w === 0) return null;
  return [n, (h - 1) * strides[0] + poolSize[0], (w - 1) * strides[1] + poolSize[1], c];
}

/** Whether a node is a pool, or the gradient of one, with these windows. */
function isLike(node: Node, { poolSize, strides, padding }: Window): boolean {
  const isPool = isNode(node, 'maxPool2d') || isNode(node, 'avgPool2d');
  if (!isPool && !isNode(node, 'maxPool2dGrad') && !isNode(node, 'avgPool2dGrad')) return false;
  const { attrs } = node;
  return attrs.padding === padding && sameShape(attrs.poolSize, poolSize) && sameShape(attrs.strides, strides);
}

function madeUnread(maker: Node | undefined): Links {
  if (isNode(maker, 'conv2d')) return [];
  return isNode(maker, 'quantize') && maker.attrs.axis === null ? [[maker.inputs[0], 'unread']] : null;
}

function readUnread({ node, position }: Reader, isPool: (node: Node) => boolean): Links {
  if (isNode(node, 'maxPool2dGrad')) return position === 0 && isPool(node) ? [[node.outputs[0], 'zero']] : null;
  if (isNode(node, 'maxPool2d') || isNode(node, 'avgPool2d')) return isPool(node) ? [] : null;
  if (isNode(node, 'reluGrad')) return position === 1 ? [[node.outputs[0], 'zero']] : null;
  return isNode(node, 'quantize') && node.attrs.axis === null ? [[node.outputs[0], 'unread']] : null;
}

function madeZero(maker: Node | undefined, isPool: (node: Node) => boolean): Links {
  const [first, second] = maker?.inputs ?? [];
  if (isNode(maker, 'reluGrad'))
    return [
      [first, 'zero'],
      [second, 'unread'],
    ];
  if (isNode(maker, 'maxPool2dGrad')) return isPool(maker) ? [[first, 'unread']] : null;
  return isNode(maker, 'avgPool2dGrad') && isPool(maker) ? [] : null;
}

function readZero({ node, position }: Reader): Links {
  if (isNode(node, 'reluGrad')) return position === 0 ? [[node.outputs[0], 'zero']] : null;
  if (isNode(node, 'sum')) return [1, 2].every((axis) => node.attrs.axes.includes(axis)) ? [] : null;
  return position === (isNode(node, 'conv2dInputGrad') ? 0 : isNode(node, 'conv2dFilterGrad') ? 1 : -1) ? [] : null;
}
