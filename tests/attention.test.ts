/** Attention: the streaming op against the matrix of scores, on every backend and for every mask, and a network that learns. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Backend } from '../src/backend/backend.js';
import { ArgumentError, DTypeError, IndexError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../src/core/ndarray.js';
import { normal, uniform } from '../src/core/random.js';
import type { Shape } from '../src/core/shape.js';
import { gradients } from '../src/graph/autodiff.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import { multiHeadAttention } from '../src/nn/attention.js';
import { dense } from '../src/nn/dense.js';
import { embedding } from '../src/nn/embedding.js';
import type { Mode } from '../src/nn/layer.js';
import { sequence } from '../src/nn/architecture.js';
import { decodeArchitecture, encodeArchitecture } from '../src/nn/codec.js';
import { applyLayers } from './support/layers.js';
import * as ops from '../src/ops/functions.js';
import type { Tensor } from '../src/ops/tensor.js';
import { sequential } from '../src/train/model.js';
import { adam } from '../src/train/optimizers.js';
import { reference, trainingBackends, wasmBackends } from './support/backends.js';
import { rejection } from './support/rejection.js';
import { computed, runTraced } from './support/traced.js';

const random = (stream: number, shape: readonly number[]): NDArray =>
  ndarray('f32', shape, Float32Array.from(normal([8, stream], sizeOf(shape))));
const i32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('i32', shape, data);

function near(actual: ArrayLike<number> | undefined, expected: ArrayLike<number> | undefined, tolerance = 2e-5): void {
  assert.is(actual?.length, expected?.length);
  for (let i = 0; i < (expected?.length ?? 0); i++) {
    const [is, wanted] = [actual?.[i] ?? NaN, expected?.[i] ?? NaN];
    assert.ok(Math.abs(is - wanted) <= tolerance, `element ${i}: ${wanted} is required, ${is} received`);
  }
}

type Attend = typeof ops.attention;

/** The output, and the gradients of a weighted sum of it for queries, keys, values and a float mask. */
async function attended(
  backend: Backend,
  attend: Attend,
  feeds: Readonly<Record<'q' | 'k' | 'v', NDArray>> & { readonly mask?: NDArray },
  causal: boolean,
  symbols: Readonly<Record<string, number>> = {},
  shapes: Readonly<Record<string, Shape>> = {},
): Promise<Record<string, NDArray>> {
  const builder = new ProgramBuilder({ symbols });
  const types = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape }]) => [name, { dtype, shape: shapes[name] ?? shape }]),
  );
  builder.trace('main', types, (inputs, scope) => {
    const { q, k, v, mask } = inputs as Record<'q' | 'k' | 'v', Tensor> & { readonly mask?: Tensor };
    const y = attend(q, k, v, { causal, ...(mask ? { mask } : {}) });
    const weights = ops.cos(ops.cast(ops.iota(scope.trace, y.shape, 3), 'f32'));
    const wrt = { dq: q, dk: k, dv: v, ...(mask?.dtype === 'f32' ? { dmask: mask } : {}) };
    const found = gradients(ops.sum(ops.mul(ops.square(y), weights)), Object.values(wrt));
    return { y, ...Object.fromEntries(Object.keys(wrt).map((name, i) => [name, found[i] as Tensor])) };
  });
  const executable = await backend.compile(builder.program());
  try {
    return await executable.run('main', feeds);
  } finally {
    executable.close();
  }
}

function agree(actual: Readonly<Record<string, NDArray>>, expected: Readonly<Record<string, NDArray>>): void {
  assert.equal(Object.keys(actual), Object.keys(expected));
  for (const [name, { data, shape }] of Object.entries(expected)) {
    assert.equal(actual[name]?.shape, shape, name);
    near(actual[name]?.data, data, 5e-5 * Math.max(1, ...Array.from(data, Math.abs)));
  }
}

const [b, h, m, n, d, e] = [2, 2, 27, 70, 5, 9];
const operands = { q: random(1, [b, h, m, d]), k: random(2, [b, h, n, d]), v: random(3, [b, h, n, e]) };
const masks: Readonly<Record<string, NDArray | undefined>> = {
  none: undefined,
  lengths: i32([b], [13, 70]),
  bool: ndarray(
    'bool',
    [b, 1, m, n],
    Uint8Array.from(uniform([8, 4], b * m * n, 0, 1), (x) => (x < 0.4 ? 0 : 1)),
  ),
  added: random(5, [h, 1, n]),
};

