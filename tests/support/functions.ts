/** Functions of tensors on arrays: on every backend against what they must give, and their gradients by differences. */
import * as assert from 'uvu/assert';
import { executeGraph, fromHost } from '../../src/backend/reference/execute.js';
import { type NDArray, ndarray, sizeOf } from '../../src/core/ndarray.js';
import { normal } from '../../src/core/random.js';
import type { Named } from '../../src/core/tree.js';
import { gradients } from '../../src/graph/autodiff.js';
import { ProgramBuilder } from '../../src/graph/builder.js';
import type { Graph, ValueId } from '../../src/graph/program.js';
import { Trace } from '../../src/graph/trace.js';
import { add, mul } from '../../src/ops/binary.js';
import type { ReferenceArray } from '../../src/ops/definition.js';
import { sum } from '../../src/ops/reduce.js';
import { constant } from '../../src/ops/source.js';
import type { Tensor, TensorType } from '../../src/ops/tensor.js';
import { reference, wasmBackends } from './backends.js';
import { differences } from './compare.js';

export type Function = (...inputs: readonly Tensor[]) => Tensor;

const named = <T>(list: readonly T[]): Named<T> => Object.fromEntries(list.map((each, i) => [`x${i}`, each]));

/** What a function gives, by the backend's name; `types` are those of the arrays unless they are symbolic. */
export async function results(
  fn: Function,
  arrays: readonly NDArray[],
  types: readonly TensorType[] = arrays,
): Promise<Map<string, NDArray>> {
  const found = new Map<string, NDArray>();
  const builder = new ProgramBuilder({ symbols: { batch: 16 } });
  builder.trace('main', named(types), (inputs) => ({ y: fn(...types.map((_, i) => inputs[`x${i}`] as Tensor)) }));
  for (const { backend } of [reference, ...wasmBackends]) {
    const executable = await backend.compile(builder.program());
    try {
      found.set(backend.name, (await executable.run('main', named(arrays)))['y'] as NDArray);
    } finally {
      executable.close();
    }
  }
  return found;
}

/** Fails unless the function gives `required` on every backend: exactly, unless a tolerance is given. */
export async function gives(
  fn: Function,
  arrays: readonly NDArray[],
  required: NDArray,
  tolerance = { absolute: 0, relative: 0 },
  types: readonly TensorType[] = arrays,
): Promise<void> {
  for (const [name, received] of await results(fn, arrays, types)) {
    assert.equal(differences(fromHost(required), received, tolerance), [], name);
  }
}

/** The sum of the elements of tensors, each times a fixed random weight. */
function weighted(trace: Trace, tensors: readonly Tensor[], seed: number): Tensor {
  return tensors.reduce(
    (total, tensor, i) => {
      const shape = tensor.shape.map(Number);
      const weights = constant(trace, ndarray('f32', shape, normal([seed, i], sizeOf(shape))));
      return add(total, sum(mul(tensor, weights)));
    },
    constant(trace, 0),
  );
}

/** Fails unless the gradients for the f32 arrays are those of central differences, in float64, to the given order. */
export function checkGradients(fn: Function, arrays: readonly NDArray[], orders: readonly (1 | 2)[] = [1, 2]): void {
  for (const order of orders) checkOrder(fn, arrays, order);
}

function checkOrder(fn: Function, arrays: readonly NDArray[], order: 1 | 2): void {
  const record = (): { trace: Trace; loss: Tensor; wrt: readonly Tensor[] } => {
    const trace = new Trace('test', {});
    const inputs = arrays.map((array, i) => trace.input(`x${i}`, array));
    const wrt = inputs.filter(({ dtype }) => dtype === 'f32');
    const first = weighted(trace, [fn(...inputs)], 7);
    return { trace, wrt, loss: order === 1 ? first : weighted(trace, gradients(first, wrt), 8) };
  };
  const [forward, backward] = [record(), record()];
  const value = forward.trace.finish({ loss: forward.loss });
  const slopes = backward.trace.finish(named(gradients(backward.loss, backward.wrt)));
  const inputs = arrays.map(fromHost);
  const found = outputsOf(slopes, inputs);
  const positions = arrays.flatMap(({ dtype }, i) => (dtype === 'f32' ? [i] : []));
  positions.forEach((position, i) => {
    const input = inputs[position] as ReferenceArray;
    for (let element = 0; element < input.data.length; element++) {
      const moved = (by: number): number => {
        const data = Float64Array.from(input.data);
        data[element] = (data[element] ?? NaN) + by;
        return outputsOf(value, inputs.with(position, { ...input, data })).get('loss')?.data[0] ?? NaN;
      };
      const required = (moved(1e-5) - moved(-1e-5)) / 2e-5;
      const received = found.get(`x${i}`)?.data[element] ?? NaN;
      const fits = Math.abs(received - required) <= 2e-6 * Math.max(1, Math.abs(required));
      assert.ok(
        fits,
        `order ${order}, input ${position}[${element}]: ${required} by differences, ${received} by rules`,
      );
    }
  });
}

function outputsOf(graph: Graph, inputs: readonly ReferenceArray[]): Map<string, ReferenceArray> {
  const values = executeGraph(graph, new Map<ValueId, ReferenceArray>(inputs.map((input, id) => [id, input])), {});
  return new Map(Object.entries(graph.outputs).map(([name, id]) => [name, values.get(id) as ReferenceArray]));
}
