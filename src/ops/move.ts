/** Views of all elements: another shape, another order of axes, repetition. */
import { dtypes } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import {
  broadcastShapes,
  canonical,
  type Dim,
  divideExactly,
  normalizeAxis,
  printShape,
  sameShape,
  type Shape,
  sizeOfShape,
} from '../core/shape.js';
import type { Case, CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { broadcastStrides, movementCost, only, stridesOf, sumTo, walk } from './facets.js';
import { one, requireIntegers, requireShape } from './rules.js';
import { exact, filled, lengths, normal } from './samples.js';
import { bind, type Tensor } from './tensor.js';

type Move = 'reshape' | 'transpose' | 'broadcastTo';

export const shape = {
  reshape: (attrs, inputs) => {
    const x = one('reshape', inputs);
    requireShape('reshape', attrs.shape);
    if (sizeOfShape(x.shape) !== sizeOfShape(attrs.shape)) {
      const received = `${printShape(x.shape)} to ${printShape(attrs.shape)}`;
      throw new ShapeError('reshape', `a shape of as many elements is required. Received ${received}.`);
    }
    return [{ dtype: x.dtype, shape: attrs.shape }];
  },
  transpose: ({ permutation }, inputs) => {
    const x = one('transpose', inputs);
    const rank = x.shape.length;
    requireIntegers('transpose', 'permutation', permutation, rank, 0, rank - 1);
    if (new Set(permutation).size !== rank) {
      throw new ArgumentError('transpose', `each axis once is required. Received [${permutation.join(', ')}].`);
    }
    return [{ dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis] ?? 1) }];
  },
  broadcastTo: (attrs, inputs) => {
    const x = one('broadcastTo', inputs);
    requireShape('broadcastTo', attrs.shape);
    if (!sameShape(broadcastShapes('broadcastTo', x.shape, attrs.shape), attrs.shape)) {
      const received = `${printShape(x.shape)} to ${printShape(attrs.shape)}`;
      throw new ShapeError('broadcastTo', `a shape to which the operand broadcasts is required. Received ${received}.`);
    }
    return [{ dtype: x.dtype, shape: attrs.shape }];
  },
} satisfies ShapeFacet<Move>;

export const gradient = {
  reshape: ({ inputs, gradients }) => [reshape(only(gradients), one('reshape', inputs).shape)],
  transpose: ({ attrs, gradients }) => {
    const inverse = attrs.permutation.map((_, axis) => attrs.permutation.indexOf(axis));
    return [transpose(only(gradients), inverse)];
  },
  broadcastTo: ({ inputs, gradients }) => [sumTo(only(gradients), one('broadcastTo', inputs).shape)],
} satisfies GradientFacet<Move>;

export const reference = {
  reshape: (_, inputs, outputs) => one('reshape', outputs).data.set(one('reshape', inputs).data),
  transpose: ({ permutation }, inputs, outputs) => {
    const x = one('transpose', inputs);
    const y = one('transpose', outputs);
    const strides = stridesOf(x.shape);
    walk(y.shape, [permutation.map((axis) => strides[axis] ?? 0)], (at, from) => {
      y.data[at] = x.data[from] ?? NaN;
    });
  },
  broadcastTo: (_, inputs, outputs) => {
    const x = one('broadcastTo', inputs);
    const y = one('broadcastTo', outputs);
    walk(y.shape, [broadcastStrides(x.shape, y.shape)], (at, from) => {
      y.data[at] = x.data[from] ?? NaN;
    });
  },
} satisfies ReferenceFacet<Move>;

export const cost = {
  /** A view. */
  reshape: () => ({ multiplyAdds: 0, bytes: 0 }),
  transpose: movementCost,
  broadcastTo: movementCost,
} satisfies CostFacet<Move>;

export const cases = {
  reshape: reshapeCases,
  transpose: transposeCases,
  broadcastTo: broadcastToCases,
} satisfies CasesFacet<Move>;

type Extents = readonly number[];

function reshapeCases(): readonly Case<'reshape'>[] {
  const pairs: readonly (readonly [Extents, Extents])[] = [
    [[], [1]],
    [[1, 1], []],
    [[0], [3, 0]],
    [
      [3, 4],
      [2, 6],
    ],
    [[2, 3, 5], [30]],
    [[33], [11, 3]],
  ];
  return [
    ...pairs.map(([from, to]): Case<'reshape'> => ({ attrs: { shape: to }, inputs: [normal(from)], tolerance: exact })),
    ...dtypes.map((dtype): Case<'reshape'> => ({
      attrs: { shape: [5, 3] },
      inputs: [filled(dtype, [3, 5])],
      tolerance: exact,
    })),
  ];
}

