/**
 * Laid-out models: they answer bit for bit as what they were made of, on every module and any number of threads; and they
 * are refused where they do not fit, however they are damaged.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { signatureOf, signatureOfLaidOut } from '../edge/signature.js';
import { createExecutable } from '../src/backend/wasm/executable.js';
import { layOutModel } from '../src/backend/wasm/lay-out.js';
import { inferenceLowerings } from '../src/backend/wasm/lower/inference.js';
import { compileModule } from '../src/backend/wasm/modules-node.js';
import { type OpenLaidOut, openLaidOut } from '../src/backend/wasm/open-laid-out.js';
import { nodeThreads } from '../src/backend/wasm/threads-node.js';
import {
  ArgumentError,
  FormatError,
  IndexError,
  MemoryError,
  QuernError,
  ShapeError,
  UnsupportedError,
} from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import type { Named } from '../src/core/tree.js';
import { type ModelContents, writeModel } from '../src/format/model.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import { mnistCnn } from '../src/models/mnist-cnn.js';
import { conv2d, dequantize, gather, matmul, maxPool2d, quantize, relu } from '../src/ops/functions.js';
import { acceptedModules } from './support/backends.js';
import { gaussian } from './support/initial.js';
import { programText, rawModel, rawRead, sample, utf8 } from './support/format-sample.js';
import { randomFeeds, randomProgram, recipes } from './support/random-graph.js';

const modules = acceptedModules.filter((name) => name.startsWith('infer'));
const [plain = 'infer-simd'] = modules;
const module = compileModule(plain, false);

const bitsOf = (outputs: Named<NDArray>) =>
  Object.fromEntries(
    Object.entries(outputs).map(([name, { shape, data }]) => [
      name,
      { shape, bytes: [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)] },
    ]),
  );

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Runs a model as it is and laid out, on every module, and compares outputs and variables. */
function bothWays(contents: ModelContents, graph: string, runs: readonly Named<NDArray>[], threads = 1): void {
  const file = layOutModel(writeModel(contents));
  for (const name of modules) {
    const parallel = threads > 1 ? { threads: { count: threads, host: nodeThreads } } : {};
    const options = { module: compileModule(name, threads > 1), ...parallel };
    const whole = createExecutable(contents.program, options, inferenceLowerings);
    for (const [variable, value] of contents.variables) whole.setVariable(variable, value);
    const { executable, laidOut } = openLaidOut(file, options);
    for (const feeds of runs) {
      assert.equal(bitsOf(executable.runSync(graph, feeds)), bitsOf(whole.runSync(graph, feeds)), name);
    }
    for (const variable of Object.keys(laidOut.variables)) {
      const [a, b] = [executable.getVariable(variable), whole.getVariable(variable)];
      assert.equal(bitsOf({ a }), bitsOf({ a: b }), `${name}: ${variable}`);
    }
    executable.close();
    whole.close();
  }
}

test('random programs give the same bits when they are laid out before', () => {
  fc.assert(
    fc.property(recipes, (recipe) => {
      const builder = randomProgram(recipe, false);
      const variables = new Map([['state', ndarray('f32', [6])], ...builder.initialValues()]);
      const contents = { program: builder.program(), variables };
      bothWays(contents, 'run', [randomFeeds(3), randomFeeds(1), randomFeeds(4)]);
    }),
    { seed: 8, numRuns: 60 },
  );
});

test('the MNIST network gives the same bits, on one thread and on two', () => {
  const model = mnistCnn({ seed: 4 });
  const graphs = Object.fromEntries(Object.entries(model.program.graphs).filter(([name]) => name === 'predict'));
  const variables = new Map(
    [...model.variables()].filter(([name]) => graphs['predict']?.variables[name] !== undefined),
  );
  const program = {
    ...model.program,
    graphs,
    symbols: { batch: { max: 8 } },
    variables: Object.fromEntries(Object.entries(model.program.variables).filter(([name]) => variables.has(name))),
  };
  const images = [1, 5].map((n) =>
    ndarray(
      'f32',
      [n, 28, 28, 1],
      Float32Array.from({ length: n * 784 }, (_, i) => Math.sin(i * i)),
    ),
  );
  for (const threads of [1, 2]) {
    bothWays(
      { program, variables },
      'predict',
      images.map((image) => ({ image })),
      threads,
    );
  }
});

