/**
 * Convolution of images [n, h, w, c] with kernels [kh, kw, c, f], as in Keras: no flip, `valid` or `same` padding. The
 * product is linear in the image and in the kernel, and its three ops are each other's gradients. The optional bias and
 * the activation are set by fusion.
 */
import { ShapeError } from '../core/errors.js';
import { sizeOf } from '../core/ndarray.js';
import { addDims, ceilDivDim, type Dim, floorDivDim, mulDims, printShape, subDims } from '../core/shape.js';
import type {
  Case,
  CasesFacet,
  CostFacet,
  GradientFacet,
  ReferenceArray,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { bytesOf, only, sumTo } from './facets.js';
import { one, requireDType, requireIntegers, requireRank, requireShape, two, twoOrThree } from './rules.js';
import { normal, summed } from './samples.js';
import { none, type OpAttrs, type Padding, type Pair } from './schema.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

type Convolution = 'conv2d' | 'conv2dInputGrad' | 'conv2dFilterGrad';

/** How a window slides along one axis: how many positions it takes, and the zeros before and after the axis. */
export interface Slide<D extends Dim = Dim> {
  readonly output: D;
  readonly low: D;
  readonly high: D;
}

/**
 * The positions and the padding of a window, as in Keras: with `same` padding ceil(size / stride) positions, and the odd
 * zero goes behind. The size may be symbolic, but not with `same` padding and a stride above a window of 2 or more.
 */
export function slide(op: string, size: number, window: number, stride: number, padding: Padding): Slide<number>;
export function slide(op: string, size: Dim, window: number, stride: number, padding: Padding): Slide;
export function slide(op: string, size: Dim, window: number, stride: number, padding: Padding): Slide {
  const span = subDims(size, window);
  if (padding === 'valid') {
    if (typeof span === 'number' && span < 0) {
      throw new ShapeError(op, `a window within the input is required. Received a window of ${window} on ${size}.`);
    }
    return { output: addDims(floorDivDim(span, stride), 1), low: 0, high: 0 };
  }
  const output = ceilDivDim(size, stride);
  const covered = addDims(mulDims(subDims(output, 1), stride), window);
  const missing = subDims(covered, size);
  if (typeof missing === 'string' && stride > window && window > 1) {
    throw new ShapeError(op, `a fixed size is required for a stride above the window. Received ${size}.`);
  }
  const total = window === 1 ? 0 : typeof missing === 'number' ? Math.max(missing, 0) : missing;
  const low = floorDivDim(total, 2);
  return { output, low, high: subDims(total, low) };
}

/** The attributes that say how a window slides over an image. */
interface Sliding {
  readonly strides: Pair;
  readonly padding: Padding;
}

/** Throws unless window and strides are positive integers. */
export function requireWindow(op: string, window: readonly number[], strides: Pair): void {
  requireIntegers(op, 'window', window, 2, 1);
  requireIntegers(op, 'strides', strides, 2, 1);
}

/** The output's type from the types of image and kernel; throws where they do not fit. */
function convolved(op: string, sliding: Sliding, x: TensorType, kernel: TensorType): TensorType {
  requireDType(op, x, ['f32']);
  requireDType(op, kernel, ['f32']);
  requireRank(op, 'x', x, 4);
  requireRank(op, 'kernel', kernel, 4);
  const [n = 0, h = 0, w = 0, c] = x.shape;
  const [kh, kw, channels, f = 0] = kernel.shape;
  if (typeof kh !== 'number' || typeof kw !== 'number') {
    throw new ShapeError(op, `a kernel of fixed size is required. Received ${printShape(kernel.shape)}.`);
  }
  requireWindow(op, [kh, kw], sliding.strides);
  if (c !== channels) {
    const received = `${printShape(x.shape)}, ${printShape(kernel.shape)}`;
    throw new ShapeError(op, `as many channels in x as in the kernel are required. Received ${received}.`);
  }
  const { strides, padding } = sliding;
  const oh = slide(op, h, kh, strides[0], padding).output;
  const ow = slide(op, w, kw, strides[1], padding).output;
  return { dtype: 'f32', shape: [n, oh, ow, f] };
}

/** Throws unless `dy` has the output's type of that image and kernel. */
function requireOutput(op: string, sliding: Sliding, x: TensorType, kernel: TensorType, dy: TensorType): void {
  requireDType(op, dy, ['f32']);
  const y = convolved(op, sliding, x, kernel);
  if (dy.shape.some((dim, axis) => dim !== y.shape[axis])) {
    throw new ShapeError(op, `dy of ${printShape(y.shape)} is required. Received ${printShape(dy.shape)}.`);
  }
}

export const shape = {
  conv2d: (attrs, inputs) => {
    const [x, kernel, bias] = twoOrThree('conv2d', inputs);
    const y = convolved('conv2d', attrs, x, kernel);
    if (bias) {
      requireDType('conv2d', bias, ['f32']);
      requireRank('conv2d', 'bias', bias, 1);
      if (bias.shape[0] !== y.shape[3]) {
        throw new ShapeError('conv2d', `a bias of [${y.shape[3]}] is required. Received ${printShape(bias.shape)}.`);
      }
    }
    return [y];
  },
  conv2dInputGrad: (attrs, inputs) => {
    const [dy, kernel] = two('conv2dInputGrad', inputs);
    requireRank('conv2dInputGrad', 'dy', dy, 4);
    requireRank('conv2dInputGrad', 'kernel', kernel, 4);
    requireShape('conv2dInputGrad', attrs.inputSize);
    const [n = 0] = dy.shape;
    const [, , c = 0] = kernel.shape;
    const dx: TensorType = { dtype: 'f32', shape: [n, ...attrs.inputSize, c] };
    requireOutput('conv2dInputGrad', attrs, dx, kernel, dy);
    return [dx];
  },
  conv2dFilterGrad: (attrs, inputs) => {
    const [x, dy] = two('conv2dFilterGrad', inputs);
    requireRank('conv2dFilterGrad', 'x', x, 4);
    requireRank('conv2dFilterGrad', 'dy', dy, 4);
    const [, , , c = 0] = x.shape;
    const [, , , f = 0] = dy.shape;
    const dkernel: TensorType = { dtype: 'f32', shape: [...attrs.kernelSize, c, f] };
    requireOutput('conv2dFilterGrad', attrs, x, dkernel, dy);
    return [dkernel];
  },
} satisfies ShapeFacet<Convolution>;

export const gradient = {
  conv2d: ({ attrs, inputs, outputs, gradients }) => {
    const [x, kernel, bias] = twoOrThree('conv2d', inputs);
    const g = only(gradients);
    const dy = attrs.activation === 'relu' ? bind('reluGrad', none, g, one('conv2d', outputs)) : g;
    const dx = conv2dInputGrad(dy, kernel, imageSize(x), attrs);
    const dkernel = conv2dFilterGrad(x, dy, kernelSize(kernel), attrs);
    return bias ? [dx, dkernel, sumTo(dy, bias.shape)] : [dx, dkernel];
  },
  conv2dInputGrad: ({ attrs, inputs, gradients }) => {
    const [dy, kernel] = two('conv2dInputGrad', inputs);
    const g = only(gradients);
    return [conv2d(g, kernel, attrs), conv2dFilterGrad(g, dy, kernelSize(kernel), attrs)];
  },
  conv2dFilterGrad: ({ attrs, inputs, gradients }) => {
    const [x, dy] = two('conv2dFilterGrad', inputs);
    const g = only(gradients);
    return [conv2dInputGrad(dy, g, imageSize(x), attrs), conv2d(x, g, attrs)];
  },
} satisfies GradientFacet<Convolution>;

function imageSize({ shape: [, h = 0, w = 0] }: TensorType): readonly [Dim, Dim] {
  return [h, w];
}

function kernelSize({ shape: [kh, kw] }: TensorType): Pair {
  return [Number(kh), Number(kw)];
}

/** Visits every place of the kernel on the image, with the offsets of its pixel, its tap and its output position. */
function eachTap(
  op: string,
  { strides, padding }: Sliding,
  x: ReferenceArray,
  kernel: ReferenceArray,
  visit: (pixel: number, tap: number, position: number) => void,
): void {
  const [n = 0, h = 0, w = 0, c = 0] = x.shape;
  const [kh = 0, kw = 0, , f = 0] = kernel.shape;
  const rows = slide(op, h, kh, strides[0], padding);
  const columns = slide(op, w, kw, strides[1], padding);
  for (let image = 0; image < n; image++) {
    for (let oy = 0; oy < rows.output; oy++) {
      for (let ox = 0; ox < columns.output; ox++) {
        for (let ky = 0; ky < kh; ky++) {
          for (let kx = 0; kx < kw; kx++) {
            const iy = oy * strides[0] - rows.low + ky;
            const ix = ox * strides[1] - columns.low + kx;
            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
            const pixel = ((image * h + iy) * w + ix) * c;
            const tap = (ky * kw + kx) * c * f;
            visit(pixel, tap, ((image * rows.output + oy) * columns.output + ox) * f);
          }
        }
      }
    }
  }
}

/** Adds a b to an element of `y`. */
function accumulate(y: ReferenceArray, at: number, a: number | undefined, b: number | undefined): void {
  y.data[at] = (y.data[at] ?? NaN) + (a ?? NaN) * (b ?? NaN);
}

export const reference = {
  conv2d: (attrs, inputs, outputs) => {
    const [x, kernel, bias] = twoOrThree('conv2d', inputs);
    const y = one('conv2d', outputs);
    const [, , c = 0, f = 0] = kernel.shape;
    eachTap('conv2d', attrs, x, kernel, (pixel, tap, position) => {
      for (let i = 0; i < c; i++) {
        for (let j = 0; j < f; j++) accumulate(y, position + j, x.data[pixel + i], kernel.data[tap + i * f + j]);
      }
    });
    for (let at = 0; at < y.data.length; at++) {
      const total = (y.data[at] ?? NaN) + (bias ? (bias.data[at % f] ?? NaN) : 0);
      y.data[at] = attrs.activation === 'relu' ? Math.max(total, 0) : total;
    }
  },
  conv2dInputGrad: (attrs, inputs, outputs) => {
    const [dy, kernel] = two('conv2dInputGrad', inputs);
    const dx = one('conv2dInputGrad', outputs);
    const [, , c = 0, f = 0] = kernel.shape;
    eachTap('conv2dInputGrad', attrs, dx, kernel, (pixel, tap, position) => {
      for (let i = 0; i < c; i++) {
        for (let j = 0; j < f; j++) accumulate(dx, pixel + i, dy.data[position + j], kernel.data[tap + i * f + j]);
      }
    });
  },
  conv2dFilterGrad: (attrs, inputs, outputs) => {
    const [x, dy] = two('conv2dFilterGrad', inputs);
    const dkernel = one('conv2dFilterGrad', outputs);
    const [, , c = 0, f = 0] = dkernel.shape;
    eachTap('conv2dFilterGrad', attrs, x, dkernel, (pixel, tap, position) => {
      for (let i = 0; i < c; i++) {
        for (let j = 0; j < f; j++) accumulate(dkernel, tap + i * f + j, x.data[pixel + i], dy.data[position + j]);
      }
    });
  },
} satisfies ReferenceFacet<Convolution>;

type Sized = Parameters<typeof bytesOf>[0];

/** Products for each of `positions`, of which every one sees the whole kernel. */
const convolutionCost = (y: readonly number[], kernel: readonly number[], inputs: Sized, outputs: Sized) => ({
  multiplyAdds: sizeOf(y.slice(0, 3)) * sizeOf(kernel),
  bytes: bytesOf(inputs) + bytesOf(outputs),
});

export const cost = {
  conv2d: (_, inputs, outputs) => {
    const [, kernel] = twoOrThree('conv2d', inputs);
    return convolutionCost(one('conv2d', outputs).shape, kernel.shape, inputs, outputs);
  },
  conv2dInputGrad: (_, inputs, outputs) => {
    const [dy, kernel] = two('conv2dInputGrad', inputs);
    return convolutionCost(dy.shape, kernel.shape, inputs, outputs);
  },
  conv2dFilterGrad: (_, inputs, outputs) => {
    const [, dy] = two('conv2dFilterGrad', inputs);
    return convolutionCost(dy.shape, one('conv2dFilterGrad', outputs).shape, inputs, outputs);
  },
} satisfies CostFacet<Convolution>;

export const cases = {
  conv2d: () => conv2dCases(),
  conv2dInputGrad: inputGradCases,
  conv2dFilterGrad: filterGradCases,
} satisfies CasesFacet<Convolution>;

/** One convolution, of which each op makes a case. */
interface Layer extends Sliding {
  readonly x: readonly [n: number, h: number, w: number, c: number];
  readonly kernel: readonly [kh: number, kw: number, f: number];
  readonly bench: boolean;
}

function layer(x: Layer['x'], kernel: Layer['kernel'], padding: Padding = 'valid', strides: Pair = [1, 1]): Layer {
  return { x, kernel, padding, strides, bench: false };
}

function layers(): Layer[] {
  const shapes: Layer[] = [
    layer([0, 5, 5, 2], [3, 3, 4]),
    layer([1, 0, 4, 2], [3, 3, 4], 'same'),
    layer([1, 5, 5, 0], [3, 3, 4]),
    layer([1, 5, 5, 2], [3, 3, 0]),
    layer([1, 1, 1, 1], [1, 1, 1]),
    layer([1, 3, 3, 1], [3, 3, 1]),
    layer([2, 4, 3, 2], [3, 2, 3]),
    layer([2, 4, 5, 2], [1, 1, 3]),
    layer([1, 5, 4, 2], [3, 3, 2], 'same'),
    layer([1, 5, 5, 1], [3, 3, 2], 'valid', [2, 2]),
    layer([1, 5, 6, 2], [3, 3, 2], 'same', [2, 2]),
    layer([1, 6, 5, 1], [2, 2, 2], 'same', [2, 2]),
    layer([1, 5, 5, 1], [4, 4, 2], 'same', [2, 2]),
    layer([1, 7, 5, 1], [1, 1, 2], 'same', [2, 3]),
    layer([1, 7, 8, 1], [2, 3, 2], 'valid', [3, 1]),
    layer([1, 3, 3, 2], [5, 5, 1], 'same'),
    layer([1, 4, 5, 400], [3, 3, 9]),
    layer([1, 4, 4, 3], [2, 2, 264]),
  ];
  for (const cin of [1, 2, 3, 4, 8, 32]) {
    for (const cout of [1, 5, 8, 10, 16, 64]) shapes.push(layer([1, 5, 7, cin], [3, 3, cout]));
    shapes.push(layer([3, 7, 9, cin], [3, 3, 8], 'same'));
    shapes.push(layer([2, 9, 7, cin], [5, 5, 10], 'same', [2, 2]));
    shapes.push(layer([2, 9, 8, cin], [5, 5, 5]));
    shapes.push(layer([2, 5, 7, cin], [1, 1, 16]));
    shapes.push(layer([1, 8, 9, cin], [3, 3, 16], 'valid', [2, 2]));
    shapes.push(layer([1, 17, 33, cin], [3, 3, 5]));
  }
  const mnist = [1, 64].flatMap((n) => [
    layer([n, 28, 28, 1], [3, 3, 32]),
    layer([n, 13, 13, 32], [3, 3, 64]),
    layer([n, 5, 5, 64], [3, 3, 64]),
  ]);
  return [...shapes, ...mnist.map((timed) => ({ ...timed, bench: true }))];
}

/** The case of one op, whose every output element adds `terms` products. */
function caseOf<N extends Convolution>(
  attrs: OpAttrs[N],
  inputs: readonly (readonly number[])[],
  { x, kernel, bench }: Layer,
  terms: number,
): Case<N> {
  const small = sizeOf(x) * sizeOf(kernel) < 600;
  return {
    attrs,
    inputs: inputs.map((shape) => normal(shape)),
    tolerance: summed(terms),
    ...(small ? {} : { differentiate: [] }),
    bench,
  };
}

/** The full shapes of a layer's kernel and output. */
function shapesOf({ x, kernel: [kh, kw, f], strides, padding }: Layer) {
  const [n, h, w, c] = x;
  const oh = slide('conv2d', h, kh, strides[0], padding).output;
  const ow = slide('conv2d', w, kw, strides[1], padding).output;
  return { kernel: [kh, kw, c, f], y: [n, oh, ow, f] };
}

function conv2dCases(): Case<'conv2d'>[] {
  return layers().flatMap((each, i) => {
    const { padding, strides } = each;
    const { kernel } = shapesOf(each);
    const [kh, kw, f] = each.kernel;
    const terms = kh * kw * each.x[3];
    const plain = caseOf<'conv2d'>({ padding, strides, activation: 'linear' }, [each.x, kernel], each, terms);
    const fused = caseOf<'conv2d'>({ padding, strides, activation: 'relu' }, [each.x, kernel, [f]], each, terms);
    return each.bench ? [fused] : i % 3 === 0 ? [plain, fused] : [plain];
  });
}

function inputGradCases(): Case<'conv2dInputGrad'>[] {
  return layers().map((each) => {
    const { padding, strides } = each;
    const { kernel, y } = shapesOf(each);
    const [kh, kw, f] = each.kernel;
    const inputSize: Pair = [each.x[1], each.x[2]];
    return caseOf<'conv2dInputGrad'>({ padding, strides, inputSize }, [y, kernel], each, kh * kw * f);
  });
}

function filterGradCases(): Case<'conv2dFilterGrad'>[] {
  return layers().map((each) => {
    const { padding, strides } = each;
    const { y } = shapesOf(each);
    const [kh, kw] = each.kernel;
    return caseOf<'conv2dFilterGrad'>(
      { padding, strides, kernelSize: [kh, kw] },
      [each.x, y],
      each,
      sizeOf(y.slice(0, 3)),
    );
  });
}

export interface Conv2dOptions {
  /** Steps between windows (default 1), one for both axes or one for each. */
  readonly strides?: number | Pair;
  /** Default `valid`. */
  readonly padding?: Padding;
}

/** One number for both axes, or one for each. */
export const pairOf = (value: number | Pair): Pair => (typeof value === 'number' ? [value, value] : value);

/** Convolves images x [n, h, w, c] with `kernel` [kh, kw, c, f]. */
export function conv2d(x: Tensor, kernel: Tensor, { strides = 1, padding = 'valid' }: Conv2dOptions = {}): Tensor {
  return bind('conv2d', { strides: pairOf(strides), padding, activation: 'linear' }, x, kernel);
}

/** The gradient of `conv2d` for its image, of spatial size `inputSize`: a transposed convolution of dy. */
export function conv2dInputGrad(
  dy: Tensor,
  kernel: Tensor,
  inputSize: readonly [Dim, Dim],
  { strides = 1, padding = 'valid' }: Conv2dOptions = {},
): Tensor {
  return bind('conv2dInputGrad', { strides: pairOf(strides), padding, inputSize }, dy, kernel);
}

/** The gradient of `conv2d` for its kernel, of spatial size `kernelSize`. */
export function conv2dFilterGrad(
  x: Tensor,
  dy: Tensor,
  kernelSize: Pair,
  { strides = 1, padding = 'valid' }: Conv2dOptions = {},
): Tensor {
  return bind('conv2dFilterGrad', { strides: pairOf(strides), padding, kernelSize }, x, dy);
}
