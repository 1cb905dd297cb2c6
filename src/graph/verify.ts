/**
 * The rules of programs, checked. Everything that runs a program may rely on them: traces and passes keep them, tests
 * verify after every pass, and what a file says is verified before it is believed.
 */
import { bytesPerElement, isDType } from '../core/dtype.js';
import { GraphError, QuernError } from '../core/errors.js';
import { canonical, evaluateDim, type Extents, isFixed, sameShape, symbolsOf } from '../core/shape.js';
import { mapNamed, type Named } from '../core/tree.js';
import type { OpName } from '../ops/schema.js';
import { shapeTable } from '../ops/tables/shape.js';
import type { TensorType } from '../ops/tensor.js';
import { faultOf, isOpName } from './attributes.js';
import { isName, printType } from './names.js';
import type { Graph, Node, Program, ValueId, Variable } from './program.js';

const maxRank = 8;
const maxExtent = 2 ** 31 - 1;
const maxBytes = 2 ** 32;

/** The bounds of symbols, and the extents at the bounds of the dimensions that were verified so far. */
interface Bounds {
  readonly symbols: Extents;
  readonly dims: Map<string, number>;
}

/**
 * Throws `GraphError`, naming the graph and the node, unless
 * - names are legal; symbols have bounds from 1 to 2^31 - 1; every value fits 4 GiB at the bounds;
 * - ids are in range, and every value is made once, by an input, a variable or an earlier node than those that read it;
 * - ops exist, attributes are theirs, and the shape rules give the stored types;
 * - graphs read and update variables of the program, with equal types;
 * - symbols are declared, and each that a graph uses is the whole of some dimension of its inputs.
 *
 * `derived` says that attributes were checked and types made by the shape rules just now, so that it need not be done again.
 */
export function verify(program: Program, derived = false): void {
  const { symbols, variables, graphs } = program;
  for (const [name, bound] of Object.entries(symbols)) {
    check(/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && name !== 'floor' && !(name in Object.prototype), name, () => {
      return 'the name of a symbol must be an identifier.';
    });
    check(isExtent(bound.max) && bound.max > 0, name, () => {
      return `a bound from 1 to ${maxExtent} is required. Received ${bound.max}.`;
    });
  }
  const bounds: Bounds = { symbols: mapNamed(symbols, ({ max }) => max), dims: new Map() };
  for (const [name, variable] of Object.entries(variables)) {
    requireName(`variable ${name}`, name);
    verifyVariable(name, variable, bounds);
  }
  for (const [name, graph] of Object.entries(graphs)) {
    requireName(`graph ${name}`, name);
    verifyGraph(name, graph, variables, bounds, derived);
  }
}

function verifyVariable(name: string, variable: Variable, bounds: Bounds): void {
  verifyType(name, variable, bounds);
  check(isFixed(variable.shape), name, () => `a variable has a fixed shape. Received ${printType(variable)}.`);
  check(variable.scope === 'shared' || variable.scope === 'session', name, () => {
    return `the scope 'shared' or 'session' is required. Received '${String(variable.scope)}'.`;
  });
  check(typeof variable.trainable === 'boolean', name, () => 'trainable must be true or false.');
}

function verifyGraph(name: string, graph: Graph, variables: Named<Variable>, bounds: Bounds, derived: boolean): void {
  graph.values.forEach((type, id) => verifyType(`${name}: value ${id}`, type, bounds));
  const known = new Set<ValueId>();
  const typeOf = (where: string, id: ValueId): TensorType => {
    const type = known.has(id) ? graph.values[id] : undefined;
    if (type) return type;
    throw new GraphError(where, `a value that is made before it is used is required. Received ${id}.`);
  };
  const make = (where: string, id: ValueId): void => {
    check(Number.isInteger(id) && id >= 0 && id < graph.values.length, where, () => {
      return `a value below ${graph.values.length} is required. Received ${id}.`;
    });
    check(!known.has(id), where, () => `every value is made once. Received ${id} again.`);
    known.add(id);
  };
  const variableOf = (variable: string): Variable => {
    const declared = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
    if (declared) return declared;
    throw new GraphError(name, `variables of the program are required. Received '${variable}'.`);
  };

  for (const [input, id] of Object.entries(graph.inputs)) {
    requireName(`${name}: input ${input}`, input);
    make(`${name}: input ${input}`, id);
  }
  verifySymbols(name, graph);
  for (const [variable, id] of Object.entries(graph.variables)) {
    const where = `${name}: variable ${variable}`;
    make(where, id);
    requireType(where, variableOf(variable), typeOf(where, id));
  }
  for (const node of graph.nodes) {
    check(typeof node.name === 'string' && isName(node.name), `${name}: ${String(node.name)}`, () => {
      return 'a legal name of a node is required.';
    });
    const where = `${name}: ${node.name}`;
    const inputs = node.inputs.map((id) => typeOf(where, id));
    node.outputs.forEach((id) => make(where, id));
    if (derived) continue;
    const types = inferred(where, node, inputs);
    check(types.length === node.outputs.length, where, () => {
      return `${node.op} has ${types.length} outputs. Received ${node.outputs.length}.`;
    });
    types.forEach((type, i) => requireType(where, type, typeOf(where, node.outputs[i] as ValueId)));
  }
  check(known.size === graph.values.length, name, () => {
    return `every value must be made. Received ${graph.values.length} values, of which ${known.size} are made.`;
  });
  for (const [output, id] of Object.entries(graph.outputs)) {
    requireName(`${name}: output ${output}`, output);
    typeOf(`${name}: output ${output}`, id);
  }
  for (const [variable, id] of Object.entries(graph.updates)) {
    const where = `${name}: update of ${variable}`;
    requireType(where, variableOf(variable), typeOf(where, id));
  }
}

