/** Max pooling over windows of images [n, h, w, c], as in Keras. A NaN is the maximum of its window, as in NumPy. */
import { ShapeError } from '../core/errors.js';
import { sizeOf } from '../core/ndarray.js';
import { mulDims, printShape, sameShape } from '../core/shape.js';
import { equal, greater, where } from './compare.js';
import { conv2d, pairOf, requireWindow, slide } from './conv.js';
import type {
  Case,
  CaseInput,
  CasesFacet,
  CostFacet,
  GradientFacet,
  Reference,
  ReferenceArray,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { bytesOf, only } from './facets.js';
import { broadcastTo, reshape, transpose } from './move.js';
import { argmax, sum } from './reduce.js';
import { one, requireDType, requireRank, three } from './rules.js';
import { distinct, exact, filled, integers, normal, summed, values } from './samples.js';
import type { Padding, Pair, Window } from './schema.js';
import { constant, iota } from './source.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

type Pool = 'maxPool2d' | 'maxPool2dGrad';

/** The type of what pooling x gives. */
export function pooled(op: string, { poolSize, strides, padding }: Window, x: TensorType): TensorType {
  requireRank(op, 'x', x, 4);
  requireWindow(op, poolSize, strides);
  const [n = 0, h = 0, w = 0, c = 0] = x.shape;
  const oh = slide(op, h, poolSize[0], strides[0], padding).output;
  const ow = slide(op, w, poolSize[1], strides[1], padding).output;
  return { dtype: x.dtype, shape: [n, oh, ow, c] };
}

export const shape = {
  maxPool2d: (attrs, inputs) => {
    const x = one('maxPool2d', inputs);
    requireDType('maxPool2d', x, ['f32', 'i32', 'u8', 'i8']);
    return [pooled('maxPool2d', attrs, x)];
  },
  maxPool2dGrad: (attrs, inputs) => {
    const [x, y, dy] = three('maxPool2dGrad', inputs);
    for (const input of inputs) requireDType('maxPool2dGrad', input, ['f32']);
    const expected = pooled('maxPool2dGrad', attrs, x).shape;
    if (!sameShape(y.shape, expected) || !sameShape(dy.shape, expected)) {
      const received = `${printShape(y.shape)}, ${printShape(dy.shape)}`;
      throw new ShapeError('maxPool2dGrad', `y and dy of ${printShape(expected)} are required. Received ${received}.`);
    }
    return [{ dtype: 'f32', shape: x.shape }];
  },
} satisfies ShapeFacet<Pool>;

export const gradient = {
  maxPool2d: ({ attrs, inputs, outputs, gradients }) => [
    bind('maxPool2dGrad', attrs, one('maxPool2d', inputs), one('maxPool2d', outputs), only(gradients)),
  ],
  maxPool2dGrad: ({ attrs, inputs, gradients }) => [
    null,
    null,
    atMaxima(attrs, three('maxPool2dGrad', inputs)[0], only(gradients)),
  ],
} satisfies GradientFacet<Pool>;

/** The elements of `g` at the first maximum of each window of `x`. A convolution with one-hot kernels lays the windows out. */
function atMaxima({ poolSize, strides, padding }: Window, x: Tensor, g: Tensor): Tensor {
  const [n = 0, h = 0, w = 0, c = 0] = x.shape;
  const taps = poolSize[0] * poolSize[1];
  const data = Float32Array.from({ length: taps * taps }, (_, i) => (i % (taps + 1) === 0 ? 1 : 0));
  const kernel = constant(x.recorder, { dtype: 'f32', shape: [...poolSize, 1, taps], data });
  const planes = [mulDims(n, c), h, w, 1];
  const windows = (image: Tensor): Tensor => conv2d(image, kernel, { strides, padding });
  const planesOf = (image: Tensor): Tensor => reshape(transpose(image, [0, 3, 1, 2]), planes);
  const inside = greater(windows(broadcastTo(constant(x.recorder, 1), planes)), 0.5);
  const lowest = -(2 - 2 ** -23) * 2 ** 127;
  const first = argmax(where(inside, windows(planesOf(x)), lowest), 3);
  const [count = 0, oh = 0, ow = 0] = first.shape;
  const chosen = equal(iota(x.recorder, [taps]), reshape(first, [count, oh, ow, 1]));
  const picked = sum(where(chosen, windows(planesOf(g)), 0), { axes: [3] });
  return transpose(reshape(picked, [n, c, oh, ow]), [0, 2, 3, 1]);
}

/** Visits the elements within each window, in row-major order, with the offsets of the window's output and of the element. */
export function eachElement(
  op: string,
  { poolSize, strides, padding }: Window,
  x: Pick<ReferenceArray, 'shape'>,
  visit: (y: number, x: number) => void,
): void {
  const [n = 0, h = 0, w = 0, c = 0] = x.shape;
  const rows = slide(op, h, poolSize[0], strides[0], padding);
  const columns = slide(op, w, poolSize[1], strides[1], padding);
  for (let image = 0; image < n; image++) {
    for (let oy = 0; oy < rows.output; oy++) {
      for (let ox = 0; ox < columns.output; ox++) {
        for (let ky = 0; ky < poolSize[0]; ky++) {
          for (let kx = 0; kx < poolSize[1]; kx++) {
            const iy = oy * strides[0] - rows.low + ky;
            const ix = ox * strides[1] - columns.low + kx;
            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
            const position = ((image * rows.output + oy) * columns.output + ox) * c;
            const pixel = ((image * h + iy) * w + ix) * c;
            for (let channel = 0; channel < c; channel++) visit(position + channel, pixel + channel);
          }
        }
      }
    }
  }
}

const referenceMaxPool: Reference<'maxPool2d'> = (attrs, inputs, outputs) => {
  const x = one('maxPool2d', inputs);
  const y = one('maxPool2d', outputs);
  const largest = new Float64Array(y.data.length).fill(-Infinity);
  eachElement('maxPool2d', attrs, x, (at, i) => {
    largest[at] = Math.max(largest[at] ?? NaN, x.data[i] ?? NaN);
  });
  y.data.set(largest);
};

export const reference = {
  maxPool2d: referenceMaxPool,
  maxPool2dGrad: (attrs, inputs, outputs) => {
    const [x, y, dy] = three('maxPool2dGrad', inputs);
    const dx = one('maxPool2dGrad', outputs);
    const given = new Uint8Array(dy.data.length);
    eachElement('maxPool2dGrad', attrs, x, (at, i) => {
      const isMaximum = x.data[i] === y.data[at] || Number.isNaN(x.data[i]);
      if (given[at] || !isMaximum) return;
      given[at] = 1;
      dx.data[i] = (dx.data[i] ?? NaN) + (dy.data[at] ?? NaN);
    });
  },
} satisfies ReferenceFacet<Pool>;

type Sized = Parameters<typeof bytesOf>[0];

/** A comparison or an addition for each element of each window. */
export const poolCost = (poolSize: Pair, y: readonly number[], inputs: Sized, outputs: Sized) => ({
  multiplyAdds: sizeOf(y) * poolSize[0] * poolSize[1],
  bytes: bytesOf(inputs) + bytesOf(outputs),
});

export const cost = {
  maxPool2d: ({ poolSize }, inputs, outputs) => poolCost(poolSize, one('maxPool2d', outputs).shape, inputs, outputs),
  maxPool2dGrad: ({ poolSize }, inputs, outputs) =>
    poolCost(poolSize, three('maxPool2dGrad', inputs)[1].shape, inputs, outputs),
} satisfies CostFacet<Pool>;

export const cases = {
  maxPool2d: poolCases,
  maxPool2dGrad: poolGradCases,
} satisfies CasesFacet<Pool>;

type Image = readonly [n: number, h: number, w: number, c: number];

/** One pooling, of which each op makes a case. */
export interface Pooling {
  readonly x: Image;
  readonly window: Window;
}

function pooling(x: Image, size: Pair = [2, 2], strides: Pair = size, padding: Padding = 'valid'): Pooling {
  return { x, window: { poolSize: size, strides, padding } };
}

export function poolings(): Pooling[] {
  return [
    pooling([0, 4, 4, 3]),
    pooling([1, 4, 4, 0]),
    pooling([1, 0, 4, 2], [2, 2], [2, 2], 'same'),
    pooling([1, 1, 1, 1], [1, 1]),
    pooling([1, 1, 1, 1], [2, 2], [2, 2], 'same'),
    pooling([1, 3, 5, 2], [3, 2], [1, 1]),
    pooling([2, 5, 7, 3]),
    pooling([1, 5, 5, 2], [3, 3], [2, 2]),
    pooling([1, 5, 4, 1], [2, 2], [2, 2], 'same'),
    pooling([1, 4, 5, 2], [3, 3], [1, 1], 'same'),
    pooling([1, 6, 7, 1], [3, 3], [2, 2], 'same'),
    pooling([1, 7, 7, 1], [2, 2], [3, 3]),
    pooling([1, 7, 5, 1], [2, 1], [3, 2], 'same'),
    ...[4, 5, 7, 8, 9, 15, 16, 17, 32, 33].flatMap((c) => [
      pooling([2, 4, 6, c]),
      pooling([1, 5, 5, c], [3, 3], [2, 2], 'same'),
    ]),
  ];
}

/** Poolings that are worth timing. */
export function timed(): Pooling[] {
  return [
    pooling([1, 26, 26, 32]),
    pooling([64, 26, 26, 32]),
    pooling([64, 11, 11, 64]),
    pooling([8, 56, 56, 64], [3, 3], [2, 2], 'same'),
  ];
}

/** Whether gradients are checked. */
export function small({ x }: Pooling): boolean {
  return sizeOf(x) <= 64;
}

function listOf(x: Image, element: (i: number) => number): number[] {
  return Array.from({ length: sizeOf(x) }, (_, i) => element(i));
}

function poolCases(): Case<'maxPool2d'>[] {
  return [
    ...poolings().map((each) => ({
      attrs: each.window,
      inputs: [distinct(each.x)],
      tolerance: exact,
      ...(small(each) ? {} : { differentiate: [] }),
    })),
    {
      attrs: pooling([1, 4, 6, 5]).window,
      inputs: [
        values(
          'f32',
          [1, 4, 6, 5],
          listOf([1, 4, 6, 5], (i) => (i % 7 === 3 ? NaN : (i * 37) % 101)),
        ),
      ],
      tolerance: exact,
      differentiate: [],
    },
    ...(['i32', 'u8', 'i8'] as const).flatMap((dtype) =>
      [pooling([2, 5, 7, 17]), pooling([1, 7, 6, 3], [3, 3], [2, 2], 'same')].map(({ x, window }) => ({
        attrs: window,
        inputs: [filled(dtype, x)],
      })),
    ),
    ...timed().map(({ x, window }) => ({
      attrs: window,
      inputs: [normal(x)],
      tolerance: exact,
      differentiate: [],
      bench: true,
    })),
  ];
}

/** The inputs x, y and dy, with y the pooled `list`. */
function gradInputs({ x, window }: Pooling, list: readonly number[]): CaseInput[] {
  const outputs = pooled('maxPool2d', window, { dtype: 'f32', shape: x }).shape.map(Number);
  const y: ReferenceArray = { dtype: 'f32', shape: outputs, data: new Float64Array(sizeOf(outputs)) };
  referenceMaxPool(window, [{ dtype: 'f32', shape: x, data: Float64Array.from(list) }], [y], {});
  return [values('f32', x, list), values('f32', outputs, [...y.data]), normal(outputs)];
}

function poolGradCases(): Case<'maxPool2dGrad'>[] {
  return [
    ...poolings().map((each) => ({
      attrs: each.window,
      inputs: gradInputs(
        each,
        listOf(each.x, (i) => ((i * 389) % 1009) / 64 - 8),
      ),
      tolerance: summed(9),
      differentiate: small(each) ? [2] : [],
    })),
    // Many equal elements: the first of each window takes the gradient.
    ...poolings().map((each) => ({
      attrs: each.window,
      inputs: gradInputs(
        each,
        listOf(each.x, (i) => Math.floor((i * 7) / 4) % 3),
      ),
      tolerance: summed(9),
      differentiate: [],
    })),
    ...timed().map((each) => {
      const y = pooled('maxPool2d', each.window, { dtype: 'f32', shape: each.x }).shape.map(Number);
      return {
        attrs: each.window,
        inputs: [integers('f32', each.x, 0, 1), integers('f32', y, 0, 1), normal(y)],
        tolerance: summed(9),
        differentiate: [],
        bench: true,
      };
    }),
  ];
}

export interface Pool2dOptions {
  /** Default 2, one for both axes or one for each. */
  readonly poolSize?: number | Pair;
  /** Steps between windows; the pool size unless said. */
  readonly strides?: number | Pair;
  /** Default `valid`. Padding never is a maximum, and does not count in a mean. */
  readonly padding?: Padding;
}

/** The options with every default filled in. */
export function windowOf({ poolSize = 2, strides = poolSize, padding = 'valid' }: Pool2dOptions): Window {
  return { poolSize: pairOf(poolSize), strides: pairOf(strides), padding };
}

/** The largest element of each window of x [n, h, w, c]. */
export const maxPool2d = (x: Tensor, options: Pool2dOptions = {}): Tensor => bind('maxPool2d', windowOf(options), x);
