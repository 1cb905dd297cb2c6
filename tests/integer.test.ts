/** Graphs of quantize and dequantize nodes: what becomes an integer kernel, and that it computes what the graph says. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { integerClusters } from '../src/backend/wasm/integer.js';
import { type NDArray, ndarray, sizeOf } from '../src/core/ndarray.js';
import { type Key, normal, uniform } from '../src/core/random.js';
import { ProgramBuilder, type Scope } from '../src/graph/builder.js';
import { optimize } from '../src/graph/passes/optimize.js';
import { add } from '../src/ops/binary.js';
import { conv2d, type Conv2dOptions } from '../src/ops/conv.js';
import { relu } from '../src/ops/elementwise.js';
import { matmul } from '../src/ops/linear.js';
import { maxPool2d, type Pool2dOptions } from '../src/ops/pool.js';
import { dequantize, quantize } from '../src/ops/quantize.js';
import type { Tensor } from '../src/ops/tensor.js';
import { reference, wasmBackends } from './support/backends.js';

interface Layer {
  readonly name: string;
  readonly x: readonly number[];
  readonly weights: readonly number[];
  /** The channel axis of the weights' scales; null for one scale. */
  readonly axis: number | null;
  readonly apply: (x: Tensor, weights: Tensor) => Tensor;
  readonly bias: boolean;
  readonly relu: boolean;
  readonly quantized: boolean;
  readonly zeroPoint: number;
  /** Max pooling of the result. */
  readonly pool?: Pool2dOptions;
}

const convolution =
  (options: Conv2dOptions = {}) =>
  (x: Tensor, weights: Tensor): Tensor =>
    conv2d(x, weights, options);

const plain = { bias: true, relu: true, quantized: true, zeroPoint: 0 };

const layers: readonly Layer[] = [
  { ...plain, name: 'one channel', x: [3, 9, 8, 1], weights: [3, 3, 1, 32], axis: 3, apply: convolution() },
  {
    ...plain,
    name: 'four channels',
    x: [2, 7, 7, 4],
    weights: [3, 3, 4, 20],
    axis: 3,
    apply: convolution(),
    zeroPoint: 9,
  },
  {
    ...plain,
    name: 'same padding around a zero point',
    x: [2, 6, 5, 3],
    weights: [3, 3, 3, 9],
    axis: 3,
    apply: convolution({ padding: 'same', strides: 2 }),
    relu: false,
    zeroPoint: 120,
  },
  {
    ...plain,
    name: 'float result',
    x: [1, 5, 5, 8],
    weights: [3, 3, 8, 8],
    axis: null,
    apply: convolution(),
    quantized: false,
    bias: false,
    zeroPoint: 255,
  },
  {
    ...plain,
    name: 'one channel, pooled',
    x: [3, 13, 12, 1],
    weights: [3, 3, 1, 20],
    axis: 3,
    apply: convolution(),
    pool: {},
  },
  {
    ...plain,
    name: 'three channels, pooled',
    x: [2, 9, 11, 3],
    weights: [5, 2, 3, 8],
    axis: 3,
    apply: convolution({ padding: 'same' }),
    zeroPoint: 100,
    pool: {},
  },
  {
    ...plain,
    name: 'two channels, pooled',
    x: [2, 9, 11, 2],
    weights: [2, 5, 2, 9],
    axis: null,
    apply: convolution(),
    pool: {},
  },
  {
    ...plain,
    name: 'eight channels, pooled',
    x: [2, 11, 13, 8],
    weights: [3, 3, 8, 16],
    axis: 3,
    apply: convolution(),
    pool: {},
  },
  {
    ...plain,
    name: 'tiles cut off at the edges, odd channels',
    x: [3, 9, 10, 13],
    weights: [3, 3, 13, 20],
    axis: 3,
    apply: convolution(),
  },
  {
    ...plain,
    name: 'tiles over same padding around a zero point',
    x: [2, 7, 6, 16],
    weights: [3, 3, 16, 9],
    axis: 3,
    apply: convolution({ padding: 'same' }),
    relu: false,
    zeroPoint: 120,
  },
  {
    ...plain,
    name: 'tiles of several units, a float result',
    x: [2, 25, 23, 8],
    weights: [3, 3, 8, 40],
    axis: null,
    apply: convolution({ padding: 'same' }),
    quantized: false,
    zeroPoint: 255,
  },
  {
    ...plain,
    name: 'tiles of more channels than are added up at a time, pooled',
    x: [2, 8, 7, 237],
    weights: [3, 3, 237, 8],
    axis: 3,
    apply: convolution(),
    zeroPoint: 128,
    pool: {},
  },
  {
    ...plain,
    name: 'tiles, then a pool of 3 x 3',
    x: [1, 13, 14, 16],
    weights: [3, 3, 16, 8],
    axis: 3,
    apply: convolution(),
    pool: { poolSize: 3 },
  },
  {
    ...plain,
    name: 'strides, pooled by rows',
    x: [2, 13, 11, 1],
    weights: [3, 3, 1, 8],
    axis: 3,
    apply: convolution({ strides: 2 }),
    pool: { poolSize: [2, 1] },
  },
  {
    ...plain,
    name: 'a pool with gaps',
    x: [1, 11, 12, 3],
    weights: [3, 3, 3, 8],
    axis: 3,
    apply: convolution(),
    relu: false,
    zeroPoint: 31,
    pool: { strides: 3 },
  },
  { ...plain, name: 'dense', x: [5, 36], weights: [36, 10], axis: 1, apply: (x, w) => matmul(x, w) },
  { ...plain, name: 'dense of a sequence', x: [2, 3, 7], weights: [7, 12], axis: 1, apply: (x, w) => matmul(x, w) },
  {
    ...plain,
    name: 'dense, transposed',
    x: [4, 13],
    weights: [11, 13],
    axis: 0,
    apply: (x, w) => matmul(x, w, { transposeB: true }),
    quantized: false,
    relu: false,
  },
  { ...plain, name: 'nothing to do', x: [0, 16], weights: [16, 8], axis: 1, apply: (x, w) => matmul(x, w) },
];

