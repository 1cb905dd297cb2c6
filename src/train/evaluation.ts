/** Predicting and evaluating in batches, and the graph that evaluates. */
import { allocate } from '../core/dtype.js';
import { GraphError, UnsupportedError } from '../core/errors.js';
import { type NDArray, sizeOf } from '../core/ndarray.js';
import { mapNamed, type Named } from '../core/tree.js';
import { namedBatches } from '../data/rows.js';
import { ProgramBuilder } from '../graph/builder.js';
import { inline } from '../graph/inline.js';
import type { Graph, Program, ValueId } from '../graph/program.js';
import type { TensorType } from '../ops/tensor.js';
import { type Arrays, checkInputs, countOf, type Examples, feedsOf, fromFeeds } from './examples.js';
import { labelsOf, measure, type OutputMeasures } from './measures.js';
import { batchSymbol, type Runtime } from './runtime.js';

/** What a model takes and gives: the inputs and outputs of its graph `predict`, each [batch, ...]. */
export interface Signature {
  readonly inputs: Named<TensorType>;
  readonly outputs: Named<TensorType>;
}

function typesOf(what: string, { values }: Graph, ids: Named<ValueId>): Named<TensorType> {
  const types = mapNamed(ids, (id, name) => {
    const type = values[id];
    if (type?.shape[0] === batchSymbol) return type;
    throw new UnsupportedError('predict', `an ${what} [${batchSymbol}, ...] is required. Received '${name}'.`);
  });
  if (Object.keys(types).length > 0) return types;
  throw new UnsupportedError('predict', `an ${what} [${batchSymbol}, ...] is required. Received none.`);
}

/** Throws `UnsupportedError` for programs whose inputs and outputs are not rows of examples. */
export function signatureOf({ graphs }: Program): Signature {
  const graph = Object.hasOwn(graphs, 'predict') ? graphs['predict'] : undefined;
  if (!graph) throw new GraphError('predict', `a program with a graph 'predict' is required.`);
  return { inputs: typesOf('input', graph, graph.inputs), outputs: typesOf('output', graph, graph.outputs) };
}

/** The program with a graph `evaluate`: inputs and labels -> the losses and metrics of what `predict` makes of them. */
export function withEvaluation(program: Program, measures: readonly OutputMeasures[]): Program {
  const { inputs, outputs } = signatureOf(program);
  const builder = new ProgramBuilder({ symbols: mapNamed(program.symbols, ({ max }) => max) });
  const labels = labelsOf(measures, outputs);
  builder.trace('evaluate', feedsOf<TensorType>({ inputs, labels }), (feeds, scope) => {
    const given = fromFeeds(feeds);
    return measure(measures, given.labels, inline(scope, program, 'predict', given.inputs));
  });
  return { ...program, graphs: { ...program.graphs, ...builder.program().graphs } };
}

/** What a model predicts: the array of its only output, or of several the arrays by name. */
export type Prediction = NDArray | Named<NDArray>;

/** The outputs of `predict` for all rows of x. */
export async function predictRows(runtime: Runtime, x: Arrays, batchSize: number): Promise<Prediction> {
  const { inputs, outputs } = signatureOf(runtime.program);
  const given = checkInputs(inputs, x);
  const count = countOf({ inputs: given });
  const made = mapNamed(outputs, ({ dtype, shape: [, ...inner] }) => {
    const shape = [count, ...inner.map(Number)];
    return { dtype, shape, data: allocate(dtype, sizeOf(shape)) };
  });
  let at = 0;
  for (const { arrays, size } of namedBatches(given, batchSize)) {
    const run = await runtime.run(Math.min(batchSize, count), 'predict', arrays);
    for (const [name, { shape, data }] of Object.entries(made)) {
      data.set(run[name]?.data ?? [], at * sizeOf(shape.slice(1)));
    }
    at += size;
  }
  const [only, ...others] = Object.values(made);
  return only && others.length === 0 ? only : made;
}

/** Sums over `count` examples. */
export interface MeansState {
  readonly count: number;
  readonly sums: Readonly<Record<string, number>>;
}

/** Means over examples, weighted by the sizes of the batches. */
export class Means {
  readonly #sums: Map<string, number>;
  #count: number;

  /** Goes on where `state` was taken. */
  constructor({ count, sums }: MeansState = { count: 0, sums: {} }) {
    this.#sums = new Map(Object.entries(sums));
    this.#count = count;
  }

  get state(): MeansState {
    return { count: this.#count, sums: Object.fromEntries(this.#sums) };
  }

  add(values: Named<NDArray>, size: number): void {
    this.#count += size;
    for (const [name, { data }] of Object.entries(values)) {
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + (data[0] ?? NaN) * size);
    }
  }

  get values(): Record<string, number> {
    return Object.fromEntries([...this.#sums].map(([name, sum]) => [name, sum / this.#count]));
  }
}

/** Means of the losses and metrics over all rows. */
export async function evaluateRows(
  runtime: Runtime,
  examples: Examples,
  batchSize: number,
): Promise<Record<string, number>> {
  const means = new Means();
  const most = Math.min(batchSize, countOf(examples));
  for (const { arrays, size } of namedBatches(feedsOf(examples), batchSize)) {
    means.add(await runtime.run(most, 'evaluate', arrays), size);
  }
  return means.values;
}