for (const [name, mask] of Object.entries(masks)) {
  for (const causal of [false, true]) {
    test(`mask ${name}, ${causal ? 'causal' : 'not causal'}: what the matrix of scores gives, with its gradients`, async () => {
      const feeds = mask ? { ...operands, mask } : operands;
      const expected = await attended(reference.backend, ops.attentionByScores, feeds, causal);
      for (const backend of trainingBackends) agree(await attended(backend, ops.attention, feeds, causal), expected);
      agree(await attended(trainingBackends[1] as Backend, ops.attentionByScores, feeds, causal), expected);
    });
  }
}

test('symbolic batch and lengths', async () => {
  const symbols = { batch: 3, queries: 40, keys: 100 };
  const shapes = {
    q: ['batch', h, 'queries', d],
    k: ['batch', h, 'keys', d],
    v: ['batch', h, 'keys', e],
    mask: ['batch'],
  };
  const feeds = { ...operands, mask: i32([b], [70, 33]) };
  const expected = await attended(reference.backend, ops.attentionByScores, feeds, true);
  for (const backend of trainingBackends) {
    agree(await attended(backend, ops.attention, feeds, true, symbols, shapes), expected);
  }
});

test('a query that sees no key gives zeros, and no gradient', async () => {
  for (const mask of [i32([1], [0]), ndarray('bool', [1, 1, 1, 4], [0, 0, 0, 0])]) {
    const feeds = { q: random(1, [1, 1, 3, 4]), k: random(2, [1, 1, 4, 4]), v: random(3, [1, 1, 4, 4]), mask };
    for (const backend of trainingBackends) {
      const outputs = await attended(backend, ops.attention, feeds, false);
      for (const [name, { data }] of Object.entries(outputs))
        assert.ok(
          data.every((x: number) => x === 0),
          name,
        );
    }
  }
});

test('a NaN among the operands stays one', async () => {
  const q = ndarray('f32', [1, 1, 2, 4], [NaN, 1, 1, 1, 1, 1, 1, 1]);
  for (const { backend } of [reference, ...wasmBackends]) {
    const builder = new ProgramBuilder();
    const k = random(2, [1, 1, 5, 4]);
    builder.trace('main', { q, k }, ({ q, k }) => ({ y: ops.attention(q, k, k) }));
    const executable = await backend.compile(builder.program());
    const { y } = await executable.run('main', { q, k });
    assert.equal(
      Array.from(y?.data ?? [], Number.isNaN),
      [0, 1, 2, 3, 4, 5, 6, 7].map((i) => i < 4),
    );
    executable.close();
  }
});

test('a large score does not overflow', async () => {
  const scaled = (x: NDArray) =>
    ndarray(
      'f32',
      x.shape,
      x.data.map((value: number) => value * 60),
    );
  const feeds = { q: scaled(random(1, [1, 1, 30, 4])), k: random(2, [1, 1, 90, 4]), v: random(3, [1, 1, 90, 4]) };
  const expected = await attended(reference.backend, ops.attentionByScores, feeds, false);
  for (const backend of trainingBackends) {
    near((await attended(backend, ops.attention, feeds, false))['y']?.data, expected['y']?.data, 5e-4);
  }
});

test('bad input', async () => {
  const x = { x: random(1, [2, 2, 3, 4]) };
  const fails = async (fn: (x: Tensor) => Tensor, kind: new (...given: never[]) => Error) =>
    assert.instance(await rejection(computed(x, ({ x }) => fn(x as Tensor))), kind);
  const constant = (x: Tensor, array: NDArray): Tensor => ops.constant(x.recorder, array);
  await fails((x) => ops.attention(x, x, ops.sum(x)), ShapeError);
  await fails((x) => ops.attention(x, constant(x, random(1, [2, 2, 3, 5])), x), ShapeError);
  await fails((x) => ops.attention(x, x, x, { mask: constant(x, i32([3], [1, 1, 1])) }), ShapeError);
  await fails((x) => ops.attention(x, x, x, { mask: constant(x, random(1, [2, 5])) }), ShapeError);
  await fails((x) => ops.attention(x, x, x, { mask: constant(x, ndarray('u8', [3, 3])) }), DTypeError);
  await fails((x) => ops.attention(x, x, x, { scale: NaN }), ArgumentError);
  assert.throws(() => multiHeadAttention({ numHeads: 0, keyDim: 2 }), /numHeads must be a positive integer/);
  for (const length of [-1, 4]) {
    const feeds = { q: x.x, k: x.x, v: x.x, mask: i32([2], [length, 1]) };
    for (const backend of trainingBackends) {
      assert.instance(await rejection(attended(backend, ops.attention, feeds, false)), IndexError);
    }
  }
});

