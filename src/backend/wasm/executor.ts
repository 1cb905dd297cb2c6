/**
 * Runs what has been laid out: a memory of its own, one call into WebAssembly for a run. It knows no op, no shape rule and
 * no lowering; it is all that a place needs which serves models that were laid out before they came.
 */
import { copyOf } from '../../core/dtype.js';
import { AbortedError, ArgumentError, IndexError, MemoryError, NumericsError } from '../../core/errors.js';
import type { NDArray } from '../../core/ndarray.js';
import type { Named } from '../../core/tree.js';
import type { RunOptions, Session, Stats } from '../backend.js';
import { checkExtents } from '../extents.js';
import { areLike, checkOutputs, checkVariable, extentsOf } from '../feeds.js';
import { arrayAt, bind, type Binding } from './binding.js';
import { ABORT, BAD_INDEX, MAY_WAIT, RUNNING_THREADS, STATUS, STATUS_RECORD, STATUS_VALUE, SYNC } from './control.js';
import { type LaidOut, type LaidOutGraph, type PlacedVariable, PLANS } from './laid-out.js';
import { instantiate, type ModuleExports } from './module.js';
import type { ThreadHost, ThreadPool } from './threads.js';

const PAGE = 65536;
const ADDRESSABLE = 65536 * PAGE;
const SYNC_BYTES = 128;

export interface ExecutorOptions {
  /** A module of this version, compiled by the host. */
  readonly module: WebAssembly.Module;
  /** What starts worker threads; the module must then be a `-threads` one. Without it the caller's thread runs alone. */
  readonly threads?: { readonly count: number; readonly host: ThreadHost };
  /** Sessions to reserve memory for (default 1 when the program has session variables). */
  readonly sessions?: number;
  /** Bytes that it may take; above it making it throws `MemoryError` with the figures. */
  readonly memoryLimit?: number;
  /** How to call the module in messages and statistics. */
  readonly description?: string;
}

/** A graph, and what it was last run with. */
interface Loaded extends LaidOutGraph {
  binding: Binding | null;
}

/** A run whose feeds are in place. */
export interface Begun {
  readonly graph: LaidOutGraph;
  readonly binding: Binding;
  /** The record that it starts with. */
  readonly first: number;
}

/** A laid-out program in a memory of its own, ready to run. */
export class Executor {
  /** The whole memory, which never grows. */
  protected readonly memory: DataView;
  readonly #bounds: Named<number>;
  readonly #variables: Named<PlacedVariable>;
  readonly #exports: ModuleExports;
  readonly #graphs: ReadonlyMap<string, Loaded>;
  /** For each packed copy whether its variable has changed since it was packed. */
  readonly #stale: boolean[];
  readonly #openSessions = new Map<Session, number>();
  readonly #freeSessions: number[];
  /** The address of the first session's variables. */
  readonly #sessions: number;
  readonly #pool: ThreadPool | null;
  readonly #stats: Stats;
  #defaultSession: Session | null = null;
  #closed = false;

  /** Throws `MemoryError` for what takes more than the limit, or than the host gives. */
  constructor(laidOut: LaidOut, options: ExecutorOptions) {
    const { bounds, variables, regions, words, records } = laidOut;
    const { module } = options;
    const count = options.threads?.count ?? 1;
    const needsSession = Object.values(variables).some(({ session }) => session);
    const sessions = needsSession ? (options.sessions ?? 1) : 0;
    const parts = {
      plans: PLANS + regions.plans,
      variables: regions.variables,
      'packed copies': regions.packed,
      activations: regions.activations,
      sessions: sessions * regions.session,
      'sync words': count > 1 ? records * SYNC_BYTES : 0,
      scratch: count * regions.scratch,
    };
    this.#bounds = bounds;
    this.#variables = variables;
    this.#sessions = parts.plans + parts.variables + parts['packed copies'] + parts.activations;
    const sync = this.#sessions + parts.sessions;
    const scratch = sync + parts['sync words'];
    // Kernels read whole vectors: some bytes behind the last buffer, too.
    const bytes = Math.ceil((scratch + parts.scratch + 64) / PAGE) * PAGE;
    const limit = Math.min(options.memoryLimit ?? Infinity, ADDRESSABLE);
    if (bytes > limit) throw tooLarge(bytes, limit, parts);
    const memory = memoryOf(bytes / PAGE, count > 1);
    this.memory = new DataView(memory.buffer);
    this.#exports = instantiate(module, memory);
    this.#exports.setup();
    this.#exports.setScratch(scratch);
    this.memory.setUint32(SYNC, sync, true);
    this.memory.setInt32(RUNNING_THREADS, 1, true);
    this.memory.setInt32(MAY_WAIT, options.threads?.host.mayWait ? 1 : 0, true);
    new Uint32Array(memory.buffer, PLANS, words.length).set(words);
    this.#graphs = new Map(Object.entries(laidOut.graphs).map(([name, graph]) => [name, { ...graph, binding: null }]));
    this.#stale = new Array<boolean>(laidOut.copies).fill(true);
    this.#freeSessions = Array.from({ length: sessions }, (_, i) => i).reverse();
    this.#pool = options.threads
      ? options.threads.host.start(count - 1, {
          module,
          memory,
          scratch: (thread) => scratch + thread * regions.scratch,
        })
      : null;
    const description = `${options.description ?? 'wasm'}, ${count} thread${count === 1 ? '' : 's'}`;
    this.#stats = { peakBytes: bytes, sessionBytes: regions.session, description };
  }

