/** Batch, group and RMS normalization: arithmetic by hand, gradients, and what becomes of the moving statistics. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { executeGraph } from '../src/backend/reference/execute.js';
import { quantize } from '../src/compress/quantize.js';
import { ArgumentError, NumericsError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { gradients } from '../src/graph/autodiff.js';
import { Trace } from '../src/graph/trace.js';
import { relu } from '../src/nn/activation.js';
import { batchNormalization } from '../src/nn/batch-normalization.js';
import { conv2d } from '../src/nn/conv2d.js';
import { dense } from '../src/nn/dense.js';
import { flatten } from '../src/nn/flatten.js';
import { input } from '../src/nn/input.js';
import type { Layer, Mode } from '../src/nn/layer.js';
import type { Loss } from '../src/nn/losses.js';
import { groupNormalization, rmsNormalization } from '../src/nn/normalization.js';
import { maxPooling2d } from '../src/nn/pooling.js';
import { sequence } from '../src/nn/architecture.js';
import { decodeArchitecture, encodeArchitecture } from '../src/nn/codec.js';
import { mul, sub } from '../src/ops/binary.js';
import type { ReferenceArray } from '../src/ops/definition.js';
import { log } from '../src/ops/elementwise.js';
import {
  batchNormalization as batchNormalizationOp,
  channelMoments,
  groupNormalization as groupNormalizationOp,
  rmsNormalization as rmsNormalizationOp,
} from '../src/ops/normalizations.js';
import { sum } from '../src/ops/reduce.js';
import { constant } from '../src/ops/source.js';
import type { Tensor } from '../src/ops/tensor.js';
import { loadFrozenModel } from '../src/train/frozen.js';
import { loadModel, type Model, sequential } from '../src/train/model.js';
import { adam, sgd } from '../src/train/optimizers.js';
import { trainingBackends } from './support/backends.js';
import { applyLayers } from './support/layers.js';
import { rejection } from './support/rejection.js';
import { runTraced } from './support/traced.js';

const f32 = (shape: readonly number[], data: ArrayLike<number>): NDArray =>
  ndarray('f32', shape, Float32Array.from(data));
const random = (stream: number, shape: readonly number[]): NDArray =>
  ndarray('f32', shape, normal([9, stream], sizeOf(shape)));
const quiet = { verbose: 0 } as const;

function near(actual: ArrayLike<number> | undefined, expected: ArrayLike<number>, tolerance = 1e-5): void {
  assert.is(actual?.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [is, wanted] = [actual?.[i] ?? NaN, expected[i] ?? NaN];
    assert.ok(Math.abs(is - wanted) <= tolerance, `element ${i}: ${wanted} is required, ${is} received`);
  }
}

/** A layer's output, and the variables that it declared. */
async function apply(layer: Layer, x: NDArray, training: boolean) {
  const { outputs, variables } = await runTraced({ x }, (inputs, scope) => {
    const key = (): Tensor => assert.unreachable('no random numbers are asked for') as never;
    const mode: Mode = training ? { training, key } : { training };
    return { y: applyLayers([layer], inputs['x'] as Tensor, scope, mode) };
  });
  return { y: outputs['y'], variables };
}

/** Two channels: mean 2, variance 1.25 and mean 0, variance 4. */
const rows = f32([4, 2], [0.5, 2, 1.5, -2, 2.5, 2, 3.5, -2]);

test('batchNormalization in training takes the moments of the batch', async () => {
  const { y, variables } = await apply(batchNormalization(), rows, true);
  const [a, b] = [1 / Math.sqrt(1.251), 2 / Math.sqrt(4.001)];
  near(y?.data, [-1.5 * a, b, -0.5 * a, -b, 0.5 * a, b, 1.5 * a, -b]);
  assert.equal(
    [...variables.keys()],
    ['gamma', 'beta', 'movingMean', 'movingVariance'].map((name) => `batchNormalization/${name}`),
  );
  assert.equal([...(variables.get('batchNormalization/movingVariance')?.data ?? [])], [1, 1]);
  // The same eight numbers as a picture: moments are those over batch, height and width.
  const picture = await apply(batchNormalization(), f32([1, 2, 2, 2], rows.data), true);
  assert.equal(picture.y?.shape, [1, 2, 2, 2]);
  near(picture.y?.data, y?.data ?? []);
});

