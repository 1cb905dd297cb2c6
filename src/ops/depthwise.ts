/**
 * Depthwise convolution: every channel of images [n, h, w, c] with a window of its own, kernel [kh, kw, c]. As with conv2d,
 * its three ops are each other's gradients, and fusion sets the bias and the activation. A depth multiplier is a repetition
 * of the channels before the op: see `depthwiseConv2d` in separable.ts.
 */
import { sizeOf } from '../core/ndarray.js';
import type { Dim } from '../core/shape.js';
import {
  accumulate,
  convolutionCost,
  convolved,
  eachTap,
  finish,
  imageSize,
  kernelSize,
  requireBias,
  requireOutput,
  slides,
} from './conv.js';
import type { Case, CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { only, sumTo } from './facets.js';
import { one, requireRank, requireShape, two, twoOrThree } from './rules.js';
import { normal, summed } from './samples.js';
import { type Convolution, none, type OpAttrs, type Pair } from './schema.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

type Depthwise = 'depthwiseConv2d' | 'depthwiseConv2dInputGrad' | 'depthwiseConv2dFilterGrad';

export const shape = {
  depthwiseConv2d: (attrs, inputs) => {
    const [x, kernel, bias] = twoOrThree('depthwiseConv2d', inputs);
    const y = convolved('depthwiseConv2d', attrs, x, kernel, 3);
    requireBias('depthwiseConv2d', bias, y);
    return [y];
  },
  depthwiseConv2dInputGrad: (attrs, inputs) => {
    const [dy, kernel] = two('depthwiseConv2dInputGrad', inputs);
    requireRank('depthwiseConv2dInputGrad', 'dy', dy, 4);
    requireShape('depthwiseConv2dInputGrad', attrs.inputSize);
    const [n = 0, , , c = 0] = dy.shape;
    const dx: TensorType = { dtype: 'f32', shape: [n, ...attrs.inputSize, c] };
    requireOutput('depthwiseConv2dInputGrad', convolved('depthwiseConv2dInputGrad', attrs, dx, kernel, 3), dy);
    return [dx];
  },
  depthwiseConv2dFilterGrad: (attrs, inputs) => {
    const [x, dy] = two('depthwiseConv2dFilterGrad', inputs);
    requireRank('depthwiseConv2dFilterGrad', 'x', x, 4);
    const dkernel: TensorType = { dtype: 'f32', shape: [...attrs.kernelSize, x.shape[3] ?? 0] };
    requireOutput('depthwiseConv2dFilterGrad', convolved('depthwiseConv2dFilterGrad', attrs, x, dkernel, 3), dy);
    return [dkernel];
  },
} satisfies ShapeFacet<Depthwise>;

export const gradient = {
  depthwiseConv2d: ({ attrs: { activation, ...attrs }, inputs, outputs, gradients }) => {
    const [x, kernel, bias] = twoOrThree('depthwiseConv2d', inputs);
    const g = only(gradients);
    const dy = activation === 'relu' ? bind('reluGrad', none, g, one('depthwiseConv2d', outputs)) : g;
    const dx = inputGrad(dy, kernel, imageSize(x), attrs);
    const dkernel = filterGrad(x, dy, kernelSize(kernel), attrs);
    return bias ? [dx, dkernel, sumTo(dy, bias.shape)] : [dx, dkernel];
  },
  depthwiseConv2dInputGrad: ({ attrs: { inputSize, ...attrs }, inputs, gradients }) => {
    const [dy, kernel] = two('depthwiseConv2dInputGrad', inputs);
    const g = only(gradients);
    return [depthwise(g, kernel, attrs), filterGrad(g, dy, kernelSize(kernel), attrs)];
  },
  depthwiseConv2dFilterGrad: ({ attrs: { kernelSize, ...attrs }, inputs, gradients }) => {
    const [x, dy] = two('depthwiseConv2dFilterGrad', inputs);
    const g = only(gradients);
    return [inputGrad(dy, g, imageSize(x), attrs), depthwise(x, g, attrs)];
  },
} satisfies GradientFacet<Depthwise>;

/** The op on tensors: x [n, h, w, c], kernel [kh, kw, c]. */
export const depthwise = (x: Tensor, kernel: Tensor, attrs: Convolution): Tensor =>
  bind('depthwiseConv2d', { ...attrs, activation: 'linear' }, x, kernel);

const inputGrad = (dy: Tensor, kernel: Tensor, inputSize: readonly [Dim, Dim], attrs: Convolution): Tensor =>
  bind('depthwiseConv2dInputGrad', { ...attrs, inputSize }, dy, kernel);

const filterGrad = (x: Tensor, dy: Tensor, kernelSize: Pair, attrs: Convolution): Tensor =>
  bind('depthwiseConv2dFilterGrad', { ...attrs, kernelSize }, x, dy);

/** Visits every product: the elements of the image, of the kernel and of the output that it joins. */
function eachProduct(
  op: Depthwise,
  sliding: Convolution,
  x: readonly number[],
  kernel: readonly number[],
  visit: (x: number, kernel: number, y: number) => void,
): void {
  const [, , c = 0] = kernel;
  eachTap(op, sliding, x, kernel, (pixel, tap, position) => {
    for (let i = 0; i < c; i++) visit(pixel * c + i, tap * c + i, position * c + i);
  });
}

export const reference = {
  depthwiseConv2d: (attrs, inputs, outputs) => {
    const [x, kernel, bias] = twoOrThree('depthwiseConv2d', inputs);
    const y = one('depthwiseConv2d', outputs);
    eachProduct('depthwiseConv2d', attrs, x.shape, kernel.shape, (i, j, at) => {
      accumulate(y, at, x.data[i], kernel.data[j]);
    });
    finish(y, bias, attrs.activation);
  },
  depthwiseConv2dInputGrad: (attrs, inputs, outputs) => {
    const [dy, kernel] = two('depthwiseConv2dInputGrad', inputs);
    const dx = one('depthwiseConv2dInputGrad', outputs);
    eachProduct('depthwiseConv2dInputGrad', attrs, dx.shape, kernel.shape, (at, j, i) => {
      accumulate(dx, at, dy.data[i], kernel.data[j]);
    });
  },
  depthwiseConv2dFilterGrad: (attrs, inputs, outputs) => {
    const [x, dy] = two('depthwiseConv2dFilterGrad', inputs);
    const dkernel = one('depthwiseConv2dFilterGrad', outputs);
    eachProduct('depthwiseConv2dFilterGrad', attrs, x.shape, dkernel.shape, (i, at, j) => {
      accumulate(dkernel, at, x.data[i], dy.data[j]);
    });
  },
} satisfies ReferenceFacet<Depthwise>;

export const cost = {
  depthwiseConv2d: (_, inputs, outputs) => {
    const [, kernel] = twoOrThree('depthwiseConv2d', inputs);
    return convolutionCost(one('depthwiseConv2d', outputs).shape, kernel.shape, inputs, outputs);
  },
  depthwiseConv2dInputGrad: (_, inputs, outputs) => {
    const [dy, kernel] = two('depthwiseConv2dInputGrad', inputs);
    return convolutionCost(dy.shape, kernel.shape, inputs, outputs);
  },
  depthwiseConv2dFilterGrad: (_, inputs, outputs) => {
    const [, dy] = two('depthwiseConv2dFilterGrad', inputs);
    return convolutionCost(dy.shape, one('depthwiseConv2dFilterGrad', outputs).shape, inputs, outputs);
  },
} satisfies CostFacet<Depthwise>;

export const cases = {
  depthwiseConv2d: () => layers().flatMap(forwardCases),
  depthwiseConv2dInputGrad: () =>
    layers().map((each) => {
      const { attrs, kernel, y } = shapesOf(each);
      const inputSize: Pair = [each.x[1], each.x[2]];
      return caseOf<'depthwiseConv2dInputGrad'>({ ...attrs, inputSize }, [y, kernel], each, sizeOf(each.size));
    }),
  depthwiseConv2dFilterGrad: () =>
    layers().map((each) => {
      const { attrs, y } = shapesOf(each);
      const terms = sizeOf(y.slice(0, 3));
      return caseOf<'depthwiseConv2dFilterGrad'>({ ...attrs, kernelSize: each.size }, [each.x, y], each, terms);
    }),
} satisfies CasesFacet<Depthwise>;

/** One depthwise convolution, of which each op makes a case. */
interface Layer extends Convolution {
  readonly x: readonly [n: number, h: number, w: number, c: number];
  readonly size: Pair;
  readonly bench: boolean;
}

function layer(
  x: Layer['x'],
  size: Pair = [3, 3],
  padding: Convolution['padding'] = 'same',
  strides: Pair = [1, 1],
): Layer {
  return { x, size, padding, strides, bench: false };
}

function layers(): Layer[] {
  const shapes: Layer[] = [
    layer([0, 5, 5, 4]),
    layer([1, 0, 4, 4]),
    layer([1, 5, 5, 0]),
    layer([1, 1, 1, 1], [1, 1]),
    layer([1, 1, 1, 4]),
    layer([1, 2, 1, 5]),
    layer([2, 4, 3, 2], [3, 2], 'valid'),
    layer([1, 3, 3, 5], [3, 3], 'valid'),
    layer([1, 5, 4, 3], [2, 3], 'same', [2, 1]),
    layer([1, 7, 5, 1], [1, 1], 'same', [2, 3]),
    layer([1, 4, 4, 3], [5, 5], 'same'),
    layer([1, 6, 5, 2], [4, 4], 'same', [2, 2]),
    layer([1, 7, 8, 2], [2, 3], 'valid', [3, 1]),
    layer([1, 1, 9, 3], [1, 7], 'same'),
    layer([1, 4, 5, 2], [3, 3], [1, 0, 0, 2]),
    layer([1, 2, 3, 5], [3, 3], [4, 0, 3, 5]),
    layer([1, 3, 3, 1], [2, 2], [3, 2, 2, 3], [2, 2]),
    layer([1, 3, 1, 4], [3, 3], 'same', [2, 2]),
    layer([1, 5, 19, 68]),
    layer([1, 5, 18, 68], [3, 3], 'same', [2, 2]),
    layer([1, 5, 23, 68], [3, 3], [1, 1, 1, 1], [3, 2]),
    layer([1, 35, 18, 132]),
    layer([2, 18, 20, 132], [3, 3], [3, 0, 2, 4]),
    layer([1, 4, 6, 8], [3, 3], [0, 2, 2, 0]),
    layer([2, 4, 6, 8], [3, 3], [2, 0, 0, 2], [1, 2]),
    layer([3, 9, 34, 132], [3, 3], 'same', [2, 2]),
    layer([1, 4, 21, 9], [5, 5]),
    layer([1, 9, 27, 11], [5, 5], 'same', [2, 2]),
  ];
  for (const c of [1, 4, 5, 8, 19, 36]) {
    shapes.push(layer([2, 6, 7, c]), layer([1, 7, 6, c], [3, 3], 'valid'), layer([2, 7, 9, c], [3, 3], 'same', [2, 2]));
    shapes.push(layer([1, 6, 9, c], [5, 5]), layer([1, 9, 8, c], [4, 2], 'valid', [1, 2]));
  }
  const timed = [layer([1, 112, 112, 32]), layer([1, 56, 56, 128], [3, 3], 'same', [2, 2]), layer([8, 14, 14, 256])];
  return [...shapes, ...timed.map((each) => ({ ...each, bench: true }))];
}

/** The attributes, and the shapes of kernel and output. */
function shapesOf({ x: [n, h, w, c], size, padding, strides }: Layer) {
  const attrs: Convolution = { padding, strides };
  const [rows, columns] = slides('depthwiseConv2d', h, w, size, attrs);
  return { attrs, kernel: [...size, c], y: [n, rows.output, columns.output, c] };
}

/** The case of one op, whose every output element adds `terms` products. */
function caseOf<N extends Depthwise>(
  attrs: OpAttrs[N],
  inputs: readonly (readonly number[])[],
  { x, size, bench }: Layer,
  terms: number,
): Case<N> {
  return {
    attrs,
    inputs: inputs.map((shape) => normal(shape)),
    tolerance: summed(Math.max(terms, 1)),
    ...(sizeOf(x) * sizeOf(size) < 2000 ? {} : { differentiate: [] }),
    bench,
  };
}

function forwardCases(each: Layer, i: number): Case<'depthwiseConv2d'>[] {
  const { attrs, kernel } = shapesOf(each);
  const terms = sizeOf(each.size);
  const inputs = [each.x, kernel];
  const plain = caseOf<'depthwiseConv2d'>({ ...attrs, activation: 'linear' }, inputs, each, terms);
  const biased = [...inputs, [each.x[3]]];
  const fused = caseOf<'depthwiseConv2d'>({ ...attrs, activation: 'relu' }, biased, each, terms + 1);
  return each.bench ? [fused] : i % 3 === 0 ? [plain, fused] : [plain];
}
