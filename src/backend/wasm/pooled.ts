/** Finds convolutions whose result only a 2x2 max pool reads: one kernel does both, and stores nothing between. */
import { isNode, usesOf } from '../../graph/passes/rewrite.js';
import type { Graph, Node } from '../../graph/program.js';

/** A convolution of floats and the pool of its result. */
export interface PooledConvolution {
  readonly convolution: Node<'conv2d'>;
  readonly pool: Node<'maxPool2d'>;
  /** The indices of both. */
  readonly nodes: readonly [convolution: number, pool: number];
}

/** The convolutions that are pooled, by the index of the pool. */
export function pooledConvolutions(graph: Graph): ReadonlyMap<number, PooledConvolution> {
  const uses = usesOf(graph);
  const makers = new Map(graph.nodes.flatMap((node, index) => node.outputs.map((id) => [id, index] as const)));
  const found = new Map<number, PooledConvolution>();
  graph.nodes.forEach((pool, index) => {
    const x = pool.inputs[0] ?? -1;
    const maker = makers.get(x) ?? -1;
    const convolution = graph.nodes[maker];
    if (!isNode(pool, 'maxPool2d') || !isNode(convolution, 'conv2d') || uses[x] !== 1) return;
    const { poolSize, strides, padding } = pool.attrs;
    if (padding !== 'valid' || [...poolSize, ...strides].some((extent) => extent !== 2)) return;
    found.set(index, { convolution, pool, nodes: [maker, index] });
  });
  return found;
}
