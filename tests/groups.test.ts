/** Records that are walked together: which they are, and that they give what each by itself gives. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { lowerings } from '../src/backend/wasm/lower/table.js';
import { compileModule } from '../src/backend/wasm/modules-node.js';
import { traitsOf } from '../src/backend/wasm/module.js';
import { groupsOf, type Touched } from '../src/backend/wasm/groups.js';
import { draftPlan, type RecordDraft } from '../src/backend/wasm/plan.js';
import { Store } from '../src/backend/wasm/store.js';
import { ndarray, sizeOf } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { ProgramBuilder, type Scope } from '../src/graph/builder.js';
import { optimize } from '../src/graph/passes/optimize.js';
import type { Program } from '../src/graph/program.js';
import { mish, silu } from '../src/ops/activations.js';
import { add, mul, sub } from '../src/ops/binary.js';
import { greater, where } from '../src/ops/compare.js';
import { abs, checkNumerics, exp, relu, tanh } from '../src/ops/elementwise.js';
import { broadcastTo, reshape, transpose } from '../src/ops/move.js';
import { sum } from '../src/ops/reduce.js';
import { slice } from '../src/ops/slice.js';
import type { Tensor } from '../src/ops/tensor.js';
import { acceptedModules } from './support/backends.js';
import { initialize } from './support/initial.js';
import { randomFeeds, randomProgram, recipes } from './support/random-graph.js';

/** Several units, the last of them not whole. */
const shape = [150, 299];
const feeds = { x: ndarray('f32', shape, normal([1, 2], sizeOf(shape))) };

type Traced = (x: Tensor, scope: Scope) => Tensor;

function programOf(fn: Traced): Program {
  const builder = new ProgramBuilder();
  builder.trace('run', feeds, ({ x }, scope) => ({ y: fn(x, scope) }));
  return builder.program();
}

/** The kernels of each group. */
function groupsIn(program: Program): string[][] {
  const graph = program.graphs['run'];
  assert.ok(graph);
  const traits = traitsOf(compileModule('train-simd', false), false);
  const { groups } = draftPlan(optimize(graph), new Store(program), lowerings, {}, traits);
  return groups.map((group) => group.map(({ kernel }) => kernel));
}

const chains: Readonly<Record<string, readonly [fn: Traced, groups: readonly (readonly string[])[]]>> = {
  'a chain is one group': [mish, [['maxF32', 'absF32', 'subF32', 'expF32', 'log1pF32', 'addF32', 'tanhF32', 'mulF32']]],
  'so is a residual sum': [(x) => relu(add(tanh(x), x)), [['tanhF32', 'addF32', 'reluF32']]],
  'rows that are repeated do not part it': [
    (x, scope) => silu(mul(tanh(x), scope.variable('scale', { shape: [299] }))),
    [['tanhF32', 'mulF32', 'sigmoidF32', 'mulF32']],
  ],
  'conditions belong to it': [
    (x) => where(greater(tanh(x), 0), x, exp(x)),
    [['tanhF32', 'lessF32', 'expF32', 'where32']],
  ],
  'a reduction parts it': [
    (x) => {
      const y = exp(x);
      return mul(y, sum(tanh(y), { axes: [1], keepDims: true }));
    },
    [['expF32', 'tanhF32'], ['sumRows'], ['mulF32']],
  ],
  'what is read across units parts it': [
    (x) => {
      const y = tanh(x);
      return abs(add(y, slice(y, [149, 0], [1, 299])));
    },
    [['tanhF32'], ['copyRows32'], ['addF32', 'absF32']],
  ],
  'so does what moves numbers to other units': [
    (x) => sub(exp(x), reshape(abs(transpose(exp(x))), shape)),
    [['expF32'], ['transpose32'], ['absF32', 'subF32']],
  ],
  'other numbers of units part it': [
    (x) => add(x, broadcastTo(exp(abs(slice(x, [0, 0], [1, 299]))), shape)),
    [['copyRows32'], ['absF32', 'expF32'], ['copyRows32'], ['addF32']],
  ],
  'numbers that are checked part it': [(x) => abs(checkNumerics(tanh(x))), [['tanhF32'], ['checkFinite'], ['absF32']]],
};

for (const [name, [fn, expected]] of Object.entries(chains)) {
  test(name, () => assert.equal(groupsIn(programOf(fn)), expected));
}

/** Blocks of buffer 1 from blocks of buffer 0, and so on: what each touches by blocks, and elsewhere. */
const touches: Readonly<Record<string, readonly [touched: readonly Touched[], groups: readonly number[]]>> = {
  'one reads what the other wrote': [
    [blocks([1, 0]), blocks([2, 1])],
    [0, 0],
  ],
  'both read the same': [
    [blocks([1, 0]), blocks([2, 0])],
    [0, 0],
  ],
  'one has nothing of the other': [
    [blocks([1, 0]), blocks([3, 2])],
    [0, 1],
  ],
  'one reads anywhere what the other wrote': [
    [blocks([1, 0]), blocks([2, 0], [1])],
    [0, 1],
  ],
  'one writes what the other read anywhere': [
    [blocks([1, 0], [2]), blocks([2, 0])],
    [0, 1],
  ],
  'one reads anywhere what it writes': [
    [blocks([1, 0]), blocks([2, 1], [2])],
    [0, 1],
  ],
  'blocks begin elsewhere': [
    [blocks([1, 0]), blocks([2, 1], [], 64)],
    [0, 1],
  ],
  'a kernel that does not say': [
    [blocks([1, 0]), { blocks: [], others: [1] }, blocks([2, 1])],
    [0, 1, 2],
  ],
};

function blocks(buffers: readonly number[], others: readonly number[] = [], offset = 0): Touched {
  return { blocks: buffers.map((buffer) => ({ buffer, offset })), others };
}

for (const [name, [touched, expected]] of Object.entries(touches)) {
  test(`two records, of which ${name}`, () => {
    const records = touched.map((): RecordDraft => ({ kernel: 'expF32', units: 3, args: [], node: 0, blocks: [] }));
    const found = groupsOf(records, (record) => touched[records.indexOf(record)] ?? blocks([]));
    const numbers = found.flatMap((group, at) => group.map(() => at));
    assert.equal(numbers, expected);
  });
}

/** The batch of random programs: several units of images, two of rows. */
const BATCH = 3000;

for (const module of acceptedModules) {
  for (const threads of [1, 2]) {
    test(`${module}, ${threads} threads: groups give the bits that their records give one by one`, async () => {
      await fc.assert(
        fc.asyncProperty(recipes, async (recipe) => {
          const builder = randomProgram(recipe, false, BATCH);
          const executable = await wasmBackend({ module, threads }).compile(builder.program());
          initialize(executable, builder);
          const together = executable.runSync('run', randomFeeds(BATCH));
          assert.equal(executable.runSync('run', randomFeeds(BATCH), { checkFinite: true }), together);
          executable.close();
        }),
        { seed: 4, numRuns: threads === 1 ? 40 : 10 },
      );
    });
  }
}

test.run();
