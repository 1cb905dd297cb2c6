/**
 * The convolutions that are written with conv2d and the depthwise op: against loops over the definition, on every module
 * with a symbolic batch, their gradients to second order, values worked out by hand, and what they refuse.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Backend } from '../src/backend/backend.js';
import { fromHost } from '../src/backend/reference/execute.js';
import { ArgumentError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import type { Dim } from '../src/core/shape.js';
import { gradients } from '../src/graph/autodiff.js';
import { ProgramBuilder } from '../src/graph/builder.js';
import { fuse } from '../src/graph/passes/fuse.js';
import type { Node } from '../src/graph/program.js';
import { Trace } from '../src/graph/trace.js';
import { conv2dInputGrad } from '../src/ops/conv.js';
import * as ops from '../src/ops/functions.js';
import type { Pair } from '../src/ops/schema.js';
import type { Tensor } from '../src/ops/tensor.js';
import { reference, trainingBackends, wasmBackends } from './support/backends.js';
import { differences } from './support/compare.js';
import { derivatives } from './support/derivatives.js';
import { rejection } from './support/rejection.js';
import { computed } from './support/traced.js';

type Extents = readonly number[];

const random = (stream: number, shape: Extents): NDArray => ndarray('f32', shape, normal([31, stream], sizeOf(shape)));

const count = (shape: Extents, start = 1): NDArray =>
  ndarray(
    'f32',
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => i + start),
  );

const ones = (shape: Extents): NDArray => ndarray('f32', shape, new Float32Array(sizeOf(shape)).fill(1));

function near(actual: readonly number[], required: readonly number[], what: string, tolerance = 1e-5): void {
  assert.is(actual.length, required.length, what);
  required.forEach((value, i) => {
    const received = actual[i] ?? NaN;
    assert.ok(Math.abs(received - value) <= tolerance, `${what} [${i}]: ${value} is required, ${received} received`);
  });
}

// The definition, for any number of axes

/** How windows lie along each axis. */
interface Geometry {
  readonly strides: Extents;
  readonly rates: Extents;
  /** Zeros before and after each axis. */
  readonly sides: readonly Pair[];
}

function* indices(shape: Extents): Generator<number[]> {
  const size = sizeOf(shape);
  for (let at = 0; at < size; at++) {
    const index: number[] = [];
    let rest = at;
    for (const extent of [...shape].reverse()) {
      index.unshift(rest % extent);
      rest = Math.floor(rest / extent);
    }
    yield index;
  }
}

const offset = (index: Extents, shape: Extents): number =>
  index.reduce((at, i, axis) => at * (shape[axis] ?? 0) + i, 0);

const item = ({ data, shape }: NDArray, index: Extents): number => data[offset(index, shape)] ?? NaN;

const span = (taps: number, rate: number): number => (taps - 1) * rate + 1;

