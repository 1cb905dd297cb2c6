/** A compiled program in a memory of its own: one call into WebAssembly runs a graph. */
import { copyOf, type DataOf, viewOf } from '../../core/dtype.js';
import { AbortedError, ArgumentError, IndexError, MemoryError, NumericsError } from '../../core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../../core/ndarray.js';
import { evaluateShape, type Extents } from '../../core/shape.js';
import type { Named } from '../../core/tree.js';
import { optimize } from '../../graph/passes/optimize.js';
import type { Program, ValueId } from '../../graph/program.js';
import type { CompileOptions, Executable, RunOptions, Session, Stats, Timing, TimingOptions } from '../backend.js';
import { requireRuns, WARM_UP } from '../timing.js';
import { boundsOf, checkExtents, checkVariable, extentsOf, graphsOf } from '../feeds.js';
import { ABORT, BAD_INDEX, MAY_WAIT, RUNNING_THREADS, STATUS, STATUS_RECORD, STATUS_VALUE, SYNC } from './control.js';
import { type Layout, layOutAll, PAGE, patch, type Plan } from './layout.js';
import { lowerings } from './lower/table.js';
import { instantiate, type ModuleExports, traitsOf } from './module.js';
import { draftPlan } from './plan.js';
import { Store } from './store.js';
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

/** Compiles a program for a module. Synchronous: the module is compiled already. */
export function createExecutable(program: Program, options: WasmOptions): WasmExecutable {
  return new Compiled(program, options);
}

/** A run whose feeds are in place. */
interface Begun {
  readonly plan: Plan;
  readonly extents: Extents;
  /** Where the session's variables lie. */
  readonly offset: number;
  /** The record that it starts with. */
  readonly first: number;
}

interface State {
  extents: Extents | null;
  session: number;
}

class Compiled implements WasmExecutable {
  private readonly store: Store;
  private readonly layout: Layout;
  private readonly memory: WebAssembly.Memory;
  private readonly exports: ModuleExports;
  private readonly bounds: Extents;
  private readonly states = new Map<string, State>();
  private readonly openSessions = new Map<Session, number>();
  private readonly freeSessions: number[];
  private readonly pool: ThreadPool | null;
  private readonly description: string;
  private defaultSession: Session | null = null;
  private closed = false;

  constructor(program: Program, options: WasmOptions) {
    const threads = options.threads?.count ?? 1;
    const shared = threads > 1;
    const traits = traitsOf(options.module, shared);
    this.bounds = boundsOf(program, options);
    this.store = new Store(program);
    const drafts = new Map(
      Object.entries(graphsOf(program, options)).map(([name, graph]) => [
        name,
        draftPlan(optimize(graph), this.store, lowerings, this.bounds, traits),
      ]),
    );
    const needsSession = Object.values(program.variables).some((variable) => variable.scope === 'session');
    const sessions = needsSession ? (options.sessions ?? 1) : 0;
    this.layout = layOutAll(this.store, drafts, { threads, sessions, memoryLimit: options.memoryLimit ?? Infinity });
    this.freeSessions = Array.from({ length: sessions }, (_, i) => i).reverse();
    const pages = this.layout.bytes / PAGE;
    this.memory = memoryOf(pages, shared);
    this.exports = instantiate(options.module, this.memory);
    this.exports.setup();
    this.exports.setScratch(this.layout.scratch);
    const view = this.view();
    view.setUint32(SYNC, this.layout.sync, true);
    view.setInt32(RUNNING_THREADS, 1, true);
    view.setInt32(MAY_WAIT, options.threads?.host.mayWait ? 1 : 0, true);
    for (const [name, plan] of this.layout.plans) {
      for (const [at, words] of plan.image) new Uint32Array(this.memory.buffer, at, words.length).set(words);
      this.states.set(name, { extents: null, session: -1 });
    }
    this.pool = options.threads
      ? options.threads.host.start(threads - 1, {
          module: options.module,
          memory: this.memory,
          scratch: (thread) => this.layout.scratch + thread * this.layout.scratchStride,
        })
      : null;
    this.description = `${options.description ?? 'wasm'}, ${threads} thread${threads === 1 ? '' : 's'}`;
  }

  run(graph: string, feeds: Named<NDArray>, options: RunOptions = {}): Promise<Record<string, NDArray>> {
    return new Promise((resolve) => resolve(this.runSync(graph, feeds, options)));
  }

