/** Augmentation: what each step does to pixels, and that it follows from seed, epoch and index alone. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DTypeError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { uniform } from '../src/core/random.js';
import { augment, type Augmentation } from '../src/data/augmentation.js';
import { affine, brightness, cutout, pixelNoise, horizontalFlip, randomCrop } from '../src/data/augmentations.js';
import { mixup } from '../src/data/mixup.js';
import { sliceRows, takeRows } from '../src/data/rows.js';

const images = (count: number, height = 8, width = 6, channels = 2): NDArray<'f32'> => {
  const shape = [count, height, width, channels];
  return ndarray('f32', shape, uniform([4, 4], count * height * width * channels, 0.1, 0.9));
};

const isError =
  (type: new (...args: never[]) => Error, message = /./) =>
  (error: unknown): boolean =>
    error instanceof type && message.test(error.message);

const everything: readonly Augmentation[] = [
  affine({ rotation: 20, shift: 0.2, scale: 0.2 }),
  horizontalFlip(),
  randomCrop({ padding: 2 }),
  brightness({ delta: 0.2 }),
  pixelNoise({ deviation: 0.1 }),
  cutout({ size: 3 }),
];

test('an image changes by seed, epoch and index, not by its batch or its place', () => {
  const x = images(10);
  const whole = augment(x, everything, { seed: 1, epoch: 2 });
  assert.equal(augment(x, everything, { seed: 1, epoch: 2 }), whole);
  const rows = Int32Array.of(7, 0, 3);
  const some = augment(takeRows(x, rows), everything, { seed: 1, epoch: 2, rows });
  assert.equal(some, takeRows(whole, rows));
  const others = [{ seed: 2, epoch: 2 }, { seed: 1, epoch: 3 }, {}].map((draw) => augment(x, everything, draw));
  for (const other of others) assert.is.not(other.data.join(), whole.data.join());
  const same = augment(takeRows(x, Int32Array.of(5, 5)), everything, { seed: 1 });
  assert.is.not(sliceRows(same, 0, 1).data.join(), sliceRows(same, 1, 2).data.join());
});

test('steps that change nothing leave every bit, and the source is never written to', () => {
  const x = images(5);
  const before = x.data.slice();
  const nothing = [
    affine({}),
    horizontalFlip({ probability: 0 }),
    randomCrop({}),
    brightness({ delta: 0 }),
    pixelNoise({ deviation: 0 }),
  ];
  for (const step of nothing) assert.equal(augment(x, [step]).data, x.data);
  assert.equal(augment(x, []).data, x.data);
  augment(x, everything);
  assert.equal(x.data, before);
});

test('a flip mirrors rows of pixels, about half of the time', () => {
  const x = ndarray('f32', [1, 2, 3, 2], [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]);
  const flipped = augment(x, [horizontalFlip({ probability: 1 })]);
  assert.equal([...flipped.data], [4, 5, 2, 3, 0, 1, 14, 15, 12, 13, 10, 11]);
  const many = images(400, 1, 2, 1);
  const changed = augment(many, [horizontalFlip()]);
  const flips = many.data.filter((value, i) => i % 2 === 0 && changed.data[i] !== value).length;
  assert.ok(flips > 160 && flips < 240, `${flips}`);
});

/** The middle of an image's brightness: [y, x]. */
function centre({ shape: [, height = 0, width = 0], data }: NDArray): [number, number] {
  let [sum, sumY, sumX] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = data[y * width + x] ?? 0;
      [sum, sumY, sumX] = [sum + value, sumY + value * y, sumX + value * x];
    }
  }
  return [sumY / sum, sumX / sum];
}

/** A soft spot on black, of f32 [n, 31, 31, 1]. */
const spots = (count: number, atY: number, atX: number, width = 2): NDArray<'f32'> =>
  ndarray(
    'f32',
    [count, 31, 31, 1],
    Float32Array.from({ length: count * 961 }, (_, i) => {
      const [y, x] = [Math.floor((i % 961) / 31), i % 31];
      return Math.exp(-((y - atY) ** 2 + (x - atX) ** 2) / (2 * width * width));
    }),
  );

test('a rotation keeps a spot as far from the middle as it was, and goes no further than it may', () => {
  const changed = augment(spots(50, 15, 23), [affine({ rotation: 30 })]);
  const angles = Array.from({ length: 50 }, (_, i) => {
    const [y, x] = centre(sliceRows(changed, i, i + 1));
    assert.ok(Math.abs(Math.hypot(y - 15, x - 15) - 8) < 0.05);
    return (Math.atan2(y - 15, x - 15) * 180) / Math.PI;
  });
  assert.ok(Math.max(...angles.map(Math.abs)) <= 30.5);
  assert.ok(Math.min(...angles) < -15 && Math.max(...angles) > 15);
});

