/**
 * Reductions over axes. Of nothing, the sum is 0, the product 1, the mean NaN, the maximum the lowest number and the
 * minimum the highest. NaN wins a maximum and a minimum.
 */
import type { DType } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { type Dim, isFixed, normalizeAxis, printShape, type Shape, sizeOfShape } from '../core/shape.js';
import { div, mul } from './binary.js';
import { cast } from './cast.js';
import { equal, where } from './compare.js';
import type {
  Case,
  CaseInput,
  CasesFacet,
  CostFacet,
  GradientFacet,
  ReferenceArray,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { broadcastStrides, only, reductionCost, stridesOf, walk } from './facets.js';
import { broadcastTo, reshape } from './move.js';
import { one, requireAxes, requireAxis, requireDType } from './rules.js';
import { benchLength, distinct, exact, integers, lengths, normal, uniform, values } from './samples.js';
import type { OpAttrs } from './schema.js';
import { size } from './source.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

type Folding = 'sum' | 'mean' | 'max' | 'min' | 'prod';
type Reduce = Folding | 'argmax';
type Reduction = OpAttrs['sum'];

const ordered: readonly DType[] = ['f32', 'i32', 'u8', 'i8'];

/** The shape with 1 for each of `axes`. */
const kept = <D extends Dim>(shape: readonly D[], axes: readonly number[]): (D | 1)[] =>
  shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));

function reduced(op: string, attrs: Reduction, inputs: readonly TensorType[], allowed: readonly DType[]): TensorType[] {
  const x = one(op, inputs);
  requireDType(op, x, allowed);
  requireAxes(op, attrs.axes, x.shape.length);
  const shape = attrs.keepDims ? kept(x.shape, attrs.axes) : x.shape.filter((_, axis) => !attrs.axes.includes(axis));
  return [{ dtype: x.dtype, shape }];
}

export const shape = {
  sum: (attrs, inputs) => reduced('sum', attrs, inputs, ['f32']),
  mean: (attrs, inputs) => reduced('mean', attrs, inputs, ['f32']),
  max: (attrs, inputs) => reduced('max', attrs, inputs, ordered),
  min: (attrs, inputs) => reduced('min', attrs, inputs, ordered),
  prod: (attrs, inputs) => reduced('prod', attrs, inputs, ['f32']),
  argmax: ({ axis }, inputs) => {
    const x = one('argmax', inputs);
    requireDType('argmax', x, ordered);
    requireAxis('argmax', axis, x.shape.length);
    if (x.shape[axis] === 0) {
      throw new ShapeError('argmax', `elements along axis ${axis} are required. Received ${printShape(x.shape)}.`);
    }
    return [{ dtype: 'i32', shape: x.shape.filter((_, i) => i !== axis) }];
  },
} satisfies ShapeFacet<Reduce>;

/** A reduced tensor repeated along the axes that were reduced. */
function expand(y: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return broadcastTo(reshape(y, kept(shape, axes)), shape);
}

/** The gradient of a maximum or minimum, shared equally by all that attain it. */
function shared(attrs: Reduction, x: Tensor, y: Tensor, g: Tensor): Tensor {
  const keptShape = kept(x.shape, attrs.axes);
  const attains = cast(equal(x, reshape(y, keptShape)), 'f32');
  const ties = sum(attains, { axes: attrs.axes, keepDims: true });
  return mul(attains, div(reshape(g, keptShape), ties));
}