const outputScale = 0.5;

/** The layer as compression writes it: integers in, integers in the weights, integers out. */
function programOf(layer: Layer, weightZero = 0) {
  const builder = new ProgramBuilder();
  builder.trace('predict', { x: { dtype: 'f32', shape: layer.x } }, ({ x }, scope) => {
    const channels = layer.axis === null ? [] : [layer.weights[layer.axis] ?? 0];
    const weights = scope.variable('weights', { dtype: 'i8', shape: layer.weights });
    const scales = scope.variable('scales', { shape: channels });
    const zeros = scope.constant(ndarray('i8', channels, new Array<number>(sizeOf(channels)).fill(weightZero)));
    const product = layer.apply(
      throughIntegers(scope, x, 0.02, layer.zeroPoint),
      dequantize(weights, scales, zeros, { axis: layer.axis }),
    );
    const width = product.shape[product.rank - 1] ?? 0;
    const biased = layer.bias ? add(product, scope.variable('bias', { shape: [width] })) : product;
    const y = layer.relu ? relu(biased) : biased;
    if (!layer.quantized) return { y };
    const q = quantize(y, scope.constant(outputScale), scope.constant(layer.zeroPoint, 'u8'));
    return { y: layer.pool ? maxPool2d(q, layer.pool) : q };
  });
  return builder.program();
}

function throughIntegers(scope: Scope, x: Tensor, scale: number, zeroPoint: number): Tensor {
  const parameters = [scope.constant(scale), scope.constant(zeroPoint, 'u8')] as const;
  return dequantize(quantize(x, ...parameters), ...parameters);
}

function valuesOf(layer: Layer, key: Key): Record<string, NDArray> {
  const { weights, axis } = layer;
  const channels = axis === null ? [] : [weights[axis] ?? 0];
  const filters = weights[axis ?? weights.length - 1] ?? 0;
  return {
    weights: ndarray('i8', weights, Int8Array.from(uniform(key, sizeOf(weights), -127.5, 127.5), Math.round)),
    scales: ndarray('f32', channels, uniform(key, sizeOf(channels), 0.002, 0.03)),
    ...(layer.bias ? { bias: ndarray('f32', [filters], normal(key, filters)) } : {}),
  };
}

async function run(
  backend: (typeof wasmBackends)[number]['backend'],
  layer: Layer,
  weightZero = 0,
  values = valuesOf(layer, [1, 2]),
): Promise<NDArray> {
  const executable = await backend.compile(programOf(layer, weightZero));
  try {
    for (const [name, value] of Object.entries(values)) executable.setVariable(name, value);
    const x = ndarray('f32', layer.x, normal([3, 4], sizeOf(layer.x)));
    const { y } = await executable.run('predict', { x });
    if (!y) throw new RangeError('an output y is required');
    return y;
  } finally {
    executable.close();
  }
}

for (const layer of layers) {
  test(`${layer.name}: one integer kernel takes all of it in`, () => {
    const graph = programOf(layer).graphs['predict'];
    if (!graph) throw new RangeError('a graph predict is required');
    const { nodes } = optimize(graph);
    const { clusters, absorbed } = integerClusters(optimize(graph));
    assert.is(clusters.size, 1);
    const rest = nodes.filter((_, index) => !absorbed.has(index) && !clusters.has(index));
    assert.equal([...new Set(rest.map(({ op }) => op))].sort(), ['constant', 'quantize']);
  });

  test(`${layer.name}: equal on every module, and to the reference within a step`, async () => {
    const expected = await run(reference.backend, layer);
    const answers = await Promise.all(wasmBackends.map(({ backend }) => run(backend, layer)));
    for (const [i, answer] of answers.entries()) {
      assert.equal(answer, answers[0], wasmBackends[i]?.backend.name);
    }
    const [answer] = answers;
    expected.data.forEach((value, i) => {
      const allowed = layer.quantized ? 1 : 1e-4 + 1e-5 * Math.abs(value);
      assert.ok(Math.abs(value - (answer?.data[i] ?? NaN)) <= allowed, `${value} at ${i}, received ${answer?.data[i]}`);
    });
    if (layer.quantized && expected.data.length > 0) {
      const different = expected.data.filter((value, i) => value !== answer?.data[i]).length;
      assert.ok(different <= expected.data.length / 100, `${different} of ${expected.data.length} bytes differ`);
      assert.ok(new Set(expected.data).size > 10, 'the case must show many values');
    }
  });
}

