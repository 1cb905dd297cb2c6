/** Recurrent layers: the fast ops against cells recorded step by step, arithmetic by hand, and a network that learns. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DTypeError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import type { Backend } from '../src/backend/backend.js';
import { gradients } from '../src/graph/autodiff.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import { bidirectional } from '../src/nn/bidirectional.js';
import { dense } from '../src/nn/dense.js';
import { initializers } from '../src/nn/initializers.js';
import { input } from '../src/nn/input.js';
import type { Layer, Mode } from '../src/nn/layer.js';
import { gru, lstm, simpleRnn } from '../src/nn/recurrent.js';
import { sequence } from '../src/nn/architecture.js';
import { decodeArchitecture, encodeArchitecture } from '../src/nn/codec.js';
import { applyLayers } from './support/layers.js';
import * as ops from '../src/ops/functions.js';
import type { Tensor } from '../src/ops/tensor.js';
import { sequential } from '../src/train/model.js';
import { adam } from '../src/train/optimizers.js';
import { reference, trainingBackends, wasmBackends } from './support/backends.js';
import { initialize } from './support/initial.js';
import { computed, runTraced } from './support/traced.js';

const f32 = (shape: readonly number[], data: ArrayLike<number>): NDArray =>
  ndarray('f32', shape, Float32Array.from(data));
const random = (stream: number, shape: readonly number[], scale = 1): NDArray =>
  f32(
    shape,
    normal([7, stream], sizeOf(shape)).map((x) => x * scale),
  );

function near(actual: ArrayLike<number> | undefined, expected: ArrayLike<number> | undefined, tolerance = 2e-5): void {
  assert.is(actual?.length, expected?.length);
  for (let i = 0; i < (expected?.length ?? 0); i++) {
    const [is, wanted] = [actual?.[i] ?? NaN, expected?.[i] ?? NaN];
    assert.ok(Math.abs(is - wanted) <= tolerance, `element ${i}: ${wanted} is required, ${is} received`);
  }
}

async function apply(layer: Layer, x: NDArray) {
  const { outputs, variables } = await runTraced({ x }, (inputs, scope) => ({
    y: applyLayers([layer], inputs['x'] as Tensor, scope, { training: false }),
  }));
  return { y: outputs['y'], variables };
}

/** The output, and the gradients of a weighted sum of it for the input and all variables. */
async function trained(backend: Backend, layer: Layer, x: NDArray, mode: 'fed' | 'bound' = 'fed') {
  const builder = new ProgramBuilder({ seed: 3, symbols: mode === 'bound' ? { batch: 9 } : {} });
  const [b = 0, ...rest] = x.shape;
  const shape = mode === 'bound' ? ['batch', ...rest] : [b, ...rest];
  builder.trace('main', { x: { dtype: 'f32', shape } }, (inputs, scope) => {
    const y = applyLayers([layer], inputs.x, scope, { training: false });
    const weights = ops.cos(ops.cast(ops.iota(scope.trace, y.shape, y.rank - 1), 'f32'));
    const loss = ops.sum(ops.mul(ops.square(y), weights));
    const wrt = scope.trainables();
    const found = gradients(loss, [inputs.x, ...Object.values(wrt)]);
    const named = Object.keys(wrt).map((name, i) => [
      `d.${name.split('/').slice(1).join('.')}`,
      found[i + 1] as Tensor,
    ]);
    return { y, dx: found[0] as Tensor, ...Object.fromEntries(named) } as Record<string, Tensor>;
  });
  const executable = await backend.compile(builder.program());
  initialize(executable, builder);
  const outputs = await executable.run('main', { x });
  executable.close();
  return outputs;
}

function agree(actual: Readonly<Record<string, NDArray>>, expected: Readonly<Record<string, NDArray>>): void {
  assert.equal(Object.keys(actual), Object.keys(expected));
  for (const [name, { data, shape }] of Object.entries(expected)) {
    assert.equal(actual[name]?.shape, shape, name);
    near(actual[name]?.data, data, 5e-5 * Math.max(1, ...Array.from(data, Math.abs)));
  }
}

const variants = [{}, { returnSequences: true }, { goBackwards: true, returnSequences: true }, { useBias: false }];

