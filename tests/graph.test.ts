/** Tracing, differentiation, verification, passes and printing: what they make, and what they refuse. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { fromHost } from '../src/backend/reference/execute.js';
import { ArgumentError, DTypeError, GraphError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { gradients } from '../src/graph/autodiff.js';
import { ProgramBuilder, type Scope } from '../src/graph/builder.js';
import { inline } from '../src/graph/inline.js';
import { commonSubexpressions } from '../src/graph/passes/common-subexpressions.js';
import { deadCode } from '../src/graph/passes/dead-code.js';
import { foldConstants } from '../src/graph/passes/fold-constants.js';
import { fuse } from '../src/graph/passes/fuse.js';
import { optimize, passes } from '../src/graph/passes/optimize.js';
import { sinkDequantize } from '../src/graph/passes/sink-dequantize.js';
import { dotGraph, printGraph, printProgram } from '../src/graph/print.js';
import type { Graph, Program } from '../src/graph/program.js';
import { verify } from '../src/graph/verify.js';
import { add, div, mul, sub } from '../src/ops/binary.js';
import { cast } from '../src/ops/cast.js';
import { conv2d } from '../src/ops/conv.js';
import { checkNumerics, exp, relu, square, tanh } from '../src/ops/elementwise.js';
import { matmul } from '../src/ops/linear.js';
import { reshape, transpose } from '../src/ops/move.js';
import { maxPool2d } from '../src/ops/pool.js';
import { dequantize, quantize } from '../src/ops/quantize.js';
import { sgd } from '../src/ops/optimizer.js';
import { argmax, mean, sum } from '../src/ops/reduce.js';
import type { Tensor, TensorType } from '../src/ops/tensor.js';
import { size } from '../src/ops/source.js';
import { differences } from './support/compare.js';
import { gaussian, initialize } from './support/initial.js';
import { randomFeeds, randomProgram, recipes } from './support/random-graph.js';

const f32 = (...shape: (number | string)[]): TensorType => ({ dtype: 'f32', shape });

/** The graph of a function of one f32 input x [batch, 4]. */
function graphOf(fn: (x: Tensor, scope: Scope) => Record<string, Tensor>): Graph {
  return new ProgramBuilder({ symbols: { batch: 8 } }).trace('g', { x: f32('batch', 4) }, ({ x }, scope) =>
    fn(x, scope),
  );
}

const opsOf = (graph: Graph): string[] => graph.nodes.map(({ op }) => op);

function refuses(fn: () => unknown, kind: new (...args: never[]) => Error, ...words: (string | RegExp)[]): void {
  assert.throws(fn, (error: unknown) => {
    assert.instance(error, kind);
    for (const word of words) {
      const matches =
        typeof word === 'string' ? (error as Error).message.includes(word) : word.test((error as Error).message);
      assert.ok(matches, `${String(word)} in: ${(error as Error).message}`);
    }
    return true;
  });
}

/** A dense layer and one step of its training. */
function tour(): ProgramBuilder {
  const builder = new ProgramBuilder({ symbols: { batch: 8 }, seed: 1 });
  const dense = (scope: Scope, x: Tensor) =>
    scope.within('dense', () => {
      const kernel = scope.variable('kernel', { shape: [4, 3], initial: gaussian() });
      return relu(add(matmul(x, kernel), scope.variable('bias', { shape: [3] })));
    });
  builder.trace('predict', { x: f32('batch', 4) }, ({ x }, scope) => ({ y: dense(scope, x) }));
  builder.trace('trainStep', { x: f32('batch', 4), target: f32('batch', 3) }, ({ x, target }, scope) => {
    const loss = mean(square(sub(dense(scope, x), target)));
    const weights = Object.values(scope.trainables());
    gradients(loss, weights).forEach((gradient, i) => {
      const weight = weights[i] as Tensor;
      scope.assign(weight, sub(weight, mul(gradient, 0.1)));
    });
    return { loss };
  });
  return builder;
}