test('batchNormalization in inference takes the moving moments', async () => {
  const model = sequential([input({ shape: [2] }), batchNormalization({ epsilon: 0.5 })], {
    backend: referenceBackend,
  });
  near(
    (await model.predict(rows)).data,
    [...rows.data].map((value) => value / Math.sqrt(1.5)),
  );
  model.setVariables({
    'batchNormalization/gamma': f32([2], [2, -1]),
    'batchNormalization/beta': f32([2], [0.25, 1]),
    'batchNormalization/movingMean': f32([2], [1.5, 2]),
    'batchNormalization/movingVariance': f32([2], [3.5, 0.5]),
  });
  near((await model.predict(rows)).data, [-0.75, 1, 0.25, 5, 1.25, 1, 2.25, 5]);
  assert.match(
    model.summary(() => {}),
    /Trainable: 4, not trainable: 4/,
  );
});

test('batchNormalization without center and scale has no parameters to learn', async () => {
  const layer = batchNormalization({ center: false, scale: false });
  const model = sequential([input({ shape: [2] }), layer], { backend: referenceBackend });
  assert.equal([...model.variables().keys()], ['batchNormalization/movingMean', 'batchNormalization/movingVariance']);
  const { y } = await apply(layer, rows, true);
  assert.ok(Math.abs((y?.data[0] ?? 0) + 1.5 / Math.sqrt(1.251)) < 1e-6);
});

for (const backend of trainingBackends) {
  test(`a step of training moves the statistics as Keras does, on ${backend.name}`, async () => {
    const model = sequential([input({ shape: [2] }), batchNormalization({ momentum: 0.9 }), dense({ units: 1 })], {
      backend,
    });
    model.compile({ optimizer: sgd({ learningRate: 0 }), loss: 'meanSquaredError' });
    const statistics = () => ['movingMean', 'movingVariance'].map((name) => statisticOf(model, name));
    const labels = f32([4, 1], [1, 2, 3, 4]);
    await model.fit(rows, labels, { batchSize: 4, ...quiet });
    near(statistics()[0], [0.2, 0]);
    near(statistics()[1], [0.9 + 0.125, 0.9 + 0.4]);
    await model.fit(rows, labels, { batchSize: 4, ...quiet });
    near(statistics()[0], [0.38, 0]);
    near(statistics()[1], [0.81 + 0.1125 + 0.125, 0.81 + 0.36 + 0.4]);
    const before = statistics();
    await model.evaluate(rows, labels);
    await model.predict(rows);
    assert.equal(statistics(), before);
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
    assert.equal(statistics(), before);
    model.close();
  });

  test(`a loss that is not finite leaves the statistics as they were, on ${backend.name}`, async () => {
    const model = sequential([input({ shape: [2] }), batchNormalization(), dense({ units: 1 })], { backend });
    model.compile({ optimizer: 'sgd', loss: logDistance });
    const error = await rejection(model.fit(rows, f32([4, 1], [9, 9, 9, 9]), quiet));
    assert.instance(error, NumericsError);
    assert.equal(statisticOf(model, 'movingMean'), [0, 0]);
    assert.equal(statisticOf(model, 'movingVariance'), [1, 1]);
    model.close();
  });

  test(`a network with every normalization learns, on ${backend.name}`, async () => {
    const model = sequential(
      [
        input({ shape: [6, 6, 1] }),
        conv2d({ filters: 8, kernelSize: 3, useBias: false }),
        batchNormalization({ momentum: 0.9 }),
        relu(),
        groupNormalization({ groups: 4 }),
        flatten(),
        dense({ units: 16 }),
        rmsNormalization(),
        dense({ units: 2, activation: 'softmax' }),
      ],
      { backend, seed: 3 },
    );
    model.compile({
      optimizer: adam({ learningRate: 0.01 }),
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    });
    const { x, y } = stripes(64);
    await model.fit(x, y, { epochs: 12, batchSize: 16, ...quiet });
    const measured = await model.evaluate(x, y);
    assert.ok((measured['accuracy'] ?? 0) >= 0.95, JSON.stringify(measured));
    model.close();
  });
}