export const gradient = {
  sum: ({ attrs, inputs, gradients }) => [expand(only(gradients), one('sum', inputs).shape, attrs.axes)],
  mean: ({ attrs, inputs, gradients }) => {
    const x = one('mean', inputs);
    const over = x.shape.filter((_, axis) => attrs.axes.includes(axis));
    const count = isFixed(over) ? Number(sizeOfShape(over)) : size(x, attrs.axes);
    return [expand(div(only(gradients), count), x.shape, attrs.axes)];
  },
  max: ({ attrs, inputs, outputs, gradients }) => [
    shared(attrs, one('max', inputs), one('max', outputs), only(gradients)),
  ],
  min: ({ attrs, inputs, outputs, gradients }) => [
    shared(attrs, one('min', inputs), one('min', outputs), only(gradients)),
  ],
  // The product of the others: y / x, or that of all but a single zero. At zeros it is not differentiable again.
  prod: ({ attrs, inputs, gradients }) => {
    const x = one('prod', inputs);
    const options = { axes: attrs.axes, keepDims: true };
    const isZero = equal(x, 0);
    const zeros = sum(cast(isZero, 'f32'), options);
    const rest = where(isZero, 1, x);
    const product = prod(rest, options);
    const others = where(isZero, where(equal(zeros, 1), product, 0), where(equal(zeros, 0), div(product, rest), 0));
    return [mul(others, reshape(only(gradients), kept(x.shape, attrs.axes)))];
  },
  argmax: null,
} satisfies GradientFacet<Reduce>;

const lowest: Readonly<Record<DType, number>> = { f32: -Infinity, i32: -2147483648, u8: 0, i8: -128, bool: 0 };
const highest: Readonly<Record<DType, number>> = { f32: Infinity, i32: 2147483647, u8: 255, i8: 127, bool: 1 };

/** Folds x into y, which starts at `initial`. */
function fold(
  attrs: Reduction,
  x: ReferenceArray,
  y: ReferenceArray,
  initial: number,
  fn: (total: number, value: number) => number,
): void {
  y.data.fill(initial);
  walk(x.shape, [broadcastStrides(kept(x.shape, attrs.axes), x.shape)], (at, to) => {
    y.data[to] = fn(y.data[to] ?? NaN, x.data[at] ?? NaN);
  });
}

export const reference = {
  sum: (attrs, inputs, outputs) => {
    fold(attrs, one('sum', inputs), one('sum', outputs), 0, (total, value) => total + value);
  },
  mean: (attrs, inputs, outputs) => {
    const x = one('mean', inputs);
    const y = one('mean', outputs);
    const count = attrs.axes.reduce((product, axis) => product * (x.shape[axis] ?? 0), 1);
    fold(attrs, x, y, 0, (total, value) => total + value);
    for (let i = 0; i < y.data.length; i++) y.data[i] = (y.data[i] ?? NaN) / count;
  },
  max: (attrs, inputs, outputs) => {
    const x = one('max', inputs);
    fold(attrs, x, one('max', outputs), lowest[x.dtype], Math.max);
  },
  min: (attrs, inputs, outputs) => {
    const x = one('min', inputs);
    fold(attrs, x, one('min', outputs), highest[x.dtype], Math.min);
  },
  prod: (attrs, inputs, outputs) => {
    fold(attrs, one('prod', inputs), one('prod', outputs), 1, (total, value) => total * value);
  },
  // The first maximum; a NaN is larger than everything.
  argmax: ({ axis }, inputs, outputs) => {
    const x = one('argmax', inputs);
    const y = one('argmax', outputs);
    const strides = stridesOf(x.shape);
    walk(kept(x.shape, [axis]), [strides], (at, from) => {
      let best = 0;
      let largest = x.data[from] ?? NaN;
      for (let i = 1; i < (x.shape[axis] ?? 0) && !Number.isNaN(largest); i++) {
        const value = x.data[from + i * (strides[axis] ?? 0)] ?? NaN;
        if (value <= largest) continue;
        best = i;
        largest = value;
      }
      y.data[at] = best;
    });
  },
} satisfies ReferenceFacet<Reduce>;

export const cost = {
  sum: reductionCost,
  mean: reductionCost,
  max: reductionCost,
  min: reductionCost,
  prod: reductionCost,
  argmax: reductionCost,
} satisfies CostFacet<Reduce>;

export const cases = {
  sum: () => foldingCases(normal, sumTolerance),
  mean: () => foldingCases(normal, () => ({ absolute: 2e-6, relative: 1e-6 })),
  max: extremeCases,
  min: extremeCases,
  prod: prodCases,
  argmax: argmaxCases,
} satisfies CasesFacet<Reduce>;

interface FoldingCase extends Omit<Case<'sum'>, 'attrs'> {
  readonly attrs: Reduction;
}

type Tolerance = NonNullable<FoldingCase['tolerance']>;

