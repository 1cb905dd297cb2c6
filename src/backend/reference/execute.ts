/** Runs one op, or the nodes of a graph one after the other, by the reference facets: float64 and obvious. */
import { allocate } from '../../core/dtype.js';
import { IndexError, NumericsError } from '../../core/errors.js';
import { type NDArray, sizeOf } from '../../core/ndarray.js';
import { evaluateShape, type Extents } from '../../core/shape.js';
import type { Graph, Node, ValueId } from '../../graph/program.js';
import type { ReferenceArray } from '../../ops/definition.js';
import type { OpAttrs, OpName } from '../../ops/schema.js';
import { referenceTable } from '../../ops/tables/reference.js';
import { shapeTable } from '../../ops/tables/shape.js';
import type { TensorType } from '../../ops/tensor.js';

/** A zeroed array of the reference. */
export function zeros({ dtype, shape }: TensorType, extents: Extents = {}): ReferenceArray {
  const fixed = evaluateShape(shape, extents);
  const size = sizeOf(fixed);
  return { dtype, shape: fixed, data: dtype === 'f32' ? new Float64Array(size) : allocate(dtype, size) };
}

export function fromHost({ dtype, shape, data }: NDArray): ReferenceArray {
  return { dtype, shape, data: data instanceof Float32Array ? Float64Array.from(data) : data.slice() };
}

export function toHost({ dtype, shape, data }: ReferenceArray): NDArray {
  return { dtype, shape, data: data instanceof Float64Array ? Float32Array.from(data) : data.slice() };
}

/** The outputs of one op on arrays; f32 stays in float64. */
export function executeOp<N extends OpName>(
  op: N,
  attrs: OpAttrs[N],
  inputs: readonly ReferenceArray[],
): readonly ReferenceArray[] {
  const outputs = shapeTable[op](attrs, inputs).map((type) => zeros(type));
  referenceTable[op](attrs, inputs, outputs, {});
  return outputs;
}

/**
 * The values of a graph, given those of its inputs and variables. Errors from data name the node; `checkFinite` throws
 * with the first input, variable or node that holds a NaN or an infinity; `heard` gets the milliseconds of each node.
 */
export function executeGraph(
  graph: Graph,
  given: ReadonlyMap<ValueId, ReferenceArray>,
  extents: Extents,
  checkFinite = false,
  heard?: (ms: number) => unknown,
): ReadonlyMap<ValueId, ReferenceArray> {
  const values = new Map(given);
  if (checkFinite) {
    for (const [name, id] of [...Object.entries(graph.inputs), ...Object.entries(graph.variables)]) {
      requireFinite(name, given.get(id) as ReferenceArray);
    }
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((id) => values.get(id) as ReferenceArray);
    const outputs = node.outputs.map((id) => zeros(graph.values[id] as TensorType, extents));
    const start = performance.now();
    naming(node, () => executeNode(node, inputs, outputs, extents));
    heard?.(performance.now() - start);
    node.outputs.forEach((id, i) => values.set(id, outputs[i] as ReferenceArray));
    if (checkFinite) outputs.forEach((output) => requireFinite(node.name, output));
  }
  return values;
}

function executeNode<N extends OpName>(
  { op, attrs }: Node<N>,
  inputs: readonly ReferenceArray[],
  outputs: readonly ReferenceArray[],
  extents: Extents,
): void {
  referenceTable[op](attrs, inputs, outputs, extents);
}

/** Errors from data that an op throws in its own name leave in the node's. */
function naming(node: Node, run: () => void): void {
  try {
    run();
  } catch (error) {
    if (error instanceof IndexError) throw new IndexError(node.name, withoutWhere(error));
    if (error instanceof NumericsError) throw new NumericsError(node.name, withoutWhere(error));
    throw error;
  }
}

const withoutWhere = (error: Error): string => error.message.replace(/^\[[^\]]*\] /, '');

function requireFinite(where: string, { dtype, data }: ReferenceArray): void {
  const at = dtype === 'f32' ? data.findIndex((value: number) => !Number.isFinite(value)) : -1;
  if (at >= 0) throw new NumericsError(where, `finite numbers are required. Received ${data[at]} at element ${at}.`);
}
