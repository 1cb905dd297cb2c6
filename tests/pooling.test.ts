/** Pooling and resizing that are written with ops: worked by hand, by plain loops, on every module, with gradients. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DTypeError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray } from '../src/core/ndarray.js';
import { gradients } from '../src/graph/autodiff.js';
import { Trace } from '../src/graph/trace.js';
import * as ops from '../src/ops/functions.js';
import type { Padding } from '../src/ops/schema.js';
import type { Tensor } from '../src/ops/tensor.js';
import { checkGradients, normals, sameEverywhere } from './support/decompositions.js';
import { computed } from './support/traced.js';

const f32 = (shape: readonly number[], data: readonly number[]): NDArray => ndarray('f32', shape, data);
const of = (x: NDArray, fn: (x: Tensor) => Tensor) => computed({ x }, ({ x }) => fn(x as Tensor));

function near(actual: readonly number[], expected: readonly number[], what = ''): void {
  assert.is(actual.length, expected.length, what);
  expected.forEach((value, i) => {
    const received = actual[i] ?? NaN;
    assert.ok(Math.abs(received - value) <= 1e-5, `${what} [${i}]: ${value} is required, ${received} received`);
  });
}

const counting = (shape: readonly number[]): NDArray => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return f32(
    shape,
    Array.from({ length: size }, (_, i) => i + 1),
  );
};

test('average pooling by hand: padding does not count', async () => {
  const x = counting([1, 3, 3, 1]);
  near(await of(x, (x) => ops.avgPool2d(x, { strides: 1 })), [3, 4, 6, 7]);
  near(await of(x, (x) => ops.avgPool2d(x, { padding: 'same' })), [3, 4.5, 7.5, 9]);
  near(await of(x, (x) => ops.avgPool2d(x, { poolSize: [1, 3] })), [2, 5, 8]);
});

test('pooling of one axis and of three by hand', async () => {
  const row = counting([1, 5, 1]);
  near(await of(row, (x) => ops.maxPool(x)), [2, 4]);
  near(await of(row, (x) => ops.averagePool(x, { padding: 'same' })), [1.5, 3.5, 5]);
  near(await of(row, (x) => ops.lpPool(x, { strides: 3 })), [Math.sqrt(5), Math.sqrt(41)]);
  near(await of(row, (x) => ops.lpPool(x, { p: 1, padding: 'same' })), [3, 7, 5]);
  const cube = counting([1, 2, 2, 2, 1]);
  near(await of(cube, (x) => ops.maxPool(x)), [8]);
  near(await of(cube, (x) => ops.averagePool(x)), [4.5]);
  near(await of(cube, (x) => ops.globalAveragePool(x)), [4.5]);
});

interface Pooling {
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: Padding;
}

/** Folds the elements of each window, one by one. */
function byLoops(x: NDArray, pooling: Pooling, fold: (window: readonly number[]) => number): number[] {
  const [n = 0, ...spatial] = x.shape.slice(0, -1);
  const channels = x.shape.at(-1) ?? 0;
  const axes = spatial.map((size, i) => {
    const [window, stride] = [pooling.poolSize[i] ?? 1, pooling.strides[i] ?? 1];
    const isSame = pooling.padding === 'same';
    const count = isSame ? Math.ceil(size / stride) : Math.floor((size - window) / stride) + 1;
    const low = isSame ? Math.floor(Math.max((count - 1) * stride + window - size, 0) / 2) : 0;
    return Array.from({ length: count }, (_, o) =>
      Array.from({ length: window }, (_, k) => o * stride - low + k).filter((at) => at >= 0 && at < size),
    );
  });
  /** All combinations of one item from each list. */
  const product = <T>(lists: readonly (readonly T[])[]): T[][] =>
    lists.reduce<T[][]>((all, list) => all.flatMap((head) => list.map((item) => [...head, item])), [[]]);
  return Array.from({ length: n }, (_, image) => image).flatMap((image) =>
    product(axes).flatMap((window) =>
      Array.from({ length: channels }, (_, channel) =>
        fold(
          product(window).map((place) => {
            const pixel = place.reduce((at, position, i) => at * (spatial[i] ?? 1) + position, image);
            return x.data[pixel * channels + channel] ?? NaN;
          }),
        ),
      ),
    ),
  );
}

const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
const mean = (list: readonly number[]): number => total(list) / list.length;
const largest = (list: readonly number[]): number => Math.max(...list);