  /** As `runSync`; threads take part in both alike. */
  run(graph: string, feeds: Named<NDArray>, options: RunOptions = {}): Promise<Record<string, NDArray>> {
    return new Promise((resolve) => resolve(this.runSync(graph, feeds, options)));
  }

  /** Runs a graph. Throws as `Executable.run` says; what was laid out elsewhere cannot look inside for `checkFinite`. */
  runSync(name: string, feeds: Named<NDArray>, options: RunOptions = {}): Record<string, NDArray> {
    const walk = options.checkFinite ? (begun: Begun): void => this.walkChecked(name, begun) : undefined;
    return this.perform(name, feeds, options, walk);
  }

  getVariable(name: string, session?: Session): NDArray {
    const { data, ...type } = this.#variable(name, session);
    return { ...type, data: copyOf(type.dtype, data) };
  }

  setVariable(name: string, value: NDArray, session?: Session): void {
    const variable = this.#variable(name, session);
    checkVariable(name, variable, value);
    variable.data.set(value.data);
    this.#stale.fill(true);
  }

  createSession(): Session {
    this.#alive();
    const index = this.#freeSessions.pop();
    if (index === undefined) {
      const reserved = this.#openSessions.size;
      throw new MemoryError(
        'session',
        `a free session is required; ${reserved} were reserved when the program was compiled.`,
      );
    }
    const { sessionBytes } = this.#stats;
    const offset = index * sessionBytes;
    new Uint8Array(this.memory.buffer, this.#sessions + offset, sessionBytes).fill(0);
    const session: Session = {
      bytes: sessionBytes,
      close: () => {
        if (this.#openSessions.delete(session)) this.#freeSessions.push(index);
      },
    };
    this.#openSessions.set(session, offset);
    return session;
  }

  stats(): Stats {
    return this.#stats;
  }

  close(): void {
    this.#closed = true;
    this.#pool?.stop();
  }

  /** Runs the records and looks at all that they make. */
  protected walkChecked(_name: string, _begun: Begun): void {
    throw new ArgumentError('run', 'a program that was compiled here is required for checkFinite.');
  }

  /** Puts feeds in their places, runs the records or lets `walk` run them, and copies the outputs. */
  protected perform(
    name: string,
    feeds: Named<NDArray>,
    { session, outputs: given }: RunOptions,
    walk?: (begun: Begun) => void,
  ): Record<string, NDArray> {
    const begun = this.#begin(name, feeds, session, given);
    try {
      if (walk) walk(begun);
      else this.walk(begun.first, begun.graph.end);
    } finally {
      this.#mark(begun.graph.spoils, true);
    }
    const outputs: Record<string, NDArray> = {};
    for (const { name: output, dtype, shape, data } of begun.binding.outputs) {
      const array = given && Object.hasOwn(given, output) ? given[output] : undefined;
      array?.data.set(data);
      outputs[output] = array ?? { dtype, shape: [...shape], data: copyOf(dtype, data) };
    }
    return outputs;
  }

  /** Runs the records from one address to another. */
  protected walk(first: number, last: number): void {
    const memory = this.memory;
    memory.setInt32(STATUS, 0, true);
    if (this.#pool) memory.setInt32(RUNNING_THREADS, this.#pool.alive() + 1, true);
    this.#exports.run(first, last);
    const status = memory.getInt32(STATUS, true);
    if (this.#pool && memory.getInt32(ABORT, true) !== 0) {
      this.close();
      throw new AbortedError('wasm', `a worker thread failed${this.#pool.failure()}. Load the program again.`);
    }
    if (status !== 0) {
      throw this.#failure(status, memory.getInt32(STATUS_RECORD, true), memory.getInt32(STATUS_VALUE, true));
    }
  }

  #alive(): void {
    if (this.#closed) throw new ArgumentError('wasm', 'an open executable is required. Received a closed one.');
  }

  #graph(name: string): Loaded {
    this.#alive();
    const graph = this.#graphs.get(name);
    if (graph) return graph;
    const known = [...this.#graphs.keys()].join(', ');
    throw new ArgumentError('run', `one of the graphs ${known} is required. Received '${name}'.`);
  }

  /** A variable as it lies in memory. */
  #variable(name: string, session?: Session): NDArray {
    const variable = Object.hasOwn(this.#variables, name) ? this.#variables[name] : undefined;
    if (!variable) throw new ArgumentError('wasm', `a variable of the program is required. Received '${name}'.`);
    this.#alive();
    const offset = variable.session ? this.#sessionOffset(session) : 0;
    return arrayAt(variable, this.memory, { extents: {}, session: offset });
  }

  #sessionOffset(session?: Session): number {
    if (this.#stats.sessionBytes === 0) return 0;
    if (!session) this.#defaultSession ??= this.createSession();
    const chosen = session ?? this.#defaultSession;
    const offset = chosen ? this.#openSessions.get(chosen) : undefined;
    if (offset === undefined) throw new ArgumentError('session', 'an open session of this executable is required.');
    return offset;
  }

  /** Binds a graph to the extents of its feeds and to a session, unless it is bound to them already. */
  #bound(name: string, graph: Loaded, feeds: Named<NDArray>, session: number): Binding {
    const { binding } = graph;
    const alike = binding !== null && areLike(binding.inputs, feeds);
    if (alike && binding.session === session) return binding;
    const extents = alike ? binding.extents : extentsOf(name, graph.inputs, feeds, this.#bounds);
    if (!alike) checkExtents(graph.requirements, extents);
    return (graph.binding = bind(graph, this.memory, extents, session));
  }

  /** Puts feeds, extents and session in their places, unless they or the arrays for outputs are not the graph's. */
  #begin(name: string, feeds: Named<NDArray>, session?: Session, outputs?: Named<NDArray>): Begun {
    const graph = this.#graph(name);
    const binding = this.#bound(name, graph, feeds, this.#sessionOffset(session));
    if (outputs) checkOutputs(name, binding.outputs, outputs);
    for (const { name: input, data } of binding.inputs) {
      const feed = feeds[input];
      if (feed) data.set(feed.data);
    }
    const stale = graph.reads.some((copy) => this.#stale[copy]);
    if (stale) this.#mark(graph.reads, false);
    return { graph, binding, first: stale ? graph.prepare : graph.body };
  }

  #mark(copies: readonly number[], stale: boolean): void {
    for (const copy of copies) this.#stale[copy] = stale;
  }

  #failure(status: number, record: number, value: number): Error {
    const graph = [...this.#graphs.values()].find(({ first, names }) => record < first + names.length);
    const name = graph?.names[record - graph.first] ?? 'wasm';
    if (status === BAD_INDEX) return new IndexError(name, `an index in range is required. Received ${value}.`);
    return new NumericsError(name, `finite numbers are required. Received a NaN or an infinity at element ${value}.`);
  }
}

function tooLarge(bytes: number, limit: number, parts: Named<number>): MemoryError {
  const each = Object.entries(parts).map(([part, size]) => `${part} ${size}`);
  return new MemoryError(
    'wasm',
    `at most ${limit} bytes are allowed. Received a program that needs ${bytes} (${each.join(', ')}). ` +
      'Lower the bounds of its symbols, or raise the limit.',
    { required: bytes, limit },
  );
}

function memoryOf(pages: number, shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new MemoryError('wasm', `a host that gives ${pages * PAGE} bytes is required. It refused: ${error.message}.`);
  }
}
