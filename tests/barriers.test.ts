/**
 * Threads work on several records at once where none waits. So between two waits the order of records must not matter:
 * plans are run forwards, and again with the records between any two waits in reverse, and every byte of the variables and the outputs
 * compared.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { extentsOf } from '../src/backend/feeds.js';
import { arrayAt, bind } from '../src/backend/wasm/binding.js';
import { PLANS } from '../src/backend/wasm/laid-out.js';
import { layOutAll, type Step } from '../src/backend/wasm/layout.js';
import { lowerings } from '../src/backend/wasm/lower/table.js';
import { instantiate, traitsOf } from '../src/backend/wasm/module.js';
import { compileModule } from '../src/backend/wasm/modules-node.js';
import { draftPlan } from '../src/backend/wasm/plan.js';
import { Store } from '../src/backend/wasm/store.js';
import type { DataOf } from '../src/core/dtype.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import type { Named } from '../src/core/tree.js';
import { optimize } from '../src/graph/passes/optimize.js';
import type { Program } from '../src/graph/program.js';
import { mnistCnn } from '../src/models/mnist-cnn.js';
import { randomFeeds, randomProgram, recipes } from './support/random-graph.js';

const module = compileModule('train-simd', false);

/** A program in a memory of its own, whose records are run one by one in any order. */
function machineOf(program: Program, name: string, variables: ReadonlyMap<string, NDArray>, feeds: Named<NDArray>) {
  const graph = program.graphs[name];
  if (!graph) throw new RangeError(name);
  const store = new Store(program);
  const bounds = Object.fromEntries(Object.keys(program.symbols).map((symbol) => [symbol, 4]));
  const draft = draftPlan(optimize(graph), store, lowerings, bounds, traitsOf(module, false));
  const { laidOut, plans } = layOutAll(store, new Map([[name, draft]]), bounds);
  const [plan, placed] = [plans.get(name), laidOut.graphs[name]];
  if (!plan || !placed) throw new RangeError(name);
  const { regions, words } = laidOut;
  const scratch = PLANS + regions.plans + regions.variables + regions.packed + regions.activations + regions.session;
  const pages = Math.ceil((scratch + regions.scratch) / 65536) + 1;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const exports = instantiate(module, memory);
  exports.setup();
  exports.setScratch(scratch);
  new Uint32Array(memory.buffer, PLANS, words.length).set(words);
  const view = new DataView(memory.buffer);
  const binding = bind(placed, view, extentsOf(name, placed.inputs, feeds, bounds), 0);
  const variableOf = (variable: string): DataOf => {
    const value = laidOut.variables[variable];
    if (!value) throw new RangeError(variable);
    return arrayAt(value, view, binding).data;
  };
  for (const [variable, { data }] of variables) variableOf(variable).set(data);
  for (const { name: input, data } of binding.inputs) data.set(feeds[input]?.data ?? []);
  const steps = [...plan.packing, ...plan.steps];
  const ends = new Map(steps.map((step, i) => [step, steps[i + 1]?.at ?? placed.end]));
  return {
    steps,
    run: (order: readonly Step[]) => order.forEach((step) => exports.run(step.at, ends.get(step) ?? 0)),
    results: (): Readonly<Record<string, DataOf>> => ({
      ...Object.fromEntries(binding.outputs.map(({ name: output, data }) => [output, data.slice()])),
      ...Object.fromEntries([...store.variables.keys()].map((variable) => [variable, variableOf(variable).slice()])),
    }),
  };
}

function reversedBetweenWaits(steps: readonly Step[]): Step[] {
  const groups: Step[][] = [];
  for (const step of steps) {
    if (step.waits || groups.length === 0) groups.push([]);
    groups.at(-1)?.push(step);
  }
  return groups.flatMap((group) => group.reverse());
}

const bytesOf = (data: DataOf | undefined): Uint8Array =>
  new Uint8Array(data?.buffer ?? new ArrayBuffer(0), data?.byteOffset, data?.byteLength);

const isSame = (a: DataOf | undefined, b: DataOf | undefined): boolean => Buffer.compare(bytesOf(a), bytesOf(b)) === 0;

/** Runs both ways; returns the records, and how many of them wait. */
function bothWays(...what: Parameters<typeof machineOf>): { readonly records: number; readonly waits: number } {
  const [forwards, backwards] = [machineOf(...what), machineOf(...what)];
  for (let run = 0; run < 2; run++) {
    forwards.run(forwards.steps);
    backwards.run(reversedBetweenWaits(backwards.steps));
    const [expected, results] = [forwards.results(), backwards.results()];
    const changed = Object.keys(expected).filter((name) => !isSame(results[name], expected[name]));
    assert.equal(changed, [], 'what has other bits');
  }
  return { records: forwards.steps.length, waits: forwards.steps.filter(({ waits }) => waits).length };
}

test('random training programs give the same bits when records between waits change places', () => {
  let spared = 0;
  fc.assert(
    fc.property(recipes, (recipe) => {
      const builder = randomProgram(recipe, true);
      const { records, waits } = bothWays(builder.program(), 'run', builder.initialValues(), randomFeeds(3));
      spared += records - waits;
    }),
    { seed: 5, numRuns: 150 },
  );
  assert.ok(spared > 500, `${spared} waits were spared`);
});

test('a training step spares waits where it packs, between the gradients of a layer, and among the updates', () => {
  const model = mnistCnn({ seed: 1 });
  const variables = model.variables();
  const image = ndarray('f32', [3, 28, 28, 1], normal([1, 2], 3 * 784));
  const feeds = { 'inputs/image': image, 'labels/output': ndarray('i32', [3], [4, 0, 9]) };
  const { records, waits } = bothWays(model.program, 'trainStep', variables, feeds);
  assert.ok(waits < 0.6 * records, `${waits} of ${records} records wait`);
});

test.run();