const poolings: readonly (readonly [readonly number[], Pooling])[] = [
  [[2, 9, 3], { poolSize: [3], strides: [2], padding: 'valid' }],
  [[2, 9, 5], { poolSize: [2], strides: [2], padding: 'same' }],
  [[2, 6, 7, 2], { poolSize: [3, 2], strides: [2, 1], padding: 'same' }],
  [[2, 5, 4, 6, 3], { poolSize: [2, 3, 2], strides: [1, 1, 2], padding: 'valid' }],
  [[1, 5, 4, 5, 2], { poolSize: [3, 2, 3], strides: [2, 2, 3], padding: 'same' }],
  [[1, 3, 4, 3, 4, 2], { poolSize: [2, 2, 2, 2], strides: [1, 2, 1, 2], padding: 'same' }],
];

for (const [shape, pooling] of poolings) {
  const what = `[${shape.join(', ')}] by [${pooling.poolSize.join(', ')}] ${pooling.padding}`;
  const x = normals(shape);

  test(`pooling of ${what} is that of loops, everywhere, with its gradients`, async () => {
    const power = (p: number) => (list: readonly number[]) =>
      total(list.map((value) => Math.abs(value) ** p)) ** (1 / p);
    const all: readonly (readonly [string, (x: Tensor) => Tensor, (window: readonly number[]) => number])[] = [
      ['maxPool', (x) => ops.maxPool(x, pooling), largest],
      ['averagePool', (x) => ops.averagePool(x, pooling), mean],
      ['lpPool 1', (x) => ops.lpPool(x, { ...pooling, p: 1 }), power(1)],
      ['lpPool 2', (x) => ops.lpPool(x, pooling), power(2)],
      ['lpPool 3', (x) => ops.lpPool(x, { ...pooling, p: 3 }), power(3)],
    ];
    for (const [name, fn, fold] of all) {
      near(await of(x, fn), byLoops(x, pooling, fold), name);
      checkGradients(`${name} of ${what}`, x, fn);
    }
    await sameEverywhere(what, x, Object.fromEntries(all.map(([, fn], i) => [`pooled${i}`, fn])));
  });
}

test('max pooling keeps NaN and takes integers', async () => {
  const x = f32([1, 4, 1], [1, NaN, 3, 4]);
  assert.equal(await of(x, (x) => ops.maxPool(x)), [NaN, 4]);
  const whole = ndarray('i32', [1, 2, 2, 2, 1], [-8, -7, -6, -5, -4, -3, -2, -1]);
  assert.equal(await of(whole, (x) => ops.maxPool(x)), [-1]);
});

test('Lp pooling of zeros has the gradient 0', async () => {
  const x = f32([1, 4, 1], [0, 0, 0, 0]);
  const slope = (x: Tensor): Tensor => gradients(ops.sum(ops.lpPool(x)), [x])[0] as Tensor;
  assert.equal(await of(x, slope), [0, 0, 0, 0]);
});

test('global pooling is over all places', async () => {
  const x = normals([2, 3, 4, 5]);
  const whole: Pooling = { poolSize: [3, 4], strides: [1, 1], padding: 'valid' };
  near(await of(x, (x) => ops.globalAveragePool(x)), byLoops(x, whole, mean));
  near(await of(x, (x) => ops.globalMaxPool(x)), byLoops(x, whole, largest));
  const trace = new Trace('test', { batch: { max: 4 } });
  const symbolic = trace.input('x', { dtype: 'f32', shape: ['batch', 3, 4, 5] });
  assert.equal(ops.globalMaxPool(symbolic).shape, ['batch', 5]);
  assert.equal(ops.globalAveragePool(symbolic, { keepDims: true }).shape, ['batch', 1, 1, 5]);
  const both = { average: (x: Tensor) => ops.globalAveragePool(x), max: (x: Tensor) => ops.globalMaxPool(x) };
  await sameEverywhere('global pooling', x, both);
  for (const [name, fn] of Object.entries(both)) checkGradients(`global ${name} pooling`, x, fn);
});

/** The bins of PyTorch's adaptive pooling: from floor(i n / m) to below ceil((i + 1) n / m). */
function byBins(
  x: readonly number[],
  [height, width]: readonly [number, number],
  [rows, columns]: readonly [number, number],
  fold: (bin: readonly number[]) => number,
): number[] {
  const bin = (size: number, count: number, i: number): number[] => {
    const [start, end] = [Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count)];
    return Array.from({ length: end - start }, (_, k) => start + k);
  };
  return Array.from({ length: rows * columns }, (_, i) => {
    const places = bin(height, rows, Math.floor(i / columns)).flatMap((r) =>
      bin(width, columns, i % columns).map((c) => r * width + c),
    );
    return fold(places.map((place) => x[place] ?? NaN));
  });
}

