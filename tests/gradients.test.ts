/**
 * Gradients against central differences, in float64 on the reference: for every case of every op that has a gradient,
 * of first order, and of second order (the gradient of the gradient) where rules exist.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fromHost } from '../src/backend/reference/execute.js';
import type { Case } from '../src/ops/definition.js';
import type { OpName } from '../src/ops/schema.js';
import { casesTable } from '../src/ops/tables/cases.js';
import { gradientTable } from '../src/ops/tables/gradient.js';
import { describe, inputsOf, opNames } from './support/cases.js';
import { derivatives } from './support/derivatives.js';

let checked = 0;

/** Ops whose gradients are ops without one: what is to be differentiated twice is written step by step, with `rnn`. */
const onceOnly: readonly OpName[] = ['lstm', 'gru'];

for (const op of opNames) {
  if (!gradientTable[op]) continue;
  test(`${op}: the gradient is that of central differences`, () => checkAll(op, 1));
  if (onceOnly.includes(op)) continue;
  test(`${op}: the gradient of the gradient is that of central differences`, () => checkAll(op, 2));
}

test.after(() => console.log(`\n# ${checked} partial derivatives checked`));
test.run();

function checkAll<N extends OpName>(op: N, order: 1 | 2): void {
  const cases: readonly Case<N>[] = casesTable[op]();
  const before = checked;
  const failures = cases.flatMap((each, index) => (each.bench ? [] : check(op, each, index, order)));
  assert.ok(checked > before, 'some case must be differentiable');
  assert.is(failures.length, 0, `\n${failures.slice(0, 8).join('\n')}\n(${failures.length} failures)`);
}

function check<N extends OpName>(op: N, each: Case<N>, index: number, order: 1 | 2): string[] {
  const floats = each.inputs.flatMap(({ dtype }, position) => (dtype === 'f32' ? [position] : []));
  const inputs = inputsOf(each, index).map(fromHost);
  const found = derivatives(
    (trace, tensors) => trace.record(op, each.attrs, tensors),
    inputs,
    each.differentiate ?? floats,
    order,
  );
  checked += found.checked;
  return found.failures.map((failure) => `${describe(op, each, index)}: ${failure}`);
}
