/** What an executable owes its caller when something fails: variables and packed copies that agree, and errors with figures. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { ArgumentError, DTypeError, IndexError, MemoryError, NumericsError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import type { Named } from '../src/core/tree.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import { add, mul } from '../src/ops/binary.js';
import { gather } from '../src/ops/gather.js';
import { matmul } from '../src/ops/linear.js';

const size = 16;

/** `predict` multiplies by a matrix; `shrink` halves the matrix, then reads a row that may not be there. */
function program() {
  const builder = new ProgramBuilder();
  const spec = { shape: [size, size] };
  builder.trace('predict', { x: { dtype: 'f32', shape: [1, size] } }, ({ x }, scope) => ({
    y: matmul(x, scope.variable('w', spec)),
  }));
  builder.trace('shrink', { row: { dtype: 'i32', shape: [1] } }, ({ row }, scope) => {
    const halved = mul(scope.variable('w', spec), 0.5);
    scope.assign('w', halved);
    return { y: gather(halved, row) };
  });
  return builder.program();
}

test('a run that fails after an update leaves no packed copy of the old value', async () => {
  const executable = await wasmBackend().compile(program());
  executable.setVariable('w', ndarray('f32', [size, size], new Float32Array(size * size).fill(1)));
  const x = ndarray('f32', [1, size], new Float32Array(size).fill(1));
  assert.is(executable.runSync('predict', { x })['y']?.data[0], size);
  assert.throws(
    () => executable.runSync('shrink', { row: ndarray('i32', [1], [size]) }),
    (error: unknown) => error instanceof IndexError,
  );
  const w = executable.getVariable('w').data[0] ?? NaN;
  assert.is(executable.runSync('predict', { x })['y']?.data[0], size * w);
});

test('a checked run that is refused leaves no packed copy of the old value', async () => {
  const executable = await wasmBackend().compile(program());
  const x = ndarray('f32', [1, size], new Float32Array(size).fill(1));
  for (const value of [1, 2]) {
    executable.setVariable('w', ndarray('f32', [size, size], new Float32Array(size * size).fill(value)));
    assert.throws(
      () =>
        executable.runSync(
          'predict',
          { x: ndarray('f32', [1, size], new Float32Array(size).fill(NaN)) },
          { checkFinite: true },
        ),
      (error: unknown) => error instanceof NumericsError,
    );
    assert.is(executable.runSync('predict', { x })['y']?.data[0], size * value);
  }
});

test('a run like the one before checks as much, and gives arrays of its own', async () => {
  const builder = new ProgramBuilder({ symbols: { batch: 4 } });
  const spec = { dtype: 'f32', shape: ['batch', 2] } as const;
  builder.trace('sum', { x: spec, y: spec }, ({ x, y }) => ({ z: add(x, y) }));
  const executable = await wasmBackend().compile(builder.program());
  const rows = (count: number): NDArray =>
    ndarray(
      'f32',
      [count, 2],
      Float32Array.from({ length: 2 * count }, (_, i) => i),
    );
  const first = executable.runSync('sum', { x: rows(2), y: rows(2) })['z'];
  const second = executable.runSync('sum', { x: rows(2), y: rows(2) })['z'];
  assert.equal([...(second?.data ?? [])], [0, 2, 4, 6]);
  assert.is.not(first?.data.buffer, second?.data.buffer);
  assert.is.not(first?.shape, second?.shape);

  const refused: readonly (readonly [Named<NDArray>, new (...args: never[]) => Error])[] = [
    [{ x: rows(2) }, ArgumentError],
    [{ x: rows(2), y: rows(2), z: rows(2) }, ArgumentError],
    [{ x: rows(2), y: { ...rows(2), dtype: 'i32' } }, DTypeError],
    [{ x: rows(2), y: ndarray('i32', [2, 2]) }, DTypeError],
    [{ x: rows(2), y: rows(3) }, ShapeError],
    [{ x: rows(2), y: ndarray('f32', [4]) }, ShapeError],
    [{ x: rows(2), y: { ...rows(2), data: new Float32Array(2) } }, ShapeError],
    [{ x: rows(5), y: rows(5) }, ShapeError],
  ];
  for (const [feeds, kind] of refused) {
    assert.throws(
      () => executable.runSync('sum', feeds),
      (error: unknown) => error instanceof kind,
    );
  }

  const z = first ?? rows(2);
  const given = executable.runSync('sum', { x: z, y: rows(2) }, { outputs: { z } });
  assert.is(given['z'], z);
  assert.equal([...z.data], [0, 3, 6, 9]);
  assert.throws(
    () => executable.runSync('sum', { x: rows(1), y: rows(1) }, { outputs: { z } }),
    (error: unknown) => error instanceof ShapeError,
  );

  for (const count of [1, 4, 2]) {
    const { z } = executable.runSync('sum', { x: rows(count), y: rows(count) });
    assert.equal(z?.shape, [count, 2]);
    assert.equal(
      [...(z?.data ?? [])],
      Array.from({ length: 2 * count }, (_, i) => 2 * i),
    );
  }
});

test('a program beyond the memory it may take says how much it needs, and for what', async () => {
  try {
    await wasmBackend().compile(program(), { memoryLimit: 4096 });
    assert.unreachable('it was compiled');
  } catch (error) {
    assert.instance(error, MemoryError);
    assert.match(String(error), /at most 4096 bytes.*needs 65536.*variables \d+.*activations \d+/);
  }
});

test.run();