test('adaptive pooling is that of its bins, everywhere, with its gradients', async () => {
  near(await of(counting([1, 5, 1]), (x) => ops.adaptiveAveragePool(x, 3)), [1.5, 3, 4.5]);
  const sizes: readonly (readonly [readonly [number, number], readonly [number, number]])[] = [
    [
      [6, 8],
      [3, 2],
    ],
    [
      [7, 5],
      [3, 2],
    ],
    [
      [10, 6],
      [4, 3],
    ],
    [
      [3, 4],
      [5, 7],
    ],
    [
      [7, 9],
      [1, 4],
    ],
  ];
  for (const [from, to] of sizes) {
    const x = normals([1, ...from, 1]);
    const both = {
      average: (x: Tensor) => ops.adaptiveAveragePool(x, to),
      max: (x: Tensor) => ops.adaptiveMaxPool(x, to),
    };
    const what = `adaptive pooling of ${from.join('x')} to ${to.join('x')}`;
    near(await of(x, both.average), byBins(Array.from(x.data), from, to, mean), what);
    near(await of(x, both.max), byBins(Array.from(x.data), from, to, largest), what);
    await sameEverywhere(what, normals([2, ...from, 3]), both);
    for (const fn of Object.values(both)) checkGradients(what, normals([2, ...from, 2]), fn);
  }
  await sameEverywhere('volumes', normals([2, 4, 5, 6, 3]), { y: (x) => ops.adaptiveAveragePool(x, [2, 2, 5]) });
});

test('resizing by hand', async () => {
  const x = f32([1, 2, 1], [0, 8]);
  const to = (size: number, options: ops.ResizeOptions = {}) => of(x, (x) => ops.resize(x, size, options));
  near(await to(4), [0, 2, 6, 8], 'bilinear');
  near(await to(4, { interpolation: 'nearest' }), [0, 0, 8, 8], 'nearest');
  near(await to(5, { alignCorners: true }), [0, 2, 4, 6, 8], 'bilinear, aligned corners');
  near(await to(1, { alignCorners: true }), [0], 'one entry, aligned corners');
  near(await to(1), [4], 'one entry');
  near(await to(3, { interpolation: 'nearest' }), [0, 8, 8], 'of two equally near the later');
  const row = f32([1, 4, 1], [1, 2, 4, 8]);
  near(await of(row, (x) => ops.resize(x, 2)), [1.5, 6]);
  near(await of(row, (x) => ops.resize(x, 2, { interpolation: 'nearest' })), [2, 8]);
});

/** Keys 1981, a = -1/2. */
const cubic = (d: number): number => {
  const t = Math.abs(d);
  if (t < 1) return 1.5 * t ** 3 - 2.5 * t ** 2 + 1;
  return t < 2 ? -0.5 * t ** 3 + 2.5 * t ** 2 - 4 * t + 2 : 0;
};
const linear = (d: number): number => Math.max(1 - Math.abs(d), 0);

/** Every entry of the result from all of x by the kernel's weight, with the weights' sum 1. */
function byKernel(x: NDArray, size: number, kernel: (distance: number) => number, alignCorners: boolean): number[] {
  const length = x.data.length;
  return Array.from({ length: size }, (_, i) => {
    const place = alignCorners ? (i * (length - 1)) / (size - 1) : ((i + 0.5) * length) / size - 0.5;
    const weights = Array.from({ length }, (_, k) => kernel(place - k));
    return total(weights.map((weight, k) => weight * (x.data[k] ?? NaN))) / total(weights);
  });
}

test('resizing is that of the kernels, everywhere, with its gradients', async () => {
  for (const [from, to] of [
    [5, 9],
    [9, 5],
    [7, 14],
    [6, 2],
    [1, 3],
    [4, 4],
  ] as const) {
    for (const alignCorners of [false, true]) {
      const row = normals([1, from, 1]);
      for (const [interpolation, kernel] of [
        ['bilinear', linear],
        ['bicubic', cubic],
      ] as const) {
        const what = `${interpolation} ${from} to ${to}${alignCorners ? ', aligned corners' : ''}`;
        const fn = (x: Tensor) => ops.resize(x, to, { interpolation, alignCorners });
        near(await of(row, fn), byKernel(row, to, kernel, alignCorners), what);
      }
    }
  }
  for (const size of [
    [7, 9],
    [8, 12],
    [3, 2],
  ] as const) {
    const all = {
      nearest: (x: Tensor) => ops.resize(x, size, { interpolation: 'nearest' }),
      bilinear: (x: Tensor) => ops.resize(x, size),
      bicubic: (x: Tensor) => ops.resize(x, size, { interpolation: 'bicubic' }),
    };
    await sameEverywhere(`to ${size.join('x')}`, normals([2, 4, 6, 3]), all);
    for (const [name, fn] of Object.entries(all)) {
      checkGradients(`${name} to ${size.join('x')}`, normals([1, 4, 6, 2]), fn);
    }
  }
});

