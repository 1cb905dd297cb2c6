/** Activation functions, arithmetic, statistics and masks that are written with other ops: known values and gradients. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { executeGraph, fromHost } from '../src/backend/reference/execute.js';
import type { Backend } from '../src/backend/backend.js';
import { ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { gradients } from '../src/graph/autodiff.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import type { ValueId } from '../src/graph/program.js';
import { Trace } from '../src/graph/trace.js';
import { activate, type ActivationName } from '../src/nn/activations.js';
import { dense } from '../src/nn/dense.js';
import * as ops from '../src/ops/functions.js';
import type { ReferenceArray } from '../src/ops/definition.js';
import type { Tensor } from '../src/ops/tensor.js';
import { reference, wasmBackends } from './support/backends.js';
import { differences } from './support/compare.js';
import { checkGradients } from './support/functions.js';
import { computed } from './support/traced.js';

const floats = (...values: number[]): NDArray => ndarray('f32', [values.length], values);

/** Arguments away from the kinks at 0, 1 and 3, and what the functions' definitions give for them, to nine digits. */
const at = [-4, -2.5, -1.25, -0.25, 0.5, 2, 3.5, 7];
const known: { readonly [N in Exclude<ActivationName, 'softmax' | 'logSoftmax'>]: readonly number[] } = {
  elu: [-0.981684361, -0.917915001, -0.713495203, -0.221199217, 0.5, 2, 3.5, 7],
  exponential: [0.0183156389, 0.0820849986, 0.286504797, 0.778800783, 1.64872127, 7.3890561, 33.115452, 1096.63316],
  gelu: [-0.000126684967, -0.0155241633, -0.132062217, -0.100323419, 0.345731231, 1.95449974, 3.4991858, 7],
  hardSigmoid: [0, 0.0833333333, 0.291666667, 0.458333333, 0.583333333, 0.833333333, 1, 1],
  hardSilu: [0, -0.208333333, -0.364583333, -0.114583333, 0.291666667, 1.66666667, 3.5, 7],
  hardSwish: [0, -0.208333333, -0.364583333, -0.114583333, 0.291666667, 1.66666667, 3.5, 7],
  hardTanh: [-1, -1, -1, -0.25, 0.5, 1, 1, 1],
  leakyRelu: [-0.8, -0.5, -0.25, -0.05, 0.5, 2, 3.5, 7],
  linear: [-4, -2.5, -1.25, -0.25, 0.5, 2, 3.5, 7],
  mish: [-0.0725917408, -0.196816204, -0.308413961, -0.129926964, 0.375245211, 1.94395896, 3.49399072, 6.99998838],
  relu: [0, 0, 0, 0, 0.5, 2, 3.5, 7],
  relu6: [0, 0, 0, 0, 0.5, 2, 3.5, 6],
  selu: [-1.72589863, -1.61378576, -1.25439545, -0.388890197, 0.525350494, 2.10140197, 3.67745346, 7.35490691],
  sigmoid: [0.01798621, 0.07585818, 0.222700139, 0.437823499, 0.622459331, 0.880797078, 0.970687769, 0.999088949],
  silu: [-0.0719448398, -0.18964545, -0.278375174, -0.109455875, 0.311229666, 1.76159416, 3.39740719, 6.99362264],
  softplus: [0.0181499279, 0.0788897343, 0.251929081, 0.57593942, 0.974076984, 2.12692801, 3.52975042, 7.00091147],
  softsign: [-0.8, -0.714285714, -0.555555556, -0.2, 0.333333333, 0.666666667, 0.777777778, 0.875],
  swish: [-0.0719448398, -0.18964545, -0.278375174, -0.109455875, 0.311229666, 1.76159416, 3.39740719, 6.99362264],
  tanh: [-0.9993293, -0.986614298, -0.84828364, -0.244918662, 0.462117157, 0.96402758, 0.998177898, 0.999998337],
};

type Known = keyof typeof known;

