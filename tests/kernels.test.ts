/** What only the kernels themselves can show: no choice of speed, and no way of sharing the work, changes a bit. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Key, normal, uniform } from '../src/core/random.js';
import { acceptedModules } from './support/backends.js';
import { KernelMachine, type Placed } from './support/kernel-machine.js';

const TILES = [4, 5, 6];
const NONE = -Infinity;

/** `count` integers from `low` to `high`, the ends among them often. */
function integers(key: Key, count: number, low: number, high: number): number[] {
  return Array.from(uniform(key, count), (x) =>
    Math.min(high, Math.max(low, Math.floor(low + (x * 1.5 - 0.25) * (high - low)))),
  );
}

const bytesOf = ({ data }: Placed): string => Buffer.from(data.slice().buffer).toString('hex');

/** Runs `units` units in one call, then one by one from the last to the first, with each tile: what `y` holds after each. */
function everyWay(
  machine: KernelMachine,
  y: Placed,
  units: number,
  run: (begin: number, end: number) => void,
): string[] {
  return TILES.flatMap((tile) => {
    machine.call('setTile', tile);
    y.data.fill(7);
    run(0, units);
    const together = bytesOf(y);
    y.data.fill(9);
    for (let unit = units - 1; unit >= 0; unit--) run(unit, unit + 1);
    return [together, bytesOf(y)];
  });
}

for (const module of acceptedModules) {
  test(`${module}: tiles and units do not change a matrix product`, () => {
    for (const [m, n, k] of [
      [1, 40, 33],
      [7, 8, 5],
      [29, 21, 64],
      [13, 33, 1100],
    ] as const) {
      const machine = new KernelMachine(module);
      const a = machine.place('f32', normal([m, n], m * k));
      const b = machine.place('f32', normal([n, k], k * n));
      const bias = machine.place('f32', normal([k, m], n));
      const panels = Math.ceil(n / 8);
      const packed = machine.place('f32', panels * 8 * k);
      const y = machine.place('f32', m * n);
      machine.call('packColumns', 0, panels, packed.at, b.at, n, k);
      const units = Math.ceil(m / 12) * Math.ceil(n / 16);
      const rows = everyWay(machine, y, units, (begin, end) => {
        machine.call('gemm', begin, end, a.at, packed.at, 32, k * 32, bias.at, y.at, m, n, k, 12, 16, 0, NONE);
      });
      const columns = everyWay(machine, y, units, (begin, end) => {
        machine.call('gemmColumns', begin, end, a.at, packed.at, 32, k * 32, bias.at, y.at, m, n, k, 12, 16, 0, 0);
      });
      assert.is(new Set(rows).size, 1, `gemm ${m} x ${n} x ${k}`);
      assert.is(new Set(columns).size, 1, `gemmColumns ${m} x ${n} x ${k}`);
    }
  });

  test(`${module}: tiles and units do not change a convolution`, () => {
    const [images, height, width, channels, filters] = [2, 9, 8, 5, 11];
    const machine = new KernelMachine(module);
    const depth = 9 * channels;
    const [outHeight, outWidth] = [height - 2, width - 2];
    const pixels = images * outHeight * outWidth;
    const x = machine.place('f32', normal([1, 1], images * height * width * channels));
    const kernel = machine.place('f32', normal([1, 2], depth * filters));
    const packed = machine.place('f32', 16 * depth);
    const y = machine.place('f32', pixels * filters);
    machine.call('packColumns', 0, 2, packed.at, kernel.at, filters, depth);
    const window = [channels, outHeight, outWidth, filters, 3, 3, 1, 1];
    const seen = everyWay(machine, y, Math.ceil(pixels / 12) * 2, (begin, end) => {
      const places = [x.at, packed.at, 0, y.at, pixels, height, width];
      machine.call('conv2d', begin, end, ...places, ...window, 12, 8, 0);
    });
    assert.is(new Set(seen).size, 1);
  });
}

/** A convolution of integers, and what it is exactly. */
class IntegerProblem {
  readonly images = 2;
  readonly height = 6;
  readonly width = 7;
  readonly pixels: number;
  readonly x: readonly number[];
  readonly weights: readonly number[];
  readonly scales: readonly number[];
  readonly bias: ArrayLike<number>;