/** Each addition rounds to 2^-24 of a partial sum of normal numbers, which is about the root of their count. */
function sumTolerance(count: number): Tolerance {
  return { absolute: 1.2e-7 * Math.max(count, 8), relative: 1e-6 };
}

function foldingCases(
  fill: (extents: readonly number[]) => CaseInput,
  tolerance: (count: number) => Tolerance,
): readonly FoldingCase[] {
  const shapes: readonly (readonly [readonly number[], readonly number[]])[] = [
    [[], []],
    [[3, 5], []],
    ...lengths.flatMap((length) => [
      [[length], [0]] as const,
      [[3, length], [1]] as const,
      [[length, 5], [0]] as const,
      [[3, length], [0]] as const,
      [
        [2, 3, length],
        [0, 1],
      ] as const,
    ]),
    ...[[0], [1], [2], [3], [0, 1], [0, 2], [1, 3], [2, 3], [1, 2], [0, 1, 2], [0, 1, 2, 3]].map(
      (axes) => [[2, 3, 4, 5], axes] as const,
    ),
    [
      [4, 7, 7, 16],
      [0, 1, 2],
    ],
    [[300, 3], [0]],
    [[3, 300], [1]],
    [[5000], [0]],
  ];
  const count = (extents: readonly number[], axes: readonly number[]): number =>
    axes.reduce((product, axis) => product * (extents[axis] ?? 0), 1);
  const large = { differentiate: [], bench: true };
  return [
    ...shapes.map(([extents, axes]): FoldingCase => {
      const terms = count(extents, axes);
      const base = { attrs: { axes, keepDims: false }, inputs: [fill(extents)], tolerance: tolerance(terms) };
      return terms > 100 ? { ...base, differentiate: [] } : base;
    }),
    ...[[0], [1, 2], [0, 1, 2]].map((axes): FoldingCase => ({
      attrs: { axes, keepDims: true },
      inputs: [fill([3, 4, 5])],
      tolerance: tolerance(60),
    })),
    { attrs: { axes: [1], keepDims: false }, inputs: [normal([1024, 1024])], tolerance: tolerance(1024), ...large },
    { attrs: { axes: [0], keepDims: false }, inputs: [normal([1024, 1024])], tolerance: tolerance(1024), ...large },
    // Positive terms do not cancel: the relative error is that of the partial sums.
    { attrs: { axes: [0], keepDims: false }, inputs: [uniform([benchLength], 0, 1)], ...large },
  ];
}

function extremeCases(): readonly FoldingCase[] {
  const whole = [
    ...lengths.flatMap((length) => [[[3, length], [1]] as const, [[length, 5], [0]] as const]),
    [
      [2, 3, 4, 5],
      [0, 2],
    ] as const,
  ];
  const special = [NaN, 1, 2, 1, NaN, 2, 1, 2, NaN, -Infinity, -Infinity, -Infinity, Infinity, 0, NaN];
  return [
    ...foldingCases(distinct, () => exact),
    ...(['i32', 'u8', 'i8'] as const).flatMap((dtype) =>
      whole.map(([extents, axes]): FoldingCase => ({
        attrs: { axes, keepDims: false },
        inputs: [integers(dtype, extents, dtype === 'u8' ? 0 : -128, dtype === 'u8' ? 256 : 128)],
      })),
    ),
    ...[0, 1].map((axis): FoldingCase => ({
      attrs: { axes: [axis], keepDims: false },
      inputs: [values('f32', [5, 3], special)],
      tolerance: exact,
      differentiate: [],
    })),
  ];
}

/** Factors around 1, so that products of thousands stay in range; each multiplication rounds to 2^-24. */
function prodCases(): readonly FoldingCase[] {
  const near = (extents: readonly number[]): CaseInput => uniform(extents, 0.9, 1.1);
  return [
    ...foldingCases(near, (count) => ({ absolute: 1e-30, relative: 6e-8 * Math.max(count, 8) })).filter(
      ({ bench, inputs }) => !bench || inputs[0]?.fill.kind !== 'normal',
    ),
    ...[0, 1].map((axis): FoldingCase => ({
      attrs: { axes: [axis], keepDims: false },
      inputs: [values('f32', [3, 3], [0, 2, 3, -1, 0, NaN, 0, Infinity, 5])],
      differentiate: [],
    })),
  ];
}