/** |actual - required| <= 1e-6 (1 + |required|), element by element. */
function near(actual: readonly number[], required: readonly number[], what: string): void {
  assert.is(actual.length, required.length, what);
  required.forEach((value, i) => {
    const received = actual[i] ?? NaN;
    const fits = Object.is(received, value) || Math.abs(received - value) <= 1e-6 * (1 + Math.abs(value));
    assert.ok(fits, `${what} [${i}]: ${value} is required, ${received} received`);
  });
}

for (const [name, required] of Object.entries(known) as [Known, readonly number[]][]) {
  test(`${name}: known values`, async () => {
    near(await computed({ x: floats(...at) }, ({ x }) => activate(name, x as Tensor)), required, name);
  });

  test(`${name}: the gradient is that of central differences`, () => {
    checkGradient((x) => activate(name, x), at);
  });
}

test('every activation is the same on every module', async () => {
  const names = Object.keys(known) as Known[];
  const x = ndarray(
    'f32',
    [301],
    Array.from({ length: 301 }, (_, i) => (i - 150) / 16),
  );
  const run = async (backend: Backend): Promise<Record<string, NDArray>> => {
    const builder = new ProgramBuilder();
    builder.trace('main', { x }, (inputs) =>
      Object.fromEntries(names.map((name) => [name, activate(name, inputs['x'] as Tensor)])),
    );
    const executable = await backend.compile(builder.program());
    const outputs = await executable.run('main', { x });
    executable.close();
    return outputs;
  };
  const required = await run(reference.backend);
  for (const { backend } of wasmBackends) {
    const received = await run(backend);
    for (const name of names) {
      const failures = differences(fromHost(required[name] as NDArray), received[name] as NDArray);
      assert.equal(failures, [], `${backend.name} ${name}${failures.join()}`);
    }
  }
});

test('softplus and mish do not overflow, and softplus has its gradient at 0', async () => {
  const x = floats(1000, 100, 0, -30);
  near(await computed({ x }, ({ x }) => ops.softplus(x as Tensor)), [1000, 100, Math.LN2, 9.3576e-14], 'softplus');
  near(await computed({ x }, ({ x }) => ops.mish(x as Tensor)), [1000, 100, 0, -2.8e-12], 'mish');
  checkGradient(ops.softplus, [0]);
});

test('elu and selu meet 0 with the slope of the side below', () => {
  near(
    gradientOf((x) => ops.elu(x), [0]),
    [1],
    'elu',
  );
  near(gradientOf(ops.selu, [0]), [1.0507009873554805 * 1.6732632423543772], 'selu');
});

test('options of activations', async () => {
  const x = floats(-1, 1);
  near(await computed({ x }, ({ x }) => ops.leakyRelu(x as Tensor, { negativeSlope: 0.3 })), [-0.3, 1], 'leakyRelu');
  near(await computed({ x }, ({ x }) => ops.elu(x as Tensor, { alpha: 2 })), [-1.264241118, 1], 'elu');
  near(await computed({ x }, ({ x }) => ops.clip(x as Tensor, -0.5, 0.25)), [-0.5, 0.25], 'clip');
  const approximate = (x: Tensor): Tensor => ops.gelu(x, { approximate: true });
  near(await computed({ x }, ({ x }) => approximate(x as Tensor)), [-0.158808009, 0.841191991], 'gelu');
  checkGradient(approximate, at);
  const whole = ndarray('i32', [3], [-9, 4, 9]);
  near(await computed({ whole }, ({ whole }) => ops.clip(whole as Tensor, -5, 5)), [-5, 4, 5], 'clip of i32');
});

test('layers take activations by their names and refuse others', () => {
  assert.not.throws(() => dense({ units: 2, activation: 'gelu' }));
  assert.throws(() => dense({ units: 2, activation: 'gelo' as ActivationName }), /'gelu'/);
});