test('windows of 3 x 3 go by tiles where bytes are widened and it is faster', async () => {
  const backend = wasmBackend({ module: 'infer-simd' });
  const kernelsOf = async (layer: Layer): Promise<string[]> => {
    const executable = await backend.compile(programOf(layer));
    for (const [name, value] of Object.entries(valuesOf(layer, [1, 2]))) executable.setVariable(name, value);
    const x = ndarray('f32', layer.x, normal([3, 4], sizeOf(layer.x)));
    const { records } = await executable.time('predict', { x }, { runs: 1 });
    executable.close();
    return records.map(({ kernel }) => kernel);
  };
  for (const layer of layers) {
    const tiled = layer.name.startsWith('tiles') || layer.name === 'eight channels, pooled';
    assert.is((await kernelsOf(layer)).includes('winogradInteger'), tiled, layer.name);
  }
  const wide = { ...plain, axis: 3, apply: convolution() };
  const tiny: Layer = { ...wide, name: 'tiles that are cut off most', x: [4, 7, 7, 8], weights: [3, 3, 8, 8] };
  assert.not((await kernelsOf(tiny)).includes('winogradInteger'));
});

test('columns with a negative scale fall with their sums, pooled too', async () => {
  for (const layer of layers.filter(({ pool }) => pool)) {
    const falling = { ...valuesOf(layer, [1, 2]) };
    const scales = falling['scales'];
    if (!scales) throw new RangeError('scales are required');
    falling['scales'] = ndarray(
      'f32',
      scales.shape,
      Float32Array.from(scales.data, (scale, i) => (i % 2 ? scale : -scale)),
    );
    const expected = await run(reference.backend, layer, 0, falling);
    for (const { backend } of wasmBackends) {
      const { data } = await run(backend, layer, 0, falling);
      const most = Math.max(...expected.data.map((value, i) => Math.abs(value - (data[i] ?? NaN))));
      assert.ok(most <= 1, `${layer.name}, ${backend.name}: ${most}`);
    }
  }
});

test('the lowest weights beside each other meet the lowest activations', async () => {
  // Two products of -128 and -128 are the only ones whose sum does not fit in 16 bits.
  for (const layer of layers.filter(({ pool }) => pool)) {
    const low = { ...layer, zeroPoint: 0 };
    const { weights, scales, ...others } = valuesOf(low, [1, 2]);
    if (!weights || !scales) throw new RangeError('weights and scales are required');
    const values = {
      ...others,
      weights: ndarray(
        'i8',
        weights.shape,
        Int8Array.from(weights.data, (each) => (each < 80 ? -128 : each)),
      ),
      scales: ndarray('f32', scales.shape, new Float32Array(scales.data.length).fill(-0.004)),
    };
    const expected = await run(reference.backend, low, 0, values);
    for (const { backend } of wasmBackends) {
      const { data } = await run(backend, low, 0, values);
      const most = Math.max(...expected.data.map((value, i) => Math.abs(value - (data[i] ?? NaN))));
      assert.ok(most <= (layer.quantized ? 1 : 1e-3), `${layer.name}, ${backend.name}: ${most}`);
    }
  }
});

test('weights with a zero point are no integer kernel, and still right', async () => {
  const [layer] = layers;
  if (!layer) return;
  const graph = programOf(layer, 3).graphs['predict'];
  assert.is(graph && integerClusters(optimize(graph)).clusters.size, 0);
  const expected = await run(reference.backend, layer, 3);
  for (const { backend } of wasmBackends) {
    const { data } = await run(backend, layer, 3);
    expected.data.forEach((value, i) => assert.ok(Math.abs(value - (data[i] ?? NaN)) <= 1, `${backend.name} at ${i}`));
  }
});

test('products deeper than an i32 holds stay in float', () => {
  const clustersAt = (depth: number): number | undefined => {
    const shapes = { x: [1, depth], weights: [depth, 8] };
    const layer: Layer = { ...plain, name: 'deep', ...shapes, axis: 1, apply: (x, weights) => matmul(x, weights) };
    const graph = programOf(layer).graphs['predict'];
    return graph && integerClusters(optimize(graph)).clusters.size;
  };
  assert.is(clustersAt(65_000), 1);
  assert.is(clustersAt(66_000), 0);
});

test.run();
