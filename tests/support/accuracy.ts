/**
 * The largest errors of the functions of floats that were found by `npm run accept -- accuracy`, which takes every float32
 * there is and 2^29 pairs for functions of two. `npm run docs` writes them to docs/accuracy.md; tests/math.test.ts holds
 * the kernels to them, at the arguments where they are and at others, and the file against them.
 */
import { format } from 'prettier';
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
    simd: { error: 1.8697, at: [-0.004279466811567545] },
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

/** docs/accuracy.md. */
export function accuracyTable(): Promise<string> {
  const cell = ({ error, at }: Largest): string => `${error} | ${at.join(', ')}`;
  const rows = accuracy.map(({ name, relaxed, simd }) => `| \`${name}\` | ${cell(relaxed)} | ${cell(simd)} |`);
  const text = `# Accuracy of functions

Made by \`npm run docs\` from \`tests/support/accuracy.ts\`; do not edit. The largest errors that were found against float64, in
units in the last place of a float32, and the arguments where they are. \`npm run accept -- accuracy\` looks at all 2^32 floats,
for \`pow\` and \`atan2\` at 2^29 pairs, in about twenty minutes on two processors, and fails where an error is larger. So far
\`sin\`, \`cos\` and \`tanh\` were measured at all floats and \`pow\` at all pairs, \`atan2\` at half of them, the others at all floats
from 2^-7 to 2^7 in size and at samples of the rest. \`tests/math.test.ts\` holds every module to the errors at these arguments
and at a million others for each function, with the edges, infinities, denormals and NaN. A result below the smallest normal
number may be 0. Engines that do not fuse multiplications with additions have the errors of the module without relaxed SIMD.

| function | relaxed SIMD | at | SIMD | at |
| --- | --: | --- | --: | --- |
${rows.join('\n')}
`;
  return format(text, { parser: 'markdown', printWidth: 120, singleQuote: true });
}
