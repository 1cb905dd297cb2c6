/** A compiled program in a memory of its own: one call into WebAssembly runs a graph. */
import { copyOf, viewOf } from '../../core/dtype.js';
import { AbortedError, ArgumentError, IndexError, MemoryError, NumericsError } from '../../core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../../core/ndarray.js';
import type { Extents } from '../../core/shape.js';
import type { Named } from '../../core/tree.js';
import { optimize } from '../../graph/passes/optimize.js';
import type { Program, ValueId } from '../../graph/program.js';
import type { CompileOptions, Executable, RunOptions, Session, Stats, Timing, TimingOptions } from '../backend.js';
import { requireRuns, WARM_UP } from '../timing.js';
import { areLike, boundsOf, checkExtents, checkOutputs, checkVariable, extentsOf, graphsOf } from '../feeds.js';
import { arrayAt, bind, type Binding } from './binding.js';
import { ABORT, BAD_INDEX, MAY_WAIT, RUNNING_THREADS, STATUS, STATUS_RECORD, STATUS_VALUE, SYNC } from './control.js';
import { crop } from './crop.js';
import { type Layout, layOutAll, PAGE, type Plan } from './layout.js';
import type { Lowerings } from './lowering.js';
import { instantiate, type ModuleExports, traitsOf } from './module.js';
import { draftPlan } from './plan.js';
import { type PackedCopy, Store } from './store.js';
import type { ThreadHost, ThreadPool } from './threads.js';

export interface WasmOptions extends CompileOptions {
  /** A module of this version, compiled by the host. */
  readonly module: WebAssembly.Module;
  /** What starts worker threads; the module must then be a `-threads` one. Without it the caller's thread runs alone. */
  readonly threads?: { readonly count: number; readonly host: ThreadHost };
  /** How to call the module in messages and statistics. */
  readonly description?: string;
}

/** Also runs synchronously: nothing waits for anything but the kernels. */
export interface WasmExecutable extends Executable {
  runSync(graph: string, feeds: Named<NDArray>, options?: RunOptions): Record<string, NDArray>;
}

/** Compiles a program for a module that has the kernels of `lowerings`. Synchronous: the module is compiled already. */
export function createExecutable(program: Program, options: WasmOptions, lowerings: Lowerings): WasmExecutable {
  return new Compiled(program, options, lowerings);
}

/** A graph that can be run. */
interface Loaded {
  readonly plan: Plan;
  /** The packed copies that it reads, and those that its updates make stale. */
  readonly reads: readonly PackedCopy[];
  readonly spoils: readonly PackedCopy[];
  /** What it was last run with. */
  binding: Binding | null;
}

/** A run whose feeds are in place. */
interface Begun {
  readonly graph: Loaded;
  readonly binding: Binding;
  /** The record that it starts with. */
  readonly first: number;
}

class Compiled implements WasmExecutable {
  readonly #store: Store;
  readonly #layout: Layout;
  /** The whole memory, which never grows. */
  readonly #memory: DataView;
  readonly #exports: ModuleExports;
  readonly #bounds: Extents;
  readonly #graphs = new Map<string, Loaded>();
  readonly #openSessions = new Map<Session, number>();
  readonly #freeSessions: number[];
  readonly #pool: ThreadPool | null;
  readonly #description: string;
  #defaultSession: Session | null = null;
  #closed = false;

