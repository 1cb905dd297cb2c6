/**
 * Examples that textbooks work out by hand, with their figures, on every backend: products of matrices and vectors,
 * gradient descent, convolution and pooling, entropy and divergence, densities, Bayes' rule, and every gradient of a
 * small classifier. Figures of a convolution are what its definition gives, a sum of products under the window: printed
 * examples of it often contain slips.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Backend } from '../src/backend/backend.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import type { Named } from '../src/core/tree.js';
import { gradients } from '../src/graph/autodiff.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import { add, div, mul, pow, sub } from '../src/ops/binary.js';
import { conv2d } from '../src/ops/conv.js';
import { exp, log, neg, relu, sigmoid, square } from '../src/ops/elementwise.js';
import { matmul } from '../src/ops/linear.js';
import { reshape, transpose } from '../src/ops/move.js';
import { sgd } from '../src/ops/optimizer.js';
import { maxPool2d } from '../src/ops/pool.js';
import { mean, sum } from '../src/ops/reduce.js';
import { constant } from '../src/ops/source.js';
import type { Tensor } from '../src/ops/tensor.js';
import { trainingBackends } from './support/backends.js';

const f32 = (shape: readonly number[], ...data: number[]): NDArray<'f32'> => ndarray('f32', shape, data);

/** Runs a function of tensors on arrays. */
async function evaluate(
  backend: Backend,
  feeds: Named<NDArray>,
  fn: (tensors: Record<string, Tensor>) => Named<Tensor>,
): Promise<Record<string, NDArray>> {
  const builder = new ProgramBuilder();
  builder.trace('example', feeds, (tensors) => fn(tensors));
  const executable = await backend.compile(builder.program());
  try {
    return await executable.run('example', feeds);
  } finally {
    executable.close();
  }
}

function isNear(actual: NDArray | undefined, expected: readonly number[], tolerance = 1e-6): void {
  assert.is(actual?.data.length, expected.length);
  expected.forEach((value, i) => {
    const given = actual?.data[i] ?? NaN;
    assert.ok(Math.abs(given - value) <= tolerance * Math.max(1, Math.abs(value)), `[${i}]: ${given}, not ${value}`);
  });
}

/** The tensor of a name. */
function of(tensors: Record<string, Tensor>, name: string): Tensor {
  const tensor = tensors[name];
  if (!tensor) throw new Error(`no tensor ${name}`);
  return tensor;
}

const ln2 = Math.log(2);

