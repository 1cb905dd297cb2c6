/**
 * Memory plans hold: programs of random ops give on WebAssembly what they give on the reference, for one extent of the
 * batch after another in one plan, and the same bits for any number of threads.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Backend } from '../src/backend/backend.js';
import { fromHost } from '../src/backend/reference/execute.js';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import type { NDArray } from '../src/core/ndarray.js';
import { acceptedModules } from './support/backends.js';
import { differences } from './support/compare.js';
import { initialize } from './support/initial.js';
import { randomFeeds, randomProgram, type Recipe, recipes } from './support/random-graph.js';

/** The batch of each run. The mean over nothing is NaN, and would stay in the weights. */
const batchesOf = (training: boolean): readonly number[] => (training ? [3, 4, 1, 4] : [3, 0, 4, 1, 4]);

for (const module of acceptedModules) {
  const training = module.startsWith('train');
  test(`${module}: random programs give what the reference gives`, async () => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const expected = await runs(referenceBackend, recipe, training);
        const actual = await runs(wasmBackend({ module }), recipe, training);
        actual.forEach((values, run) => {
          for (const [name, value] of Object.entries(values)) {
            const required = fromHost(expected[run]?.[name] as NDArray);
            const largest = Math.max(1, ...Array.from(required.data, Math.abs));
            const tolerance = { absolute: 2e-5 * largest, relative: 1e-4 };
            assert.equal(differences(required, value, tolerance), [], `run ${run}: ${name}`);
          }
        });
      }),
      { seed: 2, numRuns: 200, includeErrorInReport: true },
    );
  });

  test(`${module}: random programs give the same bits with 1, 2 and 3 threads`, async () => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const one = await runs(wasmBackend({ module, threads: 1 }), recipe, training);
        for (const threads of [2, 3]) {
          assert.equal(await runs(wasmBackend({ module, threads }), recipe, training), one);
        }
      }),
      { seed: 3, numRuns: 15, includeErrorInReport: true },
    );
  });
}

test.run();

/** Outputs and variables after each of several runs. */
async function runs(backend: Backend, recipe: Recipe, training: boolean): Promise<Record<string, NDArray>[]> {
  const builder = randomProgram(recipe, training);
  const program = builder.program();
  const executable = await backend.compile(program);
  initialize(executable, builder);
  const results: Record<string, NDArray>[] = [];
  for (const batch of batchesOf(training)) {
    const outputs = await executable.run('run', randomFeeds(batch));
    const variables = Object.keys(program.variables).map((name) => [`variable ${name}`, executable.getVariable(name)]);
    results.push({ ...outputs, ...Object.fromEntries(variables) });
  }
  executable.close();
  return results;
}