test('saved models keep the moving statistics, and int8 models follow them', async () => {
  const model = sequential(
    [
      input({ shape: [6, 6, 1] }),
      conv2d({ filters: 8, kernelSize: 3, useBias: false }),
      batchNormalization({ momentum: 0.8 }),
      relu(),
      maxPooling2d(),
      flatten(),
      dense({ units: 2, activation: 'softmax' }),
    ],
    { backend: referenceBackend, seed: 3 },
  );
  model.compile({ optimizer: adam({ learningRate: 0.02 }), loss: 'sparseCategoricalCrossentropy' });
  const { x, y } = stripes(48);
  await model.fit(x, y, { epochs: 4, batchSize: 16, ...quiet });
  const kept = [...model.contents().variables.keys()];
  assert.ok(kept.includes('batchNormalization/movingMean') && kept.includes('batchNormalization/movingVariance'));
  const expected = (await model.predict(x)).data;
  const folder = mkdtempSync(join(tmpdir(), 'quern-'));
  try {
    const path = join(folder, 'model.safetensors');
    await model.save(path, { optimizer: true });
    const again = await loadModel(path, { backend: referenceBackend, seed: 3 });
    near((await again.predict(x)).data, expected);
    near((await (await loadFrozenModel(path, { backend: referenceBackend })).predict(x)).data, expected);
    again.compile({ optimizer: adam({ learningRate: 0.02 }), loss: 'sparseCategoricalCrossentropy' });
    for (const each of [model, again]) await each.fit(x, y, { epochs: 5, initialEpoch: 4, batchSize: 16, ...quiet });
    near(statisticOf(again, 'movingVariance'), statisticOf(model, 'movingVariance'), 1e-4);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const small = await quantize(model, { calibration: x });
  assert.ok([...small.contents().variables.keys()].includes('batchNormalization/movingMean'));
  near((await small.predict(x)).data, (await model.predict(x)).data, 0.05);
});

test('groupNormalization normalizes groups of channels at all places', async () => {
  // One example of two places and four channels in two groups: 1 2 5 6 and 3 4 7 8 by group.
  const x = f32([1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
  const deviation = Math.sqrt(4.25 + 0.001);
  const { y, variables } = await apply(groupNormalization({ groups: 2 }), x, false);
  near(
    y?.data,
    [-2.5, -1.5, -2.5, -1.5, 1.5, 2.5, 1.5, 2.5].map((value) => value / deviation),
  );
  assert.equal([...(variables.get('groupNormalization/gamma')?.data ?? [])], [1, 1, 1, 1]);
  // As many groups as channels: each channel of each example by itself.
  const instance = await apply(groupNormalization({ groups: 4, center: false, scale: false }), x, true);
  near(
    instance.y?.data,
    [-2, -2, -2, -2, 2, 2, 2, 2].map((value) => value / Math.sqrt(4.001)),
  );
  assert.is(instance.variables.size, 0);
  const error = await rejection(apply(groupNormalization({ groups: 3 }), x, false));
  assert.instance(error, ShapeError);
  assert.match((error as Error).message, /multiple of 3 groups is required\. Received \[1,\s*2,\s*4\]/);
});

test('rmsNormalization divides by the root of the mean of squares', async () => {
  const { y, variables } = await apply(rmsNormalization({ epsilon: 1 }), f32([2, 3], [1, 2, 2, 0, 0, 6]), false);
  near(y?.data, [0.5, 1, 1, 0, 0, 6 / Math.sqrt(13)]);
  assert.equal([...variables.keys()], ['rmsNormalization/scale']);
});

test('options and descriptions of the layers', () => {
  assert.throws(
    () => batchNormalization({ momentum: 1 }),
    (e: unknown) => e instanceof ArgumentError,
  );
  assert.throws(() => groupNormalization({ groups: 0 }), /groups must be a positive integer/);
  const layers = sequence([
    batchNormalization({ scale: false }),
    groupNormalization({ groups: 2 }),
    rmsNormalization(),
  ]);
  const text = encodeArchitecture(layers) ?? '';
  assert.is(encodeArchitecture(decodeArchitecture(text)), text);
});

test('gradients are those of central differences', () => {
  const shapes = [[3, 2, 4], [4], [4]];
  const variants: Readonly<Record<string, (x: Tensor, gamma: Tensor, beta: Tensor) => Tensor>> = {
    batch: (x, gamma, beta) => batchNormalizationOp(x, channelMoments(x), { gamma, beta }),
    group: (x, gamma, beta) => groupNormalizationOp(x, { gamma, beta }, { groups: 2 }),
    rms: (x, gamma, beta) => mul(rmsNormalizationOp(x, gamma), beta),
  };
  for (const [name, fn] of Object.entries(variants)) {
    const trace = new Trace(name, {});
    const inputs = shapes.map((shape, i) => trace.input(`x${i}`, { dtype: 'f32', shape }));
    const y = fn(inputs[0] as Tensor, inputs[1] as Tensor, inputs[2] as Tensor);
    const loss = sum(mul(y, constant(trace, random(7, [3, 2, 4]))));
    const found = gradients(loss, inputs);
    const graph = trace.finish({ loss, ...Object.fromEntries(found.map((tensor, i) => [`g${i}`, tensor])) });
    const data = shapes.map((shape, i) => Float64Array.from(random(i, shape).data));
    const at = (arrays: readonly Float64Array[]): Map<string, ReferenceArray> => {
      const given = arrays.map((values, i) => [i, { dtype: 'f32', shape: shapes[i] ?? [], data: values }] as const);
      const values = executeGraph(graph, new Map(given), {});
      return new Map(Object.entries(graph.outputs).map(([key, id]) => [key, values.get(id) as ReferenceArray]));
    };
    const analytic = at(data);
    data.forEach((values, i) => {
      values.forEach((value, element) => {
        const moved = (by: number): number => {
          const changed = values.with(element, value + by);
          return at(data.map((other, j) => (j === i ? changed : other))).get('loss')?.data[0] ?? NaN;
        };
        const numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        const given = analytic.get(`g${i}`)?.data[element] ?? NaN;
        assert.ok(Math.abs(given - numeric) < 1e-6, `${name} ${i}[${element}]: ${numeric} differs from ${given}`);
      });
    });
  }
});

/** The logarithm of how far predictions are above labels: NaN below. */
const logDistance: Loss = {
  name: 'logDistance',
  labels: ({ shape }) => ({ dtype: 'f32', shape }),
  call: (labels, prediction) => log(sub(prediction, labels)),
};

const statisticOf = (model: Model, name: string): number[] => [
  ...(model.variables().get(`batchNormalization/${name}`)?.data ?? []),
];

/** Pictures with stripes along one axis or the other, far from 0 and noisy. */
function stripes(count: number): { x: NDArray; y: NDArray } {
  const noise = normal([2, 2], count * 36);
  const x = noise.map((value, i) => {
    const [example, row, column] = [Math.floor(i / 36), Math.floor(i / 6) % 6, i % 6];
    return 5 + 0.3 * value + ((example % 2 === 0 ? row : column) % 2);
  });
  const labels = Array.from({ length: count }, (_, example) => example % 2);
  return { x: f32([count, 6, 6, 1], x), y: ndarray('i32', [count], labels) };
}

test.run();
