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
import { mapNamed } from '../src/core/tree.js';

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

/** A function that traces a loss of one weight, around the lines of an example. */
const traced = (names: string): readonly [before: string, after: string] => [
  `import { ${names}, ops, ProgramBuilder } from 'quern';
const builder = new ProgramBuilder();
builder.trace('trainStep', { x: { dtype: 'f32', shape: [2] } }, ({ x }, scope) => {
const loss = ops.mean(ops.mul(x, scope.variable('w', { shape: [] })));\n`,
  `\nreturn { loss };\n});\nbuilder.program();\n`,
];

/** What stands before and after an example. */
interface Surroundings {
  readonly before: string;
  readonly after?: string;
  readonly runs?: boolean;
}

/** The heads of files that hold examples. */
const heads: Readonly<Record<string, Surroundings>> = {
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
  'src/data/augmentation.ts': {
    before: `import { affine, augment, cutout, horizontalFlip } from 'quern';\nimport { images } from './data.js';\nconst epoch = 0;\n`,
  },
  'src/data/csv.ts': {
    before: `import { matrixOf, readCsv } from 'quern';
const bytes = new TextEncoder().encode('length,width,species\\n1,2,a\\n3,4,b\\n');\n`,
  },
  'src/data/pipeline.ts': {
    before: `import { affine, dataset, dense, flatten, input, sequential } from 'quern';\n${digits}${model}`,
  },
  'src/data/scale.ts': {
    before: `import { dense, ndarray, sequential, standardScaler } from 'quern';
const part = { x: ndarray('f32', [4, 2], [1, 2, 3, 4, 5, 6, 7, 9]), y: ndarray('f32', [4, 1]) };
const [train, test] = [part, part];
const model = sequential([dense({ units: 1 })]);
model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });\n`,
  },
  'src/data/split.ts': {
    before: `import { dense, ndarray, sequential, split, takeRows } from 'quern';
const [x, y] = [ndarray('f32', [150, 2]), ndarray('i32', [150], Array.from({ length: 150 }, (_, i) => i % 3))];
const model = sequential([dense({ units: 3, activation: 'softmax' })]);
model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });\n`,
  },
  'src/graph/builder.ts': {
    before: `import { initializers, ops, ProgramBuilder } from 'quern';
const { glorotUniform } = initializers;
const { matmul, softmax } = ops;\n`,
  },
  'src/graph/autodiff.ts': { before: traced('gradients')[0], after: traced('')[1] },
  'src/train/optimizers.ts': { before: traced('adam, gradients')[0], after: traced('')[1] },
  'src/nn/custom.ts': {
    before: `import { dense, initializers, input, layer, ops } from 'quern';
const { mul } = ops;
const x = input({ shape: [4] });\n`,
  },
  'src/train/cross-validation.ts': {
    before: `import { crossValidate, dense, ndarray, sequential } from 'quern';
const [x, y] = [ndarray('f32', [15, 2]), ndarray('i32', [15], Array.from({ length: 15 }, (_, i) => i % 3))];
const iris = () => {
  const model = sequential([dense({ units: 3, activation: 'softmax' })]);
  model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  return model;
};\n`,
  },
  'edge/executor.ts': { before: '', runs: false },
  'edge/index.ts': { before: '', runs: false },
};

/** Heads whose examples leave something out, with the reason why that is well. */
const fragments: Readonly<Record<string, string>> = {
  'src/train/trainer.ts': 'it leaves out the generator, as tests/trainer.test.ts does not',
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
  ...Object.entries(heads).map(([path, { before, after = '', runs = true }]) => {
    return { name: `the head of ${path}`, code: `${before}${headOf(path)}${after}`, runs };
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

test('every head with an example is looked at', () => {
  const files = ['src', 'edge'].flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      .map((name) => `${room}/${name.replaceAll('\\', '/')}`)
      .filter((name) => name.endsWith('.ts')),
  );
  const shown = files.filter((path) => /^(const|await|import) /m.test(headOf(path))).sort();
  assert.equal(shown, [...Object.keys(heads), ...Object.keys(fragments)].sort());
  for (const [path, reason] of Object.entries(fragments)) skipped.push(`the head of ${path}: ${reason}`);
});

test('their types are right', () => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as { readonly config: object };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const entries = { quern: 'src/index.ts', 'quern/edge': 'edge/index.ts', 'quern/executor': 'edge/executor.ts' };
  const paths = mapNamed(entries, (entry) => [join(root, entry)]);
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