test('floorDivide and mod are those of Python, of f32 and i32', async () => {
  const pairs = [
    [7, 2],
    [-7, 2],
    [7, -2],
    [-7, -2],
    [6, 3],
    [-6, 3],
    [1, 5],
    [-1, 5],
  ] as const;
  for (const dtype of ['f32', 'i32'] as const) {
    const a = ndarray(
      dtype,
      [8],
      pairs.map(([x]) => x),
    );
    const b = ndarray(
      dtype,
      [8],
      pairs.map(([, y]) => y),
    );
    const quotients = await computed({ a, b }, ({ a, b }) => ops.floorDivide(a as Tensor, b as Tensor));
    const rests = await computed({ a, b }, ({ a, b }) => ops.mod(a as Tensor, b as Tensor));
    near(quotients, [3, -4, -4, 3, 2, -2, 0, -1], `${dtype} quotients`);
    near(rests, [1, 1, -1, -1, 0, 0, 1, 4], `${dtype} rests`);
  }
  const a = ndarray('i32', [3], [5, -5, -2147483648]);
  near(await computed({ a }, ({ a }) => ops.floorDivide(a as Tensor, 0)), [0, 0, 0], 'by zero');
  near(await computed({ a }, ({ a }) => ops.floorDivide(a as Tensor, -1)), [-5, 5, -2147483648], 'by -1');
  checkGradient((x) => ops.mod(x, 3), at);
  checkGradient((x) => ops.squaredDifference(x, 3), at);
});

test('variance, std and norms', async () => {
  const x = ndarray('f32', [2, 3], [1, 2, 3, -4, 0, 10]);
  const rows = { axes: 1 };
  const of = (fn: (x: Tensor) => Tensor) => computed({ x }, ({ x }) => fn(x as Tensor));
  near(await of((x) => ops.variance(x, rows)), [2 / 3, 104 / 3], 'variance');
  near(await of((x) => ops.std(x, rows)), [Math.sqrt(2 / 3), Math.sqrt(104 / 3)], 'std');
  near(await of((x) => ops.variance(x)), [106 / 6], 'variance of all');
  near(await of((x) => ops.norm(x, rows)), [Math.sqrt(14), Math.sqrt(116)], 'norm 2');
  near(await of((x) => ops.norm(x, { ...rows, order: 1 })), [6, 14], 'norm 1');
  near(await of((x) => ops.norm(x, { ...rows, order: 'infinity' })), [3, 10], 'largest');
  for (const fn of [ops.variance, ops.std, ops.norm, ops.logSumExp]) checkGradient((x) => fn(x), at);
  near(
    gradientOf((x) => ops.norm(x), [0, 0]),
    [0, 0],
    'gradient of the norm of zeros',
  );
});

test('logSumExp neither overflows nor loses infinities', async () => {
  const of = (...values: number[]) => computed({ x: floats(...values) }, ({ x }) => ops.logSumExp(x as Tensor));
  near(await of(1000, 1000), [1000 + Math.LN2], 'large');
  near(await of(-1000, -1000), [-1000 + Math.LN2], 'small');
  near(await of(-Infinity, -Infinity), [-Infinity], 'nothing');
  near(await of(Infinity, 1), [Infinity], 'infinite');
  near(await of(), [-Infinity], 'empty');
  const x = ndarray('f32', [2, 2], [0, 0, 1, 1]);
  const kept = await computed({ x }, ({ x }) => ops.logSumExp(x as Tensor, { axes: 1, keepDims: true }));
  near(kept, [Math.LN2, 1 + Math.LN2], 'kept');
});

test('softmax over several axes is that of the axes joined', async () => {
  const x = ndarray('f32', [2, 3, 2], [1, -2, 3, 0.5, 100, 2, -1, 4, 0, 101, 7, -8]);
  const of = (fn: (x: Tensor) => Tensor) => computed({ x }, ({ x }) => fn(x as Tensor));
  for (const fn of [ops.softmax, ops.logSoftmax]) {
    const joined = await of((x) => fn(ops.reshape(x, [2, 6])));
    near(await of((x) => fn(x, [1, 2])), joined, 'the last two');
    const turned = (x: Tensor): Tensor => ops.transpose(x, [1, 0, 2]);
    near(await of((x) => turned(fn(turned(x), [0, -1]))), joined, 'the first and the last');
    checkGradient((x) => fn(x, [0]), at);
  }
});