function transposeCases(): readonly Case<'transpose'>[] {
  const pairs: readonly (readonly [Extents, Extents])[] = [
    [[], []],
    [[5], [0]],
    ...lengths.flatMap((length) => [
      [
        [length, 5],
        [1, 0],
      ] as const,
      [
        [17, length],
        [1, 0],
      ] as const,
      [
        [2, 3, length],
        [1, 0, 2],
      ] as const,
    ]),
    [
      [3, 4, 5],
      [0, 1, 2],
    ],
    ...[
      [0, 2, 1],
      [2, 0, 1],
      [1, 2, 0],
      [2, 1, 0],
    ].map((permutation) => [[3, 4, 5], permutation] as const),
    ...[
      [0, 2, 1, 3],
      [0, 3, 1, 2],
      [0, 2, 3, 1],
      [3, 2, 1, 0],
      [1, 0, 3, 2],
      [2, 3, 0, 1],
    ].map((permutation) => [[2, 3, 4, 5], permutation] as const),
    [
      [2, 3, 2, 4, 3],
      [4, 2, 0, 3, 1],
    ],
    [
      [1, 7, 1, 5],
      [2, 1, 0, 3],
    ],
  ];
  const large: readonly (readonly [Extents, Extents])[] = [
    [
      [1024, 1024],
      [1, 0],
    ],
    [
      [4, 128, 8, 64],
      [0, 2, 1, 3],
    ],
    [
      [8, 64, 64, 32],
      [0, 3, 1, 2],
    ],
  ];
  return [
    ...pairs.map(([extents, permutation]): Case<'transpose'> => ({
      attrs: { permutation },
      inputs: [normal(extents)],
      tolerance: exact,
    })),
    ...dtypes.flatMap((dtype): Case<'transpose'>[] => [
      { attrs: { permutation: [1, 0] }, inputs: [filled(dtype, [17, 33])], tolerance: exact, differentiate: [] },
      { attrs: { permutation: [0, 2, 1, 3] }, inputs: [filled(dtype, [2, 3, 4, 5])], tolerance: exact },
    ]),
    ...large.map(([extents, permutation]): Case<'transpose'> => ({
      attrs: { permutation },
      inputs: [normal(extents)],
      tolerance: exact,
      differentiate: [],
      bench: true,
    })),
  ];
}

function broadcastToCases(): readonly Case<'broadcastTo'>[] {
  const pairs: readonly (readonly [Extents, Extents])[] = [
    [[], []],
    ...lengths.flatMap((length) => [
      [[], [length]] as const,
      [[length], [3, length]] as const,
      [
        [3, 1],
        [3, length],
      ] as const,
    ]),
    [
      [3, 1, 5],
      [2, 3, 4, 5],
    ],
    [
      [2, 1, 4, 1],
      [2, 3, 4, 5],
    ],
    [
      [1, 3, 1, 16],
      [2, 3, 4, 16],
    ],
    [[1], [0, 3]],
    [
      [3, 4],
      [3, 4],
    ],
  ];
  return [
    ...pairs.map(([from, to]): Case<'broadcastTo'> => ({
      attrs: { shape: to },
      inputs: [normal(from)],
      tolerance: exact,
    })),
    ...dtypes.map((dtype): Case<'broadcastTo'> => ({
      attrs: { shape: [5, 3, 7] },
      inputs: [filled(dtype, [3, 1])],
      tolerance: exact,
    })),
    {
      attrs: { shape: [1024, 1024] },
      inputs: [normal([1024])],
      tolerance: exact,
      differentiate: [],
      bench: true,
    },
    {
      attrs: { shape: [1024, 1024] },
      inputs: [normal([1024, 1])],
      tolerance: exact,
      differentiate: [],
      bench: true,
    },
  ];
}

/** The dimension that makes `shape` hold as many elements as `whole`; dimensions on both sides cancel first. */
function missingDim(whole: Shape, shape: Shape): Dim {
  const rest = [...whole];
  const known = shape.filter((dim) => {
    const at = dim === -1 || dim === 0 ? -1 : rest.indexOf(dim);
    if (at >= 0) rest.splice(at, 1);
    return dim !== -1 && at < 0;
  });
  const dim = divideExactly(sizeOfShape(rest), sizeOfShape(known));
  if (dim === null) {
    const received = `${printShape(whole)} to ${printShape(shape)}`;
    throw new ShapeError('reshape', `known dimensions that divide the elements are required. Received ${received}.`);
  }
  return dim;
}

/** The same elements in row-major order; one dimension may be -1 and follows from the others. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const asked = shape.map(canonical);
  const open = asked.indexOf(-1);
  if (open !== asked.lastIndexOf(-1)) {
    throw new ShapeError('reshape', `at most one -1 is required. Received ${printShape(shape)}.`);
  }
  const full = open < 0 ? asked : asked.with(open, missingDim(x.shape, asked));
  return sameShape(full, x.shape) ? x : bind('reshape', { shape: full }, x);
}

/** The axes in another order: axis `i` of the result is axis `permutation[i]` of `x`; reversed unless said. */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  const order = permutation ?? x.shape.map((_, axis) => x.rank - 1 - axis);
  return bind('transpose', { permutation: order.map((axis) => normalizeAxis('transpose', axis, x.rank)) }, x);
}

/** `x` repeated along the axes where it has 1 or none, by NumPy's rule. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  const full = shape.map(canonical);
  return sameShape(full, x.shape) ? x : bind('broadcastTo', { shape: full }, x);
}