for (const [kind, make] of [
  ['lstm', lstm],
  ['gru', gru],
] as const) {
  test(`${kind}: one op gives what steps give, with its gradients, on every backend`, async () => {
    const x = random(1, [3, 6, 5]);
    for (const variant of variants) {
      const options = { units: 7, biasInitializer: 'uniform', name: 'layer', ...variant } as const;
      const expected = await trained(reference.backend, make({ ...options, unroll: true }), x);
      for (const backend of trainingBackends) agree(await trained(backend, make(options), x), expected);
      agree(await trained(trainingBackends[1] as Backend, make({ ...options, unroll: true }), x), expected);
    }
  });

  test(`${kind}: a batch below its bound`, async () => {
    const x = random(2, [4, 3, 5]);
    const options = { units: 6, name: 'layer' };
    const expected = await trained(reference.backend, make(options), x, 'bound');
    for (const backend of trainingBackends) agree(await trained(backend, make(options), x, 'bound'), expected);
  });

  test(`${kind}: a sequence of any length, and its last state`, async () => {
    const gates = kind === 'lstm' ? 4 : 3;
    const variables = {
      kernel: random(4, [3, gates * 5]),
      recurrentKernel: random(5, [5, gates * 5], 0.3),
      bias: random(6, kind === 'lstm' ? [gates * 5] : [2, gates * 5]),
    };
    const builder = new ProgramBuilder({ symbols: { batch: 4, time: 12 } });
    builder.trace('main', { x: { dtype: 'f32', shape: ['batch', 'time', 3] } }, ({ x }, scope) => {
      const weight = (name: keyof typeof variables): Tensor => scope.variable(name, { shape: variables[name].shape });
      const weights = { kernel: weight('kernel'), recurrentKernel: weight('recurrentKernel'), bias: weight('bias') };
      const { sequences, state } = ops[kind](x, weights);
      // What is carried over to a second half is where the first ended.
      const again = ops[kind](x, weights, { initialState: state });
      return { sequences, last: state[0] as Tensor, again: again.sequences };
    });
    for (const { backend } of [reference, ...wasmBackends]) {
      const executable = await backend.compile(builder.program());
      for (const [name, value] of Object.entries(variables)) executable.setVariable(name, value);
      const half = random(8, [2, 4, 3]);
      const run = await executable.run('main', { x: half });
      near(
        run['last']?.data,
        [0, 1].flatMap((row) => Array.from(run['sequences']?.data.slice((row * 4 + 3) * 5, (row * 4 + 4) * 5) ?? [])),
        1e-7,
      );
      const twice = f32(
        [2, 8, 3],
        [0, 0, 1, 1].flatMap((row) => Array.from(half.data.slice(row * 12, row * 12 + 12))),
      );
      const whole = await executable.run('main', { x: twice });
      near(
        run['again']?.data,
        [0, 1].flatMap((row) => Array.from(whole['sequences']?.data.slice((row * 8 + 4) * 5, (row * 8 + 8) * 5) ?? [])),
      );
      executable.close();
    }
  });
}

test('lstm: one unit and one feature by hand', async () => {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const [k, r, bias] = [
    [0.5, -0.25, 1, 0.75],
    [0.1, 0.2, -0.3, 0.4],
    [0, 1, 0.5, -0.5],
  ] as const;
  let [h, c] = [0, 0];
  const expected = [1, -2].map((x) => {
    const [i, f, g, o] = [0, 1, 2, 3].map((gate) => x * k[gate]! + h * r[gate]! + bias[gate]!) as [
      number,
      number,
      number,
      number,
    ];
    c = sigmoid(f) * c + sigmoid(i) * Math.tanh(g);
    h = sigmoid(o) * Math.tanh(c);
    return h;
  });
  const weights = { kernel: f32([1, 4], k), recurrentKernel: f32([1, 4], r), bias: f32([4], bias) };
  const actual = await computed({ x: f32([1, 2, 1], [1, -2]), ...weights }, (given) => {
    const { kernel, recurrentKernel, bias, x } = given as Record<'kernel' | 'recurrentKernel' | 'bias' | 'x', Tensor>;
    return ops.lstm(x, { kernel, recurrentKernel, bias }).sequences;
  });
  near(actual, expected, 1e-6);
});

test('variables have the names, shapes and first values of Keras', async () => {
  const x = random(9, [2, 3, 4]);
  const { y, variables } = await apply(lstm({ units: 5 }), x);
  assert.equal(y?.shape, [2, 5]);
  assert.equal(
    [...variables].map(([name, { shape }]) => [name, shape]),
    [
      ['lstm/kernel', [4, 20]],
      ['lstm/recurrentKernel', [5, 20]],
      ['lstm/bias', [20]],
    ],
  );
  assert.equal(
    [...(variables.get('lstm/bias')?.data ?? [])],
    [0, 1, 0, 0].flatMap((value) => Array(5).fill(value)),
  );
  const flat = await apply(lstm({ units: 1, unitForgetBias: false }), x);
  assert.equal([...(flat.variables.get('lstm/bias')?.data ?? [])], [0, 0, 0, 0]);
  const gates = await apply(gru({ units: 5 }), x);
  assert.equal(gates.variables.get('gru/bias')?.shape, [2, 15]);
  const simple = await apply(simpleRnn({ units: 5, returnSequences: true }), x);
  assert.equal(simple.y?.shape, [2, 3, 5]);
  assert.equal(simple.variables.get('simpleRnn/recurrentKernel')?.shape, [5, 5]);
});

