/** What callers without types pass where an array belongs: typed errors that say what it was. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { quantize } from '../src/compress/quantize.js';
import { ArgumentError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import { dense } from '../src/nn/dense.js';
import { input } from '../src/nn/input.js';
import { sequential } from '../src/train/model.js';
import { trainingBackends } from './support/backends.js';
import { rejection } from './support/rejection.js';

/** As it would come from JavaScript. */
const untyped = (value: unknown): never => value as never;

const wrong = [
  [[[1, 2, 3]], 'a plain list'],
  [null, 'null'],
  [undefined, 'a value of type undefined'],
  [new Float32Array(3), 'a value of type object'],
  [{ dtype: 'f32', shape: 3, data: new Float32Array(3) }, 'a value of type object'],
  [{ dtype: 'f32', shape: [1, 3], data: [1, 2, 3] }, 'a value of type object'],
] as const;

const x = ndarray('f32', [2, 3]);
const y = ndarray('f32', [2, 1]);

for (const [value, received] of wrong) {
  test(`${received}: not an array`, async () => {
    const [backend] = trainingBackends;
    const known = sequential([input({ shape: [3] }), dense({ units: 1 })], backend && { backend });
    const unknown = sequential([dense({ units: 1 })], backend && { backend });
    for (const model of [known, unknown]) model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    for (const run of [
      () => known.predict(untyped(value)),
      () => known.fit(untyped(value), y),
      () => known.fit(x, untyped(value)),
      () => known.evaluate(x, untyped(value)),
      () => unknown.predict(untyped(value)),
      () => unknown.fit(untyped(value), y),
      () => quantize(known, { calibration: untyped(value) }),
    ]) {
      const error = await rejection(run());
      assert.instance(error, ArgumentError, String(error));
      assert.match(error.message, `as ndarray() makes it, is required. Received ${received}.`);
    }
    for (const backend of trainingBackends) {
      const executable = await backend.compile({ ...known.program, symbols: { batch: { max: 2 } } });
      const error = await rejection(executable.run('predict', { input: untyped(value ?? null) }));
      assert.instance(error, ArgumentError, String(error));
      assert.throws(() => executable.setVariable('dense/bias', untyped(value)), /as ndarray\(\) makes it/);
      executable.close();
    }
  });
}

test.run();
