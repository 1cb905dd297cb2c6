/** Predicting and evaluating in batches, and the graph that evaluates. */
import { allocate } from '../core/dtype.js';
import { GraphError, UnsupportedError } from '../core/errors.js';
import { type NDArray, sizeOf } from '../core/ndarray.js';
import { mapNamed, type Named } from '../core/tree.js';
import { namedBatches } from '../data/rows.js';
import { ProgramBuilder, type Scope } from '../graph/builder.js';
import { inline } from '../graph/inline.js';
import type { Graph, Program, ValueId } from '../graph/program.js';
import type { TotalMetric } from '../nn/metrics.js';
import { add } from '../ops/binary.js';
import type { Tensor, TensorType } from '../ops/tensor.js';
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

/** What steps and `evaluate` are fed, of a program with these measures. */
export function feedTypesOf(program: Program, measures: readonly OutputMeasures[], hasWeights: boolean) {
  const { inputs, outputs } = signatureOf(program);
  const labels = labelsOf(measures, outputs);
  const weight: TensorType = { dtype: 'f32', shape: [batchSymbol] };
  return feedsOf<TensorType>({ inputs, labels, weights: hasWeights ? mapNamed(labels, () => weight) : {} });
}

/**
 * Traces a graph `evaluate`: the losses and metrics of what `predict` of a program makes of its inputs, and in `loss` what
 * the regularizers cost that the builder knows.
 */
export function traceEvaluation(
  builder: ProgramBuilder,
  program: Program,
  measures: readonly OutputMeasures[],
  hasWeights: boolean,
): void {
  builder.trace('evaluate', feedTypesOf(program, measures, hasWeights), (feeds, scope) => {
    const { inputs, labels, weights } = fromFeeds(feeds);
    return withPenalties(scope, measure(measures, labels, inline(scope, program, 'predict', inputs), weights));
  });
}

/** The program with a graph `evaluate`. */
export function withEvaluation(program: Program, measures: readonly OutputMeasures[], hasWeights: boolean): Program {
  const builder = new ProgramBuilder({ symbols: mapNamed(program.symbols, ({ max }) => max) });
  traceEvaluation(builder, program, measures, hasWeights);
  return { ...program, graphs: { ...program.graphs, ...builder.program().graphs } };
}

/** The logs with what the variables cost that were read so far added to `loss`. */
export function withPenalties(scope: Scope, logs: Record<string, Tensor>): Record<string, Tensor> & { loss: Tensor } {
  const loss = scope.penalties().reduce((sum, penalty) => add(sum, penalty), logs['loss'] as Tensor);
  return { ...logs, loss };
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
    const outputs = mapNamed(made, ({ dtype, shape: [, ...inner], data }) => {
      const each = sizeOf(inner);
      return { dtype, shape: [size, ...inner], data: data.subarray(at * each, (at + size) * each) };
    });
    await runtime.run(Math.min(batchSize, count), 'predict', arrays, { outputs });
    at += size;
  }
  const [only, ...others] = Object.values(made);
  return only && others.length === 0 ? only : made;
}

/** Sums over `count` examples, and the totals of metrics. */
export interface MeansState {
  readonly count: number;
  readonly sums: Readonly<Record<string, readonly number[]>>;
}

const addUp = (a: readonly number[], b: readonly number[]): readonly number[] =>
  a.map((value, i) => value + (b[i] ?? NaN));

/** Means over examples, weighted by the sizes of the batches, and what metrics make of their totals. */
export class Means {
  readonly #sums: Map<string, readonly number[]>;
  #count: number;

  /** Goes on where `state` was taken. */
  constructor(
    private readonly totals: ReadonlyMap<string, TotalMetric>,
    { count, sums }: MeansState = { count: 0, sums: {} },
  ) {
    this.#sums = new Map(Object.entries(sums));
    this.#count = count;
  }

  get state(): MeansState {
    return { count: this.#count, sums: Object.fromEntries(this.#sums) };
  }

  add(values: Named<NDArray>, size: number): void {
    this.#count += size;
    for (const [name, { data }] of Object.entries(values)) {
      const total = this.totals.get(name);
      const next = total ? Array.from(data) : [(data[0] ?? NaN) * size];
      const sums = this.#sums.get(name);
      this.#sums.set(name, sums ? (total?.merge ?? addUp)(sums, next) : next);
    }
  }

  /** Throws `ArgumentError` where the examples do not have a metric, such as the AUC of one class only. */
  get values(): Record<string, number> {
    return this.#valuesOr((error) => {
      throw error;
    });
  }

  /** The values so far, NaN for a metric that the examples do not have yet. */
  get preview(): Record<string, number> {
    return this.#valuesOr(() => NaN);
  }

  #valuesOr(otherwise: (error: unknown) => number): Record<string, number> {
    const valueOf = (name: string, sums: readonly number[]): number => {
      const total = this.totals.get(name);
      try {
        return total ? total.result(sums) : (sums[0] ?? NaN) / this.#count;
      } catch (error) {
        return otherwise(error);
      }
    };
    return Object.fromEntries([...this.#sums].map(([name, sums]) => [name, valueOf(name, sums)]));
  }
}

/** The losses and metrics over all rows. */
export async function evaluateRows(
  runtime: Runtime,
  examples: Examples,
  batchSize: number,
  totals: ReadonlyMap<string, TotalMetric>,
): Promise<Record<string, number>> {
  const means = new Means(totals);
  const most = Math.min(batchSize, countOf(examples));
  for (const { arrays, size } of namedBatches(feedsOf(examples), batchSize)) {
    means.add(await runtime.run(most, 'evaluate', arrays), size);
  }
  return means.values;
}
