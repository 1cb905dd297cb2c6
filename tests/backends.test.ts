/** The seam, on every backend alike: feeds, variables, sessions, errors that name what is wrong and where. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Backend } from '../src/backend/backend.js';
import type { DType } from '../src/core/dtype.js';
import { ArgumentError, DTypeError, IndexError, MemoryError, NumericsError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { ProgramBuilder, type Scope } from '../src/graph/builder.js';
import { add, mul } from '../src/ops/binary.js';
import { checkNumerics, log, neg } from '../src/ops/elementwise.js';
import { gather } from '../src/ops/gather.js';
import { dynamicUpdateSlice } from '../src/ops/slice.js';
import { maxPool2d } from '../src/ops/pool.js';
import { sum } from '../src/ops/reduce.js';
import type { Tensor, TensorType } from '../src/ops/tensor.js';
import { trainingBackends } from './support/backends.js';
import { rejection } from './support/rejection.js';

const batched = (dtype: DType): TensorType => ({ dtype, shape: ['batch'] });
const f32 = (...data: number[]): NDArray => ndarray('f32', [data.length], data);
const i32 = (...data: number[]): NDArray => ndarray('i32', [data.length], data);

function program() {
  const builder = new ProgramBuilder({ symbols: { batch: 4, other: 4 } });
  const layer = (scope: Scope, fn: () => Tensor) => scope.within('layer', fn);
  builder.trace('same', { x: batched('f32') }, ({ x }) => ({ x, again: x }));
  builder.trace('logged', { x: batched('f32') }, ({ x }, scope) => ({
    y: neg(layer(scope, () => log(x))),
  }));
  builder.trace('checked', { x: batched('f32') }, ({ x }, scope) => {
    const total = scope.variable('total', { shape: [] });
    scope.assign(
      total,
      layer(scope, () => checkNumerics(add(total, sum(x)))),
    );
    return {};
  });
  builder.trace('looked', { i: batched('i32') }, ({ i }, scope) => {
    const table = scope.variable('table', { shape: [3, 2] });
    return { y: layer(scope, () => gather(table, i)) };
  });
  builder.trace('written', { at: { dtype: 'i32', shape: [] } }, ({ at }, scope) => {
    const cache = scope.variable('cache', { shape: [4], scope: 'session' });
    scope.assign(
      cache,
      layer(scope, () => dynamicUpdateSlice(cache, scope.constant(f32(1)), [at])),
    );
    return { before: cache };
  });
  builder.trace('swapped', {}, (_, scope) => {
    const [a, b] = [scope.variable('a', { shape: [2] }), scope.variable('b', { shape: [2] })];
    scope.assign(a, b);
    scope.assign(b, a);
    return { a, b };
  });
  builder.trace('summed', { x: { dtype: 'f32', shape: ['batch', 'other'] }, y: batched('f32') }, ({ x, y }) => ({
    z: add(sum(x, { axes: [1] }), y),
  }));
  builder.trace('pooled', { image: { dtype: 'f32', shape: [1, 'batch', 'batch', 1] } }, ({ image }) => ({
    y: maxPool2d(image, { poolSize: 3, strides: 1 }),
  }));
  builder.trace('every', { u: batched('u8'), i: batched('i8'), b: batched('bool'), n: batched('i32') }, (inputs) => {
    return { ...inputs, product: mul(inputs.n, inputs.n) };
  });
  return builder.program();
}

const compiled = (backend: Backend) => backend.compile(program(), { sessions: 2 });

async function refuses(
  promise: Promise<unknown>,
  kind: new (...args: never[]) => Error,
  ...words: (string | RegExp)[]
) {
  const error = await rejection(promise);
  assert.instance(error, kind, error.stack);
  for (const word of words) assert.match(error.message, word);
}

for (const backend of trainingBackends) {
  test(`${backend.name}: an input may be an output, twice; outputs are copies`, async () => {
    const executable = await compiled(backend);
    const x = f32(1, 2, 3);
    const first = await executable.run('same', { x });
    assert.equal(first, { x, again: x });
    await executable.run('same', { x: f32(4, 5, 6) });
    assert.equal(first, { x, again: x });
    assert.equal(Array.from(x.data), [1, 2, 3]);
    executable.close();
  });

  test(`${backend.name}: outputs go into the arrays that are given for them`, async () => {
    const executable = await compiled(backend);
    const x = f32(1, 2, 3);
    const again = f32(NaN, NaN, NaN);
    const first = await executable.run('same', { x }, { outputs: { again } });
    assert.is(first['again'], again);
    assert.equal(first, { x, again: x });
    assert.is.not(first['x']?.data, x.data);

    const next = await executable.run('same', { x: f32(4, 5, 6) }, { outputs: first });
    assert.is(next['x'], first['x']);
    assert.is(next['again'], again);
    assert.equal(next, { x: f32(4, 5, 6), again: f32(4, 5, 6) });
    assert.equal(await executable.run('same', { x: f32(7) }), { x: f32(7), again: f32(7) });
    assert.equal(again, f32(4, 5, 6));

    const every = { u: ndarray('u8', [2]), i: ndarray('i8', [2]), b: ndarray('bool', [2]), n: i32(0, 0) };
    const feeds = {
      u: ndarray('u8', [2], [0, 255]),
      i: ndarray('i8', [2], [-128, 127]),
      b: ndarray('bool', [2], [1, 0]),
      n: i32(3, -4),
    };
    const outputs = { ...every, product: i32(0, 0) };
    await executable.run('every', feeds, { outputs, checkFinite: true });
    assert.equal(outputs, { ...feeds, product: i32(9, 16) });
    executable.close();
  });

  test(`${backend.name}: an output may lie in a feed's memory, in part of a buffer, and in shared memory`, async () => {
    const executable = await compiled(backend);
    const x = f32(1, 2, 3);
    const given = await executable.run('logged', { x }, { outputs: { y: x } });
    assert.is(given['y'], x);
    const expected = (await executable.run('logged', { x: f32(1, 2, 3) }))['y'];
    assert.equal(x, expected);

    const whole = new Float32Array(8);
    const part = (from: number) => ndarray('f32', [3], whole.subarray(from, from + 3));
    const shared = ndarray('f32', [2, 2], new Float32Array(new SharedArrayBuffer(16)));
    await executable.run('same', { x: f32(1, 2, 3) }, { outputs: { x: part(1), again: part(4) } });
    assert.equal([...whole], [0, 1, 2, 3, 1, 2, 3, 0]);
    executable.setVariable('table', ndarray('f32', [3, 2], [1, 2, 3, 4, 5, 6]));
    await executable.run('looked', { i: i32(2, 0) }, { outputs: { y: shared } });
    assert.equal([...shared.data], [5, 6, 1, 2]);
    assert.equal((await executable.run('same', { x: f32() }, { outputs: { x: f32(), again: f32() } }))['x'], f32());
    executable.close();
  });

  test(`${backend.name}: arrays that are not for the outputs are refused before the run`, async () => {
    const executable = await compiled(backend);
    const x = f32(1, 2);
    const run = (outputs: Record<string, NDArray>) => executable.run('same', { x }, { outputs });
    await refuses(run({ extra: f32(1, 2) }), ArgumentError, 'x, again', 'extra');
    await refuses(run({ x: f32(0, 0), toString: f32(1, 2) }), ArgumentError, 'toString');
    await refuses(run({ again: i32(1, 2) }), DTypeError, 'output again', 'f32', 'i32');
    await refuses(run({ again: { dtype: 'f32', shape: [2], data: new Int32Array(2) } }), DTypeError, 'Int32Array');
    await refuses(run({ again: f32(1, 2, 3) }), ShapeError, 'output again', '[2]', '[3]');
    await refuses(run({ again: ndarray('f32', [1, 2]) }), ShapeError, '[2]', '[1, 2]');
    await refuses(run({ again: { dtype: 'f32', shape: [2], data: new Float32Array(3) } }), ShapeError, '2', '3');
    await refuses(run({ x, again: x }), ArgumentError, 'output again', 'memory of its own', 'output x');
    const whole = new Float32Array(3);
    const part = (from: number) => ndarray('f32', [2], whole.subarray(from, from + 2));
    await refuses(run({ again: part(0), x: part(1) }), ArgumentError, 'memory of its own');

    const before = f32(9, 9, 9, 9);
    const write = (at: number, outputs: Record<string, NDArray>) =>
      executable.run('written', { at: ndarray('i32', [], [at]) }, { outputs });
    await refuses(write(0, { before: f32(0) }), ShapeError, 'output before');
    await refuses(write(4, { before }), IndexError, 'layer/dynamicUpdateSlice');
    assert.equal(before, f32(9, 9, 9, 9));
    await write(1, { before });
    assert.equal(before, f32(0, 0, 0, 0));
    await write(0, { before });
    assert.equal(before, f32(0, 1, 0, 0));
    executable.close();
  });

  test(`${backend.name}: every dtype goes in and comes out`, async () => {
    const executable = await compiled(backend);
    const feeds = {
      u: ndarray('u8', [3], [0, 200, 255]),
      i: ndarray('i8', [3], [-128, 0, 127]),
      b: ndarray('bool', [3], [1, 0, 1]),
      n: i32(-3, 65536, 7),
    };
    assert.equal(await executable.run('every', feeds), { ...feeds, product: i32(9, 0, 49) });
    executable.close();
  });

  test(`${backend.name}: feeds that are not the inputs are refused`, async () => {
    const executable = await compiled(backend);
    const run = (graph: string, feeds: Record<string, NDArray>) => executable.run(graph, feeds);
    await refuses(run('absent', {}), ArgumentError, 'absent', 'looked');
    await refuses(run('toString', {}), ArgumentError, 'toString');
    await refuses(run('same', {}), ArgumentError, 'x');
    await refuses(run('same', { x: f32(1), extra: f32(1) }), ArgumentError, 'extra');
    await refuses(run('same', { x: i32(1) }), DTypeError, 'f32', 'i32');
    await refuses(run('same', { x: ndarray('f32', [1, 1]) }), ShapeError, '[batch]', '[1, 1]');
    await refuses(run('same', { x: f32(1, 2, 3, 4, 5) }), ShapeError, '4', '5');
    await refuses(run('same', { x: { dtype: 'f32', shape: [2], data: new Float32Array(3) } }), ShapeError, '2');
    await refuses(run('same', { x: { dtype: 'f32', shape: [2], data: new Int32Array(2) } }), DTypeError, 'f32');
    await refuses(run('summed', { x: ndarray('f32', [3, 2]), y: f32(1, 2) }), ShapeError, /[xy]/, '2', '3');
    await refuses(run('pooled', { image: ndarray('f32', [1, 1, 1, 1]) }), ShapeError, 'pooled', 'batch');
    await refuses(run('pooled', { image: ndarray('f32', [1, 3, 4, 1]) }), ShapeError, 'image', '3', '4');
    assert.equal((await run('summed', { x: ndarray('f32', [1, 2], [3, 4]), y: f32(5) }))['z'], f32(12));
    executable.close();
  });

  test(`${backend.name}: errors from data name the node and leave variables as they were`, async () => {
    const executable = await compiled(backend);
    await refuses(executable.run('looked', { i: i32(0, 3) }), IndexError, 'layer/gather', '3');
    await refuses(executable.run('looked', { i: i32(-1) }), IndexError, 'layer/gather', '-1');
    assert.equal((await executable.run('looked', { i: i32(2) }))['y']?.shape, [1, 2]);

    executable.setVariable('total', ndarray('f32', [], [7]));
    await refuses(executable.run('checked', { x: f32(1, NaN) }), NumericsError, 'layer/checkNumerics');
    await refuses(executable.run('checked', { x: f32(Infinity) }), NumericsError, 'layer/checkNumerics');
    assert.equal(executable.getVariable('total'), ndarray('f32', [], [7]));
    await executable.run('checked', { x: f32(1, 2) });
    assert.equal(executable.getVariable('total'), ndarray('f32', [], [10]));

    await refuses(executable.run('written', { at: ndarray('i32', [], [4]) }), IndexError, 'layer/dynamicUpdateSlice');
    assert.equal(executable.getVariable('cache'), f32(0, 0, 0, 0));
    executable.close();
  });

  test(`${backend.name}: checkFinite names the first node that makes a NaN or an infinity`, async () => {
    const executable = await compiled(backend);
    const options = { checkFinite: true };
    assert.ok((await executable.run('logged', { x: f32(1, 2) }, options))['y']);
    await refuses(executable.run('logged', { x: f32(1, -1) }, options), NumericsError, 'layer/log', 'NaN');
    await refuses(executable.run('logged', { x: f32(0) }, options), NumericsError, 'layer/log', 'Infinity');
    await refuses(executable.run('logged', { x: f32(NaN) }, options), NumericsError, 'x');
    assert.ok(Number.isNaN((await executable.run('logged', { x: f32(-1) }))['y']?.data[0]));
    executable.close();
  });

  test(`${backend.name}: variables start at zero, are set and read, and swap`, async () => {
    const executable = await compiled(backend);
    assert.equal(executable.getVariable('a'), f32(0, 0));
    executable.setVariable('a', f32(1, 2));
    executable.setVariable('b', f32(3, 4));
    const { a, b } = await executable.run('swapped', {});
    assert.equal([a, b], [f32(1, 2), f32(3, 4)]);
    assert.equal([executable.getVariable('a'), executable.getVariable('b')], [f32(3, 4), f32(1, 2)]);
    const set = (name: string, value: NDArray) => Promise.resolve().then(() => executable.setVariable(name, value));
    await refuses(set('a', f32(1)), ShapeError, '[2]', '[1]');
    await refuses(set('a', i32(1, 2)), DTypeError, 'f32', 'i32');
    await refuses(set('absent', f32(1)), ArgumentError, 'absent');
    await refuses(set('constructor', f32(1)), ArgumentError, 'constructor');
    executable.close();
  });

  test(`${backend.name}: sessions have their own variables, zeroed when they open`, async () => {
    const executable = await compiled(backend);
    const [one, two] = [executable.createSession(), executable.createSession()];
    const write = (at: number, session = one) =>
      executable.run('written', { at: ndarray('i32', [], [at]) }, { session });
    await write(1);
    await write(3, two);
    assert.equal((await write(0))['before'], f32(0, 1, 0, 0));
    assert.equal(executable.getVariable('cache', one), f32(1, 1, 0, 0));
    assert.equal(executable.getVariable('cache', two), f32(0, 0, 0, 1));
    executable.setVariable('cache', f32(9, 9, 9, 9), two);
    assert.equal(executable.getVariable('cache', one), f32(1, 1, 0, 0));
    await refuses(executable.run('written', { at: ndarray('i32', [], [0]) }), MemoryError, 'session');
    one.close();
    one.close();
    await refuses(write(0), ArgumentError, 'session');
    const three = executable.createSession();
    assert.equal(executable.getVariable('cache', three), f32(0, 0, 0, 0));
    const other = await compiled(backend);
    await refuses(other.run('written', { at: ndarray('i32', [], [0]) }, { session: two }), ArgumentError, 'session');
    other.close();
    executable.close();
  });

  test(`${backend.name}: options of compile are checked, and a closed executable says so`, async () => {
    await refuses(backend.compile(program(), { graphs: ['absent'] }), ArgumentError, 'absent');
    await refuses(backend.compile(program(), { bounds: { batch: 5 } }), ArgumentError, 'batch', '5');
    await refuses(backend.compile(program(), { bounds: { nope: 1 } }), ArgumentError, 'nope');
    await refuses(backend.compile(program(), { memoryLimit: 64 }), MemoryError, '64');
    const executable = await backend.compile(program(), { graphs: ['same'], bounds: { batch: 2 } });
    await refuses(executable.run('swapped', {}), ArgumentError, 'swapped');
    await refuses(executable.run('same', { x: f32(1, 2, 3) }), ShapeError, '2', '3');
    assert.ok(executable.stats().description.length > 0);
    executable.close();
    executable.close();
    await refuses(executable.run('same', { x: f32(1) }), ArgumentError, 'closed');
  });
}

test.run();