test('a traced function prints as it was written', () => {
  assert.is(
    printProgram({ ...tour().program(), graphs: { predict: tour().program().graphs['predict'] as Graph } }),
    [
      'symbol batch <= 8',
      'variable dense/kernel: f32 [4, 3] shared trainable',
      'variable dense/bias: f32 [3] shared trainable',
      '',
      'graph predict',
      '%0 f32 [batch, 4] = input x',
      '%1 f32 [4, 3] = variable dense/kernel',
      '%3 f32 [3] = variable dense/bias',
      '%2 f32 [batch, 3] = matmul(%0, %1) transposeA=false transposeB=false activation="linear"    # dense/matmul',
      '%4 f32 [batch, 3] = add(%2, %3)    # dense/add',
      '%5 f32 [batch, 3] = relu(%4)    # dense/relu',
      'output y = %5',
    ].join('\n'),
  );
});

test('a program is JSON, and its picture is a digraph of its nodes', () => {
  const program = tour().program();
  verify(program);
  const copy = JSON.parse(JSON.stringify(program)) as Program;
  assert.equal(copy, program);
  verify(copy);
  const dot = dotGraph(program.graphs['predict'] as Graph);
  assert.match(dot, /^digraph \{/);
  for (const part of ['input0 -> node0 [label="f32 [batch, 4]"]', 'cluster dense', 'node2 -> output0']) {
    assert.ok(dot.includes(part), part);
  }
});

test('a step of descent on the reference lowers the loss', async () => {
  const builder = tour();
  const executable = await referenceBackend.compile(builder.program());
  initialize(executable, builder);
  const feeds = { x: ndarray('f32', [8, 4], normal([1, 1], 32)), target: ndarray('f32', [8, 3], normal([1, 2], 24)) };
  const losses: number[] = [];
  for (let i = 0; i < 20; i++) losses.push((await executable.run('trainStep', feeds))['loss']?.data[0] as number);
  assert.ok((losses[19] as number) < 0.8 * (losses[0] as number), losses.join(' '));
});

test('nodes and variables are named by their layers, each node once', () => {
  const graph = graphOf((x, scope) => {
    const layer = () => scope.within('inner', () => add(x, scope.variable('offset', { shape: [4] })));
    const outer = scope.within('outer', () => [layer(), layer()]);
    return { y: add(...(outer as [Tensor, Tensor])) };
  });
  assert.equal(
    graph.nodes.map(({ name }) => name),
    ['outer/inner/add', 'outer/inner/add_1', 'add'],
  );
  assert.equal(Object.keys(graph.variables), ['outer/inner/offset']);
});

test('gradients are named by the layer that they differentiate', () => {
  const { nodes } = tour().program().graphs['trainStep'] as Graph;
  const names = nodes.map(({ name }) => name).filter((name) => name.startsWith('dense/gradient/'));
  assert.ok(names.includes('dense/gradient/reluGrad') && names.includes('dense/gradient/matmul'), names.join());
});

test('declarations of a variable must agree', () => {
  const builder = new ProgramBuilder();
  builder.variable('w', { shape: [2, 3] });
  builder.variable('w', { shape: [2, 3] });
  refuses(() => builder.variable('w', { shape: [3, 2] }), GraphError, '[w]', 'f32 [2, 3]', 'f32 [3, 2]');
  refuses(() => builder.variable('w', { shape: [2, 3], dtype: 'i32' }), GraphError, 'f32 [2, 3]', 'i32 [2, 3]');
  refuses(() => builder.variable('w', { shape: [2, 3], scope: 'session' }), GraphError, 'shared', 'session');
  refuses(() => builder.variable('v', { shape: ['batch'] }), GraphError, 'fixed', '[batch]');
  refuses(() => builder.variable('__proto__', { shape: [] }), GraphError, '__proto__');
  refuses(() => builder.variable('toString', { shape: [] }), GraphError, 'toString');
  refuses(() => builder.declared('other'), GraphError, 'other');
  const session = { shape: [2], scope: 'session', initial: gaussian() } as const;
  refuses(() => builder.variable('cache', session), ArgumentError, 'cache', 'zero');
});

test('an assignment is one, of the variable and of its type', () => {
  const scoped = (fn: (x: Tensor, scope: Scope) => void) => () =>
    graphOf((x, scope) => {
      scope.variable('w', { shape: [4] });
      fn(x, scope);
      return {};
    });
  scoped((x, scope) => scope.assign('w', sum(x, { axes: [0] })))();
  refuses(
    scoped((x, scope) => scope.assign('w', x)),
    GraphError,
    "'w'",
    'f32 [4]',
    'f32 [batch, 4]',
  );
  refuses(
    scoped((x, scope) => scope.assign(x, x)),
    ArgumentError,
    'f32 [batch, 4]',
  );
  refuses(
    scoped((x, scope) => [0, 0].forEach((axis) => scope.assign('w', sum(x, { axes: [axis] })))),
    GraphError,
    "'w'",
    'two',
  );
});

test('symbols must be declared, tensors of one trace, graphs and inputs called once', () => {
  const builder = new ProgramBuilder({ symbols: { batch: 8 } });
  const length = { x: f32('length') };
  const half = new ProgramBuilder({ symbols: { batch: 8 } });
  half.trace('g', { x: f32('2*batch') }, ({ x }) => ({ x }));
  refuses(() => half.program(), GraphError, '[g]', "dimension 'batch'");
  refuses(() => new ProgramBuilder({ symbols: { batch: 0 } }).program(), GraphError, '[batch]');
  refuses(() => builder.trace('g', length, ({ x }) => ({ x })), GraphError, '[g]', 'batch', 'length');
  let outside: Tensor | undefined;
  builder.trace('h', { x: f32('batch') }, ({ x }) => ({ y: (outside = x) }));
  refuses(() => graphOf((x) => ({ y: add(x, outside as Tensor) })), ArgumentError, 'add');
  refuses(() => graphOf(() => ({ y: outside as Tensor })), GraphError, "'y'");
  refuses(() => builder.trace('h', {}, () => ({})), GraphError, '[h]', 'two');
  refuses(() => graphOf((x) => ({ 'a b': x })), GraphError, "'a b'");
});

test('initial values follow from the seed and the name, and are drawn once', () => {
  let calls = 0;
  const build = (seed: number, ...names: string[]) => {
    const builder = new ProgramBuilder({ seed });
    for (const name of names) {
      const draw = gaussian();
      builder.variable(name, { shape: [3], initial: (shape, key) => (calls++, draw(shape, key)) });
    }
    builder.variable('zero', { shape: [2] });
    return builder;
  };
  const [one, other, third] = [build(1, 'a', 'b'), build(1, 'b', 'a'), build(2, 'a', 'b')];
  const first = one.initialValues();
  assert.equal([...first.keys()], ['a', 'b']);
  assert.equal(first.get('a'), other.initialValues().get('a'));
  assert.not.equal(first.get('a'), first.get('b'));
  assert.not.equal(first.get('a'), third.initialValues().get('a'));
  assert.is(calls, 6);
  assert.is(one.initialValues().get('a'), first.get('a'));
  assert.is(calls, 6);
  const wrong = new ProgramBuilder();
  wrong.variable('w', { shape: [3], initial: () => ndarray('f32', [2]) });
  refuses(() => wrong.initialValues(), GraphError, '[w]', 'f32 [3]', 'f32 [2]');
});

test('an inlined graph computes what the stored one does, and is differentiated', async () => {
  const stored = tour();
  const program = JSON.parse(JSON.stringify(stored.program())) as Program;
  const builder = new ProgramBuilder({ symbols: { batch: 8 } });
  builder.trace('twice', { x: f32('batch', 4) }, ({ x }, scope) => {
    const y = inline(scope, program, 'predict', { x })['y'] as Tensor;
    const [gradient] = gradients(sum(y), [scope.variable('dense/bias')]);
    return { y, gradient: gradient as Tensor };
  });
  const x = ndarray('f32', [3, 4], normal([4, 4], 12));
  const [one, other] = [await referenceBackend.compile(program), await referenceBackend.compile(builder.program())];
  initialize(one, stored);
  initialize(other, stored);
  const [expected, actual] = [await one.run('predict', { x }), await other.run('twice', { x })];
  assert.equal(actual['y'], expected['y']);
  const positive = [0, 1, 2].map((j) => [0, 1, 2].filter((i) => (expected['y']?.data[i * 3 + j] ?? 0) > 0).length);
  assert.equal(Array.from(actual['gradient']?.data ?? []), positive);
  assert.equal(builder.program().variables, program.variables);

  const inlined = (name: string, type: TensorType) => () =>
    new ProgramBuilder({ symbols: { batch: 8 } }).trace('g', { x: type }, ({ x }, scope) =>
      inline(scope, program, name, { x }),
    );
  refuses(inlined('absent', f32('batch', 4)), GraphError, "'absent'", 'predict');
  refuses(inlined('predict', f32('batch', 5)), GraphError, "'x'", 'f32 [batch, 4]', 'f32 [batch, 5]');
  refuses(inlined('trainStep', f32('batch', 4)), GraphError, "'target'");
});

test('gradients add over uses, are zero without one, and stop at integers', async () => {
  const builder = new ProgramBuilder({ symbols: { batch: 8 } });
  builder.trace('g', { x: f32('batch', 4) }, ({ x }, scope) => {
    const [w, unused] = [scope.variable('w', { shape: [4] }), scope.variable('unused', { shape: [2] })];
    const first = cast(argmax(x), 'f32');
    const loss = sum(add(add(mul(mul(x, w), w), w), reshape(first, ['batch', 1])));
    const [dw, dx, zero] = gradients(loss, [w, x, unused]) as [Tensor, Tensor, Tensor];
    return { dw, dx, zero };
  });
  verify(builder.program());
  const executable = await referenceBackend.compile(builder.program());
  executable.setVariable('w', ndarray('f32', [4], [1, 2, 3, 4]));
  const { dw, dx, zero } = await executable.run('g', { x: ndarray('f32', [2, 4], [1, 1, 1, 1, 2, 2, 2, 2]) });
  assert.equal(Array.from(dw?.data ?? []), [8, 14, 20, 26]);
  assert.equal(Array.from(dx?.data ?? []), [1, 4, 9, 16, 1, 4, 9, 16]);
  assert.equal(Array.from(zero?.data ?? []), [0, 0]);
});

test('gradients refuse what they cannot do, by name', () => {
  const asked = (fn: (x: Tensor, scope: Scope) => { loss: Tensor; wrt: Tensor }) => () =>
    graphOf((x, scope) => {
      const { loss, wrt } = fn(x, scope);
      return { y: gradients(loss, [wrt])[0] as Tensor };
    });
  const integer = { shape: [], dtype: 'i32' } as const;
  refuses(
    asked((x) => ({ loss: x, wrt: x })),
    ShapeError,
    'scalar',
    'f32 [batch, 4]',
  );
  refuses(
    asked((x, scope) => ({ loss: scope.variable('i', integer), wrt: x })),
    DTypeError,
    'loss',
    'i32 []',
  );
  refuses(
    asked((x, scope) => ({ loss: sum(x), wrt: scope.variable('i', integer) })),
    DTypeError,
    'i32 []',
  );
  const head = (x: Tensor, scope: Scope) => scope.within('head', () => thresholded(x, scope));
  refuses(
    asked((x, scope) => ({ loss: sum(head(x, scope)), wrt: x })),
    GraphError,
    '[head/sgd]',
  );
  let outside: Tensor | undefined;
  graphOf((x) => ({ x: (outside = x) }));
  refuses(
    asked((x) => ({ loss: sum(x), wrt: outside as Tensor })),
    GraphError,
    'trace',
  );
});

/** An op on the way that has no gradient. */
const thresholded = (x: Tensor, scope: Scope): Tensor => sgd(x, x, scope.constant(1)).parameter;

const rounded = (x: Tensor, scope: Scope): Tensor => {
  const [scale, zeroPoint] = [scope.constant(0.5), scope.constant(0, 'i8')];
  return dequantize(quantize(x, scale, zeroPoint), scale, zeroPoint);
};

test('a gradient can be differentiated again', async () => {
  const graph = graphOf((x) => {
    const [first] = gradients(sum(mul(mul(x, x), x)), [x]) as [Tensor];
    const [second] = gradients(sum(first), [x]) as [Tensor];
    const [third] = gradients(sum(second), [x]) as [Tensor];
    return { first, second, third };
  });
  const executable = await referenceBackend.compile({
    symbols: { batch: { max: 8 } },
    variables: {},
    graphs: { g: graph },
  });
  const { first, second, third } = await executable.run('g', { x: ndarray('f32', [1, 4], [1, 2, 3, -1]) });
  assert.equal(
    [first, second, third].map((each) => Array.from(each?.data ?? [])),
    [
      [3, 12, 27, 3],
      [6, 12, 18, -6],
      [6, 6, 6, 6],
    ],
  );
});

/** A program like `tour`'s in which the thing at `path` is `value`. */
function changed(path: readonly (string | number)[], value: unknown): Program {
  const program = JSON.parse(JSON.stringify(tour().program())) as Program;
  const place = path.slice(0, -1).reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], program);
  (place as Record<string, unknown>)[path.at(-1) as string] = value;
  return program;
}