  runSync(name: string, feeds: Named<NDArray>, options: RunOptions = {}): Record<string, NDArray> {
    const { plan, extents, offset, first } = this.begin(name, feeds, options.session);
    const { graph } = plan.draft;
    try {
      if (options.checkFinite) this.runChecked(name, plan, first, extents, offset);
      else this.walk(first, plan.end);
    } finally {
      this.store.spoil(Object.keys(graph.updates));
    }
    const outputs: Record<string, NDArray> = {};
    for (const [output, value] of Object.entries(graph.outputs)) {
      const type = graph.values[value];
      if (!type) continue;
      const shape = evaluateShape(type.shape, extents);
      outputs[output] = ndarray(type.dtype, shape, copyOf(type.dtype, this.array(plan, value, shape, offset)));
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
      const each = this.walkSteps(name, feeds, session);
      if (run < WARM_UP) continue;
      whole.push(taken);
      pieces.push(each);
    }
    const { draft, packing, steps } = this.plan(name);
    const packs = pieces.some(({ length }) => length > steps.length);
    const records = (packs ? [...packing, ...steps] : steps).map(({ kernel, node }, i) => {
      return { kernel, nodes: draft.nodesOf(node), ms: pieces.map((each) => each[i] ?? NaN) };
    });
    return { graph: draft.graph, extents: this.states.get(name)?.extents ?? {}, records, ms: whole };
  }

  getVariable(name: string, session?: Session): NDArray {
    const { dtype, shape } = this.store.variable(name);
    const at = this.address(name) + this.offsetFor(name, session);
    return ndarray(dtype, shape, copyOf(dtype, viewOf(dtype, this.memory.buffer, at, sizeOf(shape))));
  }

  setVariable(name: string, value: NDArray, session?: Session): void {
    const variable = this.store.variable(name);
    checkVariable(name, variable, value);
    const at = this.address(name) + this.offsetFor(name, session);
    viewOf(variable.dtype, this.memory.buffer, at, value.data.length).set(value.data);
    this.store.spoil();
  }

  createSession(): Session {
    this.alive();
    const index = this.freeSessions.pop();
    if (index === undefined) {
      const reserved = this.openSessions.size;
      throw new MemoryError(
        'session',
        `a free session is required; ${reserved} were reserved when the program was compiled.`,
      );
    }
    const offset = index * this.layout.sessionBytes;
    new Uint8Array(this.memory.buffer, this.layout.sessions + offset, this.layout.sessionBytes).fill(0);
    const session: Session = {
      bytes: this.layout.sessionBytes,
      close: () => {
        if (this.openSessions.delete(session)) this.freeSessions.push(index);
      },
    };
    this.openSessions.set(session, offset);
    return session;
  }

  stats(): Stats {
    return { peakBytes: this.layout.bytes, sessionBytes: this.layout.sessionBytes, description: this.description };
  }

  close(): void {
    this.closed = true;
    this.pool?.stop();
  }

  private alive(): void {
    if (this.closed) throw new ArgumentError('wasm', 'an open executable is required. Received a closed one.');
  }

  private view(): DataView {
    return new DataView(this.memory.buffer);
  }

  private plan(name: string): Plan {
    this.alive();
    const plan = this.layout.plans.get(name);
    if (plan) return plan;
    const known = [...this.layout.plans.keys()].join(', ');
    throw new ArgumentError('run', `one of the graphs ${known} is required. Received '${name}'.`);
  }

  private address(variable: string): number {
    this.alive();
    return this.layout.variables.get(this.store.variable(variable).name) ?? 0;
  }

  private offsetFor(name: string, session?: Session): number {
    return this.store.variable(name).scope === 'session' ? this.sessionOffset(session) : 0;
  }

  private sessionOffset(session?: Session): number {
    if (this.layout.sessionBytes === 0) return 0;
    if (!session) this.defaultSession ??= this.createSession();
    const chosen = session ?? this.defaultSession;
    const offset = chosen ? this.openSessions.get(chosen) : undefined;
    if (offset === undefined) throw new ArgumentError('session', 'an open session of this executable is required.');
    return offset;
  }

  private prepare(name: string, plan: Plan, extents: Extents, session: number): void {
    const state = this.states.get(name);
    if (!state) return;
    const known = state.extents;
    const same = known !== null && Object.entries(extents).every(([symbol, extent]) => known[symbol] === extent);
    if (same && state.session === session) return;
    checkExtents(name, plan.draft.graph, extents);
    patch(plan, this.view(), extents, session);
    state.extents = extents;
    state.session = session;
  }