test('it holds what the chosen graphs touch, and the assets', () => {
  const bytes = layOutModel(writeModel(sample), { graphs: ['predict'] });
  const tensors = [...rawRead(bytes).tensors.keys()].filter((name) => !name.startsWith('quern.'));
  assert.equal(tensors.sort(), ['dense/bias', 'dense/kernel', 'dense/scale']);
  const { assets, laidOut, executable } = openLaidOut(bytes, { module });
  assert.equal(assets, sample.assets);
  assert.equal(Object.keys(laidOut.graphs), ['predict']);
  assert.equal(signatureOfLaidOut(laidOut), placeless(signatureOf(sample.program)), 'without where things lie');
  assert.throws(() => signatureOfLaidOut(laidOut, 'train'), /Received predict/);
  assert.is(executable.stats().sessionBytes, 0);

  function placeless(signature: ReturnType<typeof signatureOf>) {
    const { inputs, outputs } = laidOut.graphs['predict'] ?? { inputs: {}, outputs: {} };
    for (const [name, { dtype, shape }] of Object.entries({ ...inputs, ...outputs })) {
      assert.equal({ dtype, shape }, signature.inputs[name] ?? signature.outputs[name]);
    }
    return { ...signature, inputs, outputs };
  }
});

test('sessions have variables of their own', () => {
  const file = layOutModel(writeModel(sample));
  const { executable } = openLaidOut(file, { module, sessions: 2 });
  const x = ndarray('f32', [2, 3], [1, 2, 3, 4, 5, 6]);
  const [a, b] = [executable.createSession(), executable.createSession()];
  executable.runSync('remember', { x }, { session: a });
  executable.runSync('remember', { x }, { session: a });
  executable.runSync('remember', { x }, { session: b });
  assert.equal([...executable.getVariable('cache', a).data], [2, 4, 6, 8, 10, 12]);
  assert.equal([...executable.getVariable('cache', b).data], [1, 2, 3, 4, 5, 6]);
  assert.instance(
    thrownBy(() => executable.createSession()),
    MemoryError,
  );
});

test('a session of variables without elements is a session', () => {
  const builder = new ProgramBuilder();
  builder.trace('predict', { x: { dtype: 'f32', shape: [2] } }, ({ x }, scope) => {
    scope.variable('nothing', { shape: [0], scope: 'session' });
    return { y: relu(x) };
  });
  const program = builder.program();
  const executable = createExecutable(program, { module }, inferenceLowerings);
  const session = executable.createSession();
  assert.is(session.bytes, 0);
  assert.equal(executable.getVariable('nothing', session), ndarray('f32', [0]));
});

/** A product of integers, which engines sum in ways of their own, in layouts of their own. */
function quantized(): ModelContents {
  const builder = new ProgramBuilder({ symbols: { batch: 5 } });
  builder.trace('predict', { x: { dtype: 'f32', shape: ['batch', 36] } }, ({ x }, scope) => {
    const [scale, zero] = [scope.constant(0.02), scope.constant(9, 'u8')];
    const weights = scope.variable('weights', { dtype: 'i8', shape: [36, 10] });
    const columns = scope.constant(ndarray('i8', [10]));
    const kernel = dequantize(weights, scope.variable('scales', { shape: [10] }), columns, { axis: 1 });
    const y = relu(matmul(dequantize(quantize(x, scale, zero), scale, zero), kernel));
    return { y: quantize(y, scope.constant(0.5), zero) };
  });
  const weights = ndarray(
    'i8',
    [36, 10],
    Int8Array.from({ length: 360 }, (_, i) => i * 89),
  );
  const scales = ndarray('f32', [10], new Float32Array(10).fill(0.01));
  return {
    program: builder.program(),
    variables: new Map<string, NDArray>([
      ['weights', weights],
      ['scales', scales],
    ]),
  };
}

