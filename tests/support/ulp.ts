/** Functions of floats as the kernels have them, beside float64: errors in units in the last place of a float32. */
import { compileModule, type ModuleName } from '../../src/backend/wasm/modules-node.js';
import { errorFunction } from '../../src/ops/special.js';

/** Some units of the kernels. */
const UNITS = 4;
/** Arguments that a call takes. */
export const LENGTH = UNITS << 12;
const SCRATCH = 4096;
const TABLE = 16384;
const X = 1 << 16;
const Y = X + 4 * LENGTH;
const Z = Y + 4 * LENGTH;

/** A module's functions over LENGTH floats. */
export interface FloatKernels {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
  /** z = f(x) */
  unary(name: UnaryName): void;
  /** z = f(x, y) */
  binary(name: BinaryName): void;
}

export function floatKernels(module: ModuleName): FloatKernels {
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
    unary: (name) => call(`${name}F32`, 0, UNITS, Z, X, LENGTH),
    binary: (name) => call(`${name}F32`, 0, UNITS, Z, X, Y, TABLE),
  };
}

const STEPS = 32;

/** The error function and its derivative at every 1 / STEPS up to 6. */
const values = Float64Array.from({ length: 6 * STEPS + 1 }, (_, i) => errorFunction(i / STEPS));
const slopes = Float64Array.from(values, (_, i) => (2 / Math.sqrt(Math.PI)) * Math.exp(-((i / STEPS) ** 2)));

/** The error function quicker than by its sum: Taylor's series around the nearest of the steps, to 14 digits. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (!(size < 6)) return Number.isNaN(x) ? NaN : Math.sign(x);
  const nearest = Math.round(size * STEPS);
  const c = nearest / STEPS;
  const d = size - c;
  // exp(-2cd - d^2) is the sum of Hermite's polynomials of c times (-d)^n / n!, here by their recurrence.
  let [before, term, sum] = [0, 1, 1];
  for (let n = 1; n < 9; n++) {
    [before, term] = [term, (-2 * d * (c * term + d * before)) / n];
    sum += term / (n + 1);
  }
  const value = (values[nearest] as number) + (slopes[nearest] as number) * d * sum;
  return x < 0 ? -value : value;
}

/** Functions of one float, in float64. */
export const unary = {
  exp: Math.exp,
  log: Math.log,
  tanh: Math.tanh,
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  erf,
  sin: Math.sin,
  cos: Math.cos,
  log1p: Math.log1p,
  expm1: Math.expm1,
} as const;

export type UnaryName = keyof typeof unary;

/** Functions of two, as C has them: 1 to any power is 1. */
export const binary = {
  pow: (x: number, y: number) => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y),
  atan2: Math.atan2,
} as const;

export type BinaryName = keyof typeof binary;

/** From half a unit above the largest float32 on. */
const overflows = (2 - 2 ** -24) * 2 ** 127;
const smallestNormal = 2 ** -126;

const double = new Float64Array(1);
const words = new Int32Array(double.buffer);

/** One unit in the last place of a float32 as large as a number. */
function unitOf(value: number): number {
  double[0] = Math.max(Math.abs(value), smallestNormal);
  words[0] = 0;
  words[1] = ((words[1] as number) & 0x7ff00000) - (23 << 20);
  return double[0];
}

/**
 * The error of a result in units in the last place; infinite where NaN, an infinity or a sign is wrong. Below the
 * smallest normal number 0 is as good.
 */
export function errorOf(required: number, received: number): number {
  if (Number.isNaN(required)) return Number.isNaN(received) ? 0 : Infinity;
  if (Math.abs(required) >= overflows) return received === Math.sign(required) * Infinity ? 0 : Infinity;
  if (!Number.isFinite(received)) return Infinity;
  if (Math.abs(required) < smallestNormal && received === 0) return 0;
  return Math.abs(received - required) / unitOf(required);
}
