/** The largest errors of the functions of floats, on every module: no more than assembly/math.ts and special.ts say. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileModule, type ModuleName } from '../src/backend/wasm/modules-node.js';
import { randomWords } from '../src/core/random.js';
import { errorFunction } from '../src/ops/special.js';
import { accuracyTable, statedErrors } from './support/accuracy.js';
import { acceptedModules } from './support/backends.js';

/** Some units of the kernels. */
const UNITS = 4;
const LENGTH = UNITS << 12;
const SCRATCH = 4096;
const TABLE = 16384;
const X = 1 << 16;
const Y = X + 4 * LENGTH;
const Z = Y + 4 * LENGTH;

interface Kernels {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
  /** z = f(x) */
  unary(name: string): void;
  /** z = f(x, y) */
  binary(name: string): void;
}

function kernelsOf(module: ModuleName): Kernels {
  const memory = new WebAssembly.Memory({ initial: 8, maximum: 65536 });
  const { exports } = new WebAssembly.Instance(compileModule(module, false), { env: { memory } });
  const call = (name: string, ...args: number[]): void => {
    const kernel = exports[name];
    if (typeof kernel !== 'function') throw new TypeError(`${module} has no ${name}`);
    kernel(...args);
  };
  call('setup');
  call('setScratch', SCRATCH);
  // One row of all elements, which both operands have: see assembly/templates.ts.
  new Int32Array(memory.buffer, TABLE, 6).set([LENGTH, LENGTH, 0, 1, 1, 0]);
  return {
    x: new Float32Array(memory.buffer, X, LENGTH),
    y: new Float32Array(memory.buffer, Y, LENGTH),
    z: new Float32Array(memory.buffer, Z, LENGTH),
    unary: (name) => call(name, 0, UNITS, Z, X, LENGTH),
    binary: (name) => call(name, 0, UNITS, Z, X, Y, TABLE),
  };
}

/** From half a unit above the largest float32 on. */
const overflows = (2 - 2 ** -24) * 2 ** 127;
const smallestNormal = 2 ** -126;

/** One unit in the last place of the float32 nearest to a number. */
const unitOf = (value: number): number => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), -126) - 23);

/**
 * The error of a result in units in the last place; infinite where NaN, an infinity or a sign is wrong. Below the
 * smallest normal number 0 is as good.
 */
function errorOf(required: number, received: number): number {
  if (Number.isNaN(required)) return Number.isNaN(received) ? 0 : Infinity;
  if (Math.abs(required) >= overflows) return received === Math.sign(required) * Infinity ? 0 : Infinity;
  if (!Number.isFinite(received)) return Infinity;
  if (Math.abs(required) < smallestNormal && received === 0) return 0;
  return Math.abs(received - required) / unitOf(required);
}

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

/** Each with its limit, that of modules or engines which do not fuse multiplications with additions. */
const functions = {
  expF32: { exact: Math.exp, limit: 1.9 },
  logF32: { exact: Math.log, limit: 0.84 },
  tanhF32: { exact: Math.tanh, limit: 6.4 },
  sigmoidF32: { exact: (x: number) => 1 / (1 + Math.exp(-x)), limit: 2.7 },
  erfF32: { exact: errorFunction, limit: 2.8 },
  sinF32: { exact: Math.sin, limit: 1.6 },
  cosF32: { exact: Math.cos, limit: 1.6 },
  log1pF32: { exact: Math.log1p, limit: 1.5 },
  expm1F32: { exact: Math.expm1, limit: 1.7 },
} as const;

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
  for (const [name, { exact, limit }] of Object.entries(functions)) {
    test(`${module}: ${name} is within ${limit} units in the last place`, () => {
      const { x, z, unary } = kernelsOf(module);
      const worst: Worst = { error: 0, at: '' };
      const compare = (): void => {
        unary(name);
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
      assert.ok(worst.error <= limit, `${worst.error} at ${worst.at}`);
    });
  }

  test(`${module}: tanh stays within -1 and 1, sigmoid within 0 and 1`, () => {
    const { x, z, unary } = kernelsOf(module);
    for (let i = 0; i < LENGTH; i++) x[i] = (i - LENGTH / 2) / 400;
    unary('tanhF32');
    assert.ok(z.every((value) => Math.abs(value) <= 1));
    unary('sigmoidF32');
    assert.ok(z.every((value) => value >= 0 && value <= 1));
  });

  test(`${module}: pow is within 0.51 units in the last place, and as C's powf at the edges`, () => {
    const { x, y, z, binary } = kernelsOf(module);
    const worst: Worst = { error: 0, at: '' };
    const compare = (): void => {
      binary('powF32');
      for (let i = 0; i < LENGTH; i++) {
        const [a = NaN, b = NaN] = [x[i], y[i]];
        const required = a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
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
    assert.ok(worst.error <= 0.51, `${worst.error} at ${worst.at}`);
  });

  test(`${module}: atan2 is within 1.8 units in the last place, and as C's atan2f at the edges`, () => {
    const { x, y, z, binary } = kernelsOf(module);
    const worst: Worst = { error: 0, at: '' };
    const compare = (): void => {
      binary('atan2F32');
      for (let i = 0; i < LENGTH; i++) {
        const [a = NaN, b = NaN] = [x[i], y[i]];
        const required = Math.atan2(a, b);
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
    assert.ok(worst.error <= 1.8, `${worst.error} at ${worst.at}`);
  });
}

test('the stated errors are those of every function here, and docs/accuracy.md says them', async () => {
  const limits = new Map(
    Object.entries(functions).map(([name, { limit }]) => [name.replace('F32', ''), limit as number]),
  );
  const stated = statedErrors();
  assert.equal(stated.map(({ name }) => name).sort(), [...limits.keys(), 'atan2', 'pow'].sort());
  for (const { name, relaxed, simd } of stated) {
    const limit = limits.get(name);
    if (limit !== undefined) assert.ok(Math.max(relaxed, simd) <= limit, name);
  }
  const path = new URL('../../docs/accuracy.md', import.meta.url);
  assert.ok(
    readFileSync(path, 'utf8') === (await accuracyTable()),
    'run `npm run docs`, which writes docs/accuracy.md',
  );
});

test.run();