test('bilinear resizing of two axes by hand, and of three keeps linear functions', async () => {
  const x = f32([1, 2, 2, 1], [0, 4, 8, 12]);
  near(await of(x, (x) => ops.resize(x, [4, 4])), [0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12]);
  const ramp = f32([1, 2, 2, 2, 1], [0, 1, 10, 11, 100, 101, 110, 111]);
  const middle = await of(ramp, (x) => ops.resize(x, [3, 3, 3], { alignCorners: true }));
  assert.is(middle[13], 55.5);
});

test('nearest resizing takes every dtype, and repeats axes of any size', async () => {
  const x = ndarray('u8', [1, 2, 1, 1], [7, 9]);
  assert.equal(await of(x, (x) => ops.resize(x, [3, 2], { interpolation: 'nearest' })), [7, 7, 9, 9, 9, 9]);
  assert.equal(await of(x, (x) => ops.repeatEach(x, [2, 1])), [7, 7, 9, 9]);
  const trace = new Trace('test', { batch: { max: 2 }, length: { max: 9 } });
  const symbolic = trace.input('x', { dtype: 'f32', shape: ['batch', 'length', 3] });
  assert.equal(ops.repeatEach(symbolic, 2).shape, ['batch', '2*length', 3]);
  const repeat = (x: Tensor) => ops.repeatEach(x, [2, 1, 3]);
  await sameEverywhere('volumes', normals([2, 2, 3, 2, 3]), { repeat });
  checkGradients('volumes', normals([1, 2, 3, 2, 1]), repeat);
});

test('bad input', () => {
  const trace = new Trace('test', { batch: { max: 2 }, length: { max: 9 } });
  const x = (shape: readonly (number | string)[], dtype: 'f32' | 'i32' = 'f32') =>
    trace.input(`x${trace.nodes.length}_${shape.join('_')}_${dtype}`, { dtype, shape });
  const refused = (
    fn: () => unknown,
    type: typeof ShapeError | typeof ArgumentError | typeof DTypeError,
    text: RegExp,
  ) => {
    assert.throws(fn, (error: unknown) => error instanceof type && text.test(error.message), `${text}`);
  };
  const image = x(['batch', 4, 4, 3]);
  const row = x(['batch', 'length', 3]);
  refused(
    () => ops.maxPool(x([2, 3])),
    ShapeError,
    /\[maxPool\] x \[n, \.\.\.spatial, c\] is required\. Received \[2, 3\]/,
  );
  refused(
    () => ops.averagePool(image, { poolSize: [2] }),
    ArgumentError,
    /poolSize: positive integers for 2 axes.*\[2\]/,
  );
  refused(() => ops.averagePool(image, { strides: 0 }), ArgumentError, /strides: positive integers.*Received \[0, 0\]/);
  refused(() => ops.averagePool(image, { poolSize: 5 }), ShapeError, /a window within the input.*5 on 4/);
  refused(() => ops.avgPool2d(x([1, 4, 4, 3], 'i32')), DTypeError, /\[avgPool2d\] elements of f32/);
  refused(() => ops.lpPool(image, { p: 0.5 }), ArgumentError, /p from 1 is required\. Received 0\.5/);
  refused(() => ops.lpPool(row, { padding: 'same' }), ShapeError, /fixed size/);
  refused(() => ops.adaptiveMaxPool(row, 2), ShapeError, /fixed size from 1.*batch, length, 3/);
  refused(() => ops.adaptiveMaxPool(image, 0), ArgumentError, /outputSize: positive integers/);
  refused(() => ops.resize(row, 4), ShapeError, /\[resize\].*fixed size/);
  refused(() => ops.resize(image, [4]), ArgumentError, /size: positive integers for 2 axes/);
  refused(() => ops.resize(image, [4, 2.5]), ArgumentError, /Received \[4, 2\.5\]/);
  refused(() => ops.resize(x([1, 4, 3], 'i32'), 2), DTypeError, /\[resize\] elements of f32/);
  refused(() => ops.repeatEach(image, [1, 2, 3]), ArgumentError, /factors: positive integers for 2 axes/);
});

test.run();
