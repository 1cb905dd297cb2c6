/** The page about accuracy. */
import { format } from 'prettier';
import { accuracy, type Largest } from './accuracy.js';

/** docs/accuracy.md. */
export function accuracyTable(): Promise<string> {
  const cell = ({ error, at }: Largest): string => `${error} | ${at.join(', ')}`;
  const rows = accuracy.map(({ name, relaxed, simd }) => `| \`${name}\` | ${cell(relaxed)} | ${cell(simd)} |`);
  const text = `# Accuracy of functions

Made by \`npm run docs\` from \`tests/support/accuracy.ts\`; do not edit. The largest errors that were found against float64, in
units in the last place of a float32, and the arguments where they are. \`npm run accept -- accuracy\` looks at all 2^32 floats,
for \`pow\` and \`atan2\` at 2^29 pairs, in less than three minutes on sixteen processors, and fails where an error is larger.
\`tests/math.test.ts\` holds every module to the errors at these arguments and at a million others for each function, with the
edges, infinities, denormals and NaN. A result below the smallest normal number may be 0. Engines that do not fuse
multiplications with additions have the errors of the module without relaxed SIMD.

| function | relaxed SIMD | at | SIMD | at |
| --- | --: | --- | --: | --- |
${rows.join('\n')}
`;
  return format(text, { parser: 'markdown', printWidth: 120, singleQuote: true });
}