  /** Puts feeds, extents and session in their places. */
  private begin(name: string, feeds: Named<NDArray>, session: Session | undefined): Begun {
    const plan = this.plan(name);
    const { graph } = plan.draft;
    const extents = extentsOf(name, graph, feeds, this.bounds);
    this.prepare(name, plan, extents, this.sessionOffset(session));
    const offset = this.states.get(name)?.session ?? 0;
    for (const [input, value] of Object.entries(graph.inputs)) {
      const feed = feeds[input];
      if (feed) this.array(plan, value, feed.shape, offset).set(feed.data);
    }
    const stale = plan.packedKeys.some((key) => this.store.packedCopies.get(key)?.stale);
    if (stale) for (const key of plan.packedKeys) this.refreshed(key);
    return { plan, extents, offset, first: stale ? plan.prepare : plan.body };
  }

  /** Runs record by record; returns the milliseconds of each. */
  private walkSteps(name: string, feeds: Named<NDArray>, session: Session | undefined): number[] {
    const { plan, first } = this.begin(name, feeds, session);
    const steps = first === plan.body ? plan.steps : [...plan.packing, ...plan.steps];
    try {
      return steps.map(({ at }, i) => {
        const start = performance.now();
        this.walk(at, steps[i + 1]?.at ?? plan.end);
        return performance.now() - start;
      });
    } finally {
      this.store.spoil(Object.keys(plan.draft.graph.updates));
    }
  }

  private refreshed(key: string): void {
    const copy = this.store.packedCopies.get(key);
    if (copy) copy.stale = false;
  }

  private array(plan: Plan, value: ValueId, shape: readonly number[], session: number): DataOf {
    const address = plan.draft.addressOf[value];
    const type = plan.draft.graph.values[value];
    if (!address || !type) throw new RangeError(`value ${value} is not in the plan`);
    const place = plan.addressOf(address);
    return viewOf(type.dtype, this.memory.buffer, place.at + (place.session ? session : 0), sizeOf(shape));
  }

  private walk(first: number, last: number): void {
    const view = this.view();
    view.setInt32(STATUS, 0, true);
    if (this.pool) view.setInt32(RUNNING_THREADS, this.pool.alive() + 1, true);
    this.exports.run(first, last);
    const status = view.getInt32(STATUS, true);
    if (this.pool && view.getInt32(ABORT, true) !== 0) {
      this.close();
      throw new AbortedError('wasm', `a worker thread failed${this.pool.failure()}. Load the program again.`);
    }
    if (status !== 0) throw this.failure(status, view.getInt32(STATUS_RECORD, true), view.getInt32(STATUS_VALUE, true));
  }

  private failure(status: number, record: number, value: number): Error {
    const { graph, node } = this.layout.records[record] ?? { graph: '', node: -1 };
    const name = this.layout.plans.get(graph)?.draft.graph.nodes[node]?.name ?? graph;
    if (status === BAD_INDEX) return new IndexError(name, `an index in range is required. Received ${value}.`);
    return new NumericsError(name, `finite numbers are required. Received a NaN or an infinity at element ${value}.`);
  }

  /** Runs node by node and looks at everything that each node made. */
  private runChecked(name: string, plan: Plan, first: number, extents: Extents, session: number): void {
    const { graph } = plan.draft;
    const check = (what: string, value: ValueId): void => {
      const type = graph.values[value];
      if (type?.dtype !== 'f32') return;
      const data = this.array(plan, value, evaluateShape(type.shape, extents), session);
      const at = data.findIndex((x: number) => !Number.isFinite(x));
      if (at >= 0)
        throw new NumericsError(name, `finite numbers are required. Received ${data[at]} at element ${at} of ${what}.`);
    };
    for (const [input, value] of Object.entries(graph.inputs)) check(`input '${input}'`, value);
    for (const [variable, value] of Object.entries(graph.variables)) check(`variable '${variable}'`, value);
    this.walk(first, plan.body);
    plan.steps.forEach(({ at, node }, index) => {
      const next = plan.steps[index + 1];
      this.walk(at, next?.at ?? plan.end);
      const made = graph.nodes[node];
      if (!made || next?.node === node) return;
      for (const output of made.outputs) check(`the output of '${made.name}' (${made.op})`, output);
    });
  }
}

function memoryOf(pages: number, shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new MemoryError('wasm', `a host that gives ${pages * PAGE} bytes is required. It refused: ${error.message}.`);
  }
}
