/** What every backend makes of a program and the options of its compilation: graphs, their types, the bounds of symbols. */
import { ArgumentError, GraphError } from '../core/errors.js';
import { mapNamed, type Named } from '../core/tree.js';
import type { Graph, Program, ValueId } from '../graph/program.js';
import type { TensorType } from '../ops/tensor.js';
import type { CompileOptions } from './backend.js';

/** The graph of a name; throws `ArgumentError` naming the others. */
export function graphOf(graphs: Named<Graph>, name: string): Graph {
  const graph = Object.hasOwn(graphs, name) ? graphs[name] : undefined;
  if (graph) return graph;
  const names = Object.keys(graphs).join(', ') || 'none';
  throw new ArgumentError('run', `a compiled graph is required (${names}). Received '${name}'.`);
}

/** The graphs that the options ask for, by name. */
export function graphsOf(program: Program, { graphs }: CompileOptions): Record<string, Graph> {
  if (!graphs) return { ...program.graphs };
  return Object.fromEntries(graphs.map((name) => [name, graphOf(program.graphs, name)]));
}

/** The largest extent of each symbol: the program's, lowered where the options say so. */
export function boundsOf(program: Program, { bounds = {} }: CompileOptions): Record<string, number> {
  const largest = Object.fromEntries(Object.entries(program.symbols).map(([name, { max }]) => [name, max]));
  for (const [name, bound] of Object.entries(bounds)) {
    const max = Object.hasOwn(largest, name) ? largest[name] : undefined;
    if (max === undefined || !Number.isInteger(bound) || bound < 1 || bound > max) {
      const allowed = max === undefined ? `one of ${Object.keys(largest).join(', ') || 'none'}` : `from 1 to ${max}`;
      throw new ArgumentError('compile', `a bound for a symbol, ${allowed}, is required. Received ${name}: ${bound}.`);
    }
    largest[name] = bound;
  }
  return largest;
}

/** The types of some of a graph's values, its inputs or its outputs. */
export function typesOf(graph: Graph, ids: Named<ValueId>): Named<TensorType> {
  return mapNamed(ids, (id, name) => {
    const type = graph.values[id];
    if (!type) throw new GraphError('graph', `'${name}' must be a value of the graph. Received value ${id}.`);
    return type;
  });
}
