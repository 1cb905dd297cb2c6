/** The largest errors of the functions of floats, on every module: no more than tests/support/accuracy.ts says. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomWords } from '../src/core/random.js';
import { errorFunction } from '../src/ops/special.js';
import { accuracy, type AccurateName } from './support/accuracy.js';
import { accuracyTable } from './support/accuracy-page.js';
import { acceptedModules } from './support/backends.js';
import { binary, errorOf, erf, floatKernels, LENGTH, unary, type UnaryName } from './support/ulp.js';

interface Worst {
  error: number;
  at: string;
}

function note(worst: Worst, error: number, at: () => string): void {
  if (error > worst.error) {
    worst.error = error;
    worst.at = at();
  }
}

/** The limit of a function: that of modules or engines which do not fuse multiplications with additions. */
const limitOf = (name: AccurateName): number =>
  Math.max(...accuracy.filter((row) => row.name === name).flatMap(({ relaxed, simd }) => [relaxed.error, simd.error]));

/** Where the errors of a function are largest. */
const worstOf = (name: AccurateName): (readonly number[])[] =>
  accuracy.filter((row) => row.name === name).flatMap(({ relaxed, simd }) => [relaxed.at, simd.at]);

/** Bits of floats: for each sign and exponent the first, the last and random fractions. */
function* everyExponent(perExponent: number): Generator<Int32Array> {
  const words = randomWords([1, 2], 0, perExponent);
  const chunk = new Int32Array(LENGTH);
  let at = 0;
  for (let head = 0; head < 512; head++) {
    for (let i = 0; i < perExponent; i++) {
      const fraction = i === 0 ? 0 : i === 1 ? 0x7fffff : (words[i] as number) >>> 9;
      chunk[at++] = (head << 23) | fraction;
      if (at === LENGTH) {
        yield chunk;
        at = 0;
      }
    }
  }
}

const specials = [
  0,
  -0,
  1,
  -1,
  2,
  -2,
  0.5,
  -0.5,
  3,
  -3,
  Infinity,
  -Infinity,
  NaN,
  1e-40,
  -1e-40,
  1e38,
  -3e38,
  16777217,
];