function argmaxCases(): readonly Case<'argmax'>[] {
  const shapes: readonly (readonly [readonly number[], number])[] = [
    ...lengths
      .slice(1)
      .flatMap((length) => [
        [[length], 0] as const,
        [[3, length], 1] as const,
        [[length, 5], 0] as const,
        [[3, length], 0] as const,
      ]),
    [[0, 3], 1],
    [[2, 3, 4, 5], 0],
    [[2, 3, 4, 5], 1],
    [[2, 3, 4, 5], 2],
    [[2, 3, 4, 5], 3],
    [[64, 10], 1],
    [[2, 1000], 1],
  ];
  const late = Array.from({ length: 255 }, (_, i) => (i === 151 || i === 154 ? 9 : i === 240 ? 8 : i % 7));
  const special = [NaN, 1, 2, 1, NaN, 2, 1, 2, NaN, -Infinity, -Infinity, -Infinity, Infinity, 0, NaN, 0, -0, 0];
  return [
    ...shapes.map(([extents, axis]): Case<'argmax'> => ({
      attrs: { axis },
      inputs: [normal(extents)],
      differentiate: [],
    })),
    // Few different numbers: many ties.
    ...(['f32', 'i32', 'u8', 'i8'] as const).flatMap((dtype) =>
      shapes.map(([extents, axis]): Case<'argmax'> => ({
        attrs: { axis },
        inputs: [integers(dtype, extents, 0, 3)],
        differentiate: [],
      })),
    ),
    { attrs: { axis: 1 }, inputs: [values('f32', [6, 3], special)], differentiate: [] },
    { attrs: { axis: 0 }, inputs: [values('f32', [6, 3], special)], differentiate: [] },
    // Maxima late in a long axis, one of them NaN.
    ...(['f32', 'i32'] as const).map((dtype): Case<'argmax'> => ({
      attrs: { axis: 0 },
      inputs: [values(dtype, [85, 3], late)],
      differentiate: [],
    })),
    {
      attrs: { axis: 0 },
      inputs: [
        values(
          'f32',
          [85, 3],
          late.map((value) => (value === 9 ? NaN : value)),
        ),
      ],
      differentiate: [],
    },
    { attrs: { axis: 1 }, inputs: [normal([1024, 1024])], differentiate: [], bench: true },
    { attrs: { axis: 0 }, inputs: [normal([1024, 1024])], differentiate: [], bench: true },
  ];
}

/** What is reduced: all axes unless said; negative axes count from the end. */
export interface ReduceOptions {
  readonly axes?: number | readonly number[];
  readonly keepDims?: boolean;
}

function reductionOf(op: string, x: Tensor, { axes, keepDims = false }: ReduceOptions): Reduction {
  const chosen = axes === undefined ? x.shape.map((_, axis) => axis) : typeof axes === 'number' ? [axes] : axes;
  return { axes: chosen.map((axis) => normalizeAxis(op, axis, x.rank)).sort((a, b) => a - b), keepDims };
}

/** The sum over `axes`, all unless said; they stay as 1 with `keepDims`. */
export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor => bind('sum', reductionOf('sum', x, options), x);
/** The mean over `axes`, all unless said; they stay as 1 with `keepDims`. */
export const mean = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  bind('mean', reductionOf('mean', x, options), x);
/** The largest over `axes`, all unless said; they stay as 1 with `keepDims`. */
export const max = (x: Tensor, options: ReduceOptions = {}): Tensor => bind('max', reductionOf('max', x, options), x);
/** The smallest over `axes`, all unless said; they stay as 1 with `keepDims`. */
export const min = (x: Tensor, options: ReduceOptions = {}): Tensor => bind('min', reductionOf('min', x, options), x);
/** The product over `axes`, all unless said; they stay as 1 with `keepDims`. */
export const prod = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  bind('prod', reductionOf('prod', x, options), x);
/** The index of the first maximum along `axis`, i32; the axis goes away. */
export const argmax = (x: Tensor, axis = -1): Tensor =>
  bind('argmax', { axis: normalizeAxis('argmax', axis, x.rank) }, x);