test('multiHeadAttention: the shapes of Keras, and the same with every probability kept', async () => {
  const x = random(6, [2, 5, 6]);
  const layer = multiHeadAttention({ numHeads: 2, keyDim: 3, valueDim: 4, useCausalMask: true, dropout: 0.5 });
  const { outputs, variables } = await runTraced({ x }, (inputs, scope) => {
    const key = () => ops.constant(scope.trace, i32([2], [1, 2]));
    const y = (mode: Mode) => applyLayers([layer], inputs['x'] as Tensor, scope, mode);
    return { y: y({ training: false }), dropped: y({ training: true, key }) };
  });
  assert.equal(
    [...variables].map(([name, { shape }]) => [name.split('/').slice(1).join('/'), shape]),
    [
      ['query/kernel', [6, 2, 3]],
      ['query/bias', [2, 3]],
      ['key/kernel', [6, 2, 3]],
      ['key/bias', [2, 3]],
      ['value/kernel', [6, 2, 4]],
      ['value/bias', [2, 4]],
      ['attentionOutput/kernel', [2, 4, 6]],
      ['attentionOutput/bias', [6]],
    ],
  );
  assert.equal(outputs['y']?.shape, [2, 5, 6]);
  assert.not.equal(outputs['dropped']?.data, outputs['y']?.data);
  // The first step sees itself alone: its output is its value, joined.
  const weight = (name: string): NDArray => variables.get(`multiHeadAttention/${name}`) as NDArray;
  const [value, out] = [weight('value/kernel'), weight('attentionOutput/kernel')];
  const hidden = Array.from({ length: 8 }, (_, j) => {
    return Array.from({ length: 6 }, (_, i) => (x.data[i] ?? 0) * (value.data[i * 8 + j] ?? 0)).reduce((s, p) => s + p);
  });
  const first = Array.from({ length: 6 }, (_, i) => hidden.reduce((s, v, j) => s + v * (out.data[j * 6 + i] ?? 0), 0));
  near(outputs['y']?.data.slice(0, 6), first, 1e-6);
  const text = encodeArchitecture(sequence([layer])) as string;
  assert.is(encodeArchitecture(decodeArchitecture(text)), text);
});

/** Each step is to say the symbol of the step as far from the end as it is from the start: only attention can know it. */
test('attention learns to reverse a sequence', async () => {
  const fastest = trainingBackends.at(-1) as Backend;
  const [count, steps, symbols] = [512, 8, 6];
  const drawn = uniform([3, 1], count * steps, 0, symbols).map(Math.floor);
  const places = Array.from(drawn, (symbol, i) => (i % steps) * symbols + symbol);
  const answers = Array.from(drawn, (_, i) => drawn[i - (i % steps) + steps - 1 - (i % steps)] ?? 0);
  const model = sequential(
    [
      embedding({ inputDim: steps * symbols, outputDim: 32, embeddingsInitializer: 'glorotUniform' }),
      multiHeadAttention({ numHeads: 2, keyDim: 16 }),
      dense({ units: symbols, activation: 'softmax' }),
    ],
    { backend: fastest, seed: 1 },
  );
  model.compile({
    optimizer: adam({ learningRate: 0.01 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  const [x, y] = [i32([count, steps], places), i32([count, steps], answers)];
  const { history } = await model.fit(x, y, { epochs: 20, batchSize: 32, verbose: 0 });
  const accuracy = history['accuracy']?.at(-1) ?? 0;
  assert.ok(accuracy > 0.95, `an accuracy of ${accuracy}`);
  model.close();
});

test.run();
