/**
 * The largest errors of the functions of floats that were found by `npm run accept -- accuracy`, which takes every float32
 * there is and 2^29 pairs for functions of two. `npm run docs` writes them to docs/accuracy.md; tests/math.test.ts holds
 * the kernels to them, at the arguments where they are and at others, and the file against them.
 */
import type { BinaryName, UnaryName } from './ulp.js';

export type AccurateName = UnaryName | BinaryName;

/** Units in the last place, rounded up, and the arguments where they are. */
export interface Largest {
  readonly error: number;
  readonly at: readonly number[];
}

export interface Accuracy {
  readonly name: AccurateName;
  readonly relaxed: Largest;
  readonly simd: Largest;
}

export const accuracy: readonly Accuracy[] = [
  {
    name: 'exp',
    relaxed: { error: 1.5707, at: [54.75777816772461] },
    simd: { error: 1.9086, at: [-0.004279464483261108] },
  },
  {
    name: 'log',
    relaxed: { error: 0.9108, at: [1.2724477052688599] },
    simd: { error: 0.9543, at: [0.7065256237983704] },
  },
  {
    name: 'tanh',
    relaxed: { error: 5.5791, at: [8.48868465423584] },
    simd: { error: 6.3633, at: [8.890053749084473] },
  },
  {
    name: 'sigmoid',
    relaxed: { error: 2.6607, at: [-4.154651165008545] },
    simd: { error: 2.4808, at: [-16.635704040527344] },
  },
  {
    name: 'pow',
    relaxed: { error: 0.5068, at: [1.0937544107437134, 974.408203125] },
    simd: { error: 0.5068, at: [1.0937544107437134, 974.408203125] },
  },
  {
    name: 'erf',
    relaxed: { error: 1.1452, at: [1.0627442598342896] },
    simd: { error: 1.3145, at: [0.9943237900733948] },
  },
  {
    name: 'sin',
    relaxed: { error: 0.6015, at: [3470634841354010600] },
    simd: { error: 0.6015, at: [3470634841354010600] },
  },
  { name: 'cos', relaxed: { error: 0.6015, at: [491118.96875] }, simd: { error: 0.6015, at: [491118.96875] } },
  {
    name: 'atan2',
    relaxed: { error: 1.7427, at: [-0.4761754274368286, 3.800492525100708] },
    simd: { error: 1.8415, at: [221471408, 208934304] },
  },
  {
    name: 'log1p',
    relaxed: { error: 0.9486, at: [0.278937429189682] },
    simd: { error: 0.9711, at: [0.2771359980106354] },
  },
  {
    name: 'expm1',
    relaxed: { error: 1.6394, at: [0.39649975299835205] },
    simd: { error: 1.776, at: [0.39807674288749695] },
  },
];
