/**
 * Ops without data of their own input: literals, counters, and the number of elements of a tensor. A source has no
 * tensor to take the recorder from, so its function is given one: `constant(x.recorder, 1)`.
 */
import type { DType } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { sizeOf } from '../core/ndarray.js';
import { canonical, normalizeAxis, type Shape } from '../core/shape.js';
import type { Case, CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { sourceCost, walk } from './facets.js';
import { one, requireAxes, requireAxis, requireIntegers, requireNone, requireShape } from './rules.js';
import { benchLength, exact, lengths, normal } from './samples.js';
import { bind, type Recorder, type Tensor } from './tensor.js';

type Source = 'constant' | 'iota' | 'size';

const ranges: Readonly<Record<DType, readonly [number, number]>> = {
  f32: [-3.4028234663852886e38, 3.4028234663852886e38],
  i32: [-2147483648, 2147483647],
  u8: [0, 255],
  i8: [-128, 127],
  bool: [0, 1],
};

function requireLiterals(dtype: DType, data: readonly number[]): void {
  const [low, high] = ranges[dtype];
  const bad = data.find((value) => !(value >= low && value <= high && (dtype === 'f32' || Number.isInteger(value))));
  if (bad !== undefined) {
    throw new ArgumentError('constant', `finite values that ${dtype} holds are required. Received ${bad}.`);
  }
}

export const shape = {
  constant: (attrs, inputs) => {
    requireNone('constant', inputs);
    requireIntegers('constant', 'shape', attrs.shape, attrs.shape.length);
    const size = sizeOf(attrs.shape);
    if (attrs.data.length !== size && attrs.data.length !== 1) {
      throw new ArgumentError('constant', `one value or ${size} are required. Received ${attrs.data.length}.`);
    }
    requireLiterals(attrs.dtype, attrs.data);
    return [{ dtype: attrs.dtype, shape: attrs.shape }];
  },
  iota: (attrs, inputs) => {
    requireNone('iota', inputs);
    requireShape('iota', attrs.shape);
    requireAxis('iota', attrs.axis, attrs.shape.length);
    return [{ dtype: 'i32', shape: attrs.shape }];
  },
  size: (attrs, inputs) => {
    requireAxes('size', attrs.axes, one('size', inputs).shape.length);
    return [{ dtype: 'f32', shape: [] }];
  },
} satisfies ShapeFacet<Source>;

export const gradient = { constant: null, iota: null, size: () => [null] } satisfies GradientFacet<Source>;

export const reference = {
  constant: (attrs, _, outputs) => {
    const y = one('constant', outputs);
    const round = attrs.dtype === 'f32' ? Math.fround : Math.trunc;
    for (let i = 0; i < y.data.length; i++) y.data[i] = round(attrs.data[attrs.data.length === 1 ? 0 : i] ?? NaN);
  },
  iota: (attrs, _, outputs) => {
    const y = one('iota', outputs);
    const along = y.shape.map((_, axis) => (axis === attrs.axis ? 1 : 0));
    walk(y.shape, [along], (at, index) => {
      y.data[at] = index;
    });
  },
  size: (attrs, inputs, outputs) => {
    const x = one('size', inputs);
    one('size', outputs).data[0] = sizeOf(attrs.axes.map((axis) => x.shape[axis] ?? 0));
  },
} satisfies ReferenceFacet<Source>;

export const cost = { constant: sourceCost, iota: sourceCost, size: sourceCost } satisfies CostFacet<Source>;

export const cases = {
  constant: () => [
    { attrs: { dtype: 'f32', shape: [], data: [-2.5] }, inputs: [] },
    { attrs: { dtype: 'f32', shape: [0], data: [] }, inputs: [] },
    { attrs: { dtype: 'f32', shape: [3, 11], data: [0.1] }, inputs: [], tolerance: exact },
    { attrs: { dtype: 'f32', shape: [2, 3], data: [1, -0.5, 1e-30, 3e38, 16777217, 0] }, inputs: [], tolerance: exact },
    { attrs: { dtype: 'i32', shape: [5], data: [-2147483648, 2147483647, 0, -1, 16777217] }, inputs: [] },
    { attrs: { dtype: 'u8', shape: [17], data: [255] }, inputs: [] },
    { attrs: { dtype: 'i8', shape: [3], data: [-128, 127, 0] }, inputs: [] },
    { attrs: { dtype: 'bool', shape: [5], data: [1, 0, 0, 1, 1] }, inputs: [] },
    { attrs: { dtype: 'f32', shape: [1024, 1024], data: [1.5] }, inputs: [], bench: true },
  ],
  iota: iotaCases,
  size: sizeCases,
} satisfies CasesFacet<Source>;

function iotaCases(): readonly Case<'iota'>[] {
  return [
    ...lengths.map((length) => ({ attrs: { shape: [length], axis: 0 }, inputs: [] })),
    { attrs: { shape: [3, 17], axis: 0 }, inputs: [] },
    { attrs: { shape: [3, 17], axis: 1 }, inputs: [] },
    { attrs: { shape: [2, 3, 4, 5], axis: 2 }, inputs: [] },
    { attrs: { shape: [3, 0], axis: 0 }, inputs: [] },
    { attrs: { shape: [benchLength], axis: 0 }, inputs: [], bench: true },
  ];
}

function sizeCases(): readonly Case<'size'>[] {
  return [
    { attrs: { axes: [] }, inputs: [normal([])] },
    { attrs: { axes: [0] }, inputs: [normal([0])] },
    { attrs: { axes: [0, 1, 2] }, inputs: [normal([3, 4, 5])] },
    { attrs: { axes: [1] }, inputs: [normal([3, 4, 5])] },
    { attrs: { axes: [0, 2] }, inputs: [normal([3, 4, 5])] },
  ];
}

/** A literal: a number, or an array of the dtype it has. Finite, for a graph is JSON. */
export function constant(recorder: Recorder, value: number | NDArray, dtype: DType = 'f32'): Tensor {
  const attrs =
    typeof value === 'number'
      ? { dtype, shape: [], data: [value] }
      : { dtype: value.dtype, shape: value.shape, data: Array.from(value.data) };
  return one('constant', recorder.record('constant', attrs, []));
}

/** The i32 numbers 0, 1, 2 ... along `axis` of `shape`, the same along the others. */
export function iota(recorder: Recorder, shape: Shape, axis = 0): Tensor {
  const attrs = { shape: shape.map(canonical), axis: normalizeAxis('iota', axis, shape.length) };
  return one('iota', recorder.record('iota', attrs, []));
}

/** The number of elements of `x` along `axes` (all unless said), an f32 scalar; it follows a symbolic batch. */
export function size(x: Tensor, axes: readonly number[] = x.shape.map((_, axis) => axis)): Tensor {
  const sorted = axes.map((axis) => normalizeAxis('size', axis, x.rank)).sort((a, b) => a - b);
  return bind('size', { axes: sorted }, x);
}

/** What stands beside a tensor in arithmetic: a number takes the tensor's dtype. */
export type Operand = Tensor | number;

/** The operands as tensors of one trace; at least one of `operands` must be a tensor, whose dtype the numbers take. */
export function tensorsOf(op: string, ...operands: readonly Operand[]): readonly Tensor[] {
  const first = operands.find((operand) => typeof operand !== 'number');
  if (!first) throw new ArgumentError(op, 'a tensor among the operands is required. Received numbers; use constant.');
  return operands.map((operand) =>
    typeof operand === 'number' ? constant(first.recorder, operand, first.dtype) : operand,
  );
}