const faults: readonly (readonly [path: string, value: unknown, ...words: (string | RegExp)[]])[] = [
  ['symbols batch max', 0, '[batch]', 'Received 0'],
  ['symbols batch max', 1.5, '[batch]', '1.5'],
  ['symbols batch max', 2 ** 31, '[batch]', '2147483648'],
  ['symbols', { batch: { max: 8 }, '2x': { max: 8 } }, '[2x]', 'identifier'],
  ['symbols', {}, 'batch'],
  ['variables dense/kernel dtype', 'f64', '[dense/kernel]', 'f64'],
  ['variables dense/kernel shape', ['batch', 3], '[dense/kernel]', 'fixed'],
  ['variables dense/kernel shape', [-1, 3], '[dense/kernel]', 'extents'],
  ['variables dense/kernel shape', [65536, 65536], '[dense/kernel]', '4 GiB'],
  ['variables dense/kernel shape', [5, 3], '[predict: variable dense/kernel]', 'f32 [5, 3]', 'f32 [4, 3]'],
  ['variables dense/kernel shape', [1, 1, 1, 1, 1, 1, 1, 4, 3], '[dense/kernel]', 'rank'],
  ['variables dense/kernel scope', 'global', '[dense/kernel]', 'global'],
  ['variables dense/kernel trainable', 1, '[dense/kernel]', 'trainable'],
  ['variables toString', { dtype: 'f32', shape: [], scope: 'shared', trainable: false }, 'toString'],
  ['graphs predict values 5 shape', ['batch', 4], '[predict: dense/relu]', 'f32 [batch, 3]', 'f32 [batch, 4]'],
  ['graphs predict values 5 dtype', 'i32', '[predict: dense/relu]', 'i32 [batch, 3]'],
  ['graphs predict values 6', { dtype: 'f32', shape: [] }, '[predict]', '7 values'],
  ['graphs predict values 0 shape', ['length', 4], '[predict: value 0]', 'length'],
  ['graphs predict values 0 shape', ['2*batch', 4], '[predict]', "dimension 'batch'"],
  ['graphs predict values 0 shape', ['batch+batch', 4], '[predict: value 0]', "'2*batch'"],
  ['graphs predict values 0 shape', ['batch*', 4], '[predict: value 0]', "'batch*'"],
  ['graphs predict values 0 shape', ['batch', 2 ** 31], '[predict: value 0]', 'extents'],
  ['graphs predict values 0 shape', ['batch-9', 4], '[predict: value 0]', 'extents'],
  ['graphs predict nodes 0 op', 'nope', '[predict: dense/matmul]', "'nope'"],
  ['graphs predict nodes 0 op', 'constructor', '[predict: dense/matmul]', "'constructor'"],
  ['graphs predict nodes 0 attrs', {}, '[predict: dense/matmul]', 'transposeA'],
  ['graphs predict nodes 0 attrs', null, '[predict: dense/matmul]', 'attributes'],
  ['graphs predict nodes 0 attrs transposeA', 1, '[predict: dense/matmul]', 'transposeA'],
  ['graphs predict nodes 0 attrs transposeA', true, '[predict: dense/matmul]', 'batch and 4'],
  ['graphs predict nodes 0 attrs more', 1, '[predict: dense/matmul]', 'more'],
  ['graphs predict nodes 0 inputs', [0], '[predict: dense/matmul]', 'Received 1'],
  ['graphs predict nodes 0 inputs', [0, 4], '[predict: dense/matmul]', 'before it is used'],
  ['graphs predict nodes 0 inputs', [0, 99], '[predict: dense/matmul]', '99'],
  ['graphs predict nodes 0 inputs', [0, '1'], '[predict: dense/matmul]', 'Received 1'],
  ['graphs predict nodes 0 outputs', [4], '[predict: dense/add]', 'Received 2'],
  ['graphs predict nodes 0 outputs', [0], '[predict: dense/matmul]', 'made once'],
  ['graphs predict nodes 0 outputs', [99], '[predict: dense/matmul]', '99'],
  ['graphs predict nodes 0 outputs', [-1], '[predict: dense/matmul]', '-1'],
  ['graphs predict nodes 0 outputs', [], '[predict: dense/matmul]', '1 outputs'],
  ['graphs predict nodes 0 name', '../x', '[predict: ../x]', 'name'],
  ['graphs predict inputs z', 0, '[predict: input z]', 'made once'],
  ['graphs predict variables other', 5, '[predict]', "'other'"],
  ['graphs predict outputs y', 77, '[predict: output y]', '77'],
  ['graphs predict outputs a%b', 5, '[predict: output a%b]', 'name'],
  ['graphs predict updates dense/kernel', 5, 'update of dense/kernel', 'f32 [4, 3]', 'f32 [batch, 3]'],
  ['graphs predict updates other', 5, '[predict]', "'other'"],
  ['graphs a%b', { values: [], inputs: {}, variables: {}, nodes: [], outputs: {}, updates: {} }, 'a%b', 'name'],
];

