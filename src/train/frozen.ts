/** A model that is not trained any more: a program with a graph `predict` and the values of its variables. */
import type { Backend } from '../backend/backend.js';
import { ArgumentError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import type { ModelContents } from '../format/model.js';
import { type Labels, type Loss, type LossName, lossOf } from '../nn/losses.js';
import { type Metric, type MetricName, metricOf } from '../nn/metrics.js';
import type { Program } from '../graph/program.js';
import { checkData, evaluateRows, predictRows, type Signature, signatureOf, withEvaluation } from './evaluation.js';
import { readContents, saveModel } from './saving.js';
import { Runtime } from './runtime.js';
import { lazyBackend } from './backend.js';

export interface EvaluateOptions {
  /** Examples in one run (default 32). */
  readonly batchSize?: number;
}

export interface LoadOptions {
  /** WebAssembly with all processors unless said. */
  readonly backend?: Backend;
}

/** What a model is measured by. */
export interface Measures {
  readonly loss: Loss | LossName;
  /** None unless said. */
  readonly metrics?: readonly (Metric | MetricName)[];
}

/** A model that only predicts and evaluates, such as an int8 one. Made by `quantize` and `loadFrozenModel`. */
export class FrozenModel {
  readonly signature: Signature;
  /** What runs the model; makes the default when it is first asked for. */
  readonly backend: () => Promise<Backend>;
  readonly #contents: ModelContents;
  #runtime: Runtime;
  #labels: Labels | undefined;

  constructor(contents: ModelContents, { backend }: LoadOptions = {}) {
    this.#contents = contents;
    this.backend = lazyBackend(backend);
    this.signature = signatureOf(contents.program);
    this.#runtime = new Runtime(this.backend, contents.program, contents.variables);
  }

  /** Says what `evaluate` measures. */
  compile({ loss, metrics = [] }: Measures): void {
    const measured = lossOf(loss);
    const program = withEvaluation(this.#contents.program, measured, metrics.map(metricOf));
    this.#runtime.close();
    this.#runtime = new Runtime(this.backend, program, this.#contents.variables);
    this.#labels = measured.labels(this.signature.output);
  }

  /** The output for each row of x: [n, ...] -> [n, ...]. Throws for data that the model does not take. */
  predict(x: NDArray, { batchSize = 32 }: EvaluateOptions = {}): Promise<NDArray> {
    return predictRows(this.#runtime, x, batchSize);
  }

  /** The mean loss and metrics over all rows. Throws for data that the model does not take, and before `compile`. */
  async evaluate(x: NDArray, y: NDArray, { batchSize = 32 }: EvaluateOptions = {}): Promise<Record<string, number>> {
    if (!this.#labels)
      throw new ArgumentError('evaluate', 'a compiled model is required. Call compile({ loss }) first.');
    return evaluateRows(this.#runtime, checkData(this.signature.input, this.#labels, x, y), batchSize);
  }

  /** What `save` writes. */
  contents(): ModelContents {
    return this.#contents;
  }

  /** Writes one model file: whole, or not at all. Throws `IoError`. */
  save(path: string): Promise<void> {
    return saveModel(path, this.#contents);
  }

  /** The graph `predict`, and what else was saved. */
  get program(): Program {
    return this.#contents.program;
  }

  /** What runs it, and the bytes that it holds; undefined before the first run. */
  get stats(): Runtime['stats'] {
    return this.#runtime.stats;
  }

  /** Lets go of memory and threads until the next run. */
  close(): void {
    this.#runtime.close();
  }
}

/** A model from its file, to predict and evaluate with. Throws `IoError` or `FormatError`. */
export async function loadFrozenModel(path: string, options: LoadOptions = {}): Promise<FrozenModel> {
  return new FrozenModel(await readContents(path), options);
}