test('a shift moves a spot along, a scale moves it out or in and changes its size', () => {
  const shifted = augment(spots(50, 15, 15), [affine({ shift: 0.2 })]);
  const moves = Array.from({ length: 50 }, (_, i) => centre(sliceRows(shifted, i, i + 1)).map((at) => at - 15));
  for (const axis of [0, 1]) {
    const along = moves.map((move) => move[axis] ?? NaN);
    assert.ok(Math.max(...along) <= 6.3 && Math.min(...along) >= -6.3);
    assert.ok(Math.max(...along) > 3 && Math.min(...along) < -3);
  }
  const scaled = augment(spots(50, 15, 19), [affine({ scale: 0.5 })]);
  for (let i = 0; i < 50; i++) {
    const one = sliceRows(scaled, i, i + 1);
    const [y, x] = centre(one);
    const factor = (x - 15) / 4;
    const area = Array.from(one.data).reduce((sum, value) => sum + value, 0) / (2 * Math.PI * 4);
    assert.ok(Math.abs(y - 15) < 0.05 && factor > 0.49 && factor < 1.51);
    assert.ok(Math.abs(area / factor ** 2 - 1) < 0.05, `${area} ${factor}`);
  }
});

test('what comes in from outside is the fill, and what is inside lies between its neighbours', () => {
  const white = ndarray('f32', [20, 9, 9, 1], new Float32Array(20 * 81).fill(1));
  const { data } = augment(white, [affine({ shift: 0.5, rotation: 45, fill: -1 })]);
  assert.ok(data.every((value) => value >= -1 - 1e-6 && value <= 1 + 1e-6));
  assert.ok(data.filter((value) => value === -1).length > 100);
  assert.ok(data.filter((value) => Math.abs(value - 1) < 1e-6).length > 500);
});

test('a crop is a window of the padded image', () => {
  const x = ndarray(
    'f32',
    [60, 4, 5, 1],
    Float32Array.from({ length: 1200 }, (_, i) => 1 + (i % 20)),
  );
  const cropped = augment(x, [randomCrop({ height: 3, width: 4, padding: 1, fill: -5 })]);
  assert.equal(cropped.shape, [60, 3, 4, 1]);
  const padded = (y: number, at: number): number => (y >= 0 && y < 4 && at >= 0 && at < 5 ? 1 + 5 * y + at : -5);
  const places = new Set<string>();
  for (let i = 0; i < 60; i++) {
    const window = sliceRows(cropped, i, i + 1).data.join();
    const found = [-1, 0, 1, 2].flatMap((top) =>
      [-1, 0, 1, 2]
        .filter((left) => {
          const cells = [0, 1, 2].flatMap((y) => [0, 1, 2, 3].map((at) => padded(top + y, left + at)));
          return cells.join() === window;
        })
        .map((left) => `${top},${left}`),
    );
    assert.is(found.length, 1);
    places.add(found[0] ?? '');
  }
  assert.ok(places.size >= 12, `${places.size} of 16 places`);
  assert.equal(augment(ndarray('f32', [0, 4, 5, 1]), [randomCrop({ height: 2 })]).shape, [0, 2, 5, 1]);
});

test('brightness adds one number to an image and keeps its range', () => {
  const changed = augment(images(100), [brightness({ delta: 0.05 })]);
  const source = images(100);
  for (let i = 0; i < 100; i++) {
    const [one, from] = [sliceRows(changed, i, i + 1).data, sliceRows(source, i, i + 1).data];
    const added = (one[0] ?? 0) - (from[0] ?? 0);
    assert.ok(Math.abs(added) <= 0.05);
    one.forEach((value: number, j: number) => assert.ok(Math.abs(value - (from[j] ?? 0) - added) < 1e-6));
  }
  const bright = augment(images(50), [brightness({ delta: 5 })]).data;
  assert.ok(bright.every((value) => value >= 0 && value <= 1));
  assert.ok(bright.includes(0) && bright.includes(1));
});

test('noise has mean 0 and the deviation that was asked for', () => {
  const x = images(100);
  const { data } = augment(x, [pixelNoise({ deviation: 0.3 })]);
  const differences = Array.from(data, (value, i) => value - (x.data[i] ?? 0));
  const mean = differences.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  assert.ok(Math.abs(mean) < 0.01 && Math.abs(Math.sqrt(variance) - 0.3) < 0.01, `${mean} ${variance}`);
});

