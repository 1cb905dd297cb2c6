/**
 * Where the time of a run goes: each piece of work with its milliseconds, its rate and the bytes that it moves, mapped to
 * the layers that it works for.
 *
 *   const { layers, ms } = await profile(model, { batchSize: 32 });
 *   const step = await profile(model, { graph: 'trainStep', batchSize: 32 });
 */
import type { Backend, Executable, Timing } from '../backend/backend.js';
import { ArgumentError } from '../core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../core/ndarray.js';
import { uniform } from '../core/random.js';
import { evaluateShape, type Extents } from '../core/shape.js';
import { mapNamed, type Named } from '../core/tree.js';
import type { ModelContents } from '../format/model.js';
import type { Graph, Node, Program, ValueId } from '../graph/program.js';
import type { Cost } from '../ops/definition.js';
import type { OpName } from '../ops/schema.js';
import { bytesOf } from '../ops/facets.js';
import { costTable } from '../ops/tables/cost.js';
import { batchSymbol } from './runtime.js';

/** What can be profiled: a `Model` or a `FrozenModel`. */
export interface Profilable {
  readonly program: Program;
  readonly backend: () => Promise<Backend>;
  contents(options?: { readonly optimizer?: boolean }): ModelContents;
}

export interface ProfileOptions {
  /** The graph that is run: `predict` (default), or `trainStep` or `evaluate` of a model that was compiled. */
  readonly graph?: string;
  /** Examples in one run (default 1). */
  readonly batchSize?: number;
  /** Runs that are timed (default 20), after some that are not. */
  readonly runs?: number;
  /** Inputs by name; those that are not given are uniform in [0, 1), or zero where they are integers. */
  readonly inputs?: Named<NDArray>;
  /** Run once before with every node's output checked: throws `NumericsError` naming the first NaN or infinity. */
  readonly checkFinite?: boolean;
}

/** Work and the time that it took, a median over the runs. */
export interface Work {
  readonly ms: number;
  /** Multiplications with an addition; of elementwise ops, operations. */
  readonly multiplyAdds: number;
  /** Bytes that the work must read and write at the least. */
  readonly bytes: number;
  /** 10^9 operations a second, two for each multiply-add; 0 where nothing is computed. */
  readonly gflops: number;
}

/** A node, or what moves variables around the graph, with all of its records. */
export interface ProfiledNode extends Work {
  /** The node's name, such as `conv2d/conv2d`; `(variables)` for what stores those that are updated. */
  readonly name: string;
  readonly op: OpName | null;
  /**
   * The layers whose work it does: more than one where nodes of several are fused. Operands that are integers are read as
   * they are; what would have made floats of them counts for no layer.
   */
  readonly layers: readonly string[];
  /** The names of the nodes that are fused into it. */
  readonly fused: readonly string[];
  /** Its records, in the order in which they run. */
  readonly records: readonly ProfiledRecord[];
}

/** One call of a kernel. */
export interface ProfiledRecord {
  readonly kernel: string;
  readonly ms: number;
}

/** The work of all nodes of a layer or of an op. */
export interface Total extends Work {
  readonly name: string;
}

/** Where the time of a run went. */
export interface Profile {
  readonly graph: string;
  readonly batchSize: number;
  readonly runs: number;
  /** What ran it, such as `wasm infer-relaxed, 2 threads`. */
  readonly engine: string;
  readonly peakBytes: number;
  /** The median of whole runs, with feeds and outputs. */
  readonly ms: number;
  /** The sum of the records: more than `ms` by what it costs to read the clock after each. */
  readonly msOfRecords: number;
  readonly multiplyAdds: number;
  readonly gflops: number;
  /** In the order of the graph. */
  readonly nodes: readonly ProfiledNode[];
  /** Slowest first. */
  readonly layers: readonly Total[];
  /** Slowest first. */
  readonly ops: readonly Total[];
}

/**
 * Times a graph of a model, record by record. Runs of `trainStep` train a copy: the model stays as it is. Throws
 * `ArgumentError` for a graph that the program has not and for counts that are none, and as `predict` does for inputs.
 */
export async function profile(model: Profilable, options: ProfileOptions = {}): Promise<Profile> {
  const { graph: name = 'predict', batchSize = 1, runs = 20, inputs = {}, checkFinite = false } = options;
  return onExecutable(model, name, batchSize, async (executable, random) => {
    const feeds = { ...random, ...inputs };
    if (checkFinite) await executable.run(name, feeds, { checkFinite });
    const timing = await executable.time(name, feeds, { runs });
    const { description, peakBytes } = executable.stats();
    const nodes = profiledNodes(timing);
    const work = sum(nodes);
    const ms = median(timing.ms);
    return {
      ...{ graph: name, batchSize, runs, engine: description, peakBytes, ms, msOfRecords: work.ms },
      ...{ multiplyAdds: work.multiplyAdds, gflops: rate(work.multiplyAdds, ms), nodes },
      layers: totals(nodes, ({ layers }) => layers.join(' + ')),
      ops: totals(nodes, ({ op, name: own }) => op ?? own),
    };
  });
}

/**
 * Runs `predict` on these inputs, one for each of its own by name, with every value checked. Throws `NumericsError` that
 * names the first node that makes a NaN or an infinity, or the input or variable that holds one.
 */
export async function requireFinite(model: Profilable, inputs: Named<NDArray>): Promise<void> {
  const batchSize = Math.max(1, ...Object.values(inputs).map(({ shape: [rows = 1] }) => rows));
  await onExecutable(model, 'predict', batchSize, (executable) =>
    executable.run('predict', inputs, { checkFinite: true }),
  );
}

