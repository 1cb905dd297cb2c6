/** Threads change the time of a run, never a bit of it; and what goes wrong on one of them is said, not waited for. */
import { existsSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { createExecutable, type WasmExecutable } from '../src/backend/wasm/executable.js';
import { lowerings } from '../src/backend/wasm/lower/table.js';
import { compileModule, modulePath, type ModuleName, runsHere } from '../src/backend/wasm/modules-node.js';
import { nodeThreads } from '../src/backend/wasm/threads-node.js';
import type { ThreadHost } from '../src/backend/wasm/threads.js';
import { AbortedError, ArgumentError, IndexError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import { normal, permutation } from '../src/core/random.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import { mnistCnn } from '../src/models/mnist-cnn.js';
import { gather } from '../src/ops/gather.js';
import { matmul } from '../src/ops/linear.js';
import { relu } from '../src/ops/elementwise.js';

const modules = (['train-simd', 'train-relaxed'] as const).filter((name) => {
  assert.ok(existsSync(modulePath(`${name}-threads`)));
  if (!runsHere(name)) console.log(`# ${name}: refused by Node ${process.versions.node}, not run`);
  return runsHere(name);
});

/** Digits that a network can learn: each class is a picture of noise, each example a noisy copy. */
function examples(count: number) {
  const pictures = normal([1, 0], 10 * 784);
  const noise = normal([1, 1], count * 784);
  const labels = permutation([1, 2], count).map((i) => i % 10);
  const x = noise.map(
    (value, i) => (pictures[(labels[Math.floor(i / 784)] ?? 0) * 784 + (i % 784)] ?? 0) + 0.5 * value,
  );
  return { x: ndarray('f32', [count, 28, 28, 1], x), y: ndarray('i32', [count], Int32Array.from(labels)) };
}

async function weightsAfterTraining(module: ModuleName, threads: number): Promise<Map<string, Uint8Array>> {
  const model = mnistCnn({ seed: 3, backend: wasmBackend({ module, threads }) });
  const { x, y } = examples(800);
  const { history } = await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0 });
  assert.ok((history['loss']?.at(-1) ?? 9) < 0.1, `the network learns; its loss is ${history['loss']}`);
  const variables = model.variables();
  model.close();
  return new Map([...variables].map(([name, { data }]) => [name, new Uint8Array(data.buffer)]));
}

for (const module of modules) {
  test(`${module}: 200 steps of training give the same bits on 1, 2 and 3 threads`, async () => {
    const alone = await weightsAfterTraining(module, 1);
    for (const threads of [2, 3]) {
      const together = await weightsAfterTraining(module, threads);
      assert.equal([...together.keys()], [...alone.keys()]);
      for (const [name, bytes] of alone) {
        assert.is(Buffer.compare(bytes, together.get(name) ?? new Uint8Array()), 0, `${name} on ${threads} threads`);
      }
    }
    console.log(`# ${module}: ran on 1, 2 and 3 threads`);
  });
}

/** Rows of a table chosen by index, through two layers: several records, and one that can fail. */
function lookup() {
  const builder = new ProgramBuilder({ symbols: { batch: 64 }, seed: 7 });
  builder.trace('predict', { index: { dtype: 'i32', shape: ['batch'] } }, (inputs, scope) => {
    const initial = (shape: readonly number[], key: readonly [number, number]) =>
      ndarray(
        'f32',
        shape,
        normal(
          key,
          shape.reduce((a, b) => a * b, 1),
        ),
      );
    const table = scope.variable('table', { shape: [50, 40], initial });
    const first = scope.variable('first', { shape: [40, 48], initial });
    const second = scope.variable('second', { shape: [48, 24], initial });
    return { y: matmul(relu(matmul(gather(table, inputs.index), first)), second) };
  });
  return { program: builder.program(), values: builder.initialValues() };
}

function start(threads: number, host: ThreadHost = nodeThreads): WasmExecutable {
  const { program, values } = lookup();
  const module = compileModule('infer-simd', threads > 1);
  const executable = createExecutable(
    program,
    {
      module,
      ...(threads > 1 ? { threads: { count: threads, host } } : {}),
    },
    lowerings,
  );
  for (const [name, value] of values) executable.setVariable(name, value);
  return executable;
}

const feed = (indices: readonly number[]) => ({ index: ndarray('i32', [indices.length], indices) });

test('thousands of short runs of changing extents are those of one thread', () => {
  const [alone, together] = [start(1), start(3)];
  const batches = Array.from({ length: 65 }, (_, size) => feed(Array.from({ length: size }, (_, i) => (i * 7) % 50)));
  const expected = batches.map((batch) => alone.runSync('predict', batch)['y']?.data);
  const order = permutation([9, 9], 6000);
  for (const at of order) {
    const size = at % 65;
    const { y } = together.runSync('predict', batches[size] ?? {});
    if (Buffer.compare(bytesOf(y?.data), bytesOf(expected[size])) !== 0) assert.unreachable(`batch ${size} differs`);
  }
  together.close();
});

test('runs without any rows between full ones: a late thread finds nothing of an older run to do', () => {
  const [alone, together] = [start(1), start(3)];
  const full = feed(Array.from({ length: 64 }, (_, i) => (i * 11) % 50));
  const expected = alone.runSync('predict', full)['y']?.data;
  for (let run = 0; run < 8000; run++) {
    assert.is(together.runSync('predict', feed([]))['y']?.data.length, 0);
    for (let spins = (run * 7919) % 4000; spins > 0; spins--) Math.sqrt(spins);
    const { y } = together.runSync('predict', full);
    if (Buffer.compare(bytesOf(y?.data), bytesOf(expected)) !== 0) assert.unreachable(`run ${run} differs`);
  }
  together.close();
});

const bytesOf = (data: ArrayBufferView | undefined): Uint8Array =>
  new Uint8Array(data?.buffer ?? new ArrayBuffer(0), data?.byteOffset, data?.byteLength);

test('a bad index stops the run on every thread, and the next run is as good as new', () => {
  const together = start(3);
  const good = feed([3, 1, 4, 1, 5]);
  const expected = start(1).runSync('predict', good)['y'];
  for (let round = 0; round < 300; round++) {
    assert.throws(
      () => together.runSync('predict', feed([1, 2, 50 + round])),
      (error: unknown) => error instanceof IndexError && error.message.includes(`Received ${50 + round}`),
    );
    assert.equal(together.runSync('predict', good)['y']?.data, expected?.data);
  }
  together.close();
});

test('a thread that traps ends the run with an error, and the executable with it', async () => {
  const broken: ThreadHost = {
    ...nodeThreads,
    start: (count, options) => nodeThreads.start(count, { ...options, scratch: () => 0xfffffff0 }),
  };
  const together = start(2, broken);
  const batch = feed(Array.from({ length: 64 }, (_, i) => i % 50));
  const runUntilFailure = async (): Promise<unknown> => {
    for (let run = 0; run < 200_000; run++) {
      try {
        together.runSync('predict', batch);
        if (run % 100 === 0) await new Promise(setImmediate);
      } catch (error) {
        return error;
      }
    }
    return undefined;
  };
  assert.instance(await runUntilFailure(), AbortedError);
  assert.throws(
    () => together.runSync('predict', batch),
    (error: unknown) => error instanceof ArgumentError && /closed/.test(error.message),
  );
});

test.run();
