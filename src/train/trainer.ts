/**
 * Steps of the user's own making: several losses and optimizers over one store of variables, where `fit` has one of each.
 * Every step is a graph, and a run of it one call.
 *
 *   const gan = trainer({ seed: 1 });
 *   gan.step('critic', { real: { dtype: 'f32', shape: ['batch', 1] }, noise }, ({ real, noise }, { apply, minimize }) => {
 *     const loss = sub(mean(apply('critic', critic, apply('generator', generator, noise))), mean(apply('critic', critic, real)));
 *     return { loss: minimize(loss, adam({ name: 'criticAdam' }), 'critic') };
 *   });
 *   gan.step('generator', { noise }, ...);
 *   for (const batch of ...) await gan.run('critic', batch);
 */
import type { Backend } from '../backend/backend.js';
import { ArgumentError, FormatError } from '../core/errors.js';
import { type NDArray, ndarray } from '../core/ndarray.js';
import type { Named } from '../core/tree.js';
import { extent, fields, named, Place, text } from '../format/checks.js';
import { parseJson } from '../format/json.js';
import type { ModelContents } from '../format/model.js';
import { gradients } from '../graph/autodiff.js';
import { ProgramBuilder, type Scope } from '../graph/builder.js';
import { printType } from '../graph/names.js';
import type { Program } from '../graph/program.js';
import type { Layer, Mode } from '../nn/layer.js';
import { applyArchitecture, sequence } from '../nn/architecture.js';
import { add } from '../ops/binary.js';
import { checkNumerics } from '../ops/elementwise.js';
import type { Tensor, TensorType } from '../ops/tensor.js';
import { lazyBackend } from './backend.js';
import { keyOf, seedVariable } from './build.js';
import { describe, type Description, requireSame } from './checkpoint.js';
import type { Optimizer } from './optimizers.js';
import { batchSymbol, Runtime } from './runtime.js';
import { readContents, saveModel } from './saving.js';
import { rateAt } from './schedules.js';

export interface TrainerOptions {
  /** First weights and random numbers are drawn from it (default 0). */
  readonly seed?: number;
  /** WebAssembly with all processors unless said. */
  readonly backend?: Backend;
  /** The largest extents of symbols besides `batch`, which grows as it must. */
  readonly symbols?: Named<number>;
}

/** What a step may do besides calling ops on its tensors. */
export interface StepTools {
  /** Declares and reads variables, and assigns them. */
  readonly scope: Scope;
  /** How layers are recorded in training: with random numbers of this trainer's seed and step. */
  readonly mode: Mode;
  /** What layers make of x, one after another; their variables lie below `name`, and are the same in every step. */
  readonly apply: (name: string, layers: readonly Layer[], x: Tensor, mode?: Mode) => Tensor;
  /**
   * Lowers an f32 scalar, and what the regularizers of these variables cost, by updating the trainable variables below
   * `path` (all that the step has read, unless given); returns that sum. A run whose sum is not finite throws
   * `NumericsError` and leaves every variable as it was.
   */
  readonly minimize: (loss: Tensor, optimizer: Optimizer, path?: string) => Tensor;
}

/** Records a step: called once, with a tensor for each input; what it returns is what each run returns. */
export type StepFunction<I extends Named<TensorType>> = (
  inputs: { readonly [K in keyof I]: Tensor },
  tools: StepTools,
) => Named<Tensor>;

const asset = 'trainer';

/** What layers make of x, one after another. */
function applied(layers: readonly Layer[], x: Tensor, scope: Scope, mode: Mode): Tensor {
  const architecture = sequence(layers);
  const [input = ''] = Object.keys(architecture.inputs);
  const [output] = Object.values(applyArchitecture(architecture, { [input]: x }, scope, mode));
  return output ?? x;
}

/** Named steps of a user's own over one store of variables. Made by `trainer`. */
export class Trainer {
  /** What runs the steps; makes the default when it is first asked for. */
  readonly backend: () => Promise<Backend>;
  readonly #builder: ProgramBuilder;
  readonly #seed: number;
  /** Of each step, how often it ran and the optimizers whose rates a schedule sets. */
  readonly #steps = new Map<string, { runs: number; readonly scheduled: Optimizer[] }>();
  /** What each optimizer trains, by its name. */
  readonly #trained = new Map<string, { readonly optimizer: Optimizer; readonly names: string }>();
  #runtime: Runtime | undefined;

  constructor({ seed = 0, backend, symbols = {} }: TrainerOptions = {}) {
    if (!Number.isInteger(seed)) throw new ArgumentError('trainer', `an integer seed is required. Received ${seed}.`);
    this.#seed = seed;
    this.backend = lazyBackend(backend);
    this.#builder = new ProgramBuilder({ symbols: { ...symbols, [batchSymbol]: 1 }, seed });
  }