for (const [path, value, ...words] of faults) {
  test(`verify refuses ${path} = ${JSON.stringify(value)}`, () => {
    refuses(() => verify(changed(path.split(' '), value)), GraphError, ...words);
  });
}

test('dead code goes; inputs and checks stay', () => {
  const graph = graphOf((x, scope) => {
    exp(add(x, scope.variable('unread', { shape: [4] })));
    checkNumerics(tanh(x));
    return { y: relu(x) };
  });
  const live = deadCode(graph);
  assert.equal(opsOf(live), ['tanh', 'checkNumerics', 'relu']);
  assert.equal(live.variables, {});
  assert.is(live.values.length, 4);
  assert.equal(opsOf(deadCode(graphOf(() => ({})))), []);
  assert.equal(Object.keys(deadCode(graphOf(() => ({}))).inputs), ['x']);
});

test('equal nodes are computed once, -0 and 0 apart', () => {
  const graph = graphOf((x, scope) => {
    const twice = add(relu(mul(x, 2)), relu(mul(x, 2)));
    return { y: twice, zeros: div(add(scope.constant(0), scope.constant(-0)), scope.constant(0)) };
  });
  const shared = commonSubexpressions(graph);
  assert.equal(opsOf(shared), ['constant', 'mul', 'relu', 'add', 'constant', 'constant', 'add', 'div']);
});