for (const backend of trainingBackends) {
  const run = (feeds: Named<NDArray>, fn: (tensors: Record<string, Tensor>) => Named<Tensor>) =>
    evaluate(backend, feeds, fn);

  test(`${backend.name}: the product of two 2x2 matrices, and its transpose`, async () => {
    const feeds = { a: f32([2, 2], 1, 2, 3, 4), b: f32([2, 2], 5, 6, 7, 8) };
    const { ab, ba, transposed } = await run(feeds, (t) => ({
      ab: matmul(of(t, 'a'), of(t, 'b')),
      ba: matmul(of(t, 'b'), of(t, 'a')),
      transposed: matmul(transpose(of(t, 'b')), transpose(of(t, 'a'))),
    }));
    assert.equal([...(ab?.data ?? [])], [19, 22, 43, 50]);
    assert.equal([...(ba?.data ?? [])], [23, 34, 31, 46]);
    assert.equal([...(transposed?.data ?? [])], [19, 43, 22, 50]);
  });

  test(`${backend.name}: a dot product is 11, as a sum and as a product of matrices`, async () => {
    const feeds = { a: f32([2], 1, 2), b: f32([2], 3, 4) };
    const { summed, multiplied } = await run(feeds, (t) => ({
      summed: sum(mul(of(t, 'a'), of(t, 'b'))),
      multiplied: matmul(reshape(of(t, 'a'), [1, 2]), reshape(of(t, 'b'), [2, 1])),
    }));
    assert.equal([...(summed?.data ?? []), ...(multiplied?.data ?? [])], [11, 11]);
  });

  test(`${backend.name}: gradient descent on x^2 goes from 2 to 1.8, and on by 0.9 each step`, async () => {
    const builder = new ProgramBuilder();
    builder.trace('step', {}, (_, scope) => {
      const x = scope.variable('x', { shape: [] });
      const loss = square(x);
      const [gradient] = gradients(loss, [x]);
      if (!gradient) throw new Error('x has a gradient');
      scope.assign(
        x,
        sgd(x, gradient, constant(scope.trace, f32([], 0.05)), null, { momentum: 0, nesterov: false }).parameter,
      );
      return { loss, gradient };
    });
    const executable = await backend.compile(builder.program());
    executable.setVariable('x', f32([], 2));
    const { loss, gradient } = await executable.run('step', {});
    assert.equal([...(loss?.data ?? []), ...(gradient?.data ?? [])], [4, 4]);
    isNear(executable.getVariable('x'), [1.8]);
    for (let step = 2; step <= 20; step++) {
      await executable.run('step', {});
      isNear(executable.getVariable('x'), [2 * 0.9 ** step]);
    }
    executable.close();
  });

  test(`${backend.name}: convolution and pooling of a 3x3 image, by definition`, async () => {
    const image = f32([1, 3, 3, 1], 1, 2, 3, 4, 5, 6, 7, 8, 9);
    const feeds = { image, kernel: f32([2, 2, 1, 1], 1, 0, 0, -1), ones: f32([2, 2, 1, 1], 1, 1, 1, 1) };
    const pool = { poolSize: 2, strides: 1 } as const;
    const { differences, sums, same, pooled, rectified } = await run(feeds, (t) => ({
      differences: conv2d(of(t, 'image'), of(t, 'kernel')),
      sums: conv2d(of(t, 'image'), of(t, 'ones')),
      same: conv2d(of(t, 'image'), of(t, 'ones'), { padding: 'same' }),
      pooled: maxPool2d(of(t, 'image'), pool),
      rectified: relu(conv2d(of(t, 'image'), of(t, 'kernel'))),
    }));
    // 1 - 5, 2 - 6, 4 - 8, 5 - 9
    assert.equal([...(differences?.data ?? [])], [-4, -4, -4, -4]);
    assert.equal([...(sums?.data ?? [])], [12, 16, 24, 28]);
    assert.equal([...(same?.data ?? [])], [12, 16, 9, 24, 28, 15, 15, 17, 9]);
    assert.equal([...(pooled?.data ?? [])], [5, 6, 8, 9]);
    assert.equal([...(rectified?.data ?? [])].map(Math.abs), [0, 0, 0, 0]);
  });

  test(`${backend.name}: entropy of coins and dice, and the divergence of one from another`, async () => {
    const feeds = {
      fair: f32([2], 0.5, 0.5),
      biased: f32([2], 0.9, 0.1),
      four: f32([4], 0.5, 0.25, 0.125, 0.125),
    };
    const bits = (p: Tensor): Tensor => neg(sum(mul(p, div(log(p), ln2))));
    const divergence = (p: Tensor, q: Tensor): Tensor => sum(mul(p, log(div(p, q))));
    const { fair, biased, four, forward, backward, none } = await run(feeds, (t) => ({
      fair: bits(of(t, 'fair')),
      biased: bits(of(t, 'biased')),
      four: bits(of(t, 'four')),
      forward: divergence(of(t, 'fair'), of(t, 'biased')),
      backward: divergence(of(t, 'biased'), of(t, 'fair')),
      none: divergence(of(t, 'biased'), of(t, 'biased')),
    }));
    isNear(fair, [1]);
    isNear(biased, [0.4689955935892812]);
    isNear(four, [1.75]);
    // 0.5 ln(0.5 / 0.9) + 0.5 ln(0.5 / 0.1), and 0.9 ln 1.8 + 0.1 ln 0.2: they differ.
    isNear(forward, [0.5108256237659907]);
    isNear(backward, [0.3680642071684971]);
    isNear(none, [0]);
  });

  test(`${backend.name}: normal and beta densities, and that they integrate to 1`, async () => {
    const count = 4001;
    const grid = (low: number, high: number) =>
      Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
    const feeds = {
      z: f32([4], 0, 1, -2, 3),
      p: f32([3], 0.5, 0.25, 0.9),
      line: f32([count], ...grid(-8, 8)),
      unit: f32([count], ...grid(0, 1)),
    };
    const normalAt = (x: Tensor, mu: number, sigma: number): Tensor =>
      mul(exp(mul(square(div(sub(x, mu), sigma)), -0.5)), 1 / (sigma * Math.sqrt(2 * Math.PI)));
    // Beta(2, 5): x (1 - x)^4 / B(2, 5), where B(2, 5) = 1! 4! / 6! = 1 / 30.
    const betaAt = (x: Tensor): Tensor => mul(mul(x, pow(sub(1, x), 4)), 30);
    const { densities, shifted, betas, all, whole, expected } = await run(feeds, (t) => ({
      densities: normalAt(of(t, 'z'), 0, 1),
      shifted: normalAt(of(t, 'z'), 1, 2),
      betas: betaAt(of(t, 'p')),
      all: mul(sum(normalAt(of(t, 'line'), 0, 1)), 16 / (count - 1)),
      whole: mul(sum(betaAt(of(t, 'unit'))), 1 / (count - 1)),
      expected: mul(sum(mul(of(t, 'unit'), betaAt(of(t, 'unit')))), 1 / (count - 1)),
    }));
    isNear(densities, [0.3989422804, 0.2419707245, 0.0539909665, 0.0044318484]);
    isNear(shifted, [0.1760326634, 0.1994711402, 0.0647587978, 0.1209853623]);
    isNear(betas, [0.9375, 2.373046875, 0.0027]);
    isNear(all, [1], 1e-5);
    isNear(whole, [1], 1e-5);
    isNear(expected, [2 / 7], 1e-5);
  });

  test(`${backend.name}: Bayes' rule: what a positive test says`, async () => {
    // One in a hundred is ill; the test finds 99 of 100 ill, and 5 of 100 healthy.
    const feeds = { prior: f32([2], 0.01, 0.99), likelihood: f32([2], 0.99, 0.05) };
    const { once, twice } = await run(feeds, (t) => {
      const update = (prior: Tensor): Tensor => {
        const joint = mul(prior, of(t, 'likelihood'));
        return div(joint, sum(joint));
      };
      const posterior = update(of(t, 'prior'));
      return { once: posterior, twice: update(posterior) };
    });
    isNear(once, [1 / 6, 5 / 6]);
    isNear(twice, [0.99 / (0.99 + 5 * 0.05), 0.25 / 1.24]);
  });

  test(`${backend.name}: every gradient of a two-layer classifier, derived by hand`, async () => {
    const feeds = {
      x: f32([3, 2], 0.5, -1, 1.5, 2, -0.3, 0.8),
      y: f32([3, 1], 1, 0, 1),
      w1: f32([2, 3], 0.2, -0.4, 0.7, 0.5, 0.3, -0.6),
      b1: f32([3], 0.1, 0.2, -0.1),
      w2: f32([3, 1], 0.6, -0.9, 0.8),
      b2: f32([1], 0.05),
    };
    const names = ['x', 'w1', 'b1', 'w2', 'b2'] as const;
    const measured = await run(feeds, (t) => {
      const hidden = relu(add(matmul(of(t, 'x'), of(t, 'w1')), of(t, 'b1')));
      const p = sigmoid(add(matmul(hidden, of(t, 'w2')), of(t, 'b2')));
      const y = of(t, 'y');
      const loss = neg(mean(add(mul(y, log(p)), mul(sub(1, y), log(sub(1, p))))));
      const derived = gradients(
        loss,
        names.map((name) => of(t, name)),
      );
      return { loss, p, ...Object.fromEntries(names.map((name, i) => [`d_${name}`, derived[i] ?? loss])) };
    });

    const [x, y, w1, b1, w2, b2] = Object.values(feeds).map(({ data }) => Array.from(data));
    const hand = byHand({ x, y, w1, b1, w2, b2 });
    isNear(measured['loss'], [hand.loss]);
    isNear(measured['p'], hand.p);
    for (const name of names) isNear(measured[`d_${name}`], hand[name], 3e-6);
  });
}