test('a file has a layout for each way to sum int8 products where they differ, and answers alike on all', () => {
  const file = layOutModel(writeModel(quantized()));
  const layouts = JSON.parse(layoutText(file)) as readonly { readonly flavours: readonly string[] }[];
  assert.equal(
    layouts.map(({ flavours }) => flavours),
    [['dot'], ['widen']],
  );
  const x = (n: number) =>
    ndarray(
      'f32',
      [n, 36],
      Float32Array.from({ length: n * 36 }, (_, i) => 2 * Math.sin(i * i)),
    );
  for (const threads of [1, 2]) bothWays(quantized(), 'predict', [{ x: x(2) }, { x: x(5) }], threads);
});

/** Windows over a symbolic size, and an index from data. */
function windowed(): ModelContents {
  const builder = new ProgramBuilder({ symbols: { size: 9 }, seed: 1 });
  const inputs = { image: { dtype: 'f32', shape: [1, 'size', 8, 2] }, at: { dtype: 'i32', shape: [2] } } as const;
  builder.trace('predict', inputs, ({ image, at }, scope) => {
    const kernel = scope.variable('kernel', { shape: [3, 3, 2, 2], initial: gaussian(0.3) });
    const table = scope.variable('table', { shape: [4, 2], initial: gaussian(0.3) });
    return { y: relu(maxPool2d(conv2d(image, kernel), { poolSize: 2 })), rows: gather(table, at) };
  });
  return { program: builder.program(), variables: builder.initialValues() };
}

test('refuses feeds as what was compiled here does, and names the node of an index that is out of range', () => {
  const contents = windowed();
  const whole = createExecutable(contents.program, { module }, inferenceLowerings);
  for (const [name, value] of contents.variables) whole.setVariable(name, value);
  const { executable } = openLaidOut(layOutModel(writeModel(contents)), { module });
  const image = (size: number) => ndarray('f32', [1, size, 8, 2], new Float32Array(size * 16).fill(1));
  const at = ndarray('i32', [2], [0, 3]);
  const feeds = [
    { image: image(4), at },
    { image: image(9), at },
    { image: image(3), at },
    { image: image(2), at },
    { image: image(0), at },
    { image: image(10), at },
    { image: image(4) },
    { image: image(4), at: ndarray('i32', [2], [4, 0]) },
    { image: image(4), at: ndarray('f32', [2], [0, 0]) },
  ];
  const kinds = feeds.map((each) => {
    const [expected, received] = [whole, executable].map((one) =>
      thrownBy(() => one.runSync('predict', each as Named<NDArray>)),
    );
    const said = (error: unknown) => error && [(error as Error).constructor, (error as Error).message];
    assert.equal(said(received), said(expected));
    return received?.constructor;
  });
  assert.equal(kinds.slice(0, 2), [undefined, undefined]);
  assert.equal(kinds.slice(2, 6), Array<unknown>(4).fill(ShapeError));
  assert.is(kinds[7], IndexError);
  assert.instance(
    thrownBy(() => executable.runSync('predict', feeds[0] as Named<NDArray>, { checkFinite: true })),
    ArgumentError,
  );
});

test('refuses an engine that it was not laid out for, and a memory that is too small', () => {
  const file = layOutModel(writeModel(sample));
  const { metadata, tensors } = rawRead(file);
  const other = rawModel(tensors, { ...metadata, engine: 'infer-0123456789ab' });
  for (const [bytes, options] of [
    [other, { module }],
    [file, { module: compileModule('train-simd', false) }],
  ] as const) {
    const error = thrownBy(() => openLaidOut(bytes, options));
    assert.instance(error, UnsupportedError);
    assert.match((error as Error).message, /lay the model out again/);
  }
  assert.instance(
    thrownBy(() => openLaidOut(file, { module, memoryLimit: 65535 })),
    MemoryError,
  );
  assert.instance(
    thrownBy(() => openLaidOut(writeModel(sample), { module })),
    FormatError,
  );
  assert.instance(
    thrownBy(() => layOutModel(file)),
    FormatError,
  );
});

