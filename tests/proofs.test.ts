/**
 * Three proofs that the walls are right, on every backend that trains, with identical text: a symbolic batch in one plan,
 * a decoder with a key/value cache in a session, and a program of two training graphs.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Executable, RunOptions } from '../src/backend/backend.js';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { MemoryError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import { verify } from '../src/graph/verify.js';
import { add } from '../src/ops/binary.js';
import { conv2d } from '../src/ops/conv.js';
import { relu } from '../src/ops/elementwise.js';
import { matmul } from '../src/ops/linear.js';
import { reshape } from '../src/ops/move.js';
import { softmax } from '../src/ops/normalize.js';
import { maxPool2d } from '../src/ops/pool.js';
import { trainingBackends } from './support/backends.js';
import { fromHost } from '../src/backend/reference/execute.js';
import { differences } from './support/compare.js';
import { decoderProgram } from './support/decoder.js';
import { ganProgram } from './support/gan.js';
import { gaussian, initialize } from './support/initial.js';
import { rejection } from './support/rejection.js';

const isClose = (actual: NDArray | undefined, expected: NDArray | undefined, tolerance = 1e-5) => {
  assert.ok(actual && expected);
  assert.equal(differences(fromHost(expected), actual, { absolute: tolerance, relative: tolerance }), []);
};

function classifier(): ProgramBuilder {
  const builder = new ProgramBuilder({ symbols: { batch: 64 }, seed: 3 });
  builder.trace('predict', { image: { dtype: 'f32', shape: ['batch', 12, 12, 1] } }, ({ image }, scope) => {
    const kernel = scope.variable('conv/kernel', { shape: [3, 3, 1, 8], initial: gaussian(0.3) });
    const bias = scope.variable('conv/bias', { shape: [8], initial: gaussian() });
    const pooled = maxPool2d(relu(add(conv2d(image, kernel), bias)));
    const weights = scope.variable('dense/kernel', { shape: [200, 10], initial: gaussian(0.1) });
    return { probabilities: softmax(matmul(reshape(pooled, ['batch', 200]), weights)) };
  });
  return builder;
}

const images = (batch: number): NDArray => ndarray('f32', [batch, 12, 12, 1], normal([1, batch], batch * 144));

for (const backend of trainingBackends) {
  test(`${backend.name}: a symbolic batch of 1, 7 and 64 runs from one plan within the stated peak`, async () => {
    const builder = classifier();
    const program = builder.program();
    verify(program);
    const [oracle, executable] = [await referenceBackend.compile(program), await backend.compile(program)];
    initialize(oracle, builder);
    initialize(executable, builder);
    const { peakBytes } = executable.stats();
    for (const batch of [64, 1, 7, 0, 64]) {
      const { probabilities } = await executable.run('predict', { image: images(batch) });
      assert.equal(probabilities?.shape, [batch, 10]);
      isClose(probabilities, (await oracle.run('predict', { image: images(batch) })).probabilities);
      assert.is(executable.stats().peakBytes, peakBytes);
    }
    const error = await rejection(executable.run('predict', { image: images(65) }));
    assert.instance(error, ShapeError);
    assert.match(error.message, /64.*65/);
    executable.close();

    const small = await backend.compile(program, { bounds: { batch: 1 } });
    assert.ok(small.stats().peakBytes < peakBytes);
    small.close();
    const exact = await backend.compile(program, { memoryLimit: peakBytes });
    exact.close();
    assert.instance(await rejection(backend.compile(program, { memoryLimit: peakBytes - 1 })), MemoryError);
  });

  test(`${backend.name}: a decoder with a cache generates what it does without; sessions are apart`, async () => {
    const builder = decoderProgram();
    const program = builder.program();
    verify(program);
    const executable = await backend.compile(program, { sessions: 3 });
    initialize(executable, builder);
    const [first, second] = [executable.createSession(), executable.createSession()];
    assert.is(first.bytes, executable.stats().sessionBytes);

    const alone = await generate(executable, 3, { session: first });
    assert.is(alone.tokens.length, 51);
    assert.ok(new Set(alone.tokens).size > 5, `varied tokens, not ${alone.tokens.join(' ')}`);
    const tokens = ndarray('i32', [50], alone.tokens.slice(0, 50));
    const { logits, next } = await executable.run('whole', { tokens });
    assert.equal(Array.from(next?.data ?? []), alone.tokens.slice(1));
    isClose(ndarray('f32', [50, 29], alone.logits), logits, 1e-4);

    first.close();
    const again = executable.createSession();
    const [left, right] = await together(executable, [3, 17], [{ session: again }, { session: second }]);
    assert.equal(left, alone);
    assert.equal(right, await generate(executable, 17, {}));
    assert.is.not(right?.tokens.join(), alone.tokens.join());

    assert.instance(await rejection(Promise.resolve().then(() => executable.createSession())), MemoryError);
    again.close();
    assert.ok(await rejection(generate(executable, 3, { session: again })));
    executable.close();
  });

  test(`${backend.name}: two losses and two optimizers are two graphs over shared variables`, async () => {
    const builder = ganProgram();
    const program = builder.program();
    verify(program);
    const [oracle, executable] = [await referenceBackend.compile(program), await backend.compile(program)];
    initialize(oracle, builder);
    initialize(executable, builder);
    const real = (step: number) =>
      ndarray(
        'f32',
        [128, 1],
        normal([step, 1], 128).map((x) => 3 + 0.5 * x),
      );
    const noise = (step: number) => ndarray('f32', [128, 2], normal([step, 2], 256));
    const names = Object.keys(program.variables);
    const variables = (from: Executable, network: string) =>
      names.filter((name) => name.startsWith(network)).map((name) => from.getVariable(name));
    const meanSample = async () => {
      const { x } = await executable.run('sample', { noise: noise(0) });
      return Array.from(x?.data ?? []).reduce((a, b) => a + b / 128, 0);
    };

    assert.ok(Math.abs((await meanSample()) - 3) > 1);
    const late: number[] = [];
    for (let step = 1; step <= 400; step++) {
      const [generator, discriminator] = [variables(executable, 'generator'), variables(executable, 'discriminator')];
      const feeds = { real: real(step), noise: noise(step) };
      const lossOfDiscriminator = await executable.run('trainDiscriminator', feeds);
      if (step <= 3) {
        isClose(lossOfDiscriminator.loss, (await oracle.run('trainDiscriminator', feeds)).loss, 1e-4);
        assert.equal(variables(executable, 'generator'), generator);
        assert.not.equal(variables(executable, 'discriminator'), discriminator);
      }
      const between = variables(executable, 'discriminator');
      const lossOfGenerator = await executable.run('trainGenerator', { noise: noise(-step) });
      if (step <= 3) {
        isClose(lossOfGenerator.loss, (await oracle.run('trainGenerator', { noise: noise(-step) })).loss, 1e-4);
        assert.equal(variables(executable, 'discriminator'), between);
        assert.not.equal(variables(executable, 'generator'), generator);
        names.forEach((name) => isClose(executable.getVariable(name), oracle.getVariable(name), 1e-4));
      }
      if (step > 300 && step % 10 === 0) late.push(await meanSample());
    }
    assert.is(executable.getVariable('adam/step').data[0], 400);
    const mean = late.reduce((a, b) => a + b, 0) / late.length;
    assert.ok(Math.abs(mean - 3) < 0.5, `samples around 3 are required; their means are ${late.join(', ')}`);
    executable.close();
  });
}

test.run();

interface Generated {
  readonly tokens: number[];
  readonly logits: number[];
}

/** Generates 50 tokens after `start`, the likeliest each time. */
async function generate(executable: Executable, start: number, options: RunOptions): Promise<Generated> {
  const [generated] = await together(executable, [start], [options]);
  return generated as Generated;
}

/** Generates in several sessions at once, taking turns. */
async function together(
  executable: Executable,
  starts: readonly number[],
  options: readonly RunOptions[],
): Promise<Generated[]> {
  const generated = starts.map((start) => ({ tokens: [start], logits: [] as number[] }));
  for (let position = 0; position < 50; position++) {
    const turns = generated.map(async ({ tokens, logits }, i) => {
      const feeds = {
        token: ndarray('i32', [1], [tokens[position] as number]),
        position: ndarray('i32', [1], [position]),
      };
      const outputs = await executable.run('decode', feeds, options[i]);
      tokens.push(outputs.next?.data[0] as number);
      logits.push(...Array.from(outputs.logits?.data ?? []));
    });
    await Promise.all(turns);
  }
  return generated;
}
