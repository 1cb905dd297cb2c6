/** A model that is not trained any more: a program with a graph `predict` and the values of its variables. */
import type { Backend } from '../backend/backend.js';
import { ArgumentError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import type { ModelContents } from '../format/model.js';
import type { Program } from '../graph/program.js';
import {
  evaluateRows,
  type Prediction,
  predictRows,
  type Signature,
  signatureOf,
  withEvaluation,
} from './evaluation.js';
import { type Arrays, checkExamples } from './examples.js';
import { labelsIn } from './labels.js';
import { labelsOf, type Measures, measuresOf, type OutputMeasures, totalsOf } from './measures.js';
import { readContents, saveModel } from './saving.js';
import { Runtime } from './runtime.js';
import { lazyBackend } from './backend.js';
import { isWeighed, weigh } from './weights.js';

export interface PredictOptions {
  /** Examples in one run (default 32). */
  readonly batchSize?: number;
}

export interface EvaluateOptions extends PredictOptions {
  /** f32 [n], what each example counts in the losses and the weighted metrics: alike unless given; by output for several. */
  readonly sampleWeight?: Arrays;
}

/** What a model is compiled for. */
interface Measured {
  readonly measures: readonly OutputMeasures[];
  readonly hasWeights: boolean;
}

export interface LoadOptions {
  /** WebAssembly with all processors unless said. */
  readonly backend?: Backend;
}

/**
 * A model that only predicts and evaluates, such as an int8 one. Made by `quantize` and `loadFrozenModel`. `P` is what it
 * predicts: an array, or for a model of several outputs arrays by name.
 */
export class FrozenModel<P extends Prediction = NDArray> {
  readonly signature: Signature;
  /** What runs the model; makes the default when it is first asked for. */
  readonly backend: () => Promise<Backend>;
  readonly #contents: ModelContents;
  #runtime: Runtime;
  #measured: Measured | undefined;

  constructor(contents: ModelContents, { backend }: LoadOptions = {}) {
    this.#contents = contents;
    this.backend = lazyBackend(backend);
    this.signature = signatureOf(contents.program);
    this.#runtime = new Runtime(this.backend, contents.program, contents.variables);
  }

  /** Says what `evaluate` measures. Throws `ArgumentError` for outputs that the model has not. */
  compile(measures: Measures): void {
    this.#measure(measuresOf(Object.keys(this.signature.outputs), measures), false);
  }

  #measure(measures: readonly OutputMeasures[], hasWeights: boolean): void {
    const program = withEvaluation(this.#contents.program, measures, hasWeights);
    this.#runtime.close();
    this.#runtime = new Runtime(this.backend, program, this.#contents.variables);
    this.#measured = { measures, hasWeights };
  }

  /** The outputs for each row of x: [n, ...] -> [n, ...]. Throws for data that the model does not take. */
  async predict(x: Arrays, { batchSize = 32 }: PredictOptions = {}): Promise<P> {
    return (await predictRows(this.#runtime, x, batchSize)) as P;
  }

  /** The mean losses and metrics over all rows. Throws for data that the model does not take, and before `compile`. */
  async evaluate(x: Arrays, y: Arrays, options: EvaluateOptions = {}): Promise<Record<string, number>> {
    if (!this.#measured)
      throw new ArgumentError('evaluate', 'a compiled model is required. Call compile({ loss }) first.');
    const { batchSize = 32, sampleWeight } = options;
    const { measures } = this.#measured;
    const { inputs, outputs } = this.signature;
    const examples = weigh(checkExamples(inputs, labelsOf(measures, outputs), x, y), { sampleWeight });
    const hasWeights = isWeighed(examples);
    if (hasWeights !== this.#measured.hasWeights) this.#measure(measures, hasWeights);
    return evaluateRows(this.#runtime, examples, batchSize, totalsOf(measures, hasWeights));
  }

  /** What the places of the output stand for, where the file says so. Throws `FormatError` where it says nonsense. */
  get labels(): readonly string[] | undefined {
    return labelsIn(this.#contents.assets);
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
export async function loadFrozenModel<P extends Prediction = NDArray>(
  path: string,
  options: LoadOptions = {},
): Promise<FrozenModel<P>> {
  return new FrozenModel(await readContents(path), options);
}