  /** Records a step. Steps are recorded before the first run. */
  step<const I extends Named<TensorType>>(name: string, inputs: I, fn: StepFunction<I>): this {
    if (this.#runtime)
      throw new ArgumentError('trainer', `steps before the first run are required. Received '${name}'.`);
    const scheduled: Optimizer[] = [];
    this.#builder.trace(name, inputs, (tensors, scope) => {
      const mode: Mode = { training: true, key: keyOf(scope) };
      return fn(tensors, {
        scope,
        mode,
        apply: (path, layers, x, own = mode) => scope.within(path, () => applied(layers, x, scope, own)),
        minimize: (loss, optimizer, path) => {
          if (optimizer.schedule) scheduled.push(optimizer);
          return this.#minimize(scope, loss, optimizer, path);
        },
      });
    });
    this.#steps.set(name, { runs: 0, scheduled });
    return this;
  }

  #minimize(scope: Scope, loss: Tensor, optimizer: Optimizer, path: string | undefined): Tensor {
    const parameters = scope.trainables(path);
    const names = Object.keys(parameters).join(', ');
    if (names === '') {
      const where = path === undefined ? 'that the step has read' : `below '${path}' that the step has read`;
      throw new ArgumentError('minimize', `trainable variables ${where} are required. Received none.`);
    }
    const known = this.#trained.get(optimizer.name);
    if (known && (known.optimizer !== optimizer || known.names !== names)) {
      const required = 'an optimizer of a name of its own is required for each set of variables';
      throw new ArgumentError(
        'minimize',
        `${required}. Received '${optimizer.name}' for ${known.names} and for ${names}.`,
      );
    }
    this.#trained.set(optimizer.name, { optimizer, names });
    const total = checkNumerics(scope.penalties(path).reduce((sum, penalty) => add(sum, penalty), loss));
    optimizer.update(scope, parameters, gradients(total, Object.values(parameters)));
    return total;
  }

  /**
   * Runs a step on arrays, one for each input, and returns its outputs. Throws `ArgumentError` for a step that is none,
   * and typed errors for arrays that the step does not take.
   */
  async run(name: string, feeds: Named<NDArray>): Promise<Record<string, NDArray>> {
    const step = this.#steps.get(name);
    if (!step) {
      const names = [...this.#steps.keys()].join(', ') || 'none';
      throw new ArgumentError('trainer', `a step among ${names} is required. Received '${name}'.`);
    }
    const runtime = this.#ready();
    for (const { schedule, name: optimizer } of step.scheduled) {
      if (!schedule) continue;
      runtime.setVariable(`${optimizer}/learningRate`, ndarray('f32', [], [rateAt(schedule, step.runs)]));
    }
    const outputs = await runtime.run(this.#batchOf(name, feeds), name, feeds);
    step.runs++;
    return outputs;
  }

  /** The program of all steps. */
  get program(): Program {
    return this.#builder.program();
  }

  /** The values of all variables: those of layers, such as `critic/dense/kernel`, and what optimizers remember. */
  variables(): Map<string, NDArray> {
    return this.#ready().values();
  }

  /** Sets variables. Throws `ArgumentError` for names that the steps have not, and for values of another type. */
  setVariables(values: Named<NDArray>): void {
    const { variables } = this.program;
    for (const [name, value] of Object.entries(values)) {
      const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
      const expected = variable ? printType(variable) : 'none';
      if (expected === printType(value)) continue;
      throw new ArgumentError('setVariables', `'${name}' is ${expected} here. Received ${printType(value)}.`);
    }
    const runtime = this.#ready();
    for (const [name, value] of Object.entries(values)) runtime.setVariable(name, value);
  }

  /** Writes everything to a file, from which `restore` goes on: whole, or not at all. Throws `IoError`. */
  async save(path: string): Promise<void> {
    await saveModel(path, this.contents());
  }

  /** What `save` writes. */
  contents(): ModelContents {
    const { program } = this;
    const values = this.variables();
    const shared = Object.entries(program.variables).filter(([, { scope }]) => scope === 'shared');
    const runs = Object.fromEntries([...this.#steps].map(([name, { runs }]) => [name, runs]));
    return {
      program,
      variables: new Map(shared.map(([name, { dtype, shape }]) => [name, values.get(name) ?? ndarray(dtype, shape)])),
      assets: new Map([[asset, new TextEncoder().encode(JSON.stringify({ description: this.#description, runs }))]]),
    };
  }

  /**
   * Takes the variables, and how often each step ran, from a file that `save` wrote. Throws `IoError`, `FormatError` for a
   * file of another kind, and `ArgumentError`, which lists what differs, for one of other steps.
   */
  async restore(path: string): Promise<void> {
    const { variables, assets } = await readContents(path);
    const bytes = assets.get(asset);
    if (!bytes) throw new FormatError('trainer', `a file that a trainer saved is required. Received '${path}'.`);
    const kept = fields(parseJson(asset, bytes, 3), new Place(asset), 'description', 'runs');
    requireSame('trainer', path, this.#description, kept('description', named(text)));
    const runs = kept('runs', named(extent));
    this.setVariables(Object.fromEntries(variables));
    for (const [name, step] of this.#steps) step.runs = runs[name] ?? 0;
  }

  /** What runs it, and the bytes that it holds; undefined before the first run. */
  get stats(): Runtime['stats'] {
    return this.#runtime?.stats;
  }

  /** Lets go of memory and threads until the next run. */
  close(): void {
    this.#runtime?.close();
  }

  /** Every step and variable, so that two trainers can be told apart. */
  get #description(): Description {
    return describe(this.program, [...this.#steps.keys()]);
  }

  #ready(): Runtime {
    if (this.#runtime) return this.#runtime;
    const values = this.#builder.initialValues().set(seedVariable, ndarray('i32', [], [this.#seed]));
    this.#runtime = new Runtime(this.backend, this.program, values);
    return this.#runtime;
  }

  /** The largest extent that feeds give to the symbol `batch`; 1 where no input has it. */
  #batchOf(name: string, feeds: Named<NDArray>): number {
    const { inputs = {}, values = [] } = this.program.graphs[name] ?? {};
    const extents = Object.entries(inputs).flatMap(([input, id]) =>
      (values[id]?.shape ?? []).flatMap((dim, axis) => (dim === batchSymbol ? [feeds[input]?.shape[axis] ?? 1] : [])),
    );
    return Math.max(1, ...extents);
  }
}

/** A trainer of custom steps, none yet. */
export const trainer = (options: TrainerOptions = {}): Trainer => new Trainer(options);