/** The output types by the op's shape rule; what the rule throws names the node. */
function inferred(where: string, node: Node, inputs: readonly TensorType[]): readonly TensorType[] {
  check(isOpName(node.op), where, () => `an op of this version is required. Received '${String(node.op)}'.`);
  const fault = faultOf(node.op, node.attrs);
  check(fault === null, where, () => {
    return `the attributes of ${node.op} are required. Received ${JSON.stringify(node.attrs)}: ${fault}.`;
  });
  try {
    return infer(node, inputs);
  } catch (error) {
    if (error instanceof QuernError) throw new GraphError(where, error.message);
    throw error;
  }
}

function infer<N extends OpName>({ op, attrs }: Node<N>, inputs: readonly TensorType[]): readonly TensorType[] {
  return shapeTable[op](attrs, inputs);
}

function verifyType(where: string, { dtype, shape }: TensorType, bounds: Bounds): void {
  check(isDType(dtype), where, () => `a dtype is required. Received '${String(dtype)}'.`);
  check(Array.isArray(shape) && shape.length <= maxRank, where, () => `a rank of at most ${maxRank} is required.`);
  let bytes = bytesPerElement[dtype];
  for (const dim of shape) {
    const extent = typeof dim === 'string' ? (bounds.dims.get(dim) ?? verifyDim(where, dim, bounds)) : dim;
    check(isExtent(extent), where, () => `extents from 0 to ${maxExtent} are required. Received '${dim}'.`);
    bytes *= Math.max(1, extent);
    check(bytes <= maxBytes, where, () => `at most 4 GiB are required. Received ${printType({ dtype, shape })}.`);
  }
}

/** The extent of a symbolic dimension at the bounds, once it has been found to be one of the program's. */
function verifyDim(where: string, dim: string, { symbols, dims }: Bounds): number {
  let text: unknown;
  try {
    text = canonical(dim);
  } catch (error) {
    if (error instanceof QuernError) throw new GraphError(where, error.message);
    throw error;
  }
  check(text === dim, where, () => `canonical dimensions are required. Received '${dim}' for '${String(text)}'.`);
  for (const symbol of symbolsOf(dim)) {
    check(Object.hasOwn(symbols, symbol), where, () => {
      return `symbols that the program declares are required. Received '${dim}'.`;
    });
  }
  const extent = evaluateDim(dim, symbols);
  dims.set(dim, extent);
  return extent;
}

/** A run takes the extents of symbols from its feeds, so each must stand alone in the shape of an input. */
function verifySymbols(name: string, graph: Graph): void {
  const bound = new Set(Object.values(graph.inputs).flatMap((id) => graph.values[id]?.shape ?? []));
  for (const symbol of graph.values.flatMap((type) => type.shape.flatMap(symbolsOf))) {
    check(bound.has(symbol), name, () => {
      return `an input with a dimension '${symbol}' is required, to give the symbol its extent. Received none.`;
    });
  }
}

const isExtent = (extent: unknown): boolean =>
  Number.isSafeInteger(extent) && (extent as number) >= 0 && (extent as number) <= maxExtent;

function requireType(where: string, expected: TensorType, actual: TensorType): void {
  check(expected.dtype === actual.dtype && sameShape(expected.shape, actual.shape), where, () => {
    return `${printType(expected)} is required. Received ${printType(actual)}.`;
  });
}

function requireName(where: string, name: string): void {
  check(isName(name), where, () => 'a legal name is letters, digits and _ . : / -, from a letter or digit on.');
}

function check(condition: boolean, where: string, message: () => string): asserts condition {
  if (!condition) throw new GraphError(where, message());
}