test('orthogonal rows or columns', () => {
  for (const shape of [
    [5, 20],
    [20, 5],
    [2, 3, 4],
    [6, 6],
  ]) {
    const { data } = initializers.orthogonal(shape, [1, 2]);
    const columns = shape.at(-1) ?? 1;
    const rows = data.length / columns;
    const at = (i: number, k: number): number =>
      (rows < columns ? data[i * columns + k] : data[k * columns + i]) ?? NaN;
    const [count, length] = rows < columns ? [rows, columns] : [columns, rows];
    for (let i = 0; i < count; i++) {
      for (let j = 0; j <= i; j++) {
        let product = 0;
        for (let k = 0; k < length; k++) product += at(i, k) * at(j, k);
        assert.ok(Math.abs(product - (i === j ? 1 : 0)) < 1e-6, `${shape}: ${i}, ${j}: ${product}`);
      }
    }
  }
});

test('other activations are recorded step by step', async () => {
  const x = random(10, [2, 4, 3]);
  const layer = (options: object) => lstm({ units: 3, name: 'layer', returnSequences: true, ...options });
  const plain = await trained(reference.backend, layer({}), x);
  const hard = await trained(reference.backend, layer({ recurrentActivation: 'hardSigmoid' }), x);
  assert.not.equal(plain['y']?.data, hard['y']?.data);
  agree(await trained(trainingBackends[1] as Backend, layer({ recurrentActivation: 'hardSigmoid' }), x), hard);
});

test('a mask keeps the state and repeats the output', async () => {
  const x = f32([1, 4, 1], [1, 2, 4, 8]);
  const mask = ndarray('bool', [1, 4], [0, 1, 0, 1]);
  const run = (goBackwards: boolean) =>
    computed({ x, mask }, (given) => {
      const [sequence, shown] = [given['x'] as Tensor, given['mask'] as Tensor];
      const sum: ops.Cell = (step, [total]) => {
        const next = ops.add(step, total as Tensor);
        return { output: next, state: [next] };
      };
      const zero = ops.broadcastTo(ops.constant(sequence.recorder, 0), [1, 1]);
      return ops.rnn(sum, sequence, [zero], { mask: shown, goBackwards }).sequences;
    });
  assert.equal(await run(false), [0, 2, 2, 10]);
  assert.equal(await run(true), [8, 8, 10, 10]);
});

test('bidirectional: both directions, merged', async () => {
  const x = random(11, [2, 4, 3]);
  for (const layer of [lstm({ units: 3, returnSequences: true }), gru({ units: 3 }), simpleRnn({ units: 3 })]) {
    const sides = await apply(bidirectional({ layer }), x);
    const width = sides.y?.shape.at(-1);
    assert.is(width, 6);
    const summed = await apply(bidirectional({ layer, mergeMode: 'sum' }), x);
    const mean = await apply(bidirectional({ layer, mergeMode: 'ave' }), x);
    const product = await apply(bidirectional({ layer, mergeMode: 'mul' }), x);
    const part = (side: number): number[] =>
      Array.from(sides.y?.data ?? []).filter((_, i) => Math.floor((i % 6) / 3) === side);
    const [ahead, behind] = [part(0), part(1)];
    const each = (f: (a: number, b: number) => number): number[] => ahead.map((a, i) => f(a, behind[i] ?? NaN));
    near(
      summed.y?.data,
      each((a, b) => a + b),
      1e-6,
    );
    near(
      mean.y?.data,
      each((a, b) => (a + b) / 2),
      1e-6,
    );
    near(
      product.y?.data,
      each((a, b) => a * b),
      1e-6,
    );
    assert.ok(sides.variables.has(`bidirectional/backward/kernel`));
  }
});

test('dropout is the same at each step', async () => {
  const x = f32([1, 50, 8], new Float32Array(400).fill(1));
  const { outputs } = await runTraced({ x }, (inputs, scope) => {
    const mode: Mode = { training: true, key: () => ops.constant(scope.trace, ndarray('i32', [2], [1, 2])) };
    const layer = simpleRnn({
      units: 8,
      activation: 'linear',
      recurrentInitializer: 'zeros',
      dropout: 0.5,
      recurrentDropout: 0.25,
      returnSequences: true,
    });
    return { y: applyLayers([layer], inputs['x'] as Tensor, scope, mode) };
  });
  const data = outputs['y']?.data ?? new Float32Array();
  for (let step = 1; step < 50; step++) assert.equal(data.slice(step * 8, step * 8 + 8), data.slice(0, 8));
});

