/**
 * The backend that is obviously right: it interprets the reference facets in float64, node by node, and is the oracle for
 * all others. Feeds and outputs are float32 at the border; variables keep float64 between runs.
 */
import { ArgumentError, MemoryError } from '../../core/errors.js';
import type { NDArray } from '../../core/ndarray.js';
import { evaluateDim, evaluateShape, type Extents, sizeOfShape } from '../../core/shape.js';
import type { Named } from '../../core/tree.js';
import type { Graph, Program, ValueId, Variable } from '../../graph/program.js';
import type { ReferenceArray } from '../../ops/definition.js';
import type { TensorType } from '../../ops/tensor.js';
import type {
  Backend,
  CompileOptions,
  Executable,
  RunOptions,
  Session,
  Stats,
  Timing,
  TimingOptions,
} from '../backend.js';
import { boundsOf, graphOf, graphsOf, typesOf } from '../compiling.js';
import { checkExtents, requirementsOf } from '../extents.js';
import { checkOutputs, checkVariable, extentsOf, type NamedType } from '../feeds.js';
import { requireRuns, WARM_UP } from '../timing.js';
import { executeGraph, fromHost, toHost, zeros } from './execute.js';

/** The float64 interpreter: slow, obvious, and what all other backends are held against. */
export const referenceBackend: Backend = {
  name: 'reference',
  compile: async (program, options = {}) => new ReferenceExecutable(program, options),
};

/** Variables of one scope, by name. */
type Store = Map<string, ReferenceArray>;

class ReferenceExecutable implements Executable {
  readonly #program: Program;
  readonly #graphs: Named<Graph>;
  readonly #bounds: Named<number>;
  readonly #stats: Stats;
  readonly #capacity: number;
  readonly #shared: Store;
  /** The stores of the open sessions; that of the default session is undefined's, from its first use. */
  readonly #sessions = new Map<Session | undefined, Store>();
  #isOpen = true;

  constructor(program: Program, options: CompileOptions) {
    this.#program = program;
    this.#graphs = graphsOf(program, options);
    this.#bounds = boundsOf(program, options);
    this.#capacity = options.sessions ?? 1;
    this.#stats = statsOf(program, Object.values(this.#graphs), this.#bounds, this.#capacity);
    if (this.#stats.peakBytes > (options.memoryLimit ?? Infinity)) {
      const limit = `at most ${options.memoryLimit} bytes are allowed`;
      throw new MemoryError('reference', `${limit}. The program takes ${this.#stats.peakBytes} at its bounds.`);
    }
    this.#shared = storeOf(program.variables, 'shared');
  }

  async run(name: string, feeds: Named<NDArray>, options: RunOptions = {}): Promise<Record<string, NDArray>> {
    return this.#run(name, feeds, options);
  }

