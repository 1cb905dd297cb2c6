/** Checks of functions that are written with ops: every module against the reference, gradients against differences. */
import * as assert from 'uvu/assert';
import type { Backend } from '../../src/backend/backend.js';
import { executeGraph, fromHost } from '../../src/backend/reference/execute.js';
import { type NDArray, ndarray, sizeOf } from '../../src/core/ndarray.js';
import { normal } from '../../src/core/random.js';
import { gradients } from '../../src/graph/autodiff.js';
import { ProgramBuilder } from '../../src/graph/builder.js';
import type { ValueId } from '../../src/graph/program.js';
import { Trace } from '../../src/graph/trace.js';
import { mul } from '../../src/ops/binary.js';
import type { ReferenceArray } from '../../src/ops/definition.js';
import { square } from '../../src/ops/elementwise.js';
import { sum } from '../../src/ops/reduce.js';
import { constant } from '../../src/ops/source.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { reference, wasmBackends } from './backends.js';
import { differences } from './compare.js';

type Fn = (x: Tensor) => Tensor;

/** Normal numbers from a fixed key. */
export const normals = (shape: readonly number[], stream = 0): NDArray =>
  ndarray('f32', shape, normal([31, stream], sizeOf(shape)));

/**
 * The functions of x, whose first axis is symbolic, are the same on every module as on the reference; where modules train,
 * their gradients too.
 */
export async function sameEverywhere(what: string, x: NDArray, functions: Readonly<Record<string, Fn>>): Promise<void> {
  const [batch = 0, ...rest] = x.shape;
  const run = async (backend: Backend, training: boolean) => {
    const builder = new ProgramBuilder({ symbols: { batch: batch + 1 } });
    builder.trace('main', { x: { dtype: x.dtype, shape: ['batch', ...rest] } }, ({ x }) => {
      const outputs = Object.entries(functions).flatMap(([name, fn]) => {
        const y = fn(x);
        const slope = (): Tensor => gradients(sum(square(y)), [x])[0] as Tensor;
        return [[name, y] as const, ...(training ? [[`${name}-gradient`, slope()] as const] : [])];
      });
      return Object.fromEntries(outputs);
    });
    const executable = await backend.compile(builder.program());
    const outputs = await executable.run('main', { x });
    executable.close();
    return outputs;
  };
  const expected = await run(reference.backend, x.dtype === 'f32');
  for (const { backend, training } of wasmBackends) {
    const received = await run(backend, training && x.dtype === 'f32');
    for (const [name, array] of Object.entries(received)) {
      const failures = differences(fromHost(expected[name] as NDArray), array, { absolute: 1e-5, relative: 1e-5 });
      assert.equal(failures, [], `${what} on ${backend.name}, ${name}${failures.join()}`);
    }
  }
}

/** The gradients of first and second order of `fn` at x are those of central differences, in float64. */
export function checkGradients(what: string, x: NDArray, fn: Fn): void {
  for (const order of [1, 2] as const) {
    const trace = new Trace('test', {});
    const input = trace.input('x', { dtype: 'f32', shape: x.shape });
    const first = weighted(trace, square(fn(input)), 1);
    const loss = order === 1 ? first : weighted(trace, gradients(first, [input])[0] as Tensor, 2);
    const graph = trace.finish({ loss, gradient: gradients(loss, [input])[0] as Tensor });
    const run = (name: 'loss' | 'gradient', data: Float64Array): ArrayLike<number> => {
      const array: ReferenceArray = { dtype: 'f32', shape: x.shape, data };
      const results = executeGraph(graph, new Map<ValueId, ReferenceArray>([[0, array]]), {});
      return results.get(graph.outputs[name] as ValueId)?.data ?? [];
    };
    const at = Float64Array.from(x.data);
    const analytic = run('gradient', at);
    const step = 1e-5;
    for (let i = 0; i < at.length; i += Math.ceil(at.length / 24)) {
      const moved = (by: number): number => run('loss', at.with(i, (at[i] ?? NaN) + by))[0] ?? NaN;
      const numeric = (moved(step) - moved(-step)) / (2 * step);
      const given = analytic[i] ?? NaN;
      const fits = Math.abs(given - numeric) <= 1e-6 * (1 + Math.abs(numeric));
      assert.ok(fits, `${what}, order ${order} [${i}]: ${numeric} by differences, ${given} by the rule`);
    }
  }
}

/** The sum of the elements, each times a fixed random weight. */
function weighted(trace: Trace, y: Tensor, stream: number): Tensor {
  return sum(mul(y, constant(trace, normals(y.shape.map(Number), stream))));
}