test('cutout wipes out a square, all channels of it, and nothing else', () => {
  const x = images(40, 8, 8, 2);
  const { data } = augment(x, [cutout({ size: 3, fill: -7 })]);
  for (let i = 0; i < 40; i++) {
    const wiped = Array.from({ length: 64 }, (_, p) => p).filter((p) => data[(i * 64 + p) * 2] === -7);
    const [ys, xs] = [wiped.map((p) => p >> 3), wiped.map((p) => p & 7)];
    const [height, width] = [Math.max(...ys) - Math.min(...ys) + 1, Math.max(...xs) - Math.min(...xs) + 1];
    assert.ok(height >= 2 && height <= 3 && width >= 2 && width <= 3);
    assert.is(wiped.length, height * width);
    for (let p = 0; p < 64; p++) {
      for (const c of [0, 1]) {
        const at = (i * 64 + p) * 2 + c;
        assert.is(data[at], wiped.includes(p) ? -7 : x.data[at]);
      }
    }
  }
});

test('mixup mixes examples and labels by one share, drawn from the beta distribution', () => {
  const count = 4000;
  const x = ndarray(
    'f32',
    [count, 1],
    Float32Array.from({ length: count }, (_, i) => i),
  );
  const y = ndarray(
    'f32',
    [count, 2],
    Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? i / 2 : 1)),
  );
  for (const alpha of [0.2, 1, 2]) {
    const mixed = mixup(x, y, { alpha, seed: 5, step: 1 });
    assert.equal(mixup(x, y, { alpha, seed: 5, step: 1 }), mixed);
    assert.is.not(mixup(x, y, { alpha, seed: 5, step: 2 }).x.data.join(), mixed.x.data.join());
    for (let i = 0; i < count; i++) {
      assert.ok(Math.abs((mixed.x.data[i] ?? 0) - (mixed.y.data[2 * i] ?? 0)) < 1e-3);
      assert.ok(Math.abs((mixed.y.data[2 * i + 1] ?? 0) - 1) < 1e-6);
    }
  }
  // The share itself: labels are one-hot by row, and partners all have zeros.
  const half = ndarray('f32', [2, 1], [1, 1]);
  for (const alpha of [0.2, 1, 2]) {
    const shares: number[] = [];
    for (let step = 0; step < 3000; step++) {
      const { y: labels } = mixup(half, ndarray('f32', [2, 2], [1, 0, 0, 1]), { alpha, seed: 9, step });
      const [own = 0, other = 0] = labels.data;
      assert.ok(Math.abs(own + other - 1) < 1e-6);
      // A partner may be the row itself: its label stays, and says nothing of the share.
      if (own !== 1 || other !== 0) shares.push(own);
    }
    const mean = shares.reduce((sum, value) => sum + value, 0) / shares.length;
    const variance = shares.reduce((sum, value) => sum + (value - mean) ** 2, 0) / shares.length;
    assert.ok(Math.abs(mean - 0.5) < 0.03, `${alpha}: ${mean}`);
    assert.ok(Math.abs(variance - 1 / (4 * (2 * alpha + 1))) < 0.012, `${alpha}: ${variance}`);
  }
});

test('bad input is refused', () => {
  assert.throws(() => augment(ndarray('u8', [1, 2, 2, 1]), []), isError(DTypeError));
  assert.throws(() => augment(ndarray('f32', [2, 2, 1]), []), isError(ShapeError, /\[n, height, width, channels\]/));
  const rows = Int32Array.of(1);
  assert.throws(() => augment(images(2), [], { rows }), isError(ShapeError, /2 rows .* Received 1/));
  assert.throws(() => affine({ rotation: 181 }), isError(ArgumentError, /rotation from 0 to 180/));
  assert.throws(() => affine({ shift: -0.1 }), isError(ArgumentError, /shift/));
  assert.throws(() => affine({ scale: 1 }), isError(ArgumentError, /scale/));
  assert.throws(() => horizontalFlip({ probability: 2 }), isError(ArgumentError));
  assert.throws(() => randomCrop({ height: 0 }), isError(ArgumentError, /height/));
  assert.throws(() => randomCrop({ padding: 1.5 }), isError(ArgumentError, /padding/));
  const tall = randomCrop({ height: 9 });
  assert.throws(() => augment(images(1), [tall]), isError(ShapeError, /9 by 6 .* Received 8 by 6/));
  assert.throws(() => brightness({ delta: NaN }), isError(ArgumentError));
  assert.throws(() => brightness({ delta: 1, low: 1 }), isError(ArgumentError, /low below high/));
  assert.throws(() => pixelNoise({ deviation: -1 }), isError(ArgumentError));
  assert.throws(() => cutout({ size: 0 }), isError(ArgumentError));
  const [x, y] = [ndarray('f32', [2, 1]), ndarray('f32', [2, 3])];
  assert.throws(() => mixup(x, y, { alpha: 0 }), isError(ArgumentError, /alpha/));
  assert.throws(() => mixup(x, ndarray('f32', [3, 3])), isError(ShapeError, /Received 3, 2/));
  assert.throws(() => mixup(x, ndarray('i32', [2, 3])), isError(DTypeError));
});

test.run();
