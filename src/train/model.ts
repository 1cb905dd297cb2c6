/**
 * The model as Keras users know it.
 *
 *   const model = sequential([dense({ units: 16, activation: 'relu' }), dense({ units: 1 })]);
 *   model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
 *   await model.fit(x, y, { epochs: 10 });
 *   await model.save('model.safetensors');
 *
 * One program holds what the model does: `predict`, and once compiled `trainStep` (forward pass, loss, gradients, updates
 * and metrics: one run for a batch) and `evaluate`, over the same variables.
 */
import type { Backend } from '../backend/backend.js';
import { ArgumentError, DTypeError, FormatError, ShapeError } from '../core/errors.js';
import { type NDArray, ndarray, requireArray } from '../core/ndarray.js';
import { sameShape } from '../core/shape.js';
import { byName, type Named, type Several } from '../core/tree.js';
import type { ModelContents } from '../format/model.js';
import { printType } from '../graph/names.js';
import type { Program } from '../graph/program.js';
import { type Architecture, architectureOf, sequence } from '../nn/architecture.js';
import { decodeArchitecture, encodeArchitecture } from '../nn/codec.js';
import { isLayerName, type Layer } from '../nn/layer.js';
import { innerValues, nested, withTrainable } from '../nn/nested.js';
import { type Applied, connect, type Input, isSignal, type LayerParts, type Signal } from '../nn/signal.js';
import { lazyBackend } from './backend.js';
import { isAccumulated } from './accumulation.js';
import { build, type Built, inputTypes, plainVariant, type Training, type Variant } from './build.js';
import { prepare } from './ceiling.js';
import { evaluateRows, type Prediction, predictRows, signatureOf } from './evaluation.js';
import { type Arrays, checkExamples, countOf, type Examples, onlyArray, sliceExamples } from './examples.js';
import type { Callback, History } from './callback.js';
import type { CheckpointOptions } from './checkpoint.js';
import { type Feeding, feedingOfArrays, feedingOfSource, type GivenBatch, isSource, type Source } from './feeding.js';
import { checkSchedule, type Schedule, train } from './fit.js';
import { encodeLabels, labelsAsset } from './labels.js';
import { describeRun, keeperOf, readCheckpoint } from './keeper.js';
import type { EvaluateOptions, PredictOptions } from './frozen.js';
import { type LoadedWeights, type LoadWeightsOptions, matchWeights, readWeights } from './loading.js';
import { labelsOf, type Measures, measuresOf, totalsOf } from './measures.js';
import { averaged } from './optimizer.js';
import { type Optimizer, type OptimizerName, optimizerOf } from './optimizers.js';
import type { Verbosity } from './progress.js';
import { batchSymbol, Runtime } from './runtime.js';
import { readContents, saveModel } from './saving.js';
import { summarize } from './summary.js';
import { type ClassWeight, isWeighed, weigh, withWeights } from './weights.js';

export interface ModelOptions {
  /** What the summary calls it, and its name as a layer of another model; `model` or `sequential` unless said. */
  readonly name?: string;
  /** First weights are drawn from it, and so are shuffling and dropout unless `fit` is given another (default 0). */
  readonly seed?: number;
  /** WebAssembly with all processors unless said. */
  readonly backend?: Backend;
}

export interface CompileOptions extends Measures {
  /** An optimizer, or the name of one with its defaults. */
  readonly optimizer: Optimizer | OptimizerName;
}