test('layers are written and read', () => {
  const layers = sequence([
    bidirectional({ layer: lstm({ units: 3, returnSequences: true }) }),
    gru({ units: 2, returnSequences: true, dropout: 0.1 }),
    simpleRnn({ units: 2 }),
  ]);
  const text = encodeArchitecture(layers) as string;
  assert.is(encodeArchitecture(decodeArchitecture(text)), text);
});

test('bad input', async () => {
  assert.throws(() => lstm({ units: 0 }), /units must be a positive integer/);
  assert.throws(() => bidirectional({ layer: dense({ units: 1 }) }), /'gru', 'lstm' or 'simpleRnn'/);
  const fails = async (fn: (x: Tensor) => Tensor, kind: typeof ArgumentError, shape: readonly number[]) => {
    const given = { x: random(12, shape) };
    const error = await computed(given, ({ x }) => fn(x as Tensor)).catch((reason: unknown) => reason);
    assert.instance(error, kind);
  };
  const weights = (x: Tensor, gates: number) => ({
    kernel: ops.constant(x.recorder, random(1, [3, gates * 2])),
    recurrentKernel: ops.constant(x.recorder, random(2, [2, gates * 2])),
  });
  await fails((x) => ops.lstm(x, weights(x, 4)).sequences, ShapeError, [2, 3]);
  await fails((x) => ops.lstm(x, weights(x, 3)).sequences, ShapeError, [2, 3, 3]);
  await fails((x) => ops.gru(x, weights(x, 4)).sequences, ShapeError, [2, 3, 3]);
  await fails((x) => ops.lstm(x, weights(x, 4)).sequences, ShapeError, [2, 0, 3]);
  await fails((x) => ops.lstm(x, weights(x, 4), { initialState: [x] }).sequences, ShapeError, [2, 3, 3]);
  await fails(
    (x) => ops.gru(x, { ...weights(x, 3), bias: ops.constant(x.recorder, random(1, [6])) }).sequences,
    ShapeError,
    [2, 3, 3],
  );
  await fails((x) => ops.rnn(ops.simpleRnnCell(x), x, [x], { mask: x }).sequences, DTypeError, [2, 3, 3]);
  await fails((x) => ops.rnn(ops.simpleRnnCell(x), x, [x]).sequences, ArgumentError, [2, 0, 3]);
});

/** Sequences of two numbers and a mark: the label is the sum of the two that are marked (Hochreiter and Schmidhuber 1997). */
function addingProblem(count: number, steps: number): { x: NDArray; y: NDArray } {
  const values = normal([5, 1], count * steps);
  const draws = normal([5, 2], count * 2);
  const x = new Float32Array(count * steps * 2);
  const y = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    for (let t = 0; t < steps; t++) x[(row * steps + t) * 2] = Math.tanh(values[row * steps + t] ?? 0);
    for (let half = 0; half < 2; half++) {
      const place = Math.floor(Math.abs(draws[row * 2 + half] ?? 0) * 997) % (steps / 2);
      const at = (row * steps + half * (steps / 2) + place) * 2;
      x[at + 1] = 1;
      y[row] = (y[row] ?? 0) + (x[at] ?? 0);
    }
  }
  return { x: f32([count, steps, 2], x), y: f32([count, 1], y) };
}

const fastest = trainingBackends.at(-1) as Backend;

for (const [kind, make] of [
  ['lstm', lstm],
  ['gru', gru],
] as const) {
  test(`${kind} learns the adding problem on ${fastest.name}`, async () => {
    const steps = 16;
    const { x, y } = addingProblem(1024, steps);
    const model = sequential([input({ shape: [steps, 2] }), make({ units: 24 }), dense({ units: 1 })], {
      backend: fastest,
      seed: 2,
    });
    model.compile({ optimizer: adam({ learningRate: 0.01 }), loss: 'meanSquaredError' });
    const { history } = await model.fit(x, y, { epochs: 30, batchSize: 32, verbose: 0 });
    const losses = history['loss'] ?? [];
    assert.ok((losses[0] ?? 0) > 0.2, `${losses[0]} at first`);
    assert.ok((losses.at(-1) ?? 1) < 0.03, `${losses.at(-1)} at last`);
    model.close();
  });
}

test.run();
