/** Predicting and evaluating in batches, and the graph that evaluates. */
import type { NDArray } from '../core/ndarray.js';
import { allocate } from '../core/dtype.js';
import { requireArray, sizeOf } from '../core/ndarray.js';
import { ArgumentError, GraphError, UnsupportedError } from '../core/errors.js';
import { mapNamed, type Named } from '../core/tree.js';
import { type Batch, batches, rowsOf } from '../data/rows.js';
import { ProgramBuilder, type Scope } from '../graph/builder.js';
import { inline } from '../graph/inline.js';
import type { Graph, Program, ValueId } from '../graph/program.js';
import type { Labels, Loss } from '../nn/losses.js';
import type { Metric } from '../nn/metrics.js';
import { mean } from '../ops/reduce.js';
import type { Tensor, TensorType } from '../ops/tensor.js';
import { alignLabels, checkClasses, checkFinite, checkLengths, checkRows } from './checks.js';
import { batchSymbol, type Runtime } from './runtime.js';

/** One input or output of a graph. */
export interface Port extends TensorType {
  readonly name: string;
}

/** What a model takes and gives: the only input and the only output of its graph `predict`. */
export interface Signature {
  readonly input: Port;
  readonly output: Port;
}

function portOf(what: string, graph: Graph, ids: Named<ValueId>): Port {
  const [entry, ...others] = Object.entries(ids);
  const type = entry ? graph.values[entry[1]] : undefined;
  if (entry && type && others.length === 0 && type.shape[0] === batchSymbol) return { name: entry[0], ...type };
  const received = Object.keys(ids).join(', ') || 'none';
  throw new UnsupportedError(
    'predict',
    `one ${what} [${batchSymbol}, ...] of the graph is required. Received ${received}.`,
  );
}

/** Throws `UnsupportedError` for programs that take or give more than one array of examples. */
export function signatureOf({ graphs }: Program): Signature {
  const graph = Object.hasOwn(graphs, 'predict') ? graphs['predict'] : undefined;
  if (!graph) throw new GraphError('predict', `a program with a graph 'predict' is required.`);
  return { input: portOf('input', graph, graph.inputs), output: portOf('output', graph, graph.outputs) };
}

/** Records the loss and the metrics of a prediction: scalars by their names. */
export function measure(
  loss: Loss,
  metrics: readonly Metric[],
  labels: Tensor,
  prediction: Tensor,
): Record<string, Tensor> {
  const measured: Record<string, Tensor> = { loss: mean(loss.call(labels, prediction)) };
  for (const { name, call } of metrics) measured[name] = mean(call(labels, prediction));
  return measured;
}

/** The program with a graph `evaluate`: (x, y) -> the loss and metrics of what `predict` makes of x. */
export function withEvaluation(program: Program, loss: Loss, metrics: readonly Metric[]): Program {
  const { input, output } = signatureOf(program);
  const builder = new ProgramBuilder({ symbols: mapNamed(program.symbols, ({ max }) => max) });
  const evaluate = ({ x, y }: { readonly x: Tensor; readonly y: Tensor }, scope: Scope): Named<Tensor> => {
    const prediction = inline(scope, program, 'predict', { [input.name]: x })[output.name];
    if (!prediction) throw new GraphError('predict', `an output '${output.name}' is required.`);
    return measure(loss, metrics, y, prediction);
  };
  builder.trace('evaluate', { x: input, y: loss.labels(output) }, evaluate);
  return { ...program, graphs: { ...program.graphs, ...builder.program().graphs } };
}

/** The outputs of `predict` for all rows of x. */
export async function predictRows(runtime: Runtime, x: NDArray, batchSize: number): Promise<NDArray> {
  const { input, output } = signatureOf(runtime.program);
  checkRows('x', input, x);
  checkFinite('x', x);
  const [, ...inner] = output.shape.map(Number);
  const shape = [rowsOf(x), ...inner];
  const data = allocate(output.dtype, sizeOf(shape));
  let at = 0;
  for (const batch of batches([x], batchSize)) {
    const [examples] = batch.arrays;
    if (!examples) break;
    const made = (await runtime.run(Math.min(batchSize, rowsOf(x)), 'predict', { [input.name]: examples }))[
      output.name
    ];
    if (!made) break;
    data.set(made.data, at);
    at += made.data.length;
  }
  return { dtype: output.dtype, shape, data };
}

/** Data that were held against the model: x, and y in the shape that the loss takes. */
export type CheckedData = { readonly x: NDArray; readonly y: NDArray };

/** Throws for data that the model and its loss do not take. */
export function checkData(input: TensorType, labels: Labels, x: NDArray, y: NDArray): CheckedData {
  checkRows('x', input, x);
  requireArray('y', y);
  const aligned = alignLabels(labels, y);
  checkRows('y', labels, aligned);
  checkLengths(x, aligned);
  checkFinite('x', x);
  checkFinite('y', aligned);
  checkClasses('y', labels, aligned);
  return { x, y: aligned };
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

/** Means of the loss and metrics over all rows. */
export async function evaluateRows(
  runtime: Runtime,
  { x, y }: CheckedData,
  batchSize: number,
): Promise<Record<string, number>> {
  const means = new Means();
  for (const batch of batches([x, y], batchSize)) {
    means.add(await runtime.run(Math.min(batchSize, rowsOf(x)), 'evaluate', feedsOf(batch)), batch.size);
  }
  return means.values;
}

/** A batch of x and y as feeds of `trainStep` and `evaluate`. */
export function feedsOf({ arrays: [x, y] }: Batch): CheckedData {
  if (!x || !y) throw new ArgumentError('data', 'examples and labels are required.');
  return { x, y };
}
