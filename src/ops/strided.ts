/** Every so many-th element of the axes, forwards or backwards, and the gradient of taking them. */
import { dtypes } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import {
  addDims,
  ceilDivDim,
  type Dim,
  evaluateDim,
  type Extents,
  mulDims,
  normalizeAxis,
  printShape,
  sameShape,
  type Shape,
  subDims,
} from '../core/shape.js';
import type {
  Case,
  CasesFacet,
  CostFacet,
  GradientFacet,
  ReferenceArray,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { bytesOf, movementCost, offsetOf, only, stridesOf, walk } from './facets.js';
import { fits, one, requireIntegers, requireShape } from './rules.js';
import { exact, filled, lengths, normal } from './samples.js';
import { bind, type Tensor } from './tensor.js';

type Strided = 'stridedSlice' | 'stridedSliceGrad';

/** Whether `size` elements from `start`, `step` apart, lie in an axis of `extent`, for every extent of the symbols. */
function lies(start: Dim, size: Dim, step: number, extent: Dim): boolean {
  if (size === 0) return true;
  if (step < 0) return fits(addDims(start, 1), extent) && fits(mulDims(size, -step), addDims(start, -step));
  const all = size === ceilDivDim(subDims(extent, start), step) && fits(start, extent);
  return all || fits(addDims(start, mulDims(subDims(size, 1), step)), subDims(extent, 1));
}

function requirePart(op: Strided, whole: Shape, starts: Shape, sizes: Shape, steps: readonly number[]): void {
  requireShape(op, whole);
  requireShape(op, starts);
  requireShape(op, sizes);
  requireIntegers(op, 'steps', steps, whole.length, Number.MIN_SAFE_INTEGER);
  if (steps.includes(0))
    throw new ArgumentError(op, `steps other than 0 are required. Received [${steps.join(', ')}].`);
  const rank = whole.length;
  const isPart = whole.every((extent, i) => lies(starts[i] ?? 0, sizes[i] ?? 0, steps[i] ?? 1, extent));
  if (starts.length !== rank || sizes.length !== rank || !isPart) {
    const part = `${printShape(sizes)} from ${printShape(starts)} by [${steps.join(', ')}]`;
    throw new ShapeError(
      op,
      `a part that lies within the operand is required. Received ${part} of ${printShape(whole)}.`,
    );
  }
}

export const shape = {
  stridedSlice: ({ starts, sizes, steps }, inputs) => {
    const x = one('stridedSlice', inputs);
    requirePart('stridedSlice', x.shape, starts, sizes, steps);
    return [{ dtype: x.dtype, shape: sizes }];
  },
  stridedSliceGrad: (attrs, inputs) => {
    const dy = one('stridedSliceGrad', inputs);
    requirePart('stridedSliceGrad', attrs.shape, attrs.starts, dy.shape, attrs.steps);
    return [{ dtype: dy.dtype, shape: attrs.shape }];
  },
} satisfies ShapeFacet<Strided>;

export const gradient = {
  stridedSlice: ({ attrs: { starts, steps }, inputs, gradients }) => {
    return [bind('stridedSliceGrad', { shape: one('stridedSlice', inputs).shape, starts, steps }, only(gradients))];
  },
  stridedSliceGrad: ({ attrs: { starts, steps }, inputs, gradients }) => {
    return [bind('stridedSlice', { starts, sizes: one('stridedSliceGrad', inputs).shape, steps }, only(gradients))];
  },
} satisfies GradientFacet<Strided>;

/** Visits the elements of a part: their offsets in it and in the whole. */
function eachOfPart(
  part: ReferenceArray,
  whole: ReferenceArray,
  { starts, steps }: { readonly starts: Shape; readonly steps: readonly number[] },
  extents: Extents,
  visit: (inPart: number, inWhole: number) => void,
): void {
  const strides = stridesOf(whole.shape);
  const base = offsetOf(
    starts.map((start) => evaluateDim(start, extents)),
    strides,
  );
  walk(part.shape, [strides.map((stride, axis) => stride * (steps[axis] ?? 1))], (at, offset) => {
    visit(at, base + offset);
  });
}

export const reference = {
  stridedSlice: (attrs, inputs, outputs, extents) => {
    const x = one('stridedSlice', inputs);
    const y = one('stridedSlice', outputs);
    eachOfPart(y, x, attrs, extents, (to, from) => {
      y.data[to] = x.data[from] ?? NaN;
    });
  },
  stridedSliceGrad: (attrs, inputs, outputs, extents) => {
    const dy = one('stridedSliceGrad', inputs);
    const dx = one('stridedSliceGrad', outputs);
    eachOfPart(dy, dx, attrs, extents, (from, to) => {
      dx.data[to] = dy.data[from] ?? NaN;
    });
  },
} satisfies ReferenceFacet<Strided>;

export const cost = {
  stridedSlice: movementCost,
  stridedSliceGrad: (_, inputs, outputs) => ({ multiplyAdds: 0, bytes: bytesOf(inputs) + bytesOf(outputs) }),
} satisfies CostFacet<Strided>;

export const cases = {
  stridedSlice: stridedSliceCases,
  stridedSliceGrad: stridedSliceGradCases,
} satisfies CasesFacet<Strided>;

interface Part {
  readonly whole: readonly number[];
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
}

function parts(): readonly Part[] {
  return [
    { whole: [], starts: [], sizes: [], steps: [] },
    ...lengths.flatMap((length): Part[] => [
      { whole: [2 * length + 1], starts: [1], sizes: [length], steps: [2] },
      { whole: [length + 1], starts: [length], sizes: [length], steps: [-1] },
      { whole: [3, 3 * length + 2], starts: [2, 3 * length + 1], sizes: [2, length], steps: [-2, -3] },
      { whole: [3 * length + 1, 5], starts: [1, 0], sizes: [length, 5], steps: [3, 1] },
    ]),
    { whole: [0], starts: [0], sizes: [0], steps: [-1] },
    { whole: [4, 5], starts: [3, 4], sizes: [4, 5], steps: [-1, -1] },
    { whole: [3, 4, 5], starts: [0, 3, 1], sizes: [3, 4, 2], steps: [1, -1, 2] },
    { whole: [3, 4, 5], starts: [2, 0, 0], sizes: [1, 4, 5], steps: [7, 1, 1] },
    { whole: [5, 9, 7, 5], starts: [4, 1, 6, 0], sizes: [3, 4, 2, 3], steps: [-2, 2, -4, 2] },
    { whole: [2, 9, 7, 16], starts: [0, 8, 0, 0], sizes: [2, 9, 4, 16], steps: [1, -1, 2, 1] },
    { whole: [70, 150], starts: [0, 149], sizes: [70, 150], steps: [1, -1] },
  ];
}

const large: Part = { whole: [1024, 1024], starts: [1023, 0], sizes: [1024, 512], steps: [-1, 2] };

function stridedSliceCases(): readonly Case<'stridedSlice'>[] {
  const use = ({ whole, ...attrs }: Part): Case<'stridedSlice'> => ({
    attrs,
    inputs: [normal(whole)],
    tolerance: exact,
  });
  return [
    ...parts().map(use),
    ...dtypes.map((dtype): Case<'stridedSlice'> => ({
      attrs: { starts: [4, 1], sizes: [3, 11], steps: [-2, 2] },
      inputs: [filled(dtype, [5, 23])],
      tolerance: exact,
    })),
    { ...use(large), differentiate: [], bench: true },
  ];
}

function stridedSliceGradCases(): readonly Case<'stridedSliceGrad'>[] {
  const use = ({ whole, starts, sizes, steps }: Part): Case<'stridedSliceGrad'> => ({
    attrs: { shape: whole, starts, steps },
    inputs: [normal(sizes)],
    tolerance: exact,
  });
  return [...parts().map(use), { ...use(large), differentiate: [], bench: true }];
}

/** Where a slice of one axis ends: a position, counted from the end where it is negative, or null for the axis' own end. */
export type Position = number | null;

interface Range {
  readonly start: Dim;
  readonly size: Dim;
}

/** What Python's slice takes of an axis; of a symbolic extent, without cutting positions that lie beyond it. */
function rangeOf(begin: Position, end: Position, step: number, extent: Dim): Range {
  const [low, high] = step > 0 ? [0, 0] : [-1, -1];
  const place = (position: Position, otherwise: Dim): Dim => {
    if (position === null) return otherwise;
    const counted = position < 0 ? addDims(extent, position) : position;
    if (typeof counted === 'string' || typeof extent === 'string') return counted;
    return Math.max(low, Math.min(extent + high, counted));
  };
  const last = addDims(extent, -1);
  const start = place(begin, step > 0 ? 0 : last);
  const stop = place(end, step > 0 ? extent : -1);
  const size = step > 0 ? ceilDivDim(subDims(stop, start), step) : ceilDivDim(subDims(start, stop), -step);
  return typeof size === 'number' && size <= 0 ? { start: 0, size: 0 } : { start, size };
}

/**
 * x[begin:end:step, ...] as in Python: of each axis the elements from `begin` up to but without `end`, `step` apart (1
 * unless said). Negative positions count from the end, null (and an axis that is left out) is the whole way in the
 * direction of the step. Throws `ArgumentError` for a step of 0 and for more entries than axes, `ShapeError` where it
 * cannot be known that the part lies within a symbolic axis.
 */
export function stridedSlice(
  x: Tensor,
  begin: readonly Position[],
  end: readonly Position[],
  steps: readonly number[] = [],
): Tensor {
  const given: Readonly<Record<string, readonly Position[]>> = { begin, end, steps };
  for (const [what, list] of Object.entries(given)) {
    const whole = list.filter((entry) => entry !== null);
    requireIntegers('stridedSlice', what, whole, whole.length, Number.MIN_SAFE_INTEGER);
    if (list.length > x.rank) {
      throw new ArgumentError(
        'stridedSlice',
        `${what}: at most ${x.rank} entries are required. Received ${list.length}.`,
      );
    }
  }
  const full = x.shape.map((_, axis) => steps[axis] ?? 1);
  if (full.includes(0)) throw new ArgumentError('stridedSlice', 'steps other than 0 are required. Received 0.');
  const ranges = x.shape.map((extent, axis) =>
    rangeOf(begin[axis] ?? null, end[axis] ?? null, full[axis] ?? 1, extent),
  );
  const sizes = ranges.map(({ size }) => size);
  if (sameShape(sizes, x.shape) && full.every((step, axis) => step > 0 || sizes[axis] === 1)) return x;
  return bind('stridedSlice', { starts: ranges.map(({ start }) => start), sizes, steps: full }, x);
}

/** `x` with the elements of `axes` (all unless said) in reverse order. */
export function flip(x: Tensor, axes: number | readonly number[] = x.shape.map((_, axis) => axis)): Tensor {
  const turned = (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis('flip', axis, x.rank));
  const steps = x.shape.map((_, axis) => (turned.includes(axis) ? -1 : 1));
  const open = x.shape.map(() => null);
  return stridedSlice(x, open, open, steps);
}
