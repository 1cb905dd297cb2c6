/**
 * The largest errors of the functions of floats, as the heads of assembly/math.ts and special.ts state them. `npm run docs`
 * writes them to docs/accuracy.md; tests/math.test.ts holds the kernels to them, and the file against them.
 */
import { readFileSync } from 'node:fs';
import { format } from 'prettier';

export interface Accuracy {
  /** The function, `sin`. */
  readonly name: string;
  /** Units in the last place, by module. */
  readonly relaxed: number;
  readonly simd: number;
}

/** `//   sin, cos    1.6      1.6     of every finite argument` */
const line = /^\/\/ {3}([a-z0-9]+(?:, [a-z0-9]+)*) +([\d.]+) +([\d.]+)(?: .*)?$/gm;

export function statedErrors(): readonly Accuracy[] {
  return ['math', 'special'].flatMap((file) => {
    const text = readFileSync(new URL(`../../../assembly/${file}.ts`, import.meta.url), 'utf8');
    return [...text.matchAll(line)].flatMap(([, names = '', relaxed, simd]) =>
      names.split(', ').map((name) => ({ name, relaxed: Number(relaxed), simd: Number(simd) })),
    );
  });
}

/** docs/accuracy.md. */
export function accuracyTable(): Promise<string> {
  const rows = statedErrors().map(({ name, relaxed, simd }) => `| \`${name}\` | ${relaxed} | ${simd} |`);
  const text = `# Accuracy of functions

Made by \`npm run docs\` from the heads of \`assembly/math.ts\` and \`assembly/special.ts\`; do not edit. The largest errors that
were found over arguments of all exponents, against float64, in units in the last place of a float32; \`tests/math.test.ts\`
measures every module again at a million arguments for each function, with the edges, infinities, denormals and NaN. Engines
that do not fuse multiplications with additions have the errors of the module without relaxed SIMD.

| function | relaxed SIMD | SIMD |
| --- | --: | --: |
${rows.join('\n')}
`;
  return format(text, { parser: 'markdown', printWidth: 120, singleQuote: true });
}
