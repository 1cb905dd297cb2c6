/** A program compiled here: laid out, in an executor that can also look inside. */
import { NumericsError } from '../../core/errors.js';
import type { NDArray } from '../../core/ndarray.js';
import type { Named } from '../../core/tree.js';
import { optimize } from '../../graph/passes/optimize.js';
import type { Program, ValueId } from '../../graph/program.js';
import type { CompileOptions, Executable, RunOptions, Timing, TimingOptions } from '../backend.js';
import { boundsOf, graphsOf } from '../compiling.js';
import { requireRuns, WARM_UP } from '../timing.js';
import { arrayAt } from './binding.js';
import { crop } from './crop.js';
import { type Begun, Executor, type ExecutorOptions } from './executor.js';
import { type Layout, layOutAll, type Plan } from './layout.js';
import type { Lowerings } from './lowering.js';
import { type ModuleTraits, traitsOf } from './module.js';
import { draftPlan } from './plan.js';
import { Store } from './store.js';

/** How a program is compiled, and for which module. */
export interface WasmOptions extends CompileOptions, ExecutorOptions {}

/** Also runs synchronously: nothing waits for anything but the kernels. */
export interface WasmExecutable extends Executable {
  runSync(graph: string, feeds: Named<NDArray>, options?: RunOptions): Record<string, NDArray>;
}

/** Lays a program out for modules of these traits, which have the kernels of `lowerings`. */
export function layOutProgram(
  program: Program,
  options: CompileOptions,
  lowerings: Lowerings,
  traits: ModuleTraits,
): Layout {
  const bounds = boundsOf(program, options);
  const store = new Store(program);
  const drafts = Object.entries(graphsOf(program, options)).map(
    ([name, graph]) => [name, draftPlan(crop(optimize(graph)), store, lowerings, bounds, traits)] as const,
  );
  return layOutAll(store, new Map(drafts), bounds);
}

/** Compiles a program for a module that has the kernels of `lowerings`. Synchronous: the module is compiled already. */
export function createExecutable(program: Program, options: WasmOptions, lowerings: Lowerings): WasmExecutable {
  const traits = traitsOf(options.module, (options.threads?.count ?? 1) > 1);
  return new Compiled(layOutProgram(program, options, lowerings, traits), options);
}

class Compiled extends Executor implements WasmExecutable {
  readonly #plans: ReadonlyMap<string, Plan>;

  constructor({ laidOut, plans }: Layout, options: ExecutorOptions) {
    super(laidOut, options);
    this.#plans = plans;
  }

  async time(name: string, feeds: Named<NDArray>, { session, runs = 20 }: TimingOptions = {}): Promise<Timing> {
    requireRuns(runs);
    const options = session ? { session } : {};
    const whole: number[] = [];
    const pieces: number[][] = [];
    let extents = {};
    for (let run = 0; run < WARM_UP + runs; run++) {
      const start = performance.now();
      this.runSync(name, feeds, options);
      const taken = performance.now() - start;
      let each: readonly number[] = [];
      this.perform(name, feeds, options, (begun) => {
        extents = begun.binding.extents;
        each = this.#walkSteps(name, begun);
      });
      if (run < WARM_UP) continue;
      whole.push(taken);
      pieces.push([...each]);
    }
    const { draft, packing, steps } = this.#plan(name);
    const packs = pieces.some(({ length }) => length > steps.length);
    const records = (packs ? [...packing, ...steps] : steps).map(({ kernel, node }, i) => {
      return { kernel, nodes: draft.nodesOf(node), ms: pieces.map((each) => each[i] ?? NaN) };
    });
    return { graph: draft.graph, extents, records, ms: whole };
  }

  #plan(name: string): Plan {
    const plan = this.#plans.get(name);
    if (!plan) throw new RangeError(`graph '${name}' was not laid out`);
    return plan;
  }

  /** Runs record by record; returns the milliseconds of each. */
  #walkSteps(name: string, { graph, first }: Begun): readonly number[] {
    const { packing, steps } = this.#plan(name);
    const all = first === graph.body ? steps : [...packing, ...steps];
    return all.map(({ at }, i) => {
      const start = performance.now();
      this.walk(at, all[i + 1]?.at ?? graph.end);
      return performance.now() - start;
    });
  }

  /** Runs node by node. */
  protected override walkChecked(name: string, { graph: { body, end }, binding, first }: Begun): void {
    const { draft, steps, placeOf } = this.#plan(name);
    const { graph } = draft;
    const check = (what: string, value: ValueId): void => {
      if (graph.values[value]?.dtype !== 'f32') return;
      const { data } = arrayAt(placeOf(value), this.memory, binding);
      const at = data.findIndex((x: number) => !Number.isFinite(x));
      if (at >= 0)
        throw new NumericsError(name, `finite numbers are required. Received ${data[at]} at element ${at} of ${what}.`);
    };
    this.walk(first, body);
    for (const [input, value] of Object.entries(graph.inputs)) check(`input '${input}'`, value);
    for (const [variable, value] of Object.entries(graph.variables)) check(`variable '${variable}'`, value);
    steps.forEach(({ at, node }, index) => {
      const next = steps[index + 1];
      this.walk(at, next?.at ?? end);
      const made = graph.nodes[node];
      if (!made || next?.node === node) return;
      for (const output of made.outputs) check(`the output of '${made.name}' (${made.op})`, output);
    });
  }
}
