/**
 * The examples of the documents and of the heads of files that users meet: their types are checked, and they run, on small
 * data. A block below a comment `<!-- not run: reason -->` is left out, and the reason is printed.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Example {
  readonly name: string;
  readonly code: string;
  /** Whether it can run here; its types are checked all the same. */
  readonly runs: boolean;
}

/** The module that examples take their data from. */
const data = `import { ndarray } from 'quern';
const pixels = Float32Array.from({ length: 96 * 784 }, (_, i) => ((i * 31) % 97) / 97);
export const images = ndarray('f32', [96, 28, 28, 1], pixels);
export const labels = ndarray('i32', [96], Array.from({ length: 96 }, (_, i) => i % 10));
`;

const digits = `import { images as x, labels as y } from './data.js';\n`;
const model = `const model = sequential([input({ shape: [28, 28, 1] }), flatten(), dense({ units: 10, activation: 'softmax' })]);
model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' });\n`;

/** The heads whose examples are checked, with what stands before them. */
const heads: Readonly<Record<string, { readonly before: string; readonly runs?: boolean }>> = {
  'src/index.ts': { before: digits },
  'src/train/model.ts': {
    before: `import { dense, ndarray, sequential } from 'quern';
const [x, y] = [ndarray('f32', [8, 3]), ndarray('f32', [8, 1])];\n`,
  },
  'src/train/scores.ts': {
    before: `import { dense, flatten, input, scores, sequential } from 'quern';\n${digits}${model}`,
  },
  'src/train/profile.ts': { before: `import { dense, flatten, input, profile, sequential } from 'quern';\n${model}` },
  'src/report/report.ts': {
    before: `import { dense, flatten, input, report, sequential } from 'quern';\n${digits}${model}const [xTest, yTest] = [x, y];\n`,
  },
  'edge/index.ts': { before: '', runs: false },
};

const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'].concat(
  readdirSync(join(root, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
);

const skipped: string[] = [];

/** The blocks of a language in a document, but for those that say why not. */
function blocksOf(path: string, language: string): { readonly name: string; readonly code: string }[] {
  const text = readFileSync(join(root, path), 'utf8');
  const blocks = text.matchAll(/^(?:<!-- not run: (.+) -->\n+)?```(\w*)\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, reason, named, code = ''], i) => {
    if (named !== language) return [];
    if (reason !== undefined) skipped.push(`${path}, block ${i + 1}: ${reason}`);
    return reason === undefined ? [{ name: `${path}, block ${i + 1}`, code }] : [];
  });
}

/** The indented lines of the comment at the head of a file. */
function headOf(path: string): string {
  const [comment = ''] = /^\/\*\*[\s\S]*?\*\//.exec(readFileSync(join(root, path), 'utf8')) ?? [];
  return [...comment.matchAll(/^ \* {3}(.*)$/gm)].map(([, line]) => line).join('\n');
}

const examples: readonly Example[] = [
  ...documents.flatMap((path) => blocksOf(path, 'ts').map((block) => ({ ...block, runs: true }))),
  ...Object.entries(heads).map(([path, { before, runs = true }]) => {
    return { name: `the head of ${path}`, code: before + headOf(path), runs };
  }),
];

const folder = mkdtempSync(join(root, 'dist/examples-'));
const fileOf = (index: number): string => join(folder, `${index}`, 'example.ts');
examples.forEach(({ code }, index) => {
  mkdirSync(join(folder, `${index}`));
  writeFileSync(join(folder, `${index}`, 'data.ts'), data);
  writeFileSync(fileOf(index), `${code}\nexport {};\n`);
});
test.after(() => {
  rmSync(folder, { recursive: true });
  for (const reason of skipped) console.log(`\n# not run: ${reason}`);
});

test('there are examples to look at', () => assert.ok(examples.length >= 7, `${examples.length}`));

test('their types are right', () => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as { readonly config: object };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const paths = { quern: [join(root, 'src/index.ts')], 'quern/edge': [join(root, 'edge/index.ts')] };
  const files = [...examples.map((_, index) => fileOf(index)), join(root, 'edge/modules.d.ts')];
  const program = ts.createProgram(files, {
    ...options,
    noEmit: true,
    declaration: false,
    noUnusedLocals: false,
    paths,
  });
  const wrong = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const index = examples.findIndex((_, i) => file && fileOf(i) === file.fileName);
    return `${examples[index]?.name ?? file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
  assert.equal(wrong, []);
});

for (const [index, { name, runs }] of examples.entries()) {
  if (!runs) continue;
  test(`${name} runs`, async () => {
    const outfile = join(folder, `${index}`, 'example.mjs');
    await build({
      entryPoints: [fileOf(index)],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'silent',
      alias: { quern: pathToFileURL(join(root, 'dist/src/index.js')).href },
      external: ['file:*'],
    });
    const before = process.cwd();
    process.chdir(join(folder, `${index}`));
    try {
      await import(pathToFileURL(outfile).href);
    } finally {
      process.chdir(before);
    }
  });
}

test('commands are either run elsewhere or say why not', () => {
  const commands = documents.flatMap((path) => blocksOf(path, 'sh'));
  assert.equal(
    commands.map(({ name }) => name),
    [],
  );
});

test.run();