for (const module of acceptedModules) {
  for (const [name, exact] of Object.entries(unary) as [UnaryName, (x: number) => number][]) {
    const limit = limitOf(name);
    test(`${module}: ${name} is within ${limit} units in the last place`, () => {
      const { x, z, unary: run } = floatKernels(module);
      const worst: Worst = { error: 0, at: '' };
      const compare = (): void => {
        run(name);
        for (let i = 0; i < LENGTH; i++) {
          note(worst, errorOf(exact(x[i] as number), z[i] as number), () => `${x[i]} gives ${z[i]}`);
        }
      };
      for (const bits of everyExponent(2048)) {
        new Int32Array(x.buffer, x.byteOffset, LENGTH).set(bits);
        compare();
      }
      // Where the functions bend, and around the ends of their ranges.
      for (const [from, to] of [
        [-1, 1],
        [-10, 10],
        [-104, 104],
        [33554000, 33555000],
        [88.7, 88.8],
        [-87.4, -87.3],
      ] as const) {
        for (let i = 0; i < LENGTH; i++) x[i] = from + ((to - from) * i) / LENGTH;
        compare();
      }
      worstOf(name).forEach(([at = NaN], i) => (x[i] = at));
      compare();
      assert.ok(worst.error <= limit, `${worst.error} at ${worst.at}`);
    });
  }

  test(`${module}: tanh stays within -1 and 1, sigmoid within 0 and 1`, () => {
    const { x, z, unary: run } = floatKernels(module);
    for (let i = 0; i < LENGTH; i++) x[i] = (i - LENGTH / 2) / 400;
    run('tanh');
    assert.ok(z.every((value) => Math.abs(value) <= 1));
    run('sigmoid');
    assert.ok(z.every((value) => value >= 0 && value <= 1));
  });

  test(`${module}: pow is within ${limitOf('pow')} units in the last place, and as C's powf at the edges`, () => {
    const { x, y, z, binary: run } = floatKernels(module);
    const worst: Worst = { error: 0, at: '' };
    const compare = (): void => {
      run('pow');
      for (let i = 0; i < LENGTH; i++) {
        const [a = NaN, b = NaN] = [x[i], y[i]];
        const required = binary.pow(a, b);
        note(worst, errorOf(required, z[i] as number), () => `${a} to ${b} gives ${z[i]}`);
        if (required === 0) assert.ok(Object.is(required, z[i]), `${a} to ${b} gives ${z[i]}`);
      }
    };
    specials.forEach((a, row) =>
      specials.forEach((b, column) => {
        x[row * specials.length + column] = a;
        y[row * specials.length + column] = b;
      }),
    );
    compare();
    const words = randomWords([3, 4], 0, 4 * LENGTH);
    const unit = (i: number): number => (words[i] as number) / 2 ** 32;
    const fill = (base: (i: number) => number, power: (i: number) => number): void => {
      for (let i = 0; i < LENGTH; i++) {
        x[i] = base(i);
        y[i] = power(i + LENGTH);
      }
      compare();
    };
    fill(
      (i) => Math.exp(20 * unit(i) - 10),
      (i) => 20 * unit(i) - 10,
    );
    fill(
      (i) => -10 * unit(i),
      (i) => Math.round(60 * unit(i) - 30),
    );
    fill(
      (i) => 1 + 1e-3 * unit(i),
      (i) => 2e5 * unit(i) - 1e5,
    );
    new Int32Array(x.buffer, x.byteOffset, LENGTH).set(words.subarray(0, LENGTH));
    new Int32Array(y.buffer, y.byteOffset, LENGTH).set(words.subarray(LENGTH, 2 * LENGTH));
    compare();
    worstOf('pow').forEach(([a = NaN, b = NaN], i) => ([x[i], y[i]] = [a, b]));
    compare();
    assert.ok(worst.error <= limitOf('pow'), `${worst.error} at ${worst.at}`);
  });

  test(`${module}: atan2 is within ${limitOf('atan2')} units in the last place, and as C's atan2f at the edges`, () => {
    const { x, y, z, binary: run } = floatKernels(module);
    const worst: Worst = { error: 0, at: '' };
    const compare = (): void => {
      run('atan2');
      for (let i = 0; i < LENGTH; i++) {
        const [a = NaN, b = NaN] = [x[i], y[i]];
        const required = binary.atan2(a, b);
        note(worst, errorOf(required, z[i] as number), () => `${a}, ${b} gives ${z[i]}`);
        if (required === 0) assert.ok(Object.is(required, z[i]), `${a}, ${b} gives ${z[i]}`);
      }
    };
    specials.forEach((a, row) =>
      specials.forEach((b, column) => {
        x[row * specials.length + column] = a;
        y[row * specials.length + column] = b;
      }),
    );
    compare();
    const words = randomWords([5, 6], 0, 2 * LENGTH);
    for (let i = 0; i < LENGTH; i++) {
      x[i] = (words[i] as number) / 2 ** 29 - 4;
      y[i] = i % 2 === 0 ? 1 : (words[i + LENGTH] as number) / 2 ** 29 - 4;
    }
    compare();
    new Int32Array(x.buffer, x.byteOffset, LENGTH).set(words.subarray(0, LENGTH));
    new Int32Array(y.buffer, y.byteOffset, LENGTH).set(words.subarray(LENGTH, 2 * LENGTH));
    compare();
    worstOf('atan2').forEach(([a = NaN, b = NaN], i) => ([x[i], y[i]] = [a, b]));
    compare();
    assert.ok(worst.error <= limitOf('atan2'), `${worst.error} at ${worst.at}`);
  });
}

test('the quick error function is that of the sum', () => {
  for (let x = -6.1; x < 6.1; x += 0.00731) {
    assert.ok(Math.abs(erf(x) / errorFunction(x) - 1) < 1e-13, `${x}`);
  }
});

test('docs/accuracy.md says the largest errors', async () => {
  const path = new URL('../../docs/accuracy.md', import.meta.url);
  assert.ok(
    readFileSync(path, 'utf8') === (await accuracyTable()),
    'run `npm run docs`, which writes docs/accuracy.md',
  );
});

test.run();
