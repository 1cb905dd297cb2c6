/** Every case of every op, on every backend and module that this engine takes, against the float64 reference. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Backend, Executable } from '../src/backend/backend.js';
import { executeOp, fromHost } from '../src/backend/reference/execute.js';
import { UnsupportedError } from '../src/core/errors.js';
import type { NDArray } from '../src/core/ndarray.js';
import type { Case, ReferenceArray } from '../src/ops/definition.js';
import type { OpName } from '../src/ops/schema.js';
import { lowerings, trainingLowerings } from '../src/backend/wasm/lower/table.js';
import { casesTable } from '../src/ops/tables/cases.js';
import { printBackends, reference, wasmBackends } from './support/backends.js';
import { describe, type Feeding, inputsOf, isVariable, opNames, programOf } from './support/cases.js';
import { differences } from './support/compare.js';

/** Ops that only training needs: the inference modules may leave them out, and nothing else. */
const trainingOps: readonly string[] = Object.keys(trainingLowerings);

let ran = 0;
let left = 0;

for (const op of opNames) {
  const cases = casesTable[op]();
  for (const { backend, training } of [reference, ...wasmBackends]) {
    for (const feeding of ['fed', 'weights'] as const) {
      if (feeding === 'weights' && cases.every(({ inputs }) => inputs.length < 2)) continue;
      test(`${op}: ${backend.name}, ${feeding} (${cases.length} cases)`, async () => {
        const failures = await conform(
          backend,
          op,
          feeding,
          lowerings[op] !== null && (training || !trainingOps.includes(op)),
        );
        assert.is(failures.length, 0, `\n${failures.slice(0, 8).join('\n')}\n(${failures.length} differences)`);
      });
    }
  }
}

test('every op has cases', () => {
  assert.equal(
    opNames.filter((op) => casesTable[op]().length === 0),
    [],
  );
});

test.after(() => {
  console.log(`\n${printBackends()}\n# ${ran} cases ran; ${left} of training ops were left out by inference modules`);
});

test.run();

interface Answer {
  readonly inputs: readonly NDArray[];
  readonly expected: readonly ReferenceArray[];
}

let latest: { readonly op: OpName; readonly answers: readonly Answer[] } | undefined;

/** What the reference makes of each case; kept for the op that is being tested. */
function answers<N extends OpName>(op: N, cases: readonly Case<N>[]): readonly Answer[] {
  if (latest?.op !== op) {
    const answer = (each: Case<N>, index: number) => {
      const inputs = inputsOf(each, index);
      return { inputs, expected: executeOp(op, each.attrs, inputs.map(fromHost)) };
    };
    latest = { op, answers: cases.map(answer) };
  }
  return latest.answers;
}

async function conform<N extends OpName>(backend: Backend, op: N, feeding: Feeding, must: boolean): Promise<string[]> {
  const cases: readonly Case<N>[] = casesTable[op]();
  let executable: Executable;
  try {
    executable = await backend.compile(programOf(op, cases, feeding));
  } catch (error) {
    if (must || !(error instanceof UnsupportedError)) throw error;
    left += cases.length;
    return [];
  }
  const failures: string[] = [];
  try {
    for (const [index, each] of cases.entries()) {
      const { inputs, expected } = answers(op, cases)[index] as Answer;
      const wrong = await runCase(executable, index, inputs, feeding).then(
        (actual) => compareOutputs(expected, actual, each),
        (error: unknown) => [`throws ${String(error)}`],
      );
      failures.push(...wrong.map((text) => `${describe(op, each, index)}: ${text}`));
      ran++;
    }
  } finally {
    executable.close();
  }
  return failures;
}

async function runCase(executable: Executable, index: number, inputs: readonly NDArray[], feeding: Feeding) {
  const feeds: Record<string, NDArray> = {};
  inputs.forEach((input, position) => {
    if (isVariable(feeding, position)) executable.setVariable(`case${index}/x${position}`, input);
    else feeds[`x${position}`] = input;
  });
  return executable.run(`case${index}`, feeds);
}

function compareOutputs<N extends OpName>(
  expected: readonly ReferenceArray[],
  actual: Readonly<Record<string, NDArray>>,
  { tolerance }: Case<N>,
): string[] {
  return expected.flatMap((output, position) => {
    const received = actual[`y${position}`];
    if (!received) return [`output ${position} is missing`];
    return differences(output, received, tolerance).map((text) => `output ${position}${text}`);
  });
}
