/** What an executable owes its caller when something fails: variables and packed copies that agree, and errors with figures. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { IndexError, MemoryError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import { mul } from '../src/ops/binary.js';
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