export interface FitOptions {
  /** Default 1. */
  readonly epochs?: number;
  /** Examples in one step (default 32); the last step of an epoch may have fewer. */
  readonly batchSize?: number;
  /**
   * The runs that make up a step, of `batchSize` / `accumulate` examples each (default 1): their gradients are added up
   * before the update, so a batch can be larger than what fits the memory at once. Batch normalization sees each run's
   * examples alone.
   */
  readonly accumulate?: number;
  /**
   * f32 [n], what each example's loss is multiplied by: alike unless given; by output for several. The loss of a batch is
   * divided by the number of examples, not by their weights.
   */
  readonly sampleWeight?: Arrays;
  /** What the losses of examples of a class are multiplied by, in training alone; 1 for a class that is not named. */
  readonly classWeight?: ClassWeight;
  /** Evaluated after each epoch, with weights where a third is given. */
  readonly validationData?: readonly [x: Arrays, y: Arrays, sampleWeight?: Arrays];
  /** Holds back this share of the examples, the last ones, to evaluate after each epoch. */
  readonly validationSplit?: number;
  /** A new order for each epoch (default true), drawn from the seed and the epoch. */
  readonly shuffle?: boolean;
  /** Shuffling and dropout are drawn from it; the model's unless said. */
  readonly seed?: number;
  /** The epoch to begin with, when training goes on (default 0). */
  readonly initialEpoch?: number;
  /** Called in their order as training goes on. */
  readonly callbacks?: readonly Callback[];
  /**
   * Keeps the run in a file at the end of each epoch, or more often, and goes on from that file where it exists: a run that
   * was killed, started again with the same data and options, ends with the same bits as one that was not. SIGINT saves
   * the run and ends the program with exit code 130.
   */
  readonly checkpoint?: CheckpointOptions;
  /** A checkpoint to go on from, unless there is one at `checkpoint.path`. */
  readonly resume?: string;
  /** Default `auto`. */
  readonly verbose?: Verbosity;
}

export interface SaveOptions {
  /** Keep what the optimizer remembers, so that training can go on as if it had not stopped (default false). */
  readonly optimizer?: boolean;
  /** The most examples of one run where the file is served (default 64). */
  readonly maxBatch?: number;
  /** What the places of the output stand for, to be kept in the file. */
  readonly labels?: readonly string[];
}

const layersAsset = 'layers';

/**
 * A model of layers that trains. Made by `sequential` and `loadModel`. `P` is what it predicts: an array, or for a model of
 * several outputs arrays by name.
 */
export class Model<P extends Prediction = NDArray> {
  /** Set by a callback: no epoch follows the current one. */
  stopTraining = false;

  readonly #name: string | undefined;
  readonly #seed: number;
  #architecture: Architecture;
  #layer: LayerParts | undefined;
  /** What runs the model; makes the default when it is first asked for. */
  readonly backend: () => Promise<Backend>;
  #training: Training | undefined;
  #made: Made | undefined;
  #isTraining = false;

  /** `values` are those of variables that were saved, instead of values drawn from the seed. */
  constructor(
    architecture: Architecture,
    { name, seed = 0, backend }: ModelOptions = {},
    values: ReadonlyMap<string, NDArray> = innerValues(architecture),
  ) {
    requireSeed('model', seed);
    requireName(name);
    this.#architecture = architecture;
    this.#name = name;
    this.#seed = seed;
    this.backend = lazyBackend(backend);
    if (inputTypes(architecture)) this.#make(values);
  }