/** The zeros of `same` padding, as TensorFlow's documentation gives them. */
function same(sizes: Extents, window: Extents, strides: Extents, rates: Extents): readonly Pair[] {
  return sizes.map((size, axis): Pair => {
    const stride = strides[axis] ?? 1;
    const total = Math.max(
      (Math.ceil(size / stride) - 1) * stride + span(window[axis] ?? 1, rates[axis] ?? 1) - size,
      0,
    );
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
}

/** x [n, ...sizes, c] and kernel [...window, c / groups, f]. */
function convolution(x: NDArray, kernel: NDArray, { strides, rates, sides }: Geometry, groups = 1): number[] {
  const [n = 0, ...sizes] = x.shape.slice(0, -1);
  const window = kernel.shape.slice(0, -2);
  const [channels = 0, filters = 0] = kernel.shape.slice(-2);
  const out = sizes.map((size, axis) => {
    const [low, high] = sides[axis] ?? [0, 0];
    const room = size + low + high - span(window[axis] ?? 1, rates[axis] ?? 1);
    return Math.floor(room / (strides[axis] ?? 1)) + 1;
  });
  return [...indices([n, ...out, filters])].map((index) => {
    const [image = 0, ...position] = index;
    const filter = position.pop() ?? 0;
    const group = Math.floor(filter / (filters / groups));
    let total = 0;
    for (const tap of indices(window)) {
      const pixel = position.map(
        (at, axis) => at * (strides[axis] ?? 1) + (tap[axis] ?? 0) * (rates[axis] ?? 1) - (sides[axis]?.[0] ?? 0),
      );
      if (pixel.some((at, axis) => at < 0 || at >= (sizes[axis] ?? 0))) continue;
      for (let c = 0; c < channels; c++) {
        total += item(x, [image, ...pixel, group * channels + c]) * item(kernel, [...tap, c, filter]);
      }
    }
    return total;
  });
}

/** x [n, ...sizes, c] and kernel [...window, f, c], onto an output of `out` pixels from `low` on. */
function transposition(x: NDArray, kernel: NDArray, strides: Extents, rates: Extents, low: Extents, out: Extents) {
  const [n = 0, ...sizes] = x.shape.slice(0, -1);
  const window = kernel.shape.slice(0, -2);
  const [filters = 0, channels = 0] = kernel.shape.slice(-2);
  const shape = [n, ...out, filters];
  const y = new Array<number>(sizeOf(shape)).fill(0);
  for (const [image = 0, ...from] of indices([n, ...sizes])) {
    for (const tap of indices(window)) {
      const to = from.map(
        (at, axis) => at * (strides[axis] ?? 1) + (tap[axis] ?? 0) * (rates[axis] ?? 1) - (low[axis] ?? 0),
      );
      if (to.some((at, axis) => at < 0 || at >= (out[axis] ?? 0))) continue;
      for (let f = 0; f < filters; f++) {
        for (let c = 0; c < channels; c++) {
          const at = offset([image, ...to, f], shape);
          y[at] = (y[at] ?? NaN) + item(x, [image, ...from, c]) * item(kernel, [...tap, f, c]);
        }
      }
    }
  }
  return y;
}

// The uses of every function

interface Use {
  readonly name: string;
  /** Images first, then kernels. */
  readonly inputs: readonly NDArray[];
  readonly fn: (x: Tensor, kernel: Tensor, second: Tensor) => Tensor;
  readonly expected: readonly number[];
}

type Padding = 'valid' | 'same' | readonly Pair[];

interface Plain {
  readonly x: Extents;
  readonly kernel: Extents;
  readonly padding?: Padding;
  readonly strides?: Extents;
  readonly rates?: Extents;
  readonly groups?: number;
}

const first = <T>(list: readonly T[]): T => list[0] as T;

function plainUses(): Use[] {
  const list: readonly Plain[] = [
    // Sequences
    { x: [2, 7, 3], kernel: [3, 3, 4] },
    { x: [1, 7, 3], kernel: [4, 3, 2], padding: 'same', strides: [2] },
    { x: [2, 9, 2], kernel: [3, 2, 3], padding: 'same', rates: [2] },
    { x: [2, 11, 2], kernel: [3, 2, 3], rates: [4] },
    { x: [1, 6, 2], kernel: [2, 2, 3], padding: [[2, 1]], strides: [3] },
    { x: [2, 6, 4], kernel: [3, 2, 6], groups: 2 },
    { x: [1, 6, 3], kernel: [3, 1, 6], groups: 3, padding: 'same' },
    // Images
    { x: [2, 6, 7, 3], kernel: [3, 2, 3, 4], strides: [2, 1] },
    { x: [2, 6, 7, 2], kernel: [3, 3, 2, 4], padding: 'same', rates: [2, 2] },
    { x: [1, 9, 8, 2], kernel: [3, 3, 2, 2], rates: [3, 2] },
    { x: [1, 5, 6, 2], kernel: [3, 2, 2, 2], padding: 'same', rates: [1, 2] },
    {
      x: [2, 5, 5, 2],
      kernel: [3, 3, 2, 3],
      rates: [2, 3],
      padding: [
        [1, 2],
        [0, 3],
      ],
    },
    { x: [1, 5, 6, 6], kernel: [3, 3, 2, 6], groups: 3, strides: [2, 2], padding: 'same' },
    { x: [1, 9, 9, 4], kernel: [3, 3, 2, 4], groups: 2, rates: [2, 2] },
    { x: [1, 5, 6, 4], kernel: [3, 3, 1, 8], groups: 4, padding: 'same' },
    // Volumes
    { x: [2, 4, 5, 4, 2], kernel: [2, 3, 2, 2, 3] },
    { x: [1, 5, 4, 6, 2], kernel: [3, 2, 3, 2, 2], padding: 'same', strides: [2, 1, 2] },
    { x: [1, 6, 5, 5, 1], kernel: [3, 2, 2, 1, 2], rates: [2, 1, 2] },
    { x: [1, 4, 3, 3, 4], kernel: [1, 2, 2, 2, 4], groups: 2, strides: [3, 1, 1] },
    {
      x: [1, 2, 3, 3, 2],
      kernel: [3, 2, 2, 2, 2],
      padding: [
        [2, 1],
        [0, 1],
        [1, 0],
      ],
    },
  ];
  return list.map(({ x, kernel, padding = 'valid', strides, rates, groups = 1 }, i) => {
    const sizes = x.slice(1, -1);
    const steps = strides ?? sizes.map(() => 1);
    const apart = rates ?? sizes.map(() => 1);
    const none = sizes.map((): Pair => [0, 0]);
    const window = kernel.slice(0, -2);
    const sides = padding === 'valid' ? none : padding === 'same' ? same(sizes, window, steps, apart) : padding;
    const inputs = [random(2 * i, x), random(2 * i + 1, kernel)];
    const expected = convolution(first(inputs), inputs[1] as NDArray, { strides: steps, rates: apart, sides }, groups);
    const fn = (x: Tensor, k: Tensor): Tensor => {
      const [s0 = 1, s1 = 1, s2 = 1] = steps;
      const [r0 = 1, r1 = 1, r2 = 1] = apart;
      const [p0 = [0, 0], p1 = [0, 0], p2 = [0, 0]] = typeof padding === 'string' ? [] : padding;
      const named = typeof padding === 'string' ? padding : null;
      if (sizes.length === 1) {
        return ops.conv1d(x, k, { strides: s0, dilationRate: r0, padding: named ?? p0, groups });
      }
      if (sizes.length === 2) {
        return ops.conv2d(x, k, { strides: [s0, s1], dilationRate: [r0, r1], padding: named ?? [p0, p1], groups });
      }
      const triple = { strides: [s0, s1, s2], dilationRate: [r0, r1, r2] } as const;
      return ops.conv3d(x, k, { ...triple, padding: named ?? [p0, p1, p2], groups });
    };
    return { name: `conv${sizes.length}d ${JSON.stringify(list[i])}`, inputs, fn, expected };
  });
}

/** A depthwise convolution is one of as many groups as there are channels. */
function depthwiseUses(): Use[] {
  const list = [
    { x: [2, 5, 6, 5], kernel: [3, 3, 5, 1], padding: 'same' },
    { x: [1, 5, 6, 3], kernel: [3, 2, 3, 2], strides: [2, 2], padding: 'same' },
    { x: [1, 9, 7, 4], kernel: [3, 3, 4, 1], rates: [2, 2], padding: 'valid' },
    { x: [1, 4, 5, 4], kernel: [2, 2, 4, 3], rates: [1, 2], padding: 'same' },
    { x: [2, 4, 5, 1], kernel: [3, 3, 1, 4], rates: [2, 1], padding: 'same' },
  ] as const;
  return list.map((each, i) => {
    const { x, kernel, padding } = each;
    const strides = 'strides' in each ? each.strides : ([1, 1] as const);
    const rates = 'rates' in each ? each.rates : ([1, 1] as const);
    const [kh, kw, c, m] = kernel;
    const inputs = [random(100 + i, x), random(200 + i, kernel)];
    const sizes = x.slice(1, 3);
    const sides =
      padding === 'same'
        ? same(sizes, [kh, kw], strides, rates)
        : ([
            [0, 0],
            [0, 0],
          ] as const);
    const windows = ndarray('f32', [kh, kw, 1, c * m], inputs[1]?.data);
    const expected = convolution(first(inputs), windows, { strides, rates, sides }, c);
    const fn = (x: Tensor, k: Tensor) => ops.depthwiseConv2d(x, k, { strides, dilationRate: rates, padding });
    return { name: `depthwiseConv2d ${JSON.stringify(each)}`, inputs, fn, expected };
  });
}

interface Enlarging {
  readonly x: Extents;
  readonly kernel: Extents;
  readonly strides: Extents;
  readonly rates?: Extents;
  readonly padding: Padding;
  readonly extra?: Extents;
  /** What is cut off before each axis, and what is left: Keras's `deconv_output_length` and its padding, by hand. */
  readonly low: Extents;
  readonly out: Extents;
}

function transposedUses(): Use[] {
  const list: readonly Enlarging[] = [
    { x: [2, 4, 3], kernel: [3, 2, 3], strides: [1], padding: 'valid', low: [0], out: [6] },
    { x: [1, 4, 3], kernel: [2, 2, 3], strides: [3], padding: 'valid', low: [0], out: [12] },
    { x: [1, 4, 2], kernel: [3, 2, 2], strides: [2], padding: 'same', low: [0], out: [8] },
    { x: [1, 4, 2], kernel: [5, 2, 2], strides: [2], padding: 'same', low: [1], out: [8] },
    { x: [1, 4, 2], kernel: [3, 2, 2], strides: [1], rates: [2], padding: 'valid', low: [0], out: [8] },
    { x: [1, 4, 2], kernel: [3, 2, 2], strides: [2], extra: [1], padding: 'valid', low: [0], out: [10] },
    { x: [1, 4, 2], kernel: [3, 2, 2], strides: [2], extra: [1], padding: 'same', low: [0], out: [8] },
    { x: [1, 4, 2], kernel: [3, 2, 2], strides: [2], extra: [0], padding: 'same', low: [1], out: [7] },
    { x: [1, 4, 2], kernel: [1, 2, 2], strides: [3], extra: [2], padding: 'same', low: [0], out: [12] },
    { x: [1, 4, 2], kernel: [4, 2, 2], strides: [2], extra: [1], padding: [[1, 2]], low: [1], out: [8] },
    { x: [2, 3, 4, 3], kernel: [3, 2, 2, 3], strides: [2, 1], padding: 'same', low: [0, 0], out: [6, 4] },
    { x: [1, 3, 4, 5], kernel: [3, 3, 9, 5], strides: [1, 1], padding: 'same', low: [1, 1], out: [3, 4] },
    {
      x: [1, 3, 3, 2],
      kernel: [2, 3, 2, 2],
      strides: [1, 1],
      rates: [3, 2],
      padding: 'valid',
      low: [0, 0],
      out: [6, 7],
    },
    {
      x: [1, 2, 3, 2, 2],
      kernel: [3, 2, 3, 2, 2],
      strides: [2, 1, 2],
      padding: 'valid',
      low: [0, 0, 0],
      out: [5, 4, 5],
    },
    {
      x: [1, 3, 2, 2, 2],
      kernel: [3, 3, 2, 2, 2],
      strides: [2, 2, 2],
      padding: 'same',
      low: [0, 0, 0],
      out: [6, 4, 4],
    },
    {
      x: [1, 2, 2, 2, 1],
      kernel: [2, 3, 1, 2, 1],
      strides: [3, 2, 2],
      extra: [2, 1, 1],
      padding: 'valid',
      low: [0, 0, 0],
      out: [7, 6, 4],
    },
    {
      x: [2, 2, 2, 2, 1],
      kernel: [2, 2, 1, 2, 1],
      strides: [1, 1, 1],
      rates: [2, 3, 1],
      padding: 'valid',
      low: [0, 0, 0],
      out: [4, 5, 2],
    },
  ];
  return list.map((each, i) => {
    const { x, kernel, strides, padding, extra, low, out } = each;
    const rates = each.rates ?? strides.map(() => 1);
    const inputs = [random(300 + i, x), random(400 + i, kernel)];
    const fn = (x: Tensor, k: Tensor): Tensor => {
      const [s0 = 1, s1 = 1, s2 = 1] = strides;
      const [r0 = 1, r1 = 1, r2 = 1] = rates;
      const [e0 = 0, e1 = 0, e2 = 0] = extra ?? [];
      const [p0 = [0, 0], p1 = [0, 0], p2 = [0, 0]] = typeof padding === 'string' ? [] : padding;
      const named = typeof padding === 'string' ? padding : null;
      const more = <T>(value: T): T | null => (extra ? value : null);
      if (strides.length === 1) {
        const options = { strides: s0, dilationRate: r0, padding: named ?? p0, outputPadding: more(e0) };
        return ops.conv1dTranspose(x, k, options);
      }
      if (strides.length === 2) {
        const outputPadding = more([e0, e1] as const);
        const options = { strides: [s0, s1], dilationRate: [r0, r1], outputPadding } as const;
        return ops.conv2dTranspose(x, k, { ...options, padding: named ?? [p0, p1] });
      }
      const options = { strides: [s0, s1, s2], dilationRate: [r0, r1, r2] } as const;
      const outputPadding = more([e0, e1, e2] as const);
      return ops.conv3dTranspose(x, k, { ...options, outputPadding, padding: named ?? [p0, p1, p2] });
    };
    const expected = transposition(first(inputs), inputs[1] as NDArray, strides, rates, low, out);
    return { name: `conv${strides.length}dTranspose ${JSON.stringify(each)}`, inputs, fn, expected };
  });
}

/** Depthwise, then pointwise, each by the definition. */
function separableUses(): Use[] {
  const geometry: Geometry = {
    strides: [1, 1],
    rates: [1, 1],
    sides: [
      [1, 1],
      [1, 1],
    ],
  };
  const x = random(500, [2, 4, 5, 3]);
  const depthwise = random(501, [3, 3, 3, 2]);
  const pointwise = random(502, [1, 1, 6, 4]);
  const windows = ndarray('f32', [3, 3, 1, 6], depthwise.data);
  const between = ndarray('f32', [2, 4, 5, 6], convolution(x, windows, geometry, 3));
  const image: Use = {
    name: 'separableConv2d',
    inputs: [x, depthwise, pointwise],
    fn: (x, d, p) => ops.separableConv2d(x, d, p, { padding: 'same' }),
    expected: convolution(between, pointwise, { ...geometry, sides: [] }),
  };
  const row = random(503, [2, 9, 4]);
  const taps = random(504, [3, 4, 1]);
  const mixed = random(505, [1, 4, 3]);
  const line: Geometry = { strides: [2], rates: [1], sides: [[1, 1]] };
  const strided = ndarray('f32', [2, 5, 4], convolution(row, ndarray('f32', [3, 1, 4], taps.data), line, 4));
  const sequence: Use = {
    name: 'separableConv1d',
    inputs: [row, taps, mixed],
    fn: (x, d, p) => ops.separableConv1d(x, d, p, { strides: 2, padding: 'same' }),
    expected: convolution(strided, mixed, { strides: [1], rates: [1], sides: [] }),
  };
  const alone: Use = {
    name: 'depthwiseConv1d',
    inputs: [row, taps],
    fn: (x, d) => ops.depthwiseConv1d(x, d, { strides: 2, padding: 'same' }),
    expected: [...strided.data],
  };
  return [image, sequence, alone];
}

const uses: readonly Use[] = [...plainUses(), ...depthwiseUses(), ...transposedUses(), ...separableUses()];

const call = ({ fn }: Use, [x, kernel, second = kernel]: readonly (Tensor | undefined)[]): Tensor =>
  fn(x as Tensor, kernel as Tensor, second as Tensor);

for (const use of uses) {
  test(`${use.name}: the definition`, async () => {
    const feeds = Object.fromEntries(use.inputs.map((input, i) => [`x${i}`, input]));
    const y = await computed(feeds, (inputs) => call(use, Object.values(inputs)));
    near(y, use.expected, use.name, 1e-4);
  });

  for (const order of [1, 2] as const) {
    test(`${use.name}: gradients of order ${order}`, () => {
      const inputs = use.inputs.map(fromHost);
      const positions = inputs.map((_, i) => i);
      const { failures, checked } = derivatives((_, tensors) => [call(use, tensors)], inputs, positions, order);
      assert.equal(failures, []);
      assert.ok(checked > 0);
    });
  }
}

// Every module, with a symbolic batch

/** For each use a graph of its output and, for training, one of its gradients too. */
function programOf(training: boolean) {
  const builder = new ProgramBuilder({ symbols: { batch: 5 } });
  uses.forEach((use, i) => {
    const [x, ...kernels] = use.inputs as [NDArray, ...NDArray[]];
    const types = [{ ...x, shape: ['batch', ...x.shape.slice(1)] }, ...kernels];
    const named = types.map(({ dtype, shape }, at) => [`x${at}`, { dtype, shape }] as const);
    builder.trace(`use${i}`, Object.fromEntries(named), (tensors) => {
      const inputs = Object.values(tensors);
      const y = call(use, inputs);
      const slopes = training ? gradients(ops.sum(ops.mul(y, y)), inputs) : [];
      return { y, ...Object.fromEntries(slopes.map((slope, at) => [`dx${at}`, slope])) };
    });
  });
  return builder.program();
}

async function outputsOf(backend: Backend, training: boolean): Promise<readonly Record<string, NDArray>[]> {
  const executable = await backend.compile(programOf(training));
  const outputs: Record<string, NDArray>[] = [];
  for (const [i, { inputs }] of uses.entries()) {
    for (const batch of [3, 1]) {
      const [x, ...kernels] = inputs as [NDArray, ...NDArray[]];
      const images = random(900 + i, [batch, ...x.shape.slice(1)]);
      const feeds = [images, ...kernels].map((input, at) => [`x${at}`, input] as const);
      outputs.push(await executable.run(`use${i}`, Object.fromEntries(feeds)));
    }
  }
  executable.close();
  return outputs;
}

test('every use is the same on every module, and its gradients on those that train', async () => {
  const required = await outputsOf(reference.backend, true);
  for (const { backend, training } of wasmBackends) {
    const received = await outputsOf(backend, training);
    received.forEach((outputs, i) => {
      for (const [name, output] of Object.entries(outputs)) {
        const wanted = fromHost(required[i]?.[name] as NDArray);
        const scale = Array.from(wanted.data).reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        const failures = differences(wanted, output, { absolute: 2e-6 * scale, relative: 1e-5 });
        assert.equal(failures, [], `${backend.name} ${uses[i >> 1]?.name} ${name}${failures.join()}`);
      }
    });
  }
});

test('windows of 3 x 3 over any number of images of any size: one plan, and the same bits on one thread and two', async () => {
  const builder = new ProgramBuilder({ symbols: { batch: 6, size: 19 } });
  const images = (channels: number) => ({ x: { dtype: 'f32', shape: ['batch', 'size', 'size', channels] } }) as const;
  const kernel = random(700, [3, 3, 12, 20]);
  builder.trace('forward', images(12), ({ x }, scope) => ({
    y: ops.conv2d(x, scope.constant(kernel), { padding: 'same' }),
  }));
  builder.trace('backward', images(20), ({ x }, scope) => ({
    y: conv2dInputGrad(x, scope.constant(kernel), ['size', 'size'], { padding: 'same' }),
  }));
  const program = builder.program();
  const required = await reference.backend.compile(program);
  const earlier = new Map<string, NDArray>();
  for (const { backend } of wasmBackends) {
    const executable = await backend.compile(program);
    for (const [batch, size] of [
      [1, 1],
      [2, 19],
      [6, 10],
      [5, 7],
      [1, 4],
    ] as const) {
      for (const [graph, channels] of [
        ['forward', 12],
        ['backward', 20],
      ] as const) {
        const x = random(701, [batch, size, size, channels]);
        const what = `${backend.name} ${graph} of ${batch} x ${size}`;
        const expected = (await required.run(graph, { x }))['y'] as NDArray;
        const y = (await executable.run(graph, { x }))['y'] as NDArray;
        assert.equal(differences(fromHost(expected), y, { absolute: 1e-4, relative: 1e-5 }), [], what);
        const key = what.replace(/, \d threads?/, '');
        const before = earlier.get(key);
        if (before) assert.equal(new Uint8Array(y.data.buffer), new Uint8Array(before.data.buffer), what);
        earlier.set(key, y);
      }
    }
    executable.close();
  }
  assert.is(earlier.size, (wasmBackends.length / 2) * 10);
});

// By hand

const of2 = (x: NDArray, k: NDArray, fn: (x: Tensor, k: Tensor) => Tensor): Promise<number[]> =>
  computed({ x, k }, ({ x, k }) => fn(x as Tensor, k as Tensor));

test('explicit padding adds its zeros, and no others', async () => {
  const x = count([1, 2, 2, 1]);
  const kernel = ones([2, 2, 1, 1]);
  const with2 = (padding: number | Pair | readonly [Pair, Pair]) =>
    of2(x, kernel, (x, k) => ops.conv2d(x, k, { padding }));
  assert.equal(await with2(1), [1, 3, 2, 4, 10, 6, 3, 7, 4]);
  assert.equal(await with2([1, 0]), [1, 3, 4, 10]);
  assert.equal(
    await with2([
      [0, 1],
      [0, 0],
    ]),
    [10, 7],
  );
});

test('a causal convolution sees nothing that comes later', async () => {
  const x = count([1, 4, 1]);
  const causal = (dilationRate: number) =>
    of2(x, count([2, 1, 1]), (x, k) => ops.conv1d(x, k, { padding: 'causal', dilationRate }));
  assert.equal(await causal(1), [2, 5, 8, 11]);
  assert.equal(await causal(2), [2, 4, 7, 10]);
  assert.equal(await causal(3), [2, 4, 6, 9]);
});

test('taps that lie apart skip what lies between', async () => {
  const x = count([1, 3, 3, 1]);
  const taps = ndarray('f32', [2, 2, 1, 1], [1, 10, 100, 1000]);
  assert.equal(await of2(x, taps, (x, k) => ops.conv2d(x, k, { dilationRate: 2 })), [1 + 30 + 700 + 9000]);
});

test('each group of filters sees its own channels', async () => {
  const x = ndarray('f32', [1, 1, 1, 4], [1, 2, 3, 4]);
  const kernel = ndarray('f32', [1, 1, 2, 2], [1, 1, 10, 10]);
  assert.equal(await of2(x, kernel, (x, k) => ops.conv2d(x, k, { groups: 2 })), [21, 43]);
  const single = ndarray('f32', [1, 1, 1, 8], [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(await of2(x, single, (x, k) => ops.conv2d(x, k, { groups: 4 })), [1, 2, 6, 8, 15, 18, 28, 32]);
});

test('a depth multiplier gives each channel as many outputs', async () => {
  const x = ndarray('f32', [1, 1, 1, 2], [1, 2]);
  const kernel = ndarray('f32', [1, 1, 2, 3], [1, 2, 3, 4, 5, 6]);
  assert.equal(await of2(x, kernel, (x, k) => ops.depthwiseConv2d(x, k)), [1, 2, 3, 8, 10, 12]);
});

test('a transposed convolution lays its kernel down for each pixel', async () => {
  const x = count([1, 2, 2, 1]);
  const two = ones([2, 2, 1, 1]);
  assert.equal(await of2(x, two, (x, k) => ops.conv2dTranspose(x, k)), [1, 3, 2, 4, 10, 6, 3, 7, 4]);
  const twice = await of2(x, two, (x, k) => ops.conv2dTranspose(x, k, { strides: 2 }));
  assert.equal(twice, [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
});

test('a transposed convolution is the adjoint of its convolution', async () => {
  const kernel = random(600, [3, 2, 4, 5]);
  const x = random(601, [2, 7, 6, 4]);
  const y = random(602, [2, 4, 3, 5]);
  const options = {
    strides: 2,
    padding: [
      [1, 1],
      [0, 0],
    ],
  } as const;
  const dot = (a: readonly number[], b: NDArray) => a.reduce((sum, value, i) => sum + value * (b.data[i] ?? NaN), 0);
  const convolved = await of2(x, kernel, (x, k) => ops.conv2d(x, k, options));
  const back = await of2(y, kernel, (y, k) => ops.conv2dTranspose(y, k, options));
  assert.equal([convolved.length, back.length], [y.data.length, x.data.length]);
  assert.ok(Math.abs(dot(convolved, y) - dot(back, x)) < 1e-4);
});

test('a bias and a relu after a depthwise convolution become part of it', () => {
  const trace = new Trace('test', { batch: { max: 4 } });
  const typed = (name: string, shape: readonly Dim[]): Tensor => trace.input(name, { dtype: 'f32', shape });
  const sums = ops.depthwiseConv2d(typed('x', ['batch', 5, 5, 4]), typed('kernel', [3, 3, 4, 1]));
  const graph = fuse(trace.finish({ y: ops.relu(ops.add(sums, typed('bias', [4]))) }));
  assert.equal(
    graph.nodes.map(({ op }) => op),
    ['reshape', 'depthwiseConv2d'],
  );
  const { attrs, inputs } = graph.nodes[1] as Node<'depthwiseConv2d'>;
  assert.equal([attrs.activation, inputs.length], ['relu', 3]);
});

// Bad input

const tensors = (...shapes: (readonly Dim[])[]): readonly [Tensor, Tensor, Tensor] => {
  const trace = new Trace('test', { batch: { max: 4 }, size: { max: 9 } });
  const [a, b, c = b] = shapes.map((shape, i) => trace.input(`x${i}`, { dtype: 'f32', shape }));
  return [a as Tensor, b as Tensor, c as Tensor];
};

type Kind = new (where: string, message: string) => Error;

function refuses(error: Kind, pattern: RegExp, fn: (x: Tensor, k: Tensor, p: Tensor) => Tensor, ...shapes: Extents[]) {
  assert.throws(
    () => fn(...tensors(...shapes)),
    (thrown: unknown) => {
      assert.instance(thrown, error);
      assert.match((thrown as Error).message, pattern);
      assert.match((thrown as Error).message, /^\[\w+\] .*Received/);
      return true;
    },
  );
}

test('what does not fit is refused by name', () => {
  const image = [1, 6, 6, 4];
  const kernel = [3, 3, 4, 6];
  const conv = (options: Parameters<typeof ops.conv2d>[2]) => (x: Tensor, k: Tensor) => ops.conv2d(x, k, options);
  refuses(ShapeError, /channels \/ 3/, conv({ groups: 3 }), image, kernel);
  refuses(ShapeError, /4 divides/, conv({ groups: 4 }), image, [3, 3, 1, 6]);
  refuses(ShapeError, /channels \/ 2/, conv({ groups: 2 }), image, kernel);
  refuses(ArgumentError, /groups/, conv({ groups: 0 }), image, kernel);
  refuses(ArgumentError, /groups/, conv({ groups: 1.5 }), image, kernel);
  refuses(ArgumentError, /strides of 1/, conv({ strides: 2, dilationRate: 2 }), image, kernel);
  refuses(ArgumentError, /strides of 1/, conv({ strides: [1, 2], dilationRate: [2, 1] }), image, kernel);
  refuses(ArgumentError, /dilationRate/, conv({ dilationRate: 0 }), image, kernel);
  refuses(ArgumentError, /padding/, conv({ padding: -1 }), image, kernel);
  refuses(ArgumentError, /padding/, conv({ padding: [-1, 1], dilationRate: 2 }), image, kernel);
  refuses(ArgumentError, /padding/, conv({ padding: 0.5 }), image, kernel);
  refuses(ShapeError, /window of 7 on 6/, conv({ dilationRate: 3 }), image, kernel);
  refuses(ShapeError, /window of 9 on 8/, conv({ padding: 1 }), image, [9, 3, 4, 6]);
  refuses(ShapeError, /rank 4/, conv({}), [6, 6, 4], kernel);
  refuses(ShapeError, /rank 3/, (x, k) => ops.conv1d(x, k), image, [3, 4, 6]);
  refuses(ShapeError, /rank 3/, (x, k) => ops.conv1d(x, k), [1, 6, 4], kernel);
  refuses(ShapeError, /rank 5/, (x, k) => ops.conv3d(x, k), image, [3, 3, 3, 4, 6]);
  const volume = (x: Tensor, k: Tensor) => ops.conv3d(x, k, { strides: 2, dilationRate: [1, 1, 2] });
  refuses(ArgumentError, /strides of 1/, volume, [1, 6, 6, 6, 4], [3, 3, 3, 4, 6]);
  refuses(ArgumentError, /padding/, (x, k) => ops.conv3d(x, k, { padding: -1 }), [1, 6, 6, 6, 4], [3, 3, 3, 4, 6]);
  refuses(ShapeError, /as many channels/, (x, k) => ops.depthwiseConv2d(x, k), image, [3, 3, 5, 1]);
  refuses(ShapeError, /one tap/, (x, k, p) => ops.separableConv2d(x, k, p), image, [3, 3, 4, 1], [3, 3, 4, 5]);
  refuses(ShapeError, /as many channels/, (x, k, p) => ops.separableConv2d(x, k, p), image, [3, 3, 4, 1], [1, 1, 5, 5]);
  const enlarge = (options: Parameters<typeof ops.conv2dTranspose>[2]) => (x: Tensor, k: Tensor) =>
    ops.conv2dTranspose(x, k, options);
  refuses(ArgumentError, /outputPadding/, enlarge({ outputPadding: 2, strides: 2 }), image, [3, 3, 6, 4]);
  refuses(ArgumentError, /outputPadding/, enlarge({ outputPadding: -1, strides: 2 }), image, [3, 3, 6, 4]);
  refuses(ArgumentError, /strides/, enlarge({ strides: 0 }), image, [3, 3, 6, 4]);
  refuses(ArgumentError, /strides of 1/, enlarge({ strides: 2, dilationRate: 2 }), image, [3, 3, 6, 4]);
  refuses(ShapeError, /Received/, enlarge({}), image, kernel);
  const causal = (x: Tensor, k: Tensor) => ops.conv1dTranspose(x, k, { padding: 'causal' });
  refuses(ArgumentError, /'causal'/, causal, [1, 6, 4], [3, 6, 4]);
});

test('symbolic sizes convolve where nothing has to be dealt out', () => {
  const image = ['batch', 'size', 'size', 2];
  const [x, kernel] = tensors(image, [3, 3, 2, 4]);
  assert.equal(ops.conv2d(x, kernel, { dilationRate: 2 }).shape, ['batch', 'size-4', 'size-4', 4]);
  const [small, enlarging] = tensors(image, [3, 3, 4, 2]);
  const twice = ops.conv2dTranspose(small, enlarging, { strides: 2, padding: 'same' });
  assert.equal(twice.shape, ['batch', '2*size', '2*size', 4]);
  const [sequence, taps] = tensors(['batch', 'size', 2], [3, 2, 4]);
  assert.equal(ops.conv1d(sequence, taps, { padding: 'causal' }).shape, ['batch', 'size', 4]);
});

test('a window that a symbolic input turns out too small for is refused by every backend', async () => {
  const builder = new ProgramBuilder({ symbols: { size: 8 } });
  const image = { x: { dtype: 'f32', shape: [1, 'size', 9, 4] } } as const;
  builder.trace('plain', image, ({ x }, scope) => ({
    y: ops.conv2d(x, scope.constant(ones([3, 3, 4, 2]))),
  }));
  builder.trace('strided', image, ({ x }, scope) => ({
    y: ops.conv2d(x, scope.constant(ones([3, 3, 4, 2])), { strides: 2 }),
  }));
  builder.trace('depthwise', image, ({ x }, scope) => ({
    y: ops.depthwiseConv2d(x, scope.constant(ones([3, 3, 4, 1]))),
  }));
  builder.trace('pooled', image, ({ x }) => ({ y: ops.maxPool2d(x, { poolSize: 3, strides: 2 }) }));
  builder.trace('padded', image, ({ x }, scope) => ({
    y: ops.conv2d(x, scope.constant(ones([3, 3, 4, 2])), { padding: 'same' }),
  }));
  for (const backend of trainingBackends) {
    const executable = await backend.compile(builder.program());
    for (const graph of ['plain', 'strided', 'depthwise', 'pooled']) {
      for (const size of [2, 1]) {
        const error = await rejection(executable.run(graph, { x: ones([1, size, 9, 4]) }));
        assert.instance(error, ShapeError, `${backend.name} ${graph} ${size}: ${error.message}`);
      }
      assert.is((await executable.run(graph, { x: ones([1, 3, 9, 4]) }))['y']?.shape[1], 1);
    }
    assert.is((await executable.run('padded', { x: ones([1, 1, 9, 4]) }))['y']?.shape[1], 1);
    executable.close();
  }
});

test.run();