/** Compiles a copy of the model for a graph and a batch; `feeds` are random. */
async function onExecutable<T>(
  model: Profilable,
  name: string,
  batchSize: number,
  use: (executable: Executable, feeds: Named<NDArray>) => Promise<T>,
): Promise<T> {
  const { program } = model;
  const graph = Object.hasOwn(program.graphs, name) ? program.graphs[name] : undefined;
  if (!graph) {
    const names = Object.keys(program.graphs).join(', ');
    throw new ArgumentError('profile', `a graph of the model is required (${names}). Received '${name}'.`);
  }
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new ArgumentError('profile', `batchSize must be a positive integer. Received ${batchSize}.`);
  }
  const symbols = { ...program.symbols, [batchSymbol]: { max: batchSize } };
  const executable = await (await model.backend()).compile({ ...program, symbols }, { graphs: [name] });
  try {
    for (const [variable, value] of model.contents({ optimizer: true }).variables) {
      executable.setVariable(variable, value);
    }
    return await use(
      executable,
      feedsOf(
        graph,
        mapNamed(symbols, ({ max }) => max),
      ),
    );
  } finally {
    executable.close();
  }
}

function feedsOf(graph: Graph, extents: Extents): Record<string, NDArray> {
  return mapNamed(graph.inputs, (id, name) => {
    const { dtype, shape } = typeOf(graph, id, extents);
    const drawn = dtype === 'f32' ? uniform([0, name.length], sizeOf(shape)) : undefined;
    return ndarray(dtype, shape, drawn);
  });
}

function typeOf(graph: Graph, id: ValueId, extents: Extents) {
  const type = graph.values[id];
  if (!type) throw new RangeError(`value ${id} is not in the graph`);
  return { dtype: type.dtype, shape: evaluateShape(type.shape, extents) };
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
};

const rate = (multiplyAdds: number, ms: number): number => (multiplyAdds === 0 ? 0 : (2 * multiplyAdds) / ms / 1e6);

function sum(works: readonly Work[]): Work {
  const add = (of: (work: Work) => number): number => works.reduce((total, work) => total + of(work), 0);
  const [ms, multiplyAdds] = [add((work) => work.ms), add((work) => work.multiplyAdds)];
  return { ms, multiplyAdds, bytes: add(({ bytes }) => bytes), gflops: rate(multiplyAdds, ms) };
}

function totals(nodes: readonly ProfiledNode[], keyOf: (node: ProfiledNode) => string): Total[] {
  const groups = new Map<string, ProfiledNode[]>();
  for (const node of nodes) groups.set(keyOf(node), [...(groups.get(keyOf(node)) ?? []), node]);
  return [...groups].map(([name, group]) => ({ name, ...sum(group) })).sort((a, b) => b.ms - a.ms);
}

/** `conv2d` for `conv2d/gradient/matmul`, and for what a model without layers does `(model)`. */
function layerOf(name: string): string {
  const parts = name.split('/').slice(0, -1);
  const own = parts.at(-1) === 'gradient' ? parts.slice(0, -1) : parts;
  return own.join('/') || '(model)';
}

const layersOf = (nodes: readonly Node[]): string[] => {
  const own = nodes.filter(({ op }, i) => i === 0 || op !== 'dequantize');
  return [...new Set(own.map(({ name }) => layerOf(name)))];
};

function profiledNodes({ graph, extents, records }: Timing): ProfiledNode[] {
  const groups = new Map<number, { readonly nodes: readonly number[]; readonly works: ProfiledRecord[] }>();
  for (const { kernel, nodes, ms } of records) {
    const [root = graph.nodes.length] = nodes;
    const group = groups.get(root) ?? { nodes, works: [] };
    group.works.push({ kernel, ms: median(ms) });
    groups.set(root, group);
  }
  const inOrder = [...groups].sort(([a], [b]) => a - b).map(([, group]) => group);
  return inOrder.map(({ nodes, works }) => {
    const [root, ...fused] = nodes.flatMap((index) => graph.nodes[index] ?? []);
    const ms = works.reduce((total, record) => total + record.ms, 0);
    const { multiplyAdds, bytes } = root ? costOf(graph, root, fused, extents) : { multiplyAdds: 0, bytes: 0 };
    return {
      name: root?.name ?? '(variables)',
      op: root?.op ?? null,
      layers: root ? layersOf([root, ...fused]) : ['(variables)'],
      fused: fused.map(({ name }) => name),
      records: works,
      ...{ ms, multiplyAdds, bytes, gflops: rate(multiplyAdds, ms) },
    };
  });
}

/** The cost of a node; with others fused into it, the bytes are those of the values that come in and go out. */
function costOf(graph: Graph, root: Node, fused: readonly Node[], extents: Extents): Cost {
  const typed = (ids: Iterable<ValueId>) => [...ids].map((id) => typeOf(graph, id, extents));
  const own = ruleOf(root.op, root.attrs, typed(root.inputs), typed(root.outputs));
  if (fused.length === 0) return own;
  const made = new Set([root, ...fused].flatMap(({ outputs }) => outputs));
  const read = new Set([root, ...fused].flatMap(({ inputs }) => inputs));
  const inside = [...made].filter((id) => read.has(id));
  const ends = [...read].filter((id) => !made.has(id)).concat([...made].filter((id) => !inside.includes(id)));
  return { multiplyAdds: own.multiplyAdds, bytes: bytesOf(typed(ends)) };
}

function ruleOf<N extends OpName>(op: N, attrs: Node<N>['attrs'], ...types: [Sized, Sized]): Cost {
  return costTable[op](attrs, ...types);
}

type Sized = readonly ReturnType<typeof typeOf>[];
