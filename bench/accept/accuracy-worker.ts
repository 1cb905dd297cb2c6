/** A thread of the part `accuracy`: takes shares of a function's arguments, answers with the largest errors in them. */
import { parentPort } from 'node:worker_threads';
import { runsHere } from '../../src/backend/wasm/modules-node.js';
import { randomWords } from '../../src/core/random.js';
import type { AccurateName } from '../../tests/support/accuracy.js';
import {
  binary,
  type BinaryName,
  errorOf,
  floatKernels,
  LENGTH,
  unary,
  type UnaryName,
} from '../../tests/support/ulp.js';

/** Part `at` of `of` equal ones; `quick` takes one argument in 1021. */
export interface Share {
  readonly name: AccurateName;
  readonly at: number;
  readonly of: number;
  readonly quick: boolean;
}

export interface Found {
  readonly name: AccurateName;
  readonly module: 'relaxed' | 'simd';
  readonly error: number;
  /** The arguments with that error. */
  readonly at: readonly number[];
}

const SPARSE = 1021;
const PAIRS = 2 ** 29;

const modules = (['relaxed', 'simd'] as const)
  .filter((module) => runsHere(`infer-${module}`))
  .map((module) => ({ module, kernels: floatKernels(`infer-${module}`), error: 0, at: [] as readonly number[] }));
const x = new Float32Array(LENGTH);
const y = new Float32Array(LENGTH);
const xBits = new Int32Array(x.buffer);
const yBits = new Int32Array(y.buffer);

/** Compares results with what is required. Most are the nearest float32, which takes no more to say. */
function compare(required: (i: number) => number, at: (i: number) => readonly number[]): void {
  for (let i = 0; i < LENGTH; i++) {
    const exact = required(i);
    const nearest = Math.fround(exact);
    for (const found of modules) {
      const received = found.kernels.z[i] as number;
      if (received === nearest) continue;
      const error = errorOf(exact, received);
      if (error > found.error) [found.error, found.at] = [error, at(i)];
    }
  }
}

function compareUnary(name: UnaryName, { at, of, quick }: Share): void {
  const exact = unary[name];
  const step = quick ? SPARSE : 1;
  const [first, last] = [(2 ** 32 / of) * at, (2 ** 32 / of) * (at + 1)];
  for (let bits = first; bits < last; bits += step * LENGTH) {
    for (let i = 0; i < LENGTH; i++) xBits[i] = bits + step * i;
    for (const { kernels } of modules) {
      kernels.x.set(x);
      kernels.unary(name);
    }
    compare(
      (i) => exact(x[i] as number),
      (i) => [x[i] as number],
    );
  }
}

/** Pairs of any bits, and those for which the functions give all they can: one of three kinds for each call. */
function fillPairs(name: BinaryName, kind: number, words: Uint32Array): void {
  for (let i = 0; i < LENGTH; i++) {
    xBits[i] = words[i] as number;
    yBits[i] = words[i + LENGTH] as number;
    const share = (words[i + LENGTH] as number) / 2 ** 32;
    if (name === 'pow' && kind > 0) {
      // Results of all exponents, of any base or of one near 1.
      xBits[i] = kind === 1 ? (words[i] as number) >>> 1 : 0x3f800000 + ((words[i] as number) >> 11);
      y[i] = (-150 + 280 * share) / Math.log2(x[i] as number);
    } else if (name === 'atan2' && kind === 1) {
      // Quotients near 1, of any exponent.
      yBits[i] = ((words[i] as number) & 0x7f800000) | ((words[i + LENGTH] as number) & 0x807fffff);
    } else if (name === 'atan2' && kind === 2) {
      x[i] = (words[i] as number) / 2 ** 29 - 4;
      y[i] = 8 * share - 4;
    }
  }
}

function compareBinary(name: BinaryName, { at, of, quick }: Share): void {
  const exact = binary[name];
  const calls = PAIRS / of / LENGTH;
  for (let call = 0; call < calls; call += quick ? calls / 4 : 1) {
    fillPairs(name, call % 3, randomWords([at, call], 0, 2 * LENGTH));
    for (const { kernels } of modules) {
      kernels.x.set(x);
      kernels.y.set(y);
      kernels.binary(name);
    }
    compare(
      (i) => exact(x[i] as number, y[i] as number),
      (i) => [x[i] as number, y[i] as number],
    );
  }
}

parentPort?.on('message', (share: Share) => {
  for (const found of modules) [found.error, found.at] = [0, []];
  const { name } = share;
  if (name === 'pow' || name === 'atan2') compareBinary(name, share);
  else compareUnary(name, share);
  parentPort?.postMessage(modules.map(({ module, error, at }): Found => ({ name, module, error, at })));
});
