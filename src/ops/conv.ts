/**
 * Convolution of images [n, h, w, c] with kernels [kh, kw, c, f], as in Keras: no flip. The product is linear in the image
 * and in the kernel, and its three ops are each other's gradients. The optional bias and the activation are set by fusion.
 *
 * Padding is `valid`, `same`, or the zeros before and after height and width. It is an attribute, not a `pad` before the
 * op: `slide` alone knows how windows lie, so shapes, gradients and integer kernels need not tell one padding from
 * another, the frame lives no longer than its node, and a transposed convolution can crop by it.
 */
import { ShapeError } from '../core/errors.js';
import { sizeOf } from '../core/ndarray.js';
import { addDims, ceilDivDim, type Dim, floorDivDim, mulDims, printShape, sameShape, subDims } from '../core/shape.js';
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
import {
  type Activation,
  type Convolution,
  none,
  type OpAttrs,
  type Padding,
  type Paddings,
  type Pair,
} from './schema.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

/** Padding of one axis. */
export type AxisPadding = Padding | Pair;

type Conv = 'conv2d' | 'conv2dInputGrad' | 'conv2dFilterGrad';

/** How a window slides along one axis: how many positions it takes, and the zeros before and after the axis. */
export interface Slide<D extends Dim = Dim> {
  readonly output: D;
  readonly low: D;
  readonly high: D;
}

/**
 * The positions and the padding of a window, as in Keras: with `same` padding ceil(size / stride) positions, and the odd
 * zero goes behind; a pair says how many zeros stand before and after. The size may be symbolic, but not with `same` padding and a stride above a window of 2 or more.
 */
