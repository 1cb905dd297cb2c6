/**
 * Finds integer arithmetic in a graph of `quantize` and `dequantize` nodes: a matmul or convolution whose operands are
 * both dequantized is one integer kernel, which may also write its result quantized. The nodes around it are absorbed.
 */
import { divideExactly, sizeOfShape } from '../../core/shape.js';
import type { Graph, Node, ValueId } from '../../graph/program.js';
import type { OpName } from '../../ops/schema.js';

/** A quantized value and what it means: x = (value - zeroPoint) * scale, with a scale for each channel if `perChannel`. */
export interface Quantized {
  readonly value: ValueId;
  readonly scale: ValueId;
  readonly zeroPoint: ValueId;
  readonly perChannel: boolean;
}

export interface IntegerCluster {
  /** The matmul or conv2d, with its fused activation; its own inputs and output are the float values. */
  readonly root: Node<'matmul'> | Node<'conv2d'>;
  /** u8, per tensor. */
  readonly x: Quantized;
  /** i8, the operand that is a variable, with zero point 0; channels are the columns of the product. */
  readonly weight: Quantized;
  readonly bias: ValueId | null;
  /** The max pool that alone reads the quantized result, where windows do not overlap. */
  readonly pool: Node<'maxPool2d'> | null;
  /** Where the result goes: a u8 value when the only consumer quantizes it, or the pool's; otherwise the root's float output. */
  readonly output: Quantized | ValueId;
  /** Indices of the nodes that it stands for: the root, then those that make its operands, and quantize and pool its result. */
  readonly nodes: readonly number[];
}

export interface IntegerClusters {
  /** By the index of the last node of each: only there its scales have been made. */
  readonly clusters: ReadonlyMap<number, IntegerCluster>;
  /** Indices of the nodes whose work the clusters do. */
  readonly absorbed: ReadonlySet<number>;
}

const isOp = <N extends OpName>(node: Node | undefined, op: N): node is Node<N> => node?.op === op;

/** Products of a u8 and an i8 whose sum an i32 always holds. */
const MOST_PRODUCTS = Math.floor((2 ** 31 - 1) / (255 * 128));

/** Pixels of a pool's window, at most: a unit holds the sums of all of them, for twelve results or more. */
const MOST_TAPS = 40;

/** Whether a node is a max pool of few pixels whose windows neither overlap nor leave the image: no pixel is needed twice. */
function isSeparatePool(node: Node | undefined): node is Node<'maxPool2d'> {
  if (!isOp(node, 'maxPool2d') || node.attrs.padding !== 'valid') return false;
  const { poolSize, strides } = node.attrs;
  return poolSize[0] * poolSize[1] <= MOST_TAPS && poolSize.every((size, axis) => size <= (strides[axis] ?? 0));
}

export function integerClusters(graph: Graph): IntegerClusters {
  const producers = new Map<ValueId, number>();
  const consumers = new Map<ValueId, number[]>();
  graph.nodes.forEach((node, index) => {
    for (const value of node.outputs) producers.set(value, index);
    for (const value of node.inputs) consumers.set(value, [...(consumers.get(value) ?? []), index]);
  });
  const kept = new Set([...Object.values(graph.outputs), ...Object.values(graph.updates)]);
  const variables = new Set(Object.values(graph.variables));

  const dequantized = (value: ValueId | undefined, dtype: 'u8' | 'i8', channels = -1): Quantized | null => {
    const made = value === undefined ? undefined : graph.nodes[producers.get(value) ?? -1];
    if (!isOp(made, 'dequantize')) return null;
    const [q, scale, zeroPoint] = made.inputs;
    if (q === undefined || scale === undefined || zeroPoint === undefined) return null;
    const type = graph.values[q];
    if (type?.dtype !== dtype) return null;
    const { axis } = made.attrs;
    if (axis !== null && axis !== channels) return null;
    return { value: q, scale, zeroPoint, perChannel: axis !== null };
  };

  /** Whether a value is a constant zero: integer kernels take weights without a zero point. */
  const isZero = (value: ValueId): boolean => {
    const made = graph.nodes[producers.get(value) ?? -1];
    return isOp(made, 'constant') && made.attrs.data.every((each) => each === 0);
  };

  /** The node that alone reads a value, and its index. */
  const onlyReader = (value: ValueId): readonly [number, Node | undefined] => {
    const [reader = -1, ...others] = consumers.get(value) ?? [];
    return others.length > 0 || kept.has(value) ? [-1, undefined] : [reader, graph.nodes[reader]];
  };

  const clusters = new Map<number, IntegerCluster>();
  const roots = new Map<number, IntegerCluster>();
  const absorbed = new Set<number>();
  graph.nodes.forEach((node, index) => {
    if (!isOp(node, 'matmul') && !isOp(node, 'conv2d')) return;
    if (isOp(node, 'matmul') && node.attrs.transposeA) return;
    const x = dequantized(node.inputs[0], 'u8');
    const weight = dequantized(node.inputs[1], 'i8', isOp(node, 'conv2d') ? 3 : node.attrs.transposeB ? 0 : 1);
    const result = node.outputs[0];
    if (!x || !weight || !isZero(weight.zeroPoint) || !variables.has(weight.value) || result === undefined) return;
    const shape = graph.values[weight.value]?.shape ?? [];
    if (isOp(node, 'matmul') && shape.length !== 2) return;
    const channels = shape[isOp(node, 'conv2d') ? 3 : node.attrs.transposeB ? 0 : 1];
    const depth = divideExactly(sizeOfShape(shape), channels ?? 0);
    if (typeof depth !== 'number' || depth > MOST_PRODUCTS) return;
    let output: Quantized | ValueId = result;
    let pool: IntegerCluster['pool'] = null;
    const ends = [index];
    const [quantizing, next] = onlyReader(result);
    if (isOp(next, 'quantize') && next.attrs.dtype === 'u8' && next.attrs.axis === null) {
      const [, scale, zeroPoint] = next.inputs;
      const value = next.outputs[0];
      if (value !== undefined && scale !== undefined && zeroPoint !== undefined) {
        output = { value, scale, zeroPoint, perChannel: false };
        ends.unshift(quantizing);
        const [pooling, after] = onlyReader(value);
        if (isOp(node, 'conv2d') && isSeparatePool(after)) {
          pool = after;
          output = { ...output, value: after.outputs[0] ?? value };
          ends.unshift(pooling);
        }
      }
    }
    const [last = index, ...before] = ends;
    for (const each of before) absorbed.add(each);
    const operands = node.inputs.slice(0, 2).flatMap((value) => producers.get(value) ?? []);
    const nodes = [...ends.toReversed(), ...operands];
    const cluster: IntegerCluster = { root: node, x, weight, bias: node.inputs[2] ?? null, pool, output, nodes };
    roots.set(index, cluster);
    clusters.set(last, cluster);
  });

  graph.nodes.forEach((node, index) => {
    const value = node.outputs[0];
    if (!isOp(node, 'dequantize') || value === undefined || kept.has(value)) return;
    const users = consumers.get(value) ?? [];
    const ofClusters = users.every((user) => {
      const cluster = roots.get(user);
      return cluster !== undefined && cluster.bias !== value;
    });
    if (users.length > 0 && ofClusters) absorbed.add(index);
  });
  return { clusters, absorbed };
}
