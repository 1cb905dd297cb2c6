/**
 * Gradients against central differences, in float64 on the reference: for every case of every op that has a gradient,
 * of first order, and of second order (the gradient of the gradient) where rules exist.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { executeGraph, fromHost } from '../src/backend/reference/execute.js';
import { ndarray, sizeOf } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { gradients } from '../src/graph/autodiff.js';
import type { Graph, ValueId } from '../src/graph/program.js';
import { Trace } from '../src/graph/trace.js';
import { mul } from '../src/ops/binary.js';
import type { Case, ReferenceArray } from '../src/ops/definition.js';
import { add } from '../src/ops/binary.js';
import { sum } from '../src/ops/reduce.js';
import type { OpName } from '../src/ops/schema.js';
import { constant } from '../src/ops/source.js';
import { casesTable } from '../src/ops/tables/cases.js';
import { gradientTable } from '../src/ops/tables/gradient.js';
import type { Tensor } from '../src/ops/tensor.js';
import { describe, inputsOf, opNames } from './support/cases.js';

const step = 1e-5;
const tolerance = 1e-6;
/** Elements of an input that are moved, at most. */
const probes = 12;

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

/** A scalar function of a case's inputs, as two graphs: with output `loss`, and with an output for each gradient. */
interface Differentiable {
  readonly value: Graph;
  readonly gradient: Graph;
  /** The inputs that are differentiated, by position. */
  readonly positions: readonly number[];
}

function differentiable<N extends OpName>(op: N, each: Case<N>, order: 1 | 2): Differentiable {
  const floats = each.inputs.flatMap(({ dtype }, position) => (dtype === 'f32' ? [position] : []));
  const positions = each.differentiate ?? floats;
  const record = () => {
    const trace = new Trace(op, {});
    const inputs = each.inputs.map((type, position) => trace.input(`x${position}`, type));
    const wrt = positions.map((position) => inputs[position] as Tensor);
    const outputs = trace.record(op, each.attrs, inputs).filter(({ dtype }) => dtype === 'f32');
    const first = weighted(trace, outputs, 7);
    const loss = order === 1 ? first : weighted(trace, gradients(first, wrt), 8);
    return { trace, wrt, loss };
  };
  const forward = record();
  const backward = record();
  const named = gradients(backward.loss, backward.wrt).map((tensor, i) => [`g${i}`, tensor] as const);
  return {
    value: forward.trace.finish({ loss: forward.loss }),
    gradient: backward.trace.finish(Object.fromEntries(named)),
    positions,
  };
}

/** The sum of the tensors' elements, each times a fixed random weight. */
function weighted(trace: Trace, tensors: readonly Tensor[], seed: number): Tensor {
  const sums = tensors.map((tensor, i) => {
    const shape = tensor.shape.map(Number);
    return sum(mul(tensor, constant(trace, ndarray('f32', shape, normal([seed, i], sizeOf(shape))))));
  });
  return sums.reduce((a, b) => add(a, b), constant(trace, 0));
}

function check<N extends OpName>(op: N, each: Case<N>, index: number, order: 1 | 2): string[] {
  const { value, gradient, positions } = differentiable(op, each, order);
  const inputs = inputsOf(each, index).map(fromHost);
  const at = (changed: readonly ReferenceArray[]) => outputsOf(value, changed).get('loss')?.data[0] ?? NaN;
  const found = outputsOf(gradient, inputs);
  return positions.flatMap((position, i) => {
    const input = inputs[position] as ReferenceArray;
    const analytic = found.get(`g${i}`) as ReferenceArray;
    return elementsOf(input.data.length).flatMap((element) => {
      const moved = (by: number) => {
        const data = Float64Array.from(input.data);
        data[element] = (data[element] ?? 0) + by;
        return inputs.map((other, j) => (j === position ? { ...input, data } : other));
      };
      const numeric = (at(moved(step)) - at(moved(-step))) / (2 * step);
      if (!Number.isFinite(numeric)) return [];
      checked++;
      const given = analytic.data[element] ?? NaN;
      const scale = Math.max(1, Math.abs(numeric));
      if (Math.abs(given - numeric) <= tolerance * scale) return [];
      return [
        `${describe(op, each, index)}: input ${position}[${element}]: ${numeric} by differences, ${given} by the rule`,
      ];
    });
  });
}

function outputsOf(graph: Graph, inputs: readonly ReferenceArray[]): Map<string, ReferenceArray> {
  const given = new Map<ValueId, ReferenceArray>(inputs.map((input, id) => [id, input]));
  const values = executeGraph(graph, given, {});
  return new Map(Object.entries(graph.outputs).map(([name, id]) => [name, values.get(id) as ReferenceArray]));
}

/** Up to `probes` elements, the first and the last among them. */
function elementsOf(length: number): number[] {
  if (length <= probes) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: probes }, (_, i) => Math.round((i * (length - 1)) / (probes - 1)));
}