test('what does nothing is dropped, and fixed sizes become constants', () => {
  const graph = graphOf((x, scope) => {
    const same = sub(div(mul(scope.constant(1), mul(reshape(x, ['batch', 4]), 1)), 1), 0);
    return { y: transpose(sum(same, { axes: [] }), [0, 1]), known: size(x, [1]), open: size(x), plus: add(x, 0) };
  });
  const folded = foldConstants(graph);
  assert.equal(opsOf(folded), ['constant', 'size', 'constant', 'add']);
  assert.is(folded.outputs['y'], folded.inputs['x']);
  assert.equal((folded.nodes[0] as Graph['nodes'][0]).attrs, { dtype: 'f32', shape: [], data: [4] });
  const widened = graphOf((x, scope) => ({ y: mul(sum(x), scope.constant(ndarray('f32', [2, 2], [1, 1, 1, 1]))) }));
  assert.equal(opsOf(foldConstants(widened)), opsOf(widened));
});

test('a bias and a relu fuse into the product before them, if nobody else reads between', () => {
  const product = (x: Tensor, scope: Scope) => matmul(x, scope.variable('w', { shape: [4, 3] }));
  const bias = (scope: Scope, n: number) => scope.variable('b', { shape: [n] });
  const fused = fuse(graphOf((x, scope) => ({ y: relu(add(bias(scope, 3), product(x, scope))) })));
  assert.equal(opsOf(fused), ['matmul']);
  assert.equal(fused.nodes[0]?.inputs.length, 3);
  assert.match(printGraph(fused), 'activation="relu"');

  const unfused = (fn: (x: Tensor, scope: Scope) => Record<string, Tensor>, ...ops: string[]) =>
    assert.equal(opsOf(fuse(graphOf(fn))), ops);
  const named = (y: Tensor, z: Tensor) => ({ y, z });
  unfused((x, scope) => ((y) => named(y, relu(y)))(add(product(x, scope), bias(scope, 3))), 'matmul', 'relu');
  unfused((x, scope) => ((y) => named(y, add(y, bias(scope, 3))))(product(x, scope)), 'matmul', 'add');
  unfused((x, scope) => ({ y: add(product(x, scope), bias(scope, 1)) }), 'matmul', 'add');
  unfused((x, scope) => ({ y: add(relu(product(x, scope)), bias(scope, 3)) }), 'matmul', 'add');
  unfused((x, scope) => ((y) => ({ y: add(y, y) }))(product(x, scope)), 'matmul', 'add');
  unfused((x, scope) => ({ y: add(add(product(x, scope), bias(scope, 3)), bias(scope, 3)) }), 'matmul', 'add');

  const convolved = graphOf((x, scope) => {
    const image = reshape(x, ['batch', 2, 2, 1]);
    const y = conv2d(image, scope.variable('k', { shape: [1, 1, 1, 5] }));
    return { y: relu(add(y, scope.variable('b', { shape: [5] }))) };
  });
  assert.equal(opsOf(fuse(convolved)), ['reshape', 'conv2d']);
});

