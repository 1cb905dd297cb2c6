/** Gradients of traced functions against central differences, in float64 on the reference. */
import { executeGraph } from '../../src/backend/reference/execute.js';
import { ndarray, sizeOf } from '../../src/core/ndarray.js';
import { normal } from '../../src/core/random.js';
import { gradients } from '../../src/graph/autodiff.js';
import type { Graph, ValueId } from '../../src/graph/program.js';
import { Trace } from '../../src/graph/trace.js';
import { add, mul } from '../../src/ops/binary.js';
import type { ReferenceArray } from '../../src/ops/definition.js';
import { sum } from '../../src/ops/reduce.js';
import { constant } from '../../src/ops/source.js';
import type { Tensor } from '../../src/ops/tensor.js';

const step = 1e-5;
const tolerance = 1e-6;
/** Elements of an input that are moved, at most. */
const probes = 12;

/** Records a function of inputs. */
export type Recorded = (trace: Trace, inputs: readonly Tensor[]) => readonly Tensor[];

/** A scalar function of the inputs, as two graphs: with output `loss`, and with an output for each gradient. */
interface Differentiable {
  readonly value: Graph;
  readonly gradient: Graph;
}

function differentiable(
  fn: Recorded,
  inputs: readonly ReferenceArray[],
  positions: readonly number[],
  order: 1 | 2,
): Differentiable {
  const record = () => {
    const trace = new Trace('test', {});
    const tensors = inputs.map(({ dtype, shape }, position) => trace.input(`x${position}`, { dtype, shape }));
    const wrt = positions.map((position) => tensors[position] as Tensor);
    const outputs = fn(trace, tensors).filter(({ dtype }) => dtype === 'f32');
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

/**
 * Where the gradients for the inputs at `positions` (of order 2: the gradients of the gradients) are not those of central
 * differences, one line each; and how many derivatives were compared.
 */
export function derivatives(
  fn: Recorded,
  inputs: readonly ReferenceArray[],
  positions: readonly number[],
  order: 1 | 2,
): { readonly failures: string[]; readonly checked: number } {
  const { value, gradient } = differentiable(fn, inputs, positions, order);
  const at = (changed: readonly ReferenceArray[]) => outputsOf(value, changed).get('loss')?.data[0] ?? NaN;
  const found = outputsOf(gradient, inputs);
  let checked = 0;
  const failures = positions.flatMap((position, i) => {
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
      return [`input ${position}[${element}]: ${numeric} by differences, ${given} by the rule`];
    });
  });
  return { failures, checked };
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
