/** The imaging network: learns a folder of generated PNGs and a little of MNIST, and refuses what it cannot train on. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmBackend } from '../src/backend/wasm/backend.js';
import { ArgumentError, FormatError, ShapeError } from '../src/core/errors.js';
import { uniform } from '../src/core/random.js';
import { rowsOf } from '../src/data/rows.js';
import { readModel, writeModel } from '../src/format/model.js';
import { memorySource } from '../src/format/source.js';
import { trainImagingCnn } from '../src/models/imaging-cnn.js';
import type { Job } from '../src/models/training.js';
import { loadFrozenModel } from '../src/train/frozen.js';
import { grayPng } from './support/png.js';
import { rejection } from './support/rejection.js';

const backend = wasmBackend({ training: true, threads: 1 });
const folder = mkdtempSync(join(tmpdir(), 'quern-imaging-'));
test.after(() => rmSync(folder, { recursive: true }));

/** Whether a shape of radius 1 covers a place. */
const shapes = {
  cross: (y: number, x: number) => Math.min(Math.abs(y), Math.abs(x)) < 0.25 && Math.max(Math.abs(y), Math.abs(x)) < 1,
  disc: (y: number, x: number) => Math.hypot(y, x) < 1,
  ring: (y: number, x: number) => Math.abs(Math.hypot(y, x) - 0.8) < 0.2,
} as const;

/** Shapes of many places, sizes and shades on a noisy ground. */
function writeShapes(name: string, count: number, side = 16): string {
  const path = join(folder, name);
  for (const [kind, covers] of Object.entries(shapes)) {
    mkdirSync(join(path, kind), { recursive: true });
    for (let i = 0; i < count; i++) {
      const [y = 0, x = 0, size = 0, shade = 0] = uniform([kind.length, i], 4, -1, 1);
      const noise = uniform([kind.length + 10, i], side * side, 0, 40);
      const radius = side * (0.28 + 0.06 * size);
      const middle = (side - 1) / 2;
      const bytes = grayPng(side, side, (row, column) => {
        const isInside = covers((row - middle - 2 * y) / radius, (column - middle - 2 * x) / radius);
        return Math.round((noise[row * side + column] ?? 0) + (isInside ? 180 + 30 * shade : 0));
      });
      writeFileSync(join(path, kind, `${i}.png`), bytes);
    }
  }
  return path;
}

const job: Job = { backend, out: join(folder, 'out'), verbose: 0 };

test('shapes of a folder are told apart, and the file names them', async () => {
  const data = writeShapes('shapes', 60);
  const { measured, test: held, served, path } = await trainImagingCnn({ ...job, data, epochs: 12, batchSize: 16 });
  assert.equal([rowsOf(held.x), held.x.shape.slice(1)], [36, [16, 16, 1]]);
  for (const label of [0, 1, 2]) assert.is(held.y.data.filter((each: number) => each === label).length, 12);
  assert.ok((measured['accuracy'] ?? 0) >= 0.95, `${measured['accuracy']}`);
  assert.equal(served.labels, ['cross', 'disc', 'ring']);
  served.close();

  const model = readModel(memorySource(readFileSync(path)));
  const variables = new Map(Object.keys(model.program.variables).map((name) => [name, model.read(name)]));
  const assets = new Map([...model.assets, ['labels', new TextEncoder().encode('{"0": "cross"}')] as const]);
  writeFileSync(join(folder, 'odd'), writeModel({ ...model, variables, assets }));
  const odd = await loadFrozenModel(join(folder, 'odd'), { backend });
  assert.throws(
    () => odd.labels,
    (error: unknown) => error instanceof FormatError,
  );
});

test('a run repeats itself, and sizes may be given', async () => {
  const data = writeShapes('small', 6, 13);
  const ends = [];
  for (const seed of [1, 1, 2]) {
    const trained = await trainImagingCnn({ ...job, data, size: 11, epochs: 2, seed });
    assert.equal(trained.test.x.shape.slice(1), [11, 11, 1]);
    ends.push([...(await trained.served.predict(trained.test.x)).data].join());
    trained.served.close();
  }
  assert.is(ends[0], ends[1]);
  assert.is.not(ends[0], ends[2]);
});

test('digits are learned, to some degree in one epoch of two thousand', async () => {
  const { measured, served } = await trainImagingCnn({ ...job, epochs: 1, limit: 2000, batchSize: 16 });
  assert.ok((measured['accuracy'] ?? 0) > 0.8, `${measured['accuracy']}`);
  assert.is(served.labels?.[9], '9');
  served.close();
});

test('folders that cannot be trained on are refused', async () => {
  const data = writeShapes('few', 3, 12);
  const tiny = await rejection(trainImagingCnn({ ...job, data, size: 9 }));
  assert.instance(tiny, ShapeError);
  assert.match(tiny.message, /at least 10 x 10 are required. Received 9 x 9/);
  writeFileSync(
    join(data, 'disc', '9.png'),
    grayPng(12, 14, () => 0),
  );
  assert.match((await rejection(trainImagingCnn({ ...job, data }))).message, /disc.9\.png' is 12 x 14/);
  for (const kind of ['disc', 'ring']) rmSync(join(data, kind), { recursive: true });
  const single = await rejection(trainImagingCnn({ ...job, data }));
  assert.instance(single, ArgumentError);
  assert.match(single.message, /at least two classes/);
});

test.run();
