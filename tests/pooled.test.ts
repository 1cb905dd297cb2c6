/**
 * Convolutions that are pooled: pixels that the pool leaves out are not computed, and few channels and their pool are one
 * kernel. Inference and a step of training give what the reference gives, and the same bits for any number of threads.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fromHost } from '../src/backend/reference/execute.js';
import { crop } from '../src/backend/wasm/crop.js';
import { pooledConvolutions } from '../src/backend/wasm/pooled.js';
import { type NDArray, ndarray, sizeOf } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { gradients } from '../src/graph/autodiff.js';
import { ProgramBuilder, type Scope } from '../src/graph/builder.js';
import { optimize } from '../src/graph/passes/optimize.js';
import type { Graph } from '../src/graph/program.js';
import { avgPool2d } from '../src/ops/average-pool.js';
import { add, mul } from '../src/ops/binary.js';
import { conv2d, type Conv2dOptions } from '../src/ops/conv.js';
import { relu } from '../src/ops/elementwise.js';
import { maxPool2d, type Pool2dOptions } from '../src/ops/pool.js';
import { sum } from '../src/ops/reduce.js';
import { bind, type Tensor } from '../src/ops/tensor.js';
import { differences } from './support/compare.js';
import { reference, wasmBackends } from './support/backends.js';

interface Layer {
  readonly x: readonly [h: number, w: number, c: number];
  readonly kernel: readonly [kh: number, kw: number, f: number];
  readonly convolution?: Conv2dOptions;
  readonly pool: Pool2dOptions;
  readonly average?: true;
  /** What the convolution makes: all of it, or what the pool reads. */
  readonly made: readonly [h: number, w: number];
}

const two = { poolSize: 2 } as const;

const layers: readonly Layer[] = [
  { x: [28, 28, 1], kernel: [3, 3, 32], pool: two, made: [26, 26] },
  { x: [13, 13, 8], kernel: [3, 3, 16], pool: two, made: [10, 10] },
  { x: [13, 13, 32], kernel: [3, 3, 9], pool: two, average: true, made: [10, 10] },
  { x: [11, 10, 1], kernel: [3, 3, 10], pool: two, made: [8, 8] },
  { x: [12, 17, 3], kernel: [5, 5, 8], pool: { poolSize: 2, strides: 3 }, made: [8, 11] },
  { x: [12, 15, 2], kernel: [3, 3, 12], convolution: { strides: 2 }, pool: two, made: [4, 6] },
  { x: [23, 20, 3], kernel: [7, 7, 16], convolution: { strides: [2, 3], padding: 'same' }, pool: two, made: [12, 6] },
  { x: [9, 16, 3], kernel: [2, 4, 8], convolution: { padding: [1, 0] }, pool: { poolSize: [3, 1] }, made: [9, 14] },
  { x: [8, 8, 3], kernel: [3, 3, 8], convolution: { padding: [0, 24] }, pool: two, made: [30, 30] },
  { x: [9, 9, 1], kernel: [3, 3, 8], pool: { poolSize: 3, strides: 2 }, made: [7, 7] },
  { x: [9, 9, 1], kernel: [2, 2, 8], pool: { poolSize: 3, padding: 'same' }, made: [8, 8] },
];

const describe = ({ x, kernel, pool }: Layer): string => `${x.join('x')}, ${kernel.join('x')}, ${JSON.stringify(pool)}`;

/** A layer with its pool, and its gradients by the image, the kernel and the bias. */
function programOf({ x: [h, w, c], kernel: [kh, kw, f], convolution, pool, average }: Layer, training: boolean) {
  const builder = new ProgramBuilder({ symbols: { batch: 5 } });
  builder.trace('run', { x: { dtype: 'f32', shape: ['batch', h, w, c] } }, ({ x }, scope) => {
    const kernel = scope.variable('kernel', { shape: [kh, kw, c, f] });
    const bias = scope.variable('bias', { shape: [f] });
    const y = (average ? avgPool2d : maxPool2d)(relu(add(conv2d(x, kernel, convolution), bias)), pool);
    const slopes = training ? gradients(sum(mul(y, y)), [x, kernel, bias]) : [];
    return { y, ...Object.fromEntries(slopes.map((slope, i) => [`d${i}`, slope])) };
  });
  return builder.program();
}