test('pooling and movement sink below a dequantize of one scale', () => {
  const sunk = sinkDequantize(
    graphOf((x, scope) => {
      const image = reshape(rounded(x, scope), ['batch', 2, 2, 1]);
      return { y: transpose(maxPool2d(image), [0, 3, 1, 2]) };
    }),
  );
  assert.equal(opsOf(sunk), ['constant', 'constant', 'quantize', 'reshape', 'maxPool2d', 'transpose', 'dequantize']);
  assert.is(sunk.values[sunk.nodes[4]?.outputs[0] as number]?.dtype, 'i8');
  const falling = graphOf((x, scope) => {
    const [scale, zero] = [scope.constant(-1), scope.constant(0, 'i8')];
    const image = reshape(dequantize(quantize(x, scale, zero), scale, zero), ['batch', 2, 2, 1]);
    return { y: maxPool2d(image) };
  });
  assert.equal(opsOf(sinkDequantize(falling)).slice(-2), ['dequantize', 'maxPool2d']);
  const perChannel = graphOf((x, scope) => {
    const [scale, zero] = [scope.variable('s', { shape: [4] }), scope.variable('z', { shape: [4], dtype: 'i8' })];
    return { y: transpose(dequantize(quantize(x, scale, zero, { axis: 1 }), scale, zero, { axis: 1 })) };
  });
  assert.equal(opsOf(sinkDequantize(perChannel)), ['quantize', 'dequantize', 'transpose']);
});