  constructor(
    readonly channels: number,
    readonly filters: number,
    readonly size: number,
    readonly zeroPoint = 131,
    /** The weights, and what makes the pixels of that. */
    extreme?: readonly [weight: number, pixel: (at: number) => number],
  ) {
    const key: Key = [channels, filters];
    this.pixels = this.images * (this.height - size + 1) * (this.width - size + 1);
    const [inputs, products] = [this.images * this.height * this.width * channels, size * size * channels * filters];
    this.x = extreme ? Array.from({ length: inputs }, (_, at) => extreme[1](at)) : integers(key, inputs, 0, 255);
    this.weights = extreme ? new Array<number>(products).fill(extreme[0]) : integers(key, products, -128, 127);
    this.scales = Array.from(uniform(key, filters, 0.001, 0.01), Math.fround);
    this.bias = normal(key, filters);
  }

  /** The sums of products, in integers. */
  sums(): number[] {
    const { channels, filters, size, height, width } = this;
    const [outHeight, outWidth] = [height - size + 1, width - size + 1];
    return Array.from({ length: this.pixels * filters }, (_, at) => {
      const filter = at % filters;
      const pixel = Math.floor(at / filters);
      const image = Math.floor(pixel / (outHeight * outWidth));
      let sum = 0;
      for (let tap = 0; tap < size * size * channels; tap++) {
        const row = (Math.floor(pixel / outWidth) % outHeight) + Math.floor(tap / (size * channels));
        const column = (pixel % outWidth) + (Math.floor(tap / channels) % size);
        const from = ((image * height + row) * width + column) * channels + (tap % channels);
        sum += ((this.x[from] ?? NaN) - this.zeroPoint) * (this.weights[tap * filters + filter] ?? NaN);
      }
      return sum;
    });
  }

  /** All results of a flavour: 0 by four-byte dot products, 1 by widening. Quantized, or as floats with unit scales. */
  run(machine: KernelMachine, flavour: 0 | 1, quantized: boolean): string[] {
    const { channels, filters, size, height, width, pixels } = this;
    const depth = size * size * channels;
    const group = flavour === 0 ? 4 : 2;
    const panels = Math.ceil(filters / 8);
    const x = machine.place('u8', this.x);
    const weights = machine.place('i8', this.weights);
    const packed = machine.place('u8', panels * (Math.ceil(depth / group) * group * 8 + 36));
    machine.call('packIntegers', 0, panels, packed.at, weights.at, filters, depth, group, 0);
    const y = machine.place(quantized ? 'u8' : 'f32', pixels * filters);
    const one = machine.place('f32', [1]);
    const scales = quantized ? machine.place('f32', this.scales).at : one.at;
    const bias = quantized ? machine.place('f32', this.bias).at : 0;
    const zero = machine.place('u8', [this.zeroPoint]).at;
    const yScale = quantized ? machine.place('f32', [3]).at : 0;
    const window = [channels, height - size + 1, width - size + 1, filters, size, size, 1, 1];
    const pool = [1, 1, 1, 1];
    const places = [x.at, packed.at, bias, y.at, pixels, height, width];
    const scaling = [one.at, zero, scales, quantized ? 4 : 0, yScale, zero];
    return everyWay(machine, y, Math.ceil(pixels / 12) * Math.ceil(filters / 8), (begin, end) => {
      machine.call('convInteger', begin, end, ...places, ...window, ...pool, ...scaling, 12, 8, flavour, NONE);
    });
  }