type Parameters = Readonly<Record<'x' | 'y' | 'w1' | 'b1' | 'w2' | 'b2', readonly number[] | undefined>>;

/**
 * z1 = x w1 + b1, a1 = relu(z1), z2 = a1 w2 + b2, p = sigmoid(z2), L = -mean(y ln p + (1 - y) ln(1 - p)). Then
 * dL/dz2 = (p - y) / n, dL/dw2 = a1^T dz2, dL/db2 = sum dz2, dL/da1 = dz2 w2^T, dL/dz1 = da1 where z1 > 0,
 * dL/dw1 = x^T dz1, dL/db1 = sum dz1, dL/dx = dz1 w1^T.
 */
function byHand({ x = [], y = [], w1 = [], b1 = [], w2 = [], b2 = [] }: Parameters) {
  const [rows, inputs, hidden] = [y.length, x.length / y.length, b1.length];
  const at = (array: readonly number[], i: number): number => array[i] ?? NaN;
  const total = (count: number, term: (i: number) => number): number =>
    Array.from({ length: count }, (_, i) => term(i)).reduce((sum, value) => sum + value, 0);
  const table = (height: number, width: number, cell: (row: number, column: number) => number): number[] =>
    Array.from({ length: height * width }, (_, i) => cell(Math.floor(i / width), i % width));

  const z1 = table(
    rows,
    hidden,
    (n, j) => total(inputs, (i) => at(x, n * inputs + i) * at(w1, i * hidden + j)) + at(b1, j),
  );
  const a1 = z1.map((value) => Math.max(value, 0));
  const z2 = table(rows, 1, (n) => total(hidden, (j) => at(a1, n * hidden + j) * at(w2, j)) + at(b2, 0));
  const p = z2.map((value) => 1 / (1 + Math.exp(-value)));
  const loss = -total(rows, (n) => at(y, n) * Math.log(at(p, n)) + (1 - at(y, n)) * Math.log(1 - at(p, n))) / rows;

  const dz2 = p.map((value, n) => (value - at(y, n)) / rows);
  const dz1 = table(rows, hidden, (n, j) => (at(z1, n * hidden + j) > 0 ? at(dz2, n) * at(w2, j) : 0));
  return {
    loss,
    p,
    w2: table(hidden, 1, (j) => total(rows, (n) => at(a1, n * hidden + j) * at(dz2, n))),
    b2: [total(rows, (n) => at(dz2, n))],
    w1: table(inputs, hidden, (i, j) => total(rows, (n) => at(x, n * inputs + i) * at(dz1, n * hidden + j))),
    b1: table(1, hidden, (_, j) => total(rows, (n) => at(dz1, n * hidden + j))),
    x: table(rows, inputs, (n, i) => total(hidden, (j) => at(dz1, n * hidden + j) * at(w1, i * hidden + j))),
  };
}

test.run();
