/**
 * A program with the values of its variables, compiled when it is first run. There is one executable at a time, laid out
 * for the largest batch that was asked for; all graphs share its variables. While there is one, it holds the values.
 */
import type { Backend, Executable, RunOptions, Stats } from '../backend/backend.js';
import { ArgumentError } from '../core/errors.js';
import { type NDArray, ndarray } from '../core/ndarray.js';
import type { Named } from '../core/tree.js';
import type { Program } from '../graph/program.js';

/** The symbol that counts the examples of a run. */
export const batchSymbol = 'batch';

interface Compiled {
  readonly executable: Executable;
  readonly batch: number;
  /** The variables that the executable holds. */
  readonly names: readonly string[];
}

const sharedOf = ({ variables }: Program) => Object.entries(variables).filter(([, { scope }]) => scope === 'shared');

export class Runtime {
  readonly #values: Map<string, NDArray>;
  #compiled: Compiled | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #breathed = performance.now();

  /** Variables without a value start at zero. */
  constructor(
    private readonly backend: () => Promise<Backend>,
    readonly program: Program,
    values: ReadonlyMap<string, NDArray>,
  ) {
    this.#values = new Map(values);
  }

  /** What runs, and the bytes that it holds; undefined before the first run. */
  get stats(): Stats | undefined {
    return this.#compiled?.executable.stats();
  }

  /**
   * Runs a graph on at most `batch` examples, after the runs that were asked for before. Throws as `Executable.run` does,
   * and `MemoryError` when so large a batch does not fit.
   */
  run(batch: number, graph: string, feeds: Named<NDArray>, options?: RunOptions): Promise<Record<string, NDArray>> {
    const turn = this.#last.then(async () => {
      await this.#breathe();
      return (await this.#ensure(batch)).run(graph, feeds, options);
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Makes ready for runs of at most `batch` examples. Throws as `run` does where so large a batch does not fit. */
  async prepare(batch: number): Promise<void> {
    await this.#last;
    await this.#ensure(batch);
  }

  /** The values of the shared variables, as of now. */
  values(): Map<string, NDArray> {
    const { names = [], executable } = this.#compiled ?? {};
    const held = names.flatMap((name) => (executable ? [[name, executable.getVariable(name)] as const] : []));
    return new Map([...this.#values, ...held]);
  }

  setVariable(name: string, value: NDArray): void {
    if (this.#compiled?.names.includes(name)) this.#compiled.executable.setVariable(name, value);
    else this.#values.set(name, value);
  }

  /** Lets go of the executable, its memory and its threads. Values are kept; the next run compiles again. */
  close(): void {
    for (const [name, value] of this.values()) this.#values.set(name, value);
    this.#compiled?.executable.close();
    this.#compiled = undefined;
  }

  /** Lets timers, signals and requests have their turn now and then: runs alone would keep the thread to themselves. */
  async #breathe(): Promise<void> {
    const now = performance.now();
    if (now - this.#breathed < 50) return;
    await new Promise<void>((resolve) => void (globalThis.setImmediate ?? setTimeout)(resolve));
    this.#breathed = performance.now();
  }

  async #ensure(batch: number): Promise<Executable> {
    if (!Number.isSafeInteger(batch) || batch < 1) {
      throw new ArgumentError('batchSize', `a positive integer is required. Received ${batch}.`);
    }
    if (this.#compiled && this.#compiled.batch >= batch) return this.#compiled.executable;
    this.close();
    const symbols = { ...this.program.symbols, [batchSymbol]: { max: batch } };
    const executable = await (await this.backend()).compile({ ...this.program, symbols });
    const names: string[] = [];
    for (const [name, { dtype, shape }] of sharedOf(this.program)) {
      executable.setVariable(name, this.#values.get(name) ?? ndarray(dtype, shape));
      this.#values.delete(name);
      names.push(name);
    }
    this.#compiled = { executable, batch, names };
    return executable;
  }
}