  constructor(program: Program, options: WasmOptions, lowerings: Lowerings) {
    const threads = options.threads?.count ?? 1;
    const shared = threads > 1;
    const traits = traitsOf(options.module, shared);
    this.#bounds = boundsOf(program, options);
    this.#store = new Store(program);
    const drafts = new Map(
      Object.entries(graphsOf(program, options)).map(([name, graph]) => [
        name,
        draftPlan(crop(optimize(graph)), this.#store, lowerings, this.#bounds, traits),
      ]),
    );
    const needsSession = Object.values(program.variables).some((variable) => variable.scope === 'session');
    const sessions = needsSession ? (options.sessions ?? 1) : 0;
    this.#layout = layOutAll(this.#store, drafts, {
      threads,
      waitsOf: options.threads?.host.waitsOf,
      sessions,
      memoryLimit: options.memoryLimit ?? Infinity,
    });
    this.#freeSessions = Array.from({ length: sessions }, (_, i) => i).reverse();
    const pages = this.#layout.bytes / PAGE;
    const memory = memoryOf(pages, shared);
    this.#memory = new DataView(memory.buffer);
    this.#exports = instantiate(options.module, memory);
    this.#exports.setup();
    this.#exports.setScratch(this.#layout.scratch);
    this.#memory.setUint32(SYNC, this.#layout.sync, true);
    this.#memory.setInt32(RUNNING_THREADS, 1, true);
    this.#memory.setInt32(MAY_WAIT, options.threads?.host.mayWait ? 1 : 0, true);
    for (const [name, plan] of this.#layout.plans) {
      for (const [at, words] of plan.image) new Uint32Array(memory.buffer, at, words.length).set(words);
      const reads = plan.packedKeys.flatMap((key) => this.#store.packedCopies.get(key) ?? []);
      const spoils = this.#store.copiesOf(Object.keys(plan.draft.graph.updates));
      this.#graphs.set(name, { plan, reads, spoils, binding: null });
    }
    this.#pool = options.threads
      ? options.threads.host.start(threads - 1, {
          module: options.module,
          memory,
          scratch: (thread) => this.#layout.scratch + thread * this.#layout.scratchStride,
        })
      : null;
    this.#description = `${options.description ?? 'wasm'}, ${threads} thread${threads === 1 ? '' : 's'}`;
  }

  run(graph: string, feeds: Named<NDArray>, options: RunOptions = {}): Promise<Record<string, NDArray>> {
    return new Promise((resolve) => resolve(this.runSync(graph, feeds, options)));
  }

  runSync(name: string, feeds: Named<NDArray>, options: RunOptions = {}): Record<string, NDArray> {
    const given = options.outputs;
    const begun = this.#begin(name, feeds, options.session, given);
    try {
      if (options.checkFinite) this.#runChecked(name, begun);
      else this.#walk(begun.first, begun.graph.plan.end);
    } finally {
      mark(begun.graph.spoils, true);
    }
    const outputs: Record<string, NDArray> = {};
    for (const { name: output, dtype, shape, data } of begun.binding.outputs) {
      const array = given && Object.hasOwn(given, output) ? given[output] : undefined;
      array?.data.set(data);
      outputs[output] = array ?? { dtype, shape: [...shape], data: copyOf(dtype, data) };
    }
    return outputs;
  }

  async time(name: string, feeds: Named<NDArray>, { session, runs = 20 }: TimingOptions = {}): Promise<Timing> {
    requireRuns(runs);
    const options = session ? { session } : {};
    const whole: number[] = [];
    const pieces: number[][] = [];
    for (let run = 0; run < WARM_UP + runs; run++) {
      const start = performance.now();
      this.runSync(name, feeds, options);
      const taken = performance.now() - start;
      const each = this.#walkSteps(name, feeds, session);
      if (run < WARM_UP) continue;
      whole.push(taken);
      pieces.push(each);
    }
    const { plan, binding } = this.#graph(name);
    const { draft, packing, steps } = plan;
    const packs = pieces.some(({ length }) => length > steps.length);
    const records = (packs ? [...packing, ...steps] : steps).map(({ kernel, node }, i) => {
      return { kernel, nodes: draft.nodesOf(node), ms: pieces.map((each) => each[i] ?? NaN) };
    });
    return { graph: draft.graph, extents: binding?.extents ?? {}, records, ms: whole };
  }