test('argmin is the first minimum, of every number type', async () => {
  const of = (x: NDArray) => computed({ x }, ({ x }) => ops.argmin(x as Tensor));
  assert.equal(await of(floats(3, 1, 2, 1)), [1]);
  assert.equal(await of(floats(3, NaN, 1)), [1]);
  assert.equal(await of(ndarray('i32', [4], [0, 2147483647, -2147483648, -2147483648])), [2]);
  assert.equal(await of(ndarray('u8', [3], [255, 0, 0])), [1]);
  assert.equal(await of(ndarray('i8', [2, 2], [1, -128, -1, 127])), [1, 0]);
});

test('the gradient of a product with zeros is the product of the others', () => {
  const product = (x: Tensor): Tensor => ops.prod(x);
  near(gradientOf(product, [2, 3, 4]), [12, 8, 6], 'no zero');
  near(gradientOf(product, [2, 0, 4]), [0, 8, 0], 'one zero');
  near(gradientOf(product, [2, 0, 0]), [0, 0, 0], 'two zeros');
});

test('running sums', async () => {
  const x = floats(1, 2, 3);
  const of = (options: ops.CumsumOptions) => computed({ x }, ({ x }) => ops.cumsum(x as Tensor, 0, options));
  assert.equal(await of({}), [1, 3, 6]);
  assert.equal(await of({ exclusive: true }), [0, 1, 3]);
  assert.equal(await of({ reverse: true }), [6, 5, 3]);
  assert.equal(await of({ exclusive: true, reverse: true }), [5, 3, 0]);
});

test('one-hot rows', async () => {
  const labels = ndarray('i32', [3], [1, 0, 3]);
  const rows = await computed({ labels }, ({ labels }) => ops.oneHot(labels as Tensor, 3));
  assert.equal(rows, [0, 1, 0, 1, 0, 0, 0, 0, 0]);
});

test('triangles and bands of matrices', async () => {
  const x = ndarray('f32', [2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const of = (fn: (x: Tensor) => Tensor) => computed({ x }, ({ x }) => fn(x as Tensor));
  assert.equal(await of((x) => ops.tril(x)), [1, 0, 0, 4, 5, 0, 7, 0, 0, 10, 11, 0]);
  assert.equal(await of((x) => ops.triu(x)), [1, 2, 3, 0, 5, 6, 7, 8, 9, 0, 11, 12]);
  assert.equal(await of((x) => ops.tril(x, 1)), [1, 2, 0, 4, 5, 6, 7, 8, 0, 10, 11, 12]);
  assert.equal(await of((x) => ops.triu(x, 1)), [0, 2, 3, 0, 0, 6, 0, 8, 9, 0, 0, 12]);
  assert.equal(await of((x) => ops.bandPart(x, 0, 1)), [1, 2, 0, 0, 5, 6, 7, 8, 0, 0, 11, 12]);
  assert.throws(
    () => ops.tril(new Trace('test', {}).input('x', { dtype: 'f32', shape: [3] })),
    (error: unknown) => error instanceof ShapeError,
  );
});

test.run();

/** The gradient, in float64, of the sum of the elements of `fn`, the i-th times 1 + i / 8. */
function gradientOf(fn: (x: Tensor) => Tensor, values: readonly number[]): number[] {
  const trace = new Trace('test', {});
  const x = trace.input('x', { dtype: 'f32', shape: [values.length] });
  const y = fn(x);
  const weights = Array.from({ length: y.rank === 0 ? 1 : values.length }, (_, i) => 1 + i / 8);
  const loss = ops.sum(ops.mul(y, ops.constant(trace, ndarray('f32', y.shape.map(Number), weights))));
  const graph = trace.finish({ gradient: gradients(loss, [x])[0] as Tensor });
  const input: ReferenceArray = { dtype: 'f32', shape: [values.length], data: Float64Array.from(values) };
  const results = executeGraph(graph, new Map<ValueId, ReferenceArray>([[0, input]]), {});
  return [...(results.get(graph.outputs['gradient'] as ValueId)?.data ?? [])];
}

const checkGradient = (fn: (x: Tensor) => Tensor, values: readonly number[]): void =>
  checkGradients(fn, [floats(...values)], [1]);
