/** Elementwise functions that are written with other ops: how exact they are, what they do at the edges, their gradients. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { randomWords } from '../src/core/random.js';
import * as ops from '../src/ops/functions.js';
import type { Tensor } from '../src/ops/tensor.js';
import { checkGradients, type Function, gives, results } from './support/functions.js';

const floats = (...values: number[]): NDArray => ndarray('f32', [values.length], values);
const flags = (...values: number[]): NDArray => ndarray('bool', [values.length], values);

const smallestNormal = 2 ** -126;
const overflows = (2 - 2 ** -24) * 2 ** 127;

/** The error in units in the last place; infinite where NaN or an infinity is wrong. */
function errorOf(required: number, received: number): number {
  if (Number.isNaN(required)) return Number.isNaN(received) ? 0 : Infinity;
  if (Math.abs(required) >= overflows) return received === Math.sign(required) * Infinity ? 0 : Infinity;
  if (!Number.isFinite(received)) return Infinity;
  const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(required))), -126) - 23);
  return Math.abs(required) < smallestNormal && Math.abs(received) <= smallestNormal
    ? 0
    : Math.abs(received - required) / unit;
}

/** Numbers of all exponents, and many between -100 and 100 and between -1 and 1. */
const everywhere = new Float32Array(12288);
const words = randomWords([41, 1], 0, 12288);
new Int32Array(everywhere.buffer).set(words.subarray(0, 4096));
for (let i = 4096; i < 8192; i++) everywhere[i] = (words[i] as number) / 2 ** 24 - 128;
for (let i = 8192; i < 12288; i++) everywhere[i] = (words[i] as number) / 2 ** 31 - 1;

interface Exact {
  readonly fn: (x: Tensor) => Tensor;
  readonly exact: (x: number) => number;
  /** Units in the last place. */
  readonly limit: number;
  /** Where the gradient is checked. */
  readonly at: readonly number[];
}

const inside = [-0.9, -0.25, 0, 0.5, 0.75];
const wide = [-3, -0.5, 0, 0.25, 4];

const functions: Readonly<Record<string, Exact>> = {
  tan: { fn: ops.tan, exact: Math.tan, limit: 3.5, at: [-1, 0, 0.5, 4] },
  asin: { fn: ops.asin, exact: Math.asin, limit: 2.5, at: inside },
  acos: { fn: ops.acos, exact: Math.acos, limit: 2.1, at: inside },
  atan: { fn: ops.atan, exact: Math.atan, limit: 1.5, at: wide },
  sinh: { fn: ops.sinh, exact: Math.sinh, limit: 3.4, at: wide },
  cosh: { fn: ops.cosh, exact: Math.cosh, limit: 4.1, at: wide },
  asinh: { fn: ops.asinh, exact: Math.asinh, limit: 1.9, at: wide },
  acosh: { fn: ops.acosh, exact: Math.acosh, limit: 1.8, at: [1.5, 2, 30] },
  atanh: { fn: ops.atanh, exact: Math.atanh, limit: 1.8, at: inside },
  exp2: { fn: ops.exp2, exact: (x) => 2 ** x, limit: 0.51, at: wide },
  log2: { fn: ops.log2, exact: Math.log2, limit: 2, at: [0.25, 1, 3] },
  log10: { fn: ops.log10, exact: Math.log10, limit: 2, at: [0.25, 1, 3] },
  deg2rad: { fn: ops.deg2rad, exact: (x) => (x * Math.PI) / 180, limit: 0.7, at: wide },
  rad2deg: { fn: ops.rad2deg, exact: (x) => (x * 180) / Math.PI, limit: 0.7, at: wide },
  trunc: { fn: ops.trunc, exact: Math.trunc, limit: 0, at: [-2.5, 0.5] },
};

for (const [name, { fn, exact, limit, at }] of Object.entries(functions)) {
  test(`${name} is within ${limit} units in the last place on every module`, async () => {
    const x = ndarray('f32', [everywhere.length], everywhere);
    for (const [backend, { data }] of [...(await results(fn as Function, [x]))].slice(1)) {
      let worst = 0;
      let where = '';
      everywhere.forEach((value, i) => {
        const error = errorOf(exact(value), data[i] ?? NaN);
        if (error <= worst) return;
        worst = error;
        where = `${value} gives ${data[i]}`;
      });
      assert.ok(worst <= limit, `${backend}: ${worst} at ${where}`);
    }
    checkGradients(fn as Function, [ndarray('f32', [at.length], at)]);
  });
}