  /**
   * The model as a layer of another: a signal for its only input, or several in order or by name, become a signal for its
   * only output, or signals by name. Its weights begin there as they are here when the other model is made, and are then
   * the other's own. Called again it is the same layer, until it is frozen or
   * unfrozen. Throws `ArgumentError` for signals that are not its inputs.
   */
  apply(x: Several<Signal>): SignalsOf<P> {
    const { inputs, outputs } = this.#architecture;
    const signals = byName(Object.keys(inputs), x, isSignal);
    if (!signals) {
      const names = Object.keys(inputs).join(', ');
      throw new ArgumentError(
        this.#name ?? 'model',
        `a signal for each input (${names}) is required. Received others.`,
      );
    }
    this.#layer ??= nested(this.#architecture, this.#name, () => this.#weights());
    const made = connect(this.#layer, signals);
    const byOutput = Object.fromEntries(Object.keys(outputs).map((name, at) => [name, made[at]]));
    return (made.length === 1 ? made[0] : byOutput) as SignalsOf<P>;
  }

  /** Says how to train and what to measure. Weights stay; what an earlier optimizer remembered is forgotten. */
  compile({ optimizer, ...measures }: CompileOptions): void {
    const training = { optimizer: optimizerOf(optimizer), measures: measuresOf(this.#outputs, measures) };
    if (this.#isTraining) throw new ArgumentError('compile', 'a model that no fit is training is required.');
    if (this.#made) {
      const { runtime } = this.#made;
      const values = runtime.values();
      for (const name of values.keys()) {
        const isForgotten = this.#training !== undefined || name === `${training.optimizer.name}/learningRate`;
        if (isForgotten && !this.#isWeight(name)) values.delete(name);
      }
      this.#make(values, training);
      runtime.close();
    }
    this.#training = training;
  }

  /**
   * Trains on examples x [n, ...] and labels y. Throws typed errors for data that do not fit the model: wrong shapes or
   * dtypes, unequal lengths, no examples, NaN or infinities, labels that are no class. `NumericsError` when the loss
   * stops being finite, naming the epoch, the step and the first bad node; the weights are then those before that step.
   */
  fit(x: Arrays, y: Arrays, options?: FitOptions): Promise<History>;
  /**
   * Trains on batches that a pipeline, a generator or any iterable gives, of any sizes; `batchSize` is then that of
   * validation. Each is checked as arrays are. Errors name the epoch and the step: those of a batch that does not fit, and
   * Quern's own that a source throws, keep their type; others become the `cause` of an `AbortedError`.
   */
  fit(batches: Source, options?: FitOptions): Promise<History>;
  async fit(given: Arrays | Source, second?: Arrays | FitOptions, third: FitOptions = {}): Promise<History> {
    // What stands second follows from the first: the overloads say so.
    const [data, options] = isSource(given)
      ? [given, (second ?? {}) as FitOptions]
      : [{ x: given, y: second as Arrays }, third];
    const { epochs = 1, initialEpoch = 0, batchSize = 32, accumulate = 1, shuffle = true, verbose = 'auto' } = options;
    const { seed = this.#seed, callbacks = [], validationData, validationSplit, checkpoint, resume } = options;
    const { sampleWeight, classWeight } = options;
    requireSeed('fit', seed);
    if (validationData && validationSplit !== undefined) {
      throw new ArgumentError('fit', 'validationData or validationSplit is required. Received both.');
    }
    if (this.#isTraining) throw new ArgumentError('fit', 'one fit at a time is required. Another is under way.');
    const schedule = { epochs, initialEpoch, batchSize, accumulate, shuffle, seed, callbacks, verbose };
    checkSchedule(schedule);
    if (!isSource(data) && !data.x && !this.#made) requireArray('x', data.x);
    const { measures, optimizer, check } = this.#trainable('fit', isSource(data) ? undefined : data.x);
    const checkWeighed = ({ x, y, sampleWeight }: GivenBatch): Examples => weigh(check(x, y), { sampleWeight });
    const fed = feed(data, checkWeighed, { validationSplit, sampleWeight, classWeight });
    const [x, y, weights] = validationData ?? [];
    const held = x && y ? checkWeighed({ x, y, sampleWeight: weights }) : fed.held;
    const hasWeights = fed.hasWeights || (held !== undefined && isWeighed(held));
    const feeding = fed.feeding(schedule, hasWeights);
    const validation = held && hasWeights ? withWeights(held) : held;
    const { runtime } = this.#as({ hasWeights, accumulates: accumulate > 1 });
    this.#isTraining = true;
    this.stopTraining = false;
    try {
      const validated = Math.min(batchSize / accumulate, validation ? countOf(validation) : 1);
      const most = Math.max(feeding.batchSize ?? 1, validated);
      await prepare(runtime, most, schedule, () => this.#accumulating(hasWeights));
      const isKept = checkpoint !== undefined || resume !== undefined;
      const description = isKept
        ? describeRun(await this.backend(), runtime.program, schedule, feeding.describe(), validation)
        : {};
      const contents = (): ModelContents => this.contents({ optimizer: true });
      const keeper = checkpoint && keeperOf(checkpoint, contents, description);
      const resumed = isKept ? await readCheckpoint(checkpoint, resume, description) : undefined;
      const stop = (): void => void (this.stopTraining = true);
      const save = (path: string): Promise<void> => {
        const saved = contents();
        return saveModel(path, { ...saved, variables: averaged(optimizer, saved.variables) });
      };
      const totals = totalsOf(measures, hasWeights);
      const trainee = { runtime, optimizer, totals, keeper, isStopped: () => this.stopTraining, stop, save };
      return await train(trainee, feeding, validation, schedule, resumed);
    } finally {
      this.#isTraining = false;
    }
  }

  /**
   * The loss, with what regularizers cost, and the metrics over all rows. Throws as `fit` does for data that do not fit.
   */
  async evaluate(x: Arrays, y: Arrays, options: EvaluateOptions = {}): Promise<Record<string, number>> {
    const { batchSize = 32, sampleWeight } = options;
    const { measures, check } = this.#trainable('evaluate', x);
    const examples = weigh(check(x, y), { sampleWeight });
    const { variant } = this.#required('evaluate');
    const hasWeights = isWeighed(examples) || variant.hasWeights;
    const { runtime } = this.#as({ ...variant, hasWeights });
    const given = hasWeights ? withWeights(examples) : examples;
    return evaluateRows(runtime, given, batchSize, totalsOf(measures, hasWeights));
  }

  /** The outputs for each row of x: [n, ...] -> [n, ...]. Throws for data that the model does not take. */
  async predict(x: Arrays, { batchSize = 32 }: PredictOptions = {}): Promise<P> {
    return (await predictRows(this.#madeFor(x).runtime, x, batchSize)) as P;
  }

  /**
   * Training leaves the weights of these layers alone from now on, all layers unless said: names, paths (`encoder/dense`),
   * or patterns in which `*` stands for any characters. Batch normalization goes by its moving moments there. What the
   * optimizer remembers of other weights stays. Throws `ArgumentError` for a name of no layer, and while `fit` runs.
   */
  freeze(layers?: string | readonly string[]): void {
    this.#setTrainable(false, layers);
  }

  /** Training changes the weights of these layers again; see `freeze`. */
  unfreeze(layers?: string | readonly string[]): void {
    this.#setTrainable(true, layers);
  }

  /** Prints the layers with their output shapes, parameters and multiply-adds, and returns the text. */
  summary(print: (text: string) => void = console.log): string {
    const text = summarize(this.#required('summary').built, this.#name ?? 'model', this.stats);
    print(text);
    return text;
  }

  /** The values of all variables: weights such as `dense/kernel`, and what the optimizer remembers. */
  variables(): Map<string, NDArray> {
    return this.#required('variables').runtime.values();
  }

  /** Sets variables. Throws for names that the model has not, and for values of another type. */
  setVariables(values: Readonly<Record<string, NDArray>>): void {
    const { built, runtime } = this.#required('setVariables');
    for (const [name, value] of Object.entries(values)) checkVariable(built.program, name, value);
    for (const [name, value] of Object.entries(values)) runtime.setVariable(name, value);
  }

  /**
   * Takes weights by name from a file, a Quern model or a plain safetensors file of another tool, from another model, or
   * from a map: all, or the part that the options say. Says what was loaded and what was not. Throws
   * `ArgumentError`, listing every difference, for weights that are not the model's, and what reading a file throws; the
   * model is then as it was.
   */
  async loadWeights(
    source: string | Model<Prediction> | ReadonlyMap<string, NDArray>,
    options: LoadWeightsOptions = {},
  ): Promise<LoadedWeights> {
    const { built, runtime } = this.#required('loadWeights');
    const map = source instanceof Model ? source.#weights() : source;
    const given = typeof map === 'string' ? await readWeights(map) : map;
    const weights = Object.entries(built.program.variables).filter(([name]) => this.#isWeight(name));
    const { values, report } = matchWeights(Object.fromEntries(weights), given, options);
    for (const [name, value] of values) runtime.setVariable(name, value);
    return report;
  }

  /** What `save` writes: the graph `predict`, its variables, and the layers, from which the model can be made again. */
  contents({ optimizer = false, maxBatch = 64, labels }: SaveOptions = {}): ModelContents {
    const { built, runtime } = this.#required('save');
    const { variables, graphs } = built.program;
    const isKept = (name: string): boolean => (optimizer && !isAccumulated(name)) || this.#isWeight(name);
    const kept = Object.entries(variables).filter(([name]) => isKept(name));
    const shared = kept.filter(([, { scope }]) => scope === 'shared');
    const values = runtime.values();
    const layers = encodeArchitecture(this.#architecture);
    return {
      program: {
        symbols: { [batchSymbol]: { max: maxBatch } },
        variables: Object.fromEntries(kept),
        graphs: Object.fromEntries(Object.entries(graphs).filter(([name]) => name === 'predict')),
      },
      variables: new Map(shared.map(([name, { dtype, shape }]) => [name, values.get(name) ?? ndarray(dtype, shape)])),
      assets: new Map([
        ...(layers === undefined ? [] : [[layersAsset, new TextEncoder().encode(layers)] as const]),
        ...(labels ? [[labelsAsset, encodeLabels(labels)] as const] : []),
      ]),
    };
  }

  /** Writes one model file: whole, or not at all. Throws `IoError`. */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    await saveModel(path, this.contents(options));
  }

  /** The graphs `predict`, and once compiled `trainStep` and `evaluate`. Throws `ArgumentError` before the input is known. */
  get program(): Program {
    return this.#required('program').built.program;
  }

  /** What runs it, and the bytes that it holds; undefined before the first run. */
  get stats(): Runtime['stats'] {
    return this.#made?.runtime.stats;
  }

  /** Lets go of memory and threads until the next run. */
  close(): void {
    this.#made?.runtime.close();
  }

  /** Makes the program. Variables take the values given, or their first. */
  #make(values: ReadonlyMap<string, NDArray> = new Map(), training = this.#training, variant = plainVariant): Made {
    const built = build(this.#architecture, this.#seed, training, variant);
    // What only the last program had is forgotten; what none had yet waits for `compile`.
    const before = this.#made?.built.program.variables ?? {};
    const isKept = (name: string) => Object.hasOwn(built.program.variables, name) || !Object.hasOwn(before, name);
    const kept = [...values].filter(([name]) => isKept(name));
    const runtime = new Runtime(this.backend, built.program, new Map([...built.initial, ...kept]));
    this.#made = { built, runtime, variant };
    return this.#made;
  }

  /** The model with the graphs of a variant; values stay. */
  #as(variant: Variant): Made {
    const made = this.#required('fit');
    const { hasWeights, accumulates } = made.variant;
    if (variant.hasWeights === hasWeights && variant.accumulates === accumulates) return made;
    if (this.#isTraining) throw new ArgumentError('evaluate', 'a model that no fit is training is required.');
    const next = this.#make(made.runtime.values(), this.#training, variant);
    made.runtime.close();
    return next;
  }

  /** What would accumulate gradients, to see what it takes. */
  #accumulating(hasWeights: boolean): Runtime {
    const { program, initial } = build(this.#architecture, this.#seed, this.#training, {
      hasWeights,
      accumulates: true,
    });
    return new Runtime(this.backend, program, initial);
  }

  get #outputs(): readonly string[] {
    return Object.keys(this.#architecture.outputs);
  }

  /** The values of what the prediction reads. */
  #weights(): ReadonlyMap<string, NDArray> {
    return new Map([...(this.#made?.runtime.values() ?? [])].filter(([name]) => this.#isWeight(name)));
  }

  #setTrainable(trainable: boolean, layers: string | readonly string[] | undefined): void {
    const what = trainable ? 'unfreeze' : 'freeze';
    if (this.#isTraining) throw new ArgumentError(what, 'a model that no fit is training is required.');
    this.#architecture = withTrainable(this.#architecture, trainable, layers);
    this.#layer = undefined;
    if (!this.#made) return;
    const { runtime } = this.#made;
    this.#make(runtime.values());
    runtime.close();
  }

  /** A model that was not told its input learns it from the first examples. */
  #madeFor(x: Arrays): Made {
    if (this.#made) return this.#made;
    const [name = ''] = Object.keys(this.#architecture.inputs);
    const { shape, dtype } = onlyArray('x', name, x);
    this.#architecture = { ...this.#architecture, inputs: { [name]: { shape: shape.slice(1), dtype } } };
    return this.#make(innerValues(this.#architecture));
  }

  #required(what: string): Made {
    if (this.#made) return this.#made;
    throw new ArgumentError(
      what,
      'a model that knows its input is required. Begin it with input({ shape }), or fit it.',
    );
  }

  /** Without examples the model must know its input. */
  #trainable(what: string, x?: Arrays) {
    if (!this.#training) {
      throw new ArgumentError(what, 'a compiled model is required. Call compile({ optimizer, loss }) first.');
    }
    const { built } = x ? this.#madeFor(x) : this.#required(what);
    const { optimizer, measures } = this.#training;
    const { inputs, outputs } = signatureOf(built.program);
    const labels = labelsOf(measures, outputs);
    const check = (examples: Arrays, y: Arrays): Examples => checkExamples(inputs, labels, examples, y);
    return { measures, optimizer, check };
  }

  /** Whether the prediction reads a variable. */
  #isWeight(name: string): boolean {
    return Object.hasOwn(this.#made?.built.program.graphs['predict']?.variables ?? {}, name);
  }
}

/** A model once its input is known. */
interface Made {
  readonly built: Built;
  readonly runtime: Runtime;
  readonly variant: Variant;
}

function requireSeed(where: string, seed: number): void {
  if (!Number.isInteger(seed)) throw new ArgumentError(where, `an integer seed is required. Received ${seed}.`);
}

function checkVariable({ variables }: Program, name: string, value: NDArray): void {
  const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (!variable) throw new ArgumentError('setVariables', `a variable of the model is required. Received '${name}'.`);
  const message = `'${name}' takes ${printType(variable)}. Received ${printType(value)}.`;
  if (variable.dtype !== value.dtype) throw new DTypeError('setVariables', message);
  if (!sameShape(variable.shape, value.shape)) throw new ShapeError('setVariables', message);
}

/** What is trained on, before it is known whether anything has weights. */
interface Fed {
  readonly hasWeights: boolean;
  readonly feeding: (schedule: Schedule, hasWeights: boolean) => Feeding;
  /** Held back of arrays. */
  readonly held?: Examples;
}

/** Where batches come from. */
function feed(
  data: Source | GivenBatch,
  check: (batch: GivenBatch) => Examples,
  ofArrays: { readonly [K in 'validationSplit' | 'sampleWeight' | 'classWeight']: FitOptions[K] | undefined },
): Fed {
  const { validationSplit, sampleWeight, classWeight } = ofArrays;
  if (isSource(data)) {
    const refused = Object.entries(ofArrays).find(([, option]) => option !== undefined)?.[0];
    if (refused) throw new ArgumentError('fit', `arrays are required by ${refused}. Received batches.`);
    const hasWeights = typeof data === 'object' && data.weighted === true;
    return { hasWeights, feeding: (schedule, weighs) => feedingOfSource(data, check, schedule, weighs) };
  }
  const all = check({ ...data, sampleWeight });
  const { first, last } = validationSplit === undefined ? { first: all } : splitData(all, validationSplit);
  const trained = weigh(first, { classWeight });
  const hasWeights = isWeighed(trained) || (last !== undefined && isWeighed(last));
  const feeding = (schedule: Schedule, weighs: boolean): Feeding =>
    feedingOfArrays(weighs ? withWeights(trained) : trained, schedule);
  return last ? { hasWeights, feeding, held: last } : { hasWeights, feeding };
}

function splitData(data: Examples, fraction: number): { readonly first: Examples; readonly last?: Examples } {
  const [count, at] = [countOf(data), Math.floor(countOf(data) * (1 - fraction))];
  if (!(fraction > 0 && fraction < 1) || at === 0 || at === count) {
    throw new ArgumentError(
      'fit',
      `a validationSplit in (0, 1) that leaves examples is required. Received ${fraction}.`,
    );
  }
  return { first: sliceExamples(data, 0, at), last: sliceExamples(data, at, count) };
}

function requireName(name: string | undefined): void {
  if (name === undefined || isLayerName(name)) return;
  throw new ArgumentError('model', `a name of letters, digits and _ . : - is required. Received '${name}'.`);
}

/** A model of layers one after another, models among them; an `input` may stand first. Throws `ArgumentError`. */
export function sequential(layers: readonly (Layer | Model | Input)[], options: ModelOptions = {}): Model {
  const items = layers.map((item) => (item instanceof Model ? (x: Signal): Signal => item.apply(x) : item));
  return new Model(sequence(items), { name: 'sequential', ...options });
}

/**
 * A model of what lies between inputs and outputs: each one signal, a list, or a record whose names it keeps. A list's
 * names are those of the inputs, and of the layers that make the outputs; a single output is named `output`.
 *
 *   const [a, b] = [input({ shape: [4], name: 'a' }), input({ shape: [4], name: 'b' })];
 *   const shared = dense({ units: 8 });
 *   const both = concatenate()([shared(a), shared(b)]);
 *   const twin = model([a, b], { same: dense({ units: 1, activation: 'sigmoid' })(both) });
 *
 * Throws `ArgumentError` for two layers of one name, an input that is not given, or one that leads to no output, and
 * `ShapeError` for shapes that do not fit.
 */
export const model = <const O extends Several<Signal>>(
  inputs: Several<Input>,
  outputs: O,
  options: ModelOptions = {},
): Model<PredictionOf<O>> => new Model(architectureOf('model', inputs, outputs), options);

type IsOne<K, A = K> = K extends unknown ? ([A] extends [K] ? true : false) : never;

/** What a model of these outputs predicts: an array for one, else arrays by name. */
export type PredictionOf<O> = O extends Signal | readonly [Signal]
  ? NDArray
  : O extends readonly Signal[]
    ? Named<NDArray>
    : IsOne<keyof O> extends true
      ? NDArray
      : { readonly [K in keyof O & string]: NDArray };

/** A signal for each array of a prediction. */
export type SignalsOf<P> = P extends NDArray ? Applied : { readonly [K in keyof P]: Applied };

/**
 * A model from a file that `Model.save` wrote: it predicts, and once compiled trains on. Throws `IoError`, or
 * `FormatError` for a file that holds no layers; `loadFrozenModel` reads those.
 */
export async function loadModel<P extends Prediction = NDArray>(
  path: string,
  options: ModelOptions = {},
): Promise<Model<P>> {
  const { variables, assets } = await readContents(path);
  const bytes = assets.get(layersAsset);
  const architecture = bytes && decodeArchitecture(new TextDecoder().decode(bytes));
  if (!architecture || !inputTypes(architecture)) {
    throw new FormatError('load', `a file with layers and their input is required; loadFrozenModel reads '${path}'.`);
  }
  const model = new Model<P>(architecture, options);
  const weights = [...model.variables()].map(([name, value]) => {
    const saved = variables.get(name);
    if (saved && saved.dtype === value.dtype && sameShape(saved.shape, value.shape)) return [name, saved] as const;
    const received = saved ? printType(saved) : 'none';
    throw new FormatError('load', `'${name}' ${printType(value)} is required by the layers. Received ${received}.`);
  });
  return new Model<P>(architecture, options, new Map([...variables, ...weights]));
}
