/**
 * The largest errors of the functions of floats: found by `npm run accept -- accuracy`, which takes every float32 there is and
 * 2^29 pairs for functions of two. `npm run docs` writes them to docs/accuracy.md; tests/math.test.ts holds the kernels to
 * them, at the arguments where they are and at others, and the file against them.
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
    relaxed: { error: 5.2863, at: [-8.395011901855469] },
    simd: { error: 5.4383, at: [-6.712729454040527] },
  },
  {
    name: 'sigmoid',
    relaxed: { error: 2.4596, at: [-16.63673973083496] },
    simd: { error: 2.4291, at: [-16.63772201538086] },
  },
  {
    name: 'pow',
    relaxed: { error: 0.5065, at: [1.0916959047317505, -980.4043579101562] },
    simd: { error: 0.5065, at: [1.0916959047317505, -980.4043579101562] },
  },
  {
    name: 'erf',
    relaxed: { error: 1.0525, at: [-1.0565367937088013] },
    simd: { error: 1.1624, at: [0.9939133524894714] },
  },
  {
    name: 'sin',
    relaxed: { error: 0.6015, at: [3470634841354010600] },
    simd: { error: 0.6015, at: [3470634841354010600] },
  },
  { name: 'cos', relaxed: { error: 0.6015, at: [491118.96875] }, simd: { error: 0.6015, at: [491118.96875] } },
  {
    name: 'atan2',
    relaxed: { error: 1.7036, at: [-466228704, 924368064] },
    simd: { error: 1.7882, at: [-1.8848648071289062, 1.7933064699172974] },
  },
  {
    name: 'log1p',
    relaxed: { error: 0.9486, at: [0.278937429189682] },
    simd: { error: 0.9711, at: [0.2771359980106354] },
  },
  {
    name: 'expm1',
    relaxed: { error: 1.5874, at: [0.3880922198295593] },
    simd: { error: 1.7054, at: [0.3882368803024292] },
  },
];

/** docs/accuracy.md. */
export function accuracyTable(): Promise<string> {
  const cell = ({ error, at }: Largest): string => `${error} | ${at.join(', ')}`;
  const rows = accuracy.map(({ name, relaxed, simd }) => `| \`${name}\` | ${cell(relaxed)} | ${cell(simd)} |`);
  const text = `# Accuracy of functions

Made by \`npm run docs\` from \`tests/support/accuracy.ts\`; do not edit. The largest errors against float64, in units in the last
place of a float32, and the arguments where they are: of all 2^32 floats, and for \`pow\` and \`atan2\` of 2^29 pairs, a third of
any bits, the others where the functions give all that they can. \`npm run accept -- accuracy\` measures them again, in about a
quarter of an hour on two processors; \`tests/math.test.ts\` holds every module to them at these arguments and at a million others
for each function, with the edges, infinities, denormals and NaN. A result below the smallest normal number may be 0. Engines
that do not fuse multiplications with additions have the errors of the module without relaxed SIMD.

| function | relaxed SIMD | at | SIMD | at |
| --- | --: | --- | --: | --- |
${rows.join('\n')}
`;
  return format(text, { parser: 'markdown', printWidth: 120, singleQuote: true });
}
