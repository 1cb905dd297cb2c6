/** What a served model takes and gives: the inputs and outputs of one graph of its program, as plain types. */
import { GraphError } from '../src/core/errors.js';
import { typesOf } from '../src/backend/compiling.js';
import type { LaidOut } from '../src/backend/wasm/laid-out.js';
import { mapNamed, type Named } from '../src/core/tree.js';
import type { Bound, Program } from '../src/graph/program.js';
import type { TensorType } from '../src/ops/tensor.js';

/** What one graph of a program takes and gives. */
export interface Signature {
  /** The graph that answers a request. */
  readonly graph: string;
  /** The symbols of the shapes, with their upper bounds. */
  readonly symbols: Named<Bound>;
  readonly inputs: Named<TensorType>;
  readonly outputs: Named<TensorType>;
}

/** The signature of a program's graph. */
export function signatureOf(program: Program, name = 'predict'): Signature {
  const graph = program.graphs[name];
  if (!graph) throw missing(name, program.graphs);
  return {
    graph: name,
    symbols: program.symbols,
    inputs: typesOf(graph, graph.inputs),
    outputs: typesOf(graph, graph.outputs),
  };
}

/** The signature of a laid-out program's graph. */
export function signatureOfLaidOut({ bounds, graphs }: LaidOut, name = 'predict'): Signature {
  const graph = Object.hasOwn(graphs, name) ? graphs[name] : undefined;
  if (!graph) throw missing(name, graphs);
  const { inputs, outputs } = graph;
  return { graph: name, symbols: mapNamed(bounds, (max) => ({ max })), inputs, outputs };
}

function missing(name: string, graphs: Named<unknown>): GraphError {
  const names = Object.keys(graphs).join(', ') || 'none';
  return new GraphError('signature', `a program with a graph '${name}' is required. Received ${names}.`);
}
