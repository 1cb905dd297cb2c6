/**
 * The first elements of the last axis in order, and sorting along any axis. NaN is larger than everything, as in NumPy:
 * last in ascending order, first in descending order. Of equal elements the one of lower index is first.
 */
import { type DType, dtypes } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { sizeOf } from '../core/ndarray.js';
import { canonical, type Dim, normalizeAxis, printShape, type Shape } from '../core/shape.js';
import { add, mul } from './binary.js';
import { notEqual, where } from './compare.js';
import type {
  Case,
  CaseInput,
  CasesFacet,
  CostFacet,
  GradientFacet,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { bytesOf } from './facets.js';
import { broadcastTo, reshape, transpose } from './move.js';
import { fits, one, requireDType, requireShape, two } from './rules.js';
import { benchLength, distinct, exact, filled, integers, lengths, normal, values } from './samples.js';
import { constant } from './source.js';
import { slice } from './slice.js';
import { bind, bindAll, type Tensor } from './tensor.js';

const ordered: readonly DType[] = dtypes.filter((dtype) => dtype !== 'bool');

export const shape = {
  topK: ({ k }, inputs) => {
    const x = one('topK', inputs);
    requireDType('topK', x, ordered);
    requireShape('topK', [k]);
    const n = x.shape.at(-1);
    if (n === undefined || !fits(k, n)) {
      const required = `rows of at least ${k} elements are required`;
      throw new ShapeError('topK', `${required}. Received ${printShape(x.shape)}.`);
    }
    const shape = [...x.shape.slice(0, -1), k];
    return [
      { dtype: x.dtype, shape },
      { dtype: 'i32', shape },
    ];
  },
} satisfies ShapeFacet<'topK'>;

export const gradient = {
  topK: ({ inputs, outputs, gradients }) => {
    const x = one('topK', inputs);
    const [g] = gradients;
    if (!g) return [null];
    const nothing = broadcastTo(constant(x.recorder, 0), x.shape);
    return [bind('scatterElements', { axis: x.rank - 1, reduction: 'add' }, nothing, two('topK', outputs)[1], g)];
  },
} satisfies GradientFacet<'topK'>;

/** Ascending, NaN last. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

export const reference = {
  topK: ({ largest }, inputs, outputs) => {
    const x = one('topK', inputs);
    const [y, indices] = two('topK', outputs);
    const n = x.shape.at(-1) ?? 0;
    const k = y.shape.at(-1) ?? 0;
    for (let row = 0; row < sizeOf(x.shape.slice(0, -1)); row++) {
      const at = (index: number): number => x.data[row * n + index] ?? NaN;
      const order = Array.from({ length: n }, (_, index) => index);
      // Sorting is stable.
      order.sort((a, b) => (largest ? compare(at(b), at(a)) : compare(at(a), at(b))));
      order.slice(0, k).forEach((index, i) => {
        y.data[row * k + i] = at(index);
        indices.data[row * k + i] = index;
      });
    }
  },
} satisfies ReferenceFacet<'topK'>;

export const cost = {
  topK: (_, inputs, outputs) => ({ multiplyAdds: 0, bytes: bytesOf(inputs) + bytesOf(outputs) }),
} satisfies CostFacet<'topK'>;

export const cases = { topK: topKCases } satisfies CasesFacet<'topK'>;

function topKCases(): readonly Case<'topK'>[] {
  const special = [NaN, 1, -0, 0, NaN, 2, -Infinity, Infinity, -1, 1, 3.4e38, -3.4e38, 1e-40, -1e-40, 0, -2];
  const shapes: readonly (readonly [readonly number[], number])[] = [
    ...lengths.flatMap((length) => [
      [[length], length] as const,
      [[3, length], Math.min(2, length)] as const,
      [[2, 2, length], 0] as const,
    ]),
    [[0, 5], 3],
    [[1000], 10],
    [[2, 129], 129],
    [[3, 1000], 1000],
    [[200, 9], 4],
  ];
  const both = [false, true];
  const use = (input: CaseInput, k: number, largest: boolean): Case<'topK'> => ({
    attrs: { k, largest },
    inputs: [input],
    tolerance: exact,
  });
  return both.flatMap((largest) => [
    ...shapes.map(([extents, k]) => use(distinct(extents), k, largest)),
    ...ordered.map((dtype) => use({ ...filled(dtype, [3, 200]) }, 200, largest)),
    // Few different numbers: many ties.
    ...ordered.flatMap((dtype) =>
      [5, 300].map((k): Case<'topK'> => ({
        ...use(integers(dtype, [2, 300], 0, 4), k, largest),
        differentiate: [],
      })),
    ),
    { ...use(values('f32', [16], special), 16, largest), differentiate: [] },
    { ...use(values('f32', [176], Array.from({ length: 11 }, () => special).flat()), 176, largest), differentiate: [] },
    { ...use(values('f32', [176], Array.from({ length: 11 }, () => special).flat()), 5, largest), differentiate: [] },
    { ...use(values('i32', [5], [-2147483648, 2147483647, 0, -1, 2147483647]), 5, largest) },
    { ...use(normal([benchLength]), benchLength, largest), differentiate: [], bench: true },
    { ...use(normal([64, 16384]), 10, largest), differentiate: [], bench: true },
  ]);
}

/** `fn` of `x` with `axis` as its last one, and that axis back in its place. */
function alongLast(op: string, x: Tensor, axis: number, fn: (x: Tensor, n: Dim) => readonly Tensor[]): Tensor[] {
  const along = normalizeAxis(op, axis, x.rank);
  const order = x.shape.map((_, i) => i);
  const swapped = order.with(along, x.rank - 1).with(x.rank - 1, along);
  const swap = (each: Tensor): Tensor => (along === x.rank - 1 ? each : transpose(each, swapped));
  return fn(swap(x), x.shape[along] ?? 0).map(swap);
}

const sorted = (op: string, x: Tensor, axis: number, descending: boolean): readonly [Tensor, Tensor] => {
  const pair = alongLast(op, x, axis, (rows, n) => bindAll('topK', { k: n, largest: descending }, rows));
  return two(op, pair);
};

export interface SortOptions {
  /** The largest first (default false). */
  readonly descending?: boolean;
}

/** The elements along `axis` (default the last) from the smallest to the largest, or `descending`; NaN is the largest. */
export const sort = (x: Tensor, axis = -1, { descending = false }: SortOptions = {}): Tensor =>
  sorted('sort', x, axis, descending)[0];

/** The indices, i32, that sort along `axis`; of equal elements the lower index is first, in either direction. */
export const argsort = (x: Tensor, axis = -1, { descending = false }: SortOptions = {}): Tensor =>
  sorted('argsort', x, axis, descending)[1];

export interface TopKOptions {
  /** The last axis unless said. */
  readonly axis?: number;
  /** The largest (the default) or the smallest. */
  readonly largest?: boolean;
}

/**
 * The `k` largest elements along an axis, from the largest on, and their indices (i32); ties by their index, NaN as the
 * largest. Throws `ShapeError` where the axis has fewer than k.
 */
export function topK(
  x: Tensor,
  k: Dim,
  { axis = -1, largest = true }: TopKOptions = {},
): { readonly values: Tensor; readonly indices: Tensor } {
  const pair = alongLast('topK', x, axis, (rows) => bindAll('topK', { k: canonical(k), largest }, rows));
  const [values, indices] = two('topK', pair);
  return { values, indices };
}

/** The middle element in order along `axis` (default the last), or the mean of the two; NaN where there is one. f32. */
export function median(x: Tensor, axis = -1): Tensor {
  const along = normalizeAxis('median', axis, x.rank);
  const n = x.shape[along];
  requireDType('median', x, ['f32']);
  if (typeof n !== 'number' || n === 0) {
    throw new ShapeError('median', `a fixed extent along axis ${along} is required. Received ${printShape(x.shape)}.`);
  }
  const rows = sort(x, along);
  const rest: Shape = x.shape.filter((_, i) => i !== along);
  const entry = (at: number): Tensor => {
    const starts = x.shape.map((_, i) => (i === along ? at : 0));
    return reshape(slice(rows, starts, x.shape.with(along, 1)), rest);
  };
  const [low, high, last] = [entry((n - 1) >> 1), entry(n >> 1), entry(n - 1)];
  return where(notEqual(last, last), last, mul(add(low, high), 0.5));
}