  getVariable(name: string, session?: Session): NDArray {
    const { dtype, shape } = this.#store.variable(name);
    const at = this.#address(name) + this.#offsetFor(name, session);
    return ndarray(dtype, shape, copyOf(dtype, viewOf(dtype, this.#memory.buffer, at, sizeOf(shape))));
  }

  setVariable(name: string, value: NDArray, session?: Session): void {
    const variable = this.#store.variable(name);
    checkVariable(name, variable, value);
    const at = this.#address(name) + this.#offsetFor(name, session);
    viewOf(variable.dtype, this.#memory.buffer, at, value.data.length).set(value.data);
    mark(this.#store.packedCopies.values(), true);
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
    const offset = index * this.#layout.sessionBytes;
    new Uint8Array(this.#memory.buffer, this.#layout.sessions + offset, this.#layout.sessionBytes).fill(0);
    const session: Session = {
      bytes: this.#layout.sessionBytes,
      close: () => {
        if (this.#openSessions.delete(session)) this.#freeSessions.push(index);
      },
    };
    this.#openSessions.set(session, offset);
    return session;
  }

  stats(): Stats {
    return { peakBytes: this.#layout.bytes, sessionBytes: this.#layout.sessionBytes, description: this.#description };
  }

  close(): void {
    this.#closed = true;
    this.#pool?.stop();
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

  #address(variable: string): number {
    this.#alive();
    return this.#layout.variables.get(this.#store.variable(variable).name) ?? 0;
  }

  #offsetFor(name: string, session?: Session): number {
    return this.#store.variable(name).scope === 'session' ? this.#sessionOffset(session) : 0;
  }

  #sessionOffset(session?: Session): number {
    if (this.#layout.sessionBytes === 0) return 0;
    if (!session) this.#defaultSession ??= this.createSession();
    const chosen = session ?? this.#defaultSession;
    const offset = chosen ? this.#openSessions.get(chosen) : undefined;
    if (offset === undefined) throw new ArgumentError('session', 'an open session of this executable is required.');
    return offset;
  }

  /** Binds a graph to the extents of its feeds and to a session, unless it is bound to them already. */
  #bound(name: string, graph: Loaded, feeds: Named<NDArray>, session: number): Binding {
    const { plan, binding } = graph;
    const alike = binding !== null && areLike(binding.inputs, feeds);
    if (alike && binding.session === session) return binding;
    const extents = alike ? binding.extents : extentsOf(name, plan.draft.graph, feeds, this.#bounds);
    if (!alike) checkExtents(name, plan.draft.graph, extents);
    return (graph.binding = bind(plan, this.#memory, extents, session));
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
    const { plan, reads } = graph;
    const stale = reads.some((copy) => copy.stale);
    if (stale) mark(reads, false);
    return { graph, binding, first: stale ? plan.prepare : plan.body };
  }

  /** Runs record by record; returns the milliseconds of each. */
  #walkSteps(name: string, feeds: Named<NDArray>, session: Session | undefined): number[] {
    const { graph, first } = this.#begin(name, feeds, session);
    const { plan, spoils } = graph;
    const steps = first === plan.body ? plan.steps : [...plan.packing, ...plan.steps];
    try {
      return steps.map(({ at }, i) => {
        const start = performance.now();
        this.#walk(at, steps[i + 1]?.at ?? plan.end);
        return performance.now() - start;
      });
    } finally {
      mark(spoils, true);
    }
  }

  #walk(first: number, last: number): void {
    const memory = this.#memory;
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

  #failure(status: number, record: number, value: number): Error {
    const { graph, node } = this.#layout.records[record] ?? { graph: '', node: -1 };
    const name = this.#layout.plans.get(graph)?.draft.graph.nodes[node]?.name ?? graph;
    if (status === BAD_INDEX) return new IndexError(name, `an index in range is required. Received ${value}.`);
    return new NumericsError(name, `finite numbers are required. Received a NaN or an infinity at element ${value}.`);
  }

  /** Runs node by node and looks at everything that each node made. */
  #runChecked(name: string, { graph: { plan }, binding, first }: Begun): void {
    const { graph } = plan.draft;
    const check = (what: string, value: ValueId): void => {
      if (graph.values[value]?.dtype !== 'f32') return;
      const { data } = arrayAt(plan, this.#memory, value, binding);
      const at = data.findIndex((x: number) => !Number.isFinite(x));
      if (at >= 0)
        throw new NumericsError(name, `finite numbers are required. Received ${data[at]} at element ${at} of ${what}.`);
    };
    this.#walk(first, plan.body);
    for (const [input, value] of Object.entries(graph.inputs)) check(`input '${input}'`, value);
    for (const [variable, value] of Object.entries(graph.variables)) check(`variable '${variable}'`, value);
    plan.steps.forEach(({ at, node }, index) => {
      const next = plan.steps[index + 1];
      this.#walk(at, next?.at ?? plan.end);
      const made = graph.nodes[node];
      if (!made || next?.node === node) return;
      for (const output of made.outputs) check(`the output of '${made.name}' (${made.op})`, output);
    });
  }
}

function mark(copies: Iterable<PackedCopy>, stale: boolean): void {
  for (const copy of copies) copy.stale = stale;
}

function memoryOf(pages: number, shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new MemoryError('wasm', `a host that gives ${pages * PAGE} bytes is required. It refused: ${error.message}.`);
  }
}