test('signs, infinities and NaN', async () => {
  const x = floats(0, -0, 1, -2.5, Infinity, -Infinity, NaN);
  await gives(ops.isNaN, [x], flags(0, 0, 0, 0, 0, 0, 1));
  await gives(ops.isInf, [x], flags(0, 0, 0, 0, 1, 1, 0));
  await gives(ops.isFinite, [x], flags(1, 1, 1, 1, 0, 0, 0));
  await gives(ops.signBit, [x], flags(0, 1, 0, 1, 0, 1, 0));
  const largest = 3.4028234663852886e38;
  await gives((x) => ops.nanToNum(x), [x], floats(0, 0, 1, -2.5, largest, -largest, 0));
  await gives((x) => ops.nanToNum(x, { nan: 7, posInf: 8, negInf: 9 }), [x], floats(0, 0, 1, -2.5, 8, 9, 7));
  const sizes = floats(1, -2, 3, Infinity);
  for (const [, { data }] of await results(
    (a, b) => ops.reciprocal(ops.copySign(a, b)),
    [floats(0, 0, 5, -5), floats(1, -0, -1, 0)],
  )) {
    assert.equal(
      Array.from(data, (y) => Math.fround(y)),
      [Infinity, -Infinity, Math.fround(-0.2), Math.fround(0.2)],
    );
  }
  await gives((a) => ops.copySign(a, -1), [sizes], floats(-1, -2, -3, -Infinity));
  await gives((x) => ops.heaviside(x, 0.5), [x], floats(0.5, 0.5, 1, 0, 1, 0, NaN));
  await gives(ops.logicalXor, [flags(0, 0, 1, 1), flags(0, 1, 0, 1)], flags(0, 1, 1, 0));
  await gives((x) => ops.sinc(x), [floats(0, 0.5, 1, -2.5)], floats(1, 2 / Math.PI, 0, 1 / (2.5 * Math.PI)), {
    absolute: 1e-7,
    relative: 1e-6,
  });
  checkGradients(ops.sinc, [floats(-1.5, 0.25, 2)], [1]);
});

test('two operands: rests, lengths, sums of exponentials, angles', async () => {
  const [a, b] = [floats(7, -7, 7, -7, 5.5, -0.5), floats(2, 2, -2, -2, 2, 3)];
  await gives(ops.fmod, [a, b], floats(1, -1, 1, -1, 1.5, -0.5));
  const whole = (...values: number[]): NDArray => ndarray('i32', [values.length], values);
  await gives(ops.fmod, [whole(7, -7, 7, -7), whole(2, 2, -2, -2)], whole(1, -1, 1, -1));

  const close = { absolute: 1e-7, relative: 4e-7 };
  const sides = [floats(3, 1e30, 0, 5, Infinity, Infinity, -3), floats(4, -1e30, 0, 0, 1, -Infinity, 4)] as const;
  await gives(ops.hypot, sides, floats(5, Math.SQRT2 * 1e30, 0, 5, Infinity, Infinity, 5), close);
  checkGradients(ops.hypot, [floats(3, -1, 0.5), floats(4, 2, -0.25)]);
  checkGradients(ops.hypot, [floats(2, -2), floats(2, 2)], [1]);

  const terms = [floats(0, 1000, -1000, -Infinity, Infinity), floats(0, 1000, 0, -Infinity, 1)] as const;
  await gives(ops.logAddExp, terms, floats(Math.LN2, 1000 + Math.LN2, 0, -Infinity, Infinity), close);
  checkGradients(ops.logAddExp, [floats(0, 1, -2), floats(0.5, 1, 3)], [1]);

  const angles = floats(Math.PI / 4, (3 * Math.PI) / 4, -Math.PI, Math.PI / 2, 0);
  await gives(ops.atan2, [floats(1, 1, -0, 1, 0), floats(1, -1, -1, 0, 0)], angles, close);
});

test('any, all, how many, and how far apart', async () => {
  const x = ndarray('f32', [2, 3], [0, 2, NaN, 0, 0, -0]);
  await gives((x) => ops.any(x), [x], ndarray('bool', [], [1]));
  await gives((x) => ops.any(x, { axes: 1 }), [x], flags(1, 0));
  await gives((x) => ops.all(x, { axes: 0 }), [x], flags(0, 0, 0));
  await gives((x) => ops.all(x), [flags(1, 1)], ndarray('bool', [], [1]));
  await gives((x) => ops.countNonzero(x, { axes: 1 }), [x], ndarray('i32', [2], [2, 0]));
  const nothing = flags();
  await gives((x) => ops.any(x), [nothing], ndarray('bool', [], [0]));
  await gives((x) => ops.all(x), [nothing], ndarray('bool', [], [1]));
  await gives((x) => ops.ptp(x, { axes: 0 }), [ndarray('i32', [2, 2], [5, -1, 2, 9])], ndarray('i32', [2], [3, 10]));
});

test.run();
