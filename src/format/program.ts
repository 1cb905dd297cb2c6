/**
 * Programs as JSON. What shape rules derive is left out and derived again when a program is read: the types of all
 * values but inputs and variables. Values are numbered by their making, inputs first, then variables, then the outputs
 * of the nodes in order; so a node's number is known without being written.
 *
 *   { "symbols": { "batch": 64 },
 *     "variables": { "dense/kernel": ["f32", [784, 10], "shared", true] },         dtype, shape, scope, trainable
 *     "graphs": { "predict": {
 *       "inputs": { "x": ["f32", ["batch", 784]] }, "variables": ["dense/kernel"],
 *       "nodes": [["matmul", [0, 1], "dense/matmul", { "transposeA": false, ... }], ["softmax", [2], "softmax"]],
 *       "outputs": { "y": 3 }, "updates": {} } } }
 */
import { FormatError, GraphError } from '../core/errors.js';
import { mapNamed, type Named } from '../core/tree.js';
import { faultOf, isAttributes, isOpName } from '../graph/attributes.js';
import type { Graph, Node, Program, ValueId, Variable } from '../graph/program.js';
import { verify } from '../graph/verify.js';
import type { OpAttrs, OpName } from '../ops/schema.js';
import { shapeTable } from '../ops/tables/shape.js';
import type { TensorType } from '../ops/tensor.js';
import {
  type Check,
  dtype,
  entries,
  extent,
  fields,
  fixedShape,
  flag,
  held,
  integer,
  list,
  named,
  Place,
  refuse,
  shape,
  text,
} from './checks.js';
import { isObject, type Json } from './json.js';

const maxNodes = 1 << 16;

/** How deep the JSON of a program nests: program, graphs, graph, nodes, node, attributes, list. */
export const programDepth = 7;

const type: Check<TensorType> = (value, place) => {
  const entry = entries(value, place, 2);
  return { dtype: entry(0, dtype), shape: entry(1, shape) };
};

const scope: Check<Variable['scope']> = (value, place) => {
  if (value !== 'shared' && value !== 'session') throw refuse(place, "'shared' or 'session' is", value);
  return value;
};

const variable: Check<Variable> = (value, place) => {
  const entry = entries(value, place, 4);
  return { dtype: entry(0, dtype), shape: entry(1, fixedShape), scope: entry(2, scope), trainable: entry(3, flag) };
};

const op: Check<OpName> = (value, place) => {
  if (!isOpName(value)) throw refuse(place, 'an op of this op set is', value);
  return value;
};

/** The attributes of an op; null for none. */
function attributes<N extends OpName>(value: Json, place: Place, of: N): OpAttrs[N] {
  const given: unknown = value === null ? {} : isObject(value) ? Object.fromEntries(value) : value;
  if (isAttributes(of, given)) return given;
  const fault = faultOf(of, given);
  throw new FormatError(place.path, `legal attributes of ${of} are required. Received others: '${fault}' is at fault.`);
}

function infer<N extends OpName>(of: N, attrs: OpAttrs[N], inputs: readonly TensorType[]): readonly TensorType[] {
  return shapeTable[of](attrs, inputs);
}

/** A node whose operands are among `values`; the types of its outputs join them. */
function decodeNode(value: Json, place: Place, values: TensorType[]): Node {
  const entry = entries(value, place, 3, 4);
  const kind = entry(0, op);
  const inputs = entry(1, list(integer(0, values.length - 1), maxNodes));
  const attrs = entry(3, (json, at) => attributes(json, at, kind));
  const operands = inputs.flatMap((id) => values[id] ?? []);
  const outputs = held(place, () => infer(kind, attrs, operands)).map((made) => {
    const checked = { dtype: made.dtype, shape: shape(made.shape, new Place('output', place)) };
    return values.push(checked) - 1;
  });
  return { op: kind, attrs, inputs, outputs, name: entry(2, text) };
}

function decodeGraph(value: Json, place: Place, variables: Named<Variable>): Graph {
  const field = fields(value, place, 'inputs', 'variables', 'nodes', 'outputs', 'updates');
  const values: TensorType[] = [];
  const inputs = mapNamed(field('inputs', named(type)), (made) => values.push(made) - 1);
  const read = new Map<string, ValueId>();
  for (const name of field('variables', list(text, Object.keys(variables).length))) {
    const declared = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (!declared || read.has(name)) throw refuse(place, 'declared variables, each listed once, are', name);
    read.set(name, values.push({ dtype: declared.dtype, shape: declared.shape }) - 1);
  }
  const nodes = field(
    'nodes',
    list((node, at) => decodeNode(node, at, values), maxNodes),
  );
  const made = named(integer(0, values.length - 1));
  const outputs = field('outputs', made);
  const updates = field('updates', made);
  return { values, inputs, variables: Object.fromEntries(read), nodes, outputs, updates };
}

/** Checks the JSON of a program and derives what it leaves out. Throws `FormatError`. */
export function decodeProgram(json: Json): Program {
  const place = new Place('program');
  const field = fields(json, place, 'symbols', 'variables', 'graphs');
  const symbols = mapNamed(field('symbols', named(extent)), (max) => ({ max }));
  const variables = field('variables', named(variable));
  const graphs = field(
    'graphs',
    named((graph, at) => decodeGraph(graph, at, variables)),
  );
  const program = { symbols, variables, graphs };
  held(place, () => verify(program, true));
  return program;
}

function encodeGraph(graph: Graph, where: string): object {
  const numbers = new Map<ValueId, number>();
  const make = (id: ValueId): void => {
    if (numbers.has(id)) throw new GraphError(where, `values that are made once are required. Received ${id} twice.`);
    numbers.set(id, numbers.size);
  };
  const use = (id: ValueId): number => {
    const made = numbers.get(id);
    if (made === undefined)
      throw new GraphError(where, `values that are made before use are required. Received ${id}.`);
    return made;
  };
  const inputs = mapNamed(graph.inputs, (id, at) => {
    const value = graph.values[id];
    if (!value) throw new GraphError(where, `a type for input '${at}' is required. Received value ${id}.`);
    make(id);
    return [value.dtype, value.shape];
  });
  Object.values(graph.variables).forEach(make);
  const nodes = graph.nodes.map((node) => {
    const head = [node.op, node.inputs.map(use), node.name];
    node.outputs.forEach(make);
    return Object.keys(node.attrs).length === 0 ? head : [...head, node.attrs];
  });
  return {
    inputs,
    variables: Object.keys(graph.variables),
    nodes,
    outputs: mapNamed(graph.outputs, use),
    updates: mapNamed(graph.updates, use),
  };
}

/** The text of a program. Values are renumbered; what nothing makes is left out. */
export function encodeProgram(program: Program): string {
  const json = {
    symbols: mapNamed(program.symbols, ({ max }) => max),
    variables: mapNamed(program.variables, (v) => [v.dtype, v.shape, v.scope, v.trainable]),
    graphs: mapNamed(program.graphs, encodeGraph),
  };
  // JSON can say -0; `JSON.stringify` cannot. No text of a program reads '-0'.
  return JSON.stringify(json, (_, value: unknown) => (Object.is(value, -0) ? '-0' : value)).replaceAll('"-0"', '-0');
}