test('says what takes the memory that is not given, to the last page', () => {
  const file = layOutModel(writeModel(sample));
  for (const threads of [1, 2]) {
    const parallel = threads > 1 ? { threads: { count: threads, host: nodeThreads } } : {};
    const options = { module: compileModule(plain, threads > 1), ...parallel, memoryLimit: 1 };
    const error = thrownBy(() => openLaidOut(file, options));
    if (!(error instanceof MemoryError)) throw error;
    const [, parts = ''] = /\((.*)\)/.exec(error.message) ?? [];
    const sum = [...parts.matchAll(/\d+/g)].reduce((total, [bytes]) => total + Number(bytes), 0);
    assert.is(Math.ceil((sum + 64) / 65536) * 65536, error.required);
    assert.is(/sync words (\d+)/.exec(parts)?.[1] === '0', threads === 1);
  }
});

test('a file with any byte changed is refused', () => {
  const file = layOutModel(writeModel(sample));
  for (let at = 0; at < file.length; at++) {
    const damaged = file.slice();
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
    const error = thrownBy(() => openLaidOut(damaged, { module }));
    const isHeld = error instanceof FormatError || error instanceof UnsupportedError;
    // A changed space between header and data, or a changed capital of a digit, may say the same.
    assert.ok(isHeld || error === undefined, `byte ${at}: ${String(error)}`);
  }
});

/** Opens a layout whose text was changed, with right checksums. */
function openText(file: Uint8Array, text: string): OpenLaidOut {
  const { metadata, tensors } = rawRead(file);
  const bytes = utf8(text);
  const layout = { dtype: 'U8', shape: [bytes.length], bytes };
  const { crc32: _, ...rest } = metadata;
  return openLaidOut(rawModel(new Map([...tensors, ['quern.layout', layout]]), rest), { module, memoryLimit: 1 << 24 });
}

const layoutText = (file: Uint8Array): string =>
  new TextDecoder().decode(rawRead(file).tensors.get('quern.layout')?.bytes);

test('what no memory holds is refused before it is made', () => {
  const file = layOutModel(writeModel(windowed()));
  const text = layoutText(file);
  const edited = (from: RegExp, to: string): unknown => {
    assert.match(text, from);
    return thrownBy(() => openText(file, text.replace(from, to)));
  };
  for (const count of [2 ** 32 - 1, 2 ** 40, -1]) {
    assert.instance(edited(/"counts":\[\d+/, `"counts":[${count}`), FormatError);
    assert.instance(edited(/"counts":\[(\d+),\d+/, `"counts":[$1,${count}`), FormatError);
  }
  assert.instance(edited(/,\d+\]\}\]$/, ',8589934592]}]'), MemoryError);
  assert.instance(edited(/\[1,"size",8,2\]/, '[1,"constructor",8,2]'), FormatError);
  assert.instance(edited(/\[1,"size",8,2\]/, '[1,"size-99",8,2]'), FormatError);
});

test('a layout that lies is refused, or stays within its memory', () => {
  const file = layOutModel(writeModel(windowed()));
  const text = layoutText(file);
  assert.is(programText(file), '');
  const image = ndarray('f32', [1, 4, 8, 2]);
  const feeds = { image, at: ndarray('i32', [2], [0, 1]) };
  const expected = openText(file, text).executable.runSync('predict', feeds);
  assert.equal(bitsOf(expected), bitsOf(openLaidOut(file, { module }).executable.runSync('predict', feeds)));
  const edits = fc.record({
    at: fc.nat(text.length - 1),
    count: fc.nat(6),
    with: fc.constantFrom('', '0', '9', '-1', '99999', '[]', '"x"', 'null', 'true', '{}', ',', '1e9', '4294967295'),
  });
  let opened = 0;
  fc.assert(
    fc.property(edits, ({ at, count, with: inserted }) => {
      const changed = text.slice(0, at) + inserted + text.slice(at + count);
      const error = thrownBy(() => {
        const { executable } = openText(file, changed);
        opened++;
        executable.runSync('predict', feeds);
      });
      assert.ok(
        error === undefined || error instanceof QuernError || error instanceof WebAssembly.RuntimeError,
        `${changed.slice(at - 20, at + 20)}: ${String(error)}`,
      );
    }),
    { seed: 3, numRuns: 4000 },
  );
  assert.ok(opened > 0 && opened < 2000, `${opened} of 4000 opened`);
});

test.run();