  async time(name: string, feeds: Named<NDArray>, { session, runs = 20 }: TimingOptions = {}): Promise<Timing> {
    requireRuns(runs);
    const options = session ? { session } : {};
    const graph = graphOf(this.#graphs, name);
    const nodes = graph.nodes.map((): number[] => []);
    const whole: number[] = [];
    for (let run = 0; run < WARM_UP + runs; run++) {
      const start = performance.now();
      const each: number[] = [];
      await this.#run(name, feeds, options, (ms) => each.push(ms));
      if (run < WARM_UP) continue;
      whole.push(performance.now() - start);
      each.forEach((ms, node) => nodes[node]?.push(ms));
    }
    const records = graph.nodes.map(({ op }, index) => ({ kernel: op, nodes: [index], ms: nodes[index] ?? [] }));
    return { graph, extents: extentsOf(name, typesOf(graph, graph.inputs), feeds, this.#bounds), records, ms: whole };
  }

  async #run(
    name: string,
    feeds: Named<NDArray>,
    options: RunOptions,
    heard?: (ms: number) => unknown,
  ): Promise<Record<string, NDArray>> {
    this.#requireOpen();
    const graph = graphOf(this.#graphs, name);
    const extents = extentsOf(name, typesOf(graph, graph.inputs), feeds, this.#bounds);
    checkExtents(requirementsOf(name, graph), extents);
    checkOutputs(name, outputTypes(graph, extents), options.outputs ?? {});
    const given = new Map<ValueId, ReferenceArray>();
    for (const [input, id] of Object.entries(graph.inputs)) given.set(id, fromHost(feeds[input] as NDArray));
    for (const [variable, id] of Object.entries(graph.variables)) {
      given.set(id, this.#storeOf(variable, options.session).get(variable) as ReferenceArray);
    }
    const values = executeGraph(graph, given, extents, options.checkFinite, heard);
    for (const [variable, id] of Object.entries(graph.updates)) {
      this.#storeOf(variable, options.session).set(variable, values.get(id) as ReferenceArray);
    }
    const output = ([key, id]: [string, ValueId]) => {
      const array = toHost(values.get(id) as ReferenceArray);
      const into = options.outputs && Object.hasOwn(options.outputs, key) ? options.outputs[key] : undefined;
      into?.data.set(array.data);
      return [key, into ?? array] as const;
    };
    return Object.fromEntries(Object.entries(graph.outputs).map(output));
  }

  getVariable(name: string, session?: Session): NDArray {
    this.#requireOpen();
    return toHost(this.#storeOf(name, session).get(name) as ReferenceArray);
  }

  setVariable(name: string, value: NDArray, session?: Session): void {
    this.#requireOpen();
    const store = this.#storeOf(name, session);
    checkVariable(name, this.#variable(name), value);
    store.set(name, fromHost(value));
  }

  createSession(): Session {
    this.#requireOpen();
    const session: Session = { bytes: this.#stats.sessionBytes, close: () => void this.#sessions.delete(session) };
    this.#open(session);
    return session;
  }

  stats(): Stats {
    return this.#stats;
  }

  close(): void {
    this.#isOpen = false;
    this.#shared.clear();
    this.#sessions.clear();
  }

  #variable(name: string): Variable {
    const variable = Object.hasOwn(this.#program.variables, name) ? this.#program.variables[name] : undefined;
    if (!variable) throw new ArgumentError('variable', `a variable of the program is required. Received '${name}'.`);
    return variable;
  }

  #storeOf(name: string, session: Session | undefined): Store {
    if (this.#variable(name).scope === 'shared') return this.#shared;
    const store = this.#sessions.get(session) ?? (session ? undefined : this.#open(session));
    if (!store) throw new ArgumentError('session', 'an open session of this executable is required.');
    return store;
  }

  #open(session: Session | undefined): Store {
    if (this.#sessions.size >= this.#capacity) {
      throw new MemoryError('session', `a free session is required; ${this.#capacity} were reserved, and are open.`);
    }
    const store = storeOf(this.#program.variables, 'session');
    this.#sessions.set(session, store);
    return store;
  }

  #requireOpen(): void {
    if (!this.#isOpen) throw new ArgumentError('run', 'an open executable is required. This one was closed.');
  }
}

function storeOf(variables: Named<Variable>, scope: Variable['scope']): Store {
  const inScope = Object.entries(variables).filter(([, variable]) => variable.scope === scope);
  return new Map(inScope.map(([name, variable]) => [name, zeros(variable)]));
}

function outputTypes(graph: Graph, extents: Extents): NamedType[] {
  const types = Object.entries(typesOf(graph, graph.outputs));
  return types.map(([name, { dtype, shape }]) => ({ name, dtype, shape: evaluateShape(shape, extents) }));
}

/** Every value of the largest graph at the bounds, f32 in float64, beside the variables. */
function statsOf(program: Program, graphs: readonly Graph[], bounds: Extents, sessions: number): Stats {
  const bytes = ({ dtype, shape }: TensorType): number => {
    const width = { f32: 8, i32: 4, u8: 1, i8: 1, bool: 1 }[dtype];
    return evaluateDim(sizeOfShape(shape), bounds) * width;
  };
  const sum = (types: readonly TensorType[]): number => types.reduce((total, type) => total + bytes(type), 0);
  const inScope = (scope: Variable['scope']) => Object.values(program.variables).filter((each) => each.scope === scope);
  const sessionBytes = sum(inScope('session'));
  const activations = Math.max(0, ...graphs.map((graph) => sum(graph.values)));
  return {
    peakBytes: sum(inScope('shared')) + sessionBytes * sessions + activations,
    sessionBytes,
    description: 'reference, float64',
  };
}