for (const training of [false, true]) {
  test(`passes keep the results of random ${training ? 'training ' : ''}graphs`, async () => {
    await fc.assert(
      fc.asyncProperty(recipes, fc.integer({ min: 0, max: 4 }), async (recipe, batch) => {
        const builder = randomProgram(recipe, training);
        const program = builder.program();
        verify(program);
        const expected = await results(builder, program, batch);
        let graph = program.graphs['run'] as Graph;
        for (const pass of [...passes, optimize]) {
          graph = pass(graph);
          const passed = { ...program, graphs: { run: graph } };
          verify(passed);
          const actual = await results(builder, passed, batch);
          assert.equal(Object.keys(actual), Object.keys(expected));
          for (const [name, value] of Object.entries(actual)) {
            assert.equal(differences(fromHost(expected[name] as NDArray), value), [], `${pass.name}: ${name}`);
          }
        }
        assert.equal(optimize(graph), graph);
      }),
      { seed: 1, numRuns: 150, includeErrorInReport: true },
    );
  });
}

/** Outputs and variables after one run. */
async function results(builder: ProgramBuilder, program: Program, batch: number): Promise<Record<string, NDArray>> {
  const executable = await referenceBackend.compile(program);
  initialize(executable, builder);
  const outputs = await executable.run('run', randomFeeds(batch));
  const variables = Object.keys(program.variables).map((name) => [`variable ${name}`, executable.getVariable(name)]);
  return { ...outputs, ...Object.fromEntries(variables) };
}

test.run();