export function slide(op: string, size: number, window: number, stride: number, padding: AxisPadding): Slide<number>;
export function slide(op: string, size: Dim, window: number, stride: number, padding: AxisPadding): Slide;
export function slide(op: string, size: Dim, window: number, stride: number, padding: AxisPadding): Slide {
  if (padding !== 'same') {
    const [low, high] = padding === 'valid' ? [0, 0] : padding;
    const whole = addDims(size, low + high);
    const span = subDims(whole, window);
    if (typeof span === 'number' && span < 0) {
      throw new ShapeError(op, `a window within the input is required. Received a window of ${window} on ${whole}.`);
    }
    return { output: addDims(floorDivDim(span, stride), 1), low, high };
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

/** Padding of the rows, and of the columns. */
export function axesOf(padding: Padding | Paddings): readonly [AxisPadding, AxisPadding] {
  if (typeof padding === 'string') return [padding, padding];
  const [top, bottom, left, right] = padding;
  return [
    [top, bottom],
    [left, right],
  ];
}

/** How windows slide over the rows, and over the columns, of an image. */
export function slides(
  op: string,
  h: number,
  w: number,
  kernel: Pair,
  sliding: Convolution,
): [Slide<number>, Slide<number>];
export function slides(op: string, h: Dim, w: Dim, kernel: Pair, sliding: Convolution): [Slide, Slide];
export function slides(op: string, h: Dim, w: Dim, kernel: Pair, { strides, padding }: Convolution): [Slide, Slide] {
  const [rows, columns] = axesOf(padding);
  return [slide(op, h, kernel[0], strides[0], rows), slide(op, w, kernel[1], strides[1], columns)];
}

/** Throws unless window and strides are positive integers. */
export function requireWindow(op: string, window: readonly number[], strides: Pair): void {
  requireIntegers(op, 'window', window, 2, 1);
  requireIntegers(op, 'strides', strides, 2, 1);
}

/** The output's type from the types of image and kernel [kh, kw, c, ...outputs of a channel]; throws where they do not fit. */
export function convolved(op: string, sliding: Convolution, x: TensorType, kernel: TensorType, rank = 4): TensorType {
  requireDType(op, x, ['f32']);
  requireDType(op, kernel, ['f32']);
  requireRank(op, 'x', x, 4);
  requireRank(op, 'kernel', kernel, rank);
  const [n = 0, h = 0, w = 0, c] = x.shape;
  const [kh, kw, channels, f = channels] = kernel.shape;
  if (typeof kh !== 'number' || typeof kw !== 'number') {
    throw new ShapeError(op, `a kernel of fixed size is required. Received ${printShape(kernel.shape)}.`);
  }
  requireWindow(op, [kh, kw], sliding.strides);
  const { padding } = sliding;
  if (typeof padding !== 'string') requireIntegers(op, 'padding', padding, 4);
  if (c !== channels) {
    const received = `${printShape(x.shape)}, ${printShape(kernel.shape)}`;
    throw new ShapeError(op, `as many channels in x as in the kernel are required. Received ${received}.`);
  }
  const [rows, columns] = slides(op, h, w, [kh, kw], sliding);
  return { dtype: 'f32', shape: [n, rows.output, columns.output, f ?? 0] };
}

/** Throws unless the bias, where there is one, has a number for each channel of y. */
export function requireBias(op: string, bias: TensorType | undefined, { shape: [, , , f = 0] }: TensorType): void {
  if (!bias) return;
  requireDType(op, bias, ['f32']);
  requireRank(op, 'bias', bias, 1);
  if (bias.shape[0] !== f) {
    throw new ShapeError(op, `a bias of [${f}] is required. Received ${printShape(bias.shape)}.`);
  }
}

/** Throws unless `dy` has the type of the output `y`. */
export function requireOutput(op: string, y: TensorType, dy: TensorType): void {
  requireDType(op, dy, ['f32']);
  if (!sameShape(dy.shape, y.shape)) {
    throw new ShapeError(op, `dy of ${printShape(y.shape)} is required. Received ${printShape(dy.shape)}.`);
  }
}

export const shape = {
  conv2d: (attrs, inputs) => {
    const [x, kernel, bias] = twoOrThree('conv2d', inputs);
    const y = convolved('conv2d', attrs, x, kernel);
    requireBias('conv2d', bias, y);
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
    requireOutput('conv2dInputGrad', convolved('conv2dInputGrad', attrs, dx, kernel), dy);
    return [dx];
  },
  conv2dFilterGrad: (attrs, inputs) => {
    const [x, dy] = two('conv2dFilterGrad', inputs);
    requireRank('conv2dFilterGrad', 'x', x, 4);
    requireRank('conv2dFilterGrad', 'dy', dy, 4);
    const [, , , c = 0] = x.shape;
    const [, , , f = 0] = dy.shape;
    const dkernel: TensorType = { dtype: 'f32', shape: [...attrs.kernelSize, c, f] };
    requireOutput('conv2dFilterGrad', convolved('conv2dFilterGrad', attrs, x, dkernel), dy);
    return [dkernel];
  },
} satisfies ShapeFacet<Conv>;

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
} satisfies GradientFacet<Conv>;

export function imageSize({ shape: [, h = 0, w = 0] }: TensorType): readonly [Dim, Dim] {
  return [h, w];
}

export function kernelSize({ shape: [kh, kw] }: TensorType): Pair {
  return [Number(kh), Number(kw)];
}

/** Visits every place of the kernel on the image, with the numbers of its pixel, its tap and its output position. */
export function eachTap(
  op: string,
  sliding: Convolution,
  x: readonly number[],
  kernel: readonly number[],
  visit: (pixel: number, tap: number, position: number) => void,
): void {
  const [n = 0, h = 0, w = 0] = x;
  const [kh = 0, kw = 0] = kernel;
  const [rows, columns] = slides(op, h, w, [kh, kw], sliding);
  const { strides } = sliding;
  for (let image = 0; image < n; image++) {
    for (let oy = 0; oy < rows.output; oy++) {
      for (let ox = 0; ox < columns.output; ox++) {
        for (let ky = 0; ky < kh; ky++) {
          for (let kx = 0; kx < kw; kx++) {
            const iy = oy * strides[0] - rows.low + ky;
            const ix = ox * strides[1] - columns.low + kx;
            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
            const pixel = (image * h + iy) * w + ix;
            visit(pixel, ky * kw + kx, (image * rows.output + oy) * columns.output + ox);
          }
        }
      }
    }
  }
}

/** Adds a b to an element of `y`. */
export function accumulate(y: ReferenceArray, at: number, a: number | undefined, b: number | undefined): void {
  y.data[at] = (y.data[at] ?? NaN) + (a ?? NaN) * (b ?? NaN);
}

/** Adds the bias to the sums, and applies the activation. */
export function finish(y: ReferenceArray, bias: ReferenceArray | undefined, activation: Activation): void {
  const f = y.shape.at(-1) ?? 1;
  for (let at = 0; at < y.data.length; at++) {
    const total = (y.data[at] ?? NaN) + (bias ? (bias.data[at % f] ?? NaN) : 0);
    y.data[at] = activation === 'relu' ? Math.max(total, 0) : total;
  }
}

/** Visits every product: the elements of the image, of the kernel and of the output that it joins. */
function eachProduct(
  op: string,
  sliding: Convolution,
  x: readonly number[],
  kernel: readonly number[],
  visit: (x: number, kernel: number, y: number) => void,
): void {
  const [, , c = 0, f = 0] = kernel;
  eachTap(op, sliding, x, kernel, (pixel, tap, position) => {
    for (let i = 0; i < c; i++) {
      for (let j = 0; j < f; j++) visit(pixel * c + i, (tap * c + i) * f + j, position * f + j);
    }
  });
}

export const reference = {
  conv2d: (attrs, inputs, outputs) => {
    const [x, kernel, bias] = twoOrThree('conv2d', inputs);
    const y = one('conv2d', outputs);
    eachProduct('conv2d', attrs, x.shape, kernel.shape, (i, j, at) => accumulate(y, at, x.data[i], kernel.data[j]));
    finish(y, bias, attrs.activation);
  },
  conv2dInputGrad: (attrs, inputs, outputs) => {
    const [dy, kernel] = two('conv2dInputGrad', inputs);
    const dx = one('conv2dInputGrad', outputs);
    eachProduct('conv2dInputGrad', attrs, dx.shape, kernel.shape, (at, j, i) => {
      accumulate(dx, at, dy.data[i], kernel.data[j]);
    });
  },
  conv2dFilterGrad: (attrs, inputs, outputs) => {
    const [x, dy] = two('conv2dFilterGrad', inputs);
    const dkernel = one('conv2dFilterGrad', outputs);
    eachProduct('conv2dFilterGrad', attrs, x.shape, dkernel.shape, (i, at, j) => {
      accumulate(dkernel, at, x.data[i], dy.data[j]);
    });
  },
} satisfies ReferenceFacet<Conv>;

type Sized = Parameters<typeof bytesOf>[0];

/** Products for each position of y, of which every one sees the whole kernel. */
export const convolutionCost = (y: readonly number[], kernel: readonly number[], inputs: Sized, outputs: Sized) => ({
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
} satisfies CostFacet<Conv>;

export const cases = {
  conv2d: () => conv2dCases(),
  conv2dInputGrad: inputGradCases,
  conv2dFilterGrad: filterGradCases,
} satisfies CasesFacet<Conv>;

/** One convolution, of which each op makes a case. */
interface Layer extends Convolution {
  readonly x: readonly [n: number, h: number, w: number, c: number];
  readonly kernel: readonly [kh: number, kw: number, f: number];
  readonly bench: boolean;
}

function layer(
  x: Layer['x'],
  kernel: Layer['kernel'],
  padding: Convolution['padding'] = 'valid',
  strides: Pair = [1, 1],
): Layer {
  return { x, kernel, padding, strides, bench: false };
}

const explicit = (rows: Pair, columns: Pair): Convolution['padding'] => [...rows, ...columns];

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
    // Explicit padding: uneven, beyond the window, on one side.
    layer([1, 4, 5, 2], [3, 2, 2], explicit([1, 0], [0, 2])),
    layer([2, 3, 3, 1], [2, 2, 2], explicit([3, 2], [2, 3]), [2, 2]),
    layer([1, 5, 4, 3], [3, 3, 9], explicit([0, 3], [1, 1]), [1, 3]),
    layer([1, 1, 2, 2], [3, 3, 1], explicit([1, 1], [1, 0])),
    layer([4, 8, 8, 2], [1, 1, 8], explicit([0, 0], [20, 20])),
    // Enough products for Winograd's: tiles cut at both edges, of several images, in several units, beyond the image.
    layer([3, 11, 14, 13], [3, 3, 11], 'same'),
    layer([2, 12, 9, 20], [3, 3, 36], explicit([2, 1], [0, 3])),
    layer([1, 30, 31, 8], [3, 3, 69], 'same'),
    layer([1, 6, 5, 16], [3, 3, 16], explicit([5, 4], [6, 3])),
    layer([9, 12, 16, 16], [3, 3, 70]),
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

type Tolerance = ReturnType<typeof summed>;

function caseOf<N extends Conv>(
  attrs: OpAttrs[N],
  inputs: readonly (readonly number[])[],
  { x, kernel, bench }: Layer,
  tolerance: Tolerance,
): Case<N> {
  const small = sizeOf(x) * sizeOf(kernel) < 600;
  return {
    attrs,
    inputs: inputs.map((shape) => normal(shape)),
    tolerance,
    ...(small ? {} : { differentiate: [] }),
    bench,
  };
}

/**
 * Windows over so many channels, added up. Those of 3 x 3 at stride 1 may be summed by Winograd's products: their largest
 * error was 1.64 times what a plain sum is allowed, 1.2e-6 of the largest element.
 */
function windowSum({ kernel: [kh, kw], strides: [sh, sw] }: Layer, channels: number): Tolerance {
  const tiled = kh === 3 && kw === 3 && sh === 1 && sw === 1;
  return summed((tiled ? 2 : 1) * kh * kw * channels);
}

/** The full shapes of a layer's kernel and output. */
function shapesOf(layer: Layer) {
  const [n, h, w, c] = layer.x;
  const [kh, kw, f] = layer.kernel;
  const [rows, columns] = slides('conv2d', h, w, [kh, kw], layer);
  return { kernel: [kh, kw, c, f], y: [n, rows.output, columns.output, f] };
}

function conv2dCases(): Case<'conv2d'>[] {
  return layers().flatMap((each, i) => {
    const { padding, strides } = each;
    const { kernel } = shapesOf(each);
    const tolerance = windowSum(each, each.x[3]);
    const inputs = [each.x, kernel];
    const plain = caseOf<'conv2d'>({ padding, strides, activation: 'linear' }, inputs, each, tolerance);
    const biased = [...inputs, [each.kernel[2]]];
    const fused = caseOf<'conv2d'>({ padding, strides, activation: 'relu' }, biased, each, tolerance);
    return each.bench ? [fused] : i % 3 === 0 ? [plain, fused] : [plain];
  });
}

function inputGradCases(): Case<'conv2dInputGrad'>[] {
  return layers().map((each) => {
    const { padding, strides } = each;
    const { kernel, y } = shapesOf(each);
    const inputSize: Pair = [each.x[1], each.x[2]];
    const tolerance = windowSum(each, each.kernel[2]);
    return caseOf<'conv2dInputGrad'>({ padding, strides, inputSize }, [y, kernel], each, tolerance);
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
      summed(sizeOf(y.slice(0, 3))),
    );
  });
}

/** Padding as people say it: by name, or zeros for all sides, for both axes, for each axis, for each side. */
export type PaddingOption = Padding | number | Pair | readonly [Pair, Pair] | Paddings;

export interface Conv2dOptions {
  /** Steps between windows (default 1), one for both axes or one for each. */
  readonly strides?: number | Pair;
  /** Default `valid`; `[[top, bottom], [left, right]]` zeros, a pair for both axes, or one number for all sides. */
  readonly padding?: PaddingOption;
}

const isPair = (padding: Pair | readonly [Pair, Pair]): padding is Pair => typeof padding[0] === 'number';

/** Padding as ops carry it. */
export function paddingOf(padding: PaddingOption): Padding | Paddings {
  if (typeof padding === 'string') return padding;
  if (typeof padding === 'number') return [padding, padding, padding, padding];
  if (padding.length === 4) return padding;
  const [rows, columns] = isPair(padding) ? [padding, padding] : padding;
  return [...rows, ...columns];
}

/** One number for both axes, or one for each. */
export const pairOf = (value: number | Pair): Pair => (typeof value === 'number' ? [value, value] : value);

/** Convolves images x [n, h, w, c] with `kernel` [kh, kw, c, f]. */
export function conv2d(x: Tensor, kernel: Tensor, { strides = 1, padding = 'valid' }: Conv2dOptions = {}): Tensor {
  return bind('conv2d', { strides: pairOf(strides), padding: paddingOf(padding), activation: 'linear' }, x, kernel);
}

/** The gradient of `conv2d` for its image, of spatial size `inputSize`: a transposed convolution of dy. */
export function conv2dInputGrad(
  dy: Tensor,
  kernel: Tensor,
  inputSize: readonly [Dim, Dim],
  { strides = 1, padding = 'valid' }: Conv2dOptions = {},
): Tensor {
  return bind('conv2dInputGrad', { strides: pairOf(strides), padding: paddingOf(padding), inputSize }, dy, kernel);
}

/** The gradient of `conv2d` for its kernel, of spatial size `kernelSize`. */
export function conv2dFilterGrad(
  x: Tensor,
  dy: Tensor,
  kernelSize: Pair,
  { strides = 1, padding = 'valid' }: Conv2dOptions = {},
): Tensor {
  return bind('conv2dFilterGrad', { strides: pairOf(strides), padding: paddingOf(padding), kernelSize }, x, dy);
}