  /** All results as floats with unit scales, in fewer products. */
  runTiles(machine: KernelMachine): string[] {
    const { channels, filters, height, width, images, pixels } = this;
    const panels = Math.ceil(filters / 8);
    const weights = machine.place('i8', this.weights);
    const packed = machine.place('u8', panels * (36 * 16 * (channels + (channels % 2)) + 32));
    machine.call('packWinogradInteger', 0, panels, packed.at, weights.at, channels, filters);
    const y = machine.place('f32', pixels * filters);
    const one = machine.place('f32', [1]).at;
    const zero = machine.place('u8', [this.zeroPoint]).at;
    const x = machine.place('u8', this.x).at;
    const tiles = images * Math.ceil((height - 2) / 4) * Math.ceil((width - 2) / 4);
    const window = [tiles, height, width, channels, height - 2, width - 2, filters, 0, 0, 0];
    return everyWay(machine, y, Math.ceil(tiles / 3) * panels, (begin, end) => {
      const scaling = [one, zero, one, 0, 0, zero];
      machine.call('winogradInteger', begin, end, x, packed.at, 0, y.at, ...window, ...scaling, 3, 8, NONE);
    });
  }
}

/** Sums at the ends of what an i32 holds on the way, from few channels and from as many as are added up at a time. */
const extremes = [8, 9, 226, 227, 460].flatMap((channels) =>
  [-128, 127].flatMap((weight) => [
    new IntegerProblem(channels, 3, 3, 0, [weight, () => 255]),
    new IntegerProblem(channels, 3, 3, 255, [weight, () => 0]),
    new IntegerProblem(channels, 3, 3, 255, [weight, (at) => (Math.floor(at / channels) % 2) * 255]),
    new IntegerProblem(channels, 3, 3, 0, [weight, (at) => ((Math.floor(at / channels / 7) + at) % 2) * 255]),
  ]),
);

const problems = [
  new IntegerProblem(1, 5, 3),
  new IntegerProblem(3, 8, 2),
  new IntegerProblem(4, 19, 3),
  new IntegerProblem(8, 8, 1),
];

const tiled = [new IntegerProblem(8, 19, 3), new IntegerProblem(13, 8, 3), new IntegerProblem(230, 3, 3, 7)];

/** How the engine reads the second bytes of four-byte dot products, where they are exact. */
const readings = [undefined, 'unsigned', 'signed'] as const;
const readingOf = (machine: KernelMachine) => readings[Number(machine.call('probeDot'))];
const exact = (machine: KernelMachine): boolean => readingOf(machine) !== undefined;

test('only relaxed modules claim exact four-byte dot products', () => {
  for (const module of acceptedModules) {
    if (module.endsWith('simd')) assert.not(exact(new KernelMachine(module)), module);
  }
});

test('integer products are exact, in every flavour that the probe allows', () => {
  for (const problem of problems) {
    const expected = Buffer.from(Float32Array.from(problem.sums()).buffer).toString('hex');
    for (const module of acceptedModules) {
      const machine = new KernelMachine(module);
      for (const flavour of exact(machine) ? ([0, 1] as const) : ([1] as const)) {
        for (const seen of problem.run(machine, flavour, false)) assert.is(seen, expected, `${module}, ${flavour}`);
      }
    }
  }
});

test('integer products by tiles are exact, at the ends of their ranges too', () => {
  for (const problem of [...tiled, ...extremes]) {
    const expected = Buffer.from(Float32Array.from(problem.sums()).buffer).toString('hex');
    const { channels, zeroPoint } = problem;
    for (const module of acceptedModules) {
      for (const seen of problem.runTiles(new KernelMachine(module))) {
        assert.is(seen, expected, `${module}, ${channels} channels, zero point ${zeroPoint}`);
      }
    }
  }
});

test('quantized results are the same bytes in every module and flavour', () => {
  for (const problem of problems) {
    const seen = new Set<string>();
    for (const module of acceptedModules) {
      const machine = new KernelMachine(module);
      for (const flavour of exact(machine) ? ([0, 1] as const) : ([1] as const)) {
        problem.run(machine, flavour, true).forEach((bytes) => seen.add(bytes));
      }
    }
    assert.is(seen.size, 1);
  }
});

test.after(() => {
  const dots = acceptedModules.flatMap((module) => {
    const reading = readingOf(new KernelMachine(module));
    return reading ? [`${module} (${reading})`] : [];
  });
  console.log(
    `\n# modules: ${acceptedModules.join(', ')}; with exact four-byte dot products: ${dots.join(', ') || 'none'}`,
  );
});

test.run();