const convolved = (graph: Graph): readonly unknown[] => {
  const made = graph.nodes.find(({ op }) => op === 'conv2d')?.outputs[0] ?? -1;
  return graph.values[made]?.shape.slice(1, 3) ?? [];
};

const array = (shape: readonly number[], stream: number): NDArray =>
  ndarray('f32', shape, normal([stream, 1], sizeOf(shape)));

async function run(backend: (typeof wasmBackends)[number]['backend'], layer: Layer, training: boolean) {
  const { x, kernel } = layer;
  const executable = await backend.compile(programOf(layer, training));
  try {
    executable.setVariable('kernel', array([...kernel.slice(0, 2), x[2], kernel[2]], 1));
    executable.setVariable('bias', array([kernel[2]], 2));
    const results: Record<string, NDArray>[] = [];
    for (const batch of [1, 5, 0, 3]) results.push(await executable.run('run', { x: array([batch, ...x], 3) }));
    return results;
  } finally {
    executable.close();
  }
}

for (const layer of layers) {
  for (const training of [false, true]) {
    test(`${describe(layer)}${training ? ', training' : ''}: made in part`, () => {
      const graph = optimize(programOf(layer, training).graphs['run'] as Graph);
      assert.equal(convolved(crop(graph)), layer.made);
      const fused = !training && !layer.average && JSON.stringify(layer.pool) === JSON.stringify(two);
      assert.is(pooledConvolutions(graph).size, fused ? 1 : 0);
    });

    test(`${describe(layer)}${training ? ', training' : ''}: equal to the reference`, async () => {
      const expected = await run(reference.backend, layer, training);
      const answers = new Map<string, unknown>();
      for (const { backend, training: trains } of wasmBackends) {
        if (training && !trains) continue;
        const actual = await run(backend, layer, training);
        expected.forEach((values, i) => {
          for (const [name, value] of Object.entries(values)) {
            const required = fromHost(value);
            const largest = Math.max(1, ...Array.from(required.data, Math.abs));
            const found = actual[i]?.[name] as NDArray;
            assert.equal(
              differences(required, found, { absolute: 2e-5 * largest, relative: 1e-4 }),
              [],
              `${backend.name}: ${name}`,
            );
          }
        });
        const module = backend.name.replace(/,.*/, '');
        assert.equal(actual, answers.get(module) ?? actual, backend.name);
        answers.set(module, actual);
      }
    });
  }
}

test('what a gradient reads or makes of other pixels stays whole', () => {
  const builder = new ProgramBuilder();
  const images = { i: { dtype: 'f32', shape: [2, 13, 13, 4] }, u: { dtype: 'f32', shape: [2, 23, 23, 8] } } as const;
  const convolution = (i: Tensor, scope: Scope): Tensor =>
    relu(conv2d(i, scope.variable('kernel', { shape: [3, 3, 4, 8] })));
  builder.trace('read', { i: images.i }, ({ i }, scope) => {
    const x = convolution(i, scope);
    const attrs = { poolSize: [2, 2], strides: [2, 2], padding: 'valid', inputSize: [23, 23] } as const;
    return { y: avgPool2d(x), du: bind('avgPool2dGrad', attrs, x) };
  });
  builder.trace('made', images, ({ i, u }, scope) => {
    const x = convolution(i, scope);
    return { y: maxPool2d(x), db: sum(bind('reluGrad', {}, maxPool2d(u), x), { axes: [0, 1, 2] }) };
  });
  for (const graph of Object.values(builder.program().graphs)) {
    assert.equal(convolved(crop(optimize(graph))), [11, 11]);
  }
});

test('a NaN is the maximum of its window, wherever it lies', async () => {
  const layer: Layer = { x: [8, 8, 1], kernel: [1, 1, 8], pool: two, made: [8, 8] };
  for (const at of [0, 1, 8, 9]) {
    const x = ndarray(
      'f32',
      [1, 8, 8, 1],
      Float32Array.from({ length: 64 }, (_, i) => (i === at ? NaN : 1)),
    );
    for (const { backend } of wasmBackends) {
      const executable = await backend.compile(programOf(layer, false));
      executable.setVariable('kernel', array([1, 1, 1, 8], 1));
      const { y } = await executable.run('run', { x });
      executable.close();
      assert.equal(Array.from(y?.data ?? [], Number.isNaN).lastIndexOf(true), 7, backend.name);
    }
  }
});

test.run();
