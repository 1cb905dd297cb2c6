/** Rows by their index, and the sum of rows by their index, its gradient. */
import { dtypes } from '../core/dtype.js';
import { IndexError, ShapeError } from '../core/errors.js';
import { sizeOf } from '../core/ndarray.js';
import { normalizeAxis, printShape, sameShape } from '../core/shape.js';
import type {
  Case,
  CasesFacet,
  CostFacet,
  GradientFacet,
  ReferenceArray,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { bytesOf, movementCost, only } from './facets.js';
import { one, requireAxis, requireDType, requireShape, two } from './rules.js';
import { exact, filled, integers, lengths, normal, summed, values } from './samples.js';
import { bind, type Tensor } from './tensor.js';

type Gather = 'gather' | 'gatherGrad';

export const shape = {
  gather: ({ axis }, inputs) => {
    const [x, indices] = two('gather', inputs);
    requireDType('gather', indices, ['i32']);
    requireAxis('gather', axis, x.shape.length);
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] }];
  },
  gatherGrad: ({ axis, size }, inputs) => {
    const [dy, indices] = two('gatherGrad', inputs);
    const after = axis + indices.shape.length;
    requireDType('gatherGrad', dy, ['f32']);
    requireDType('gatherGrad', indices, ['i32']);
    requireAxis('gatherGrad', axis, dy.shape.length - indices.shape.length + 1);
    requireShape('gatherGrad', [size]);
    if (!sameShape(dy.shape.slice(axis, after), indices.shape)) {
      const received = `${printShape(dy.shape)}, ${printShape(indices.shape)}`;
      throw new ShapeError(
        'gatherGrad',
        `the dimensions of the indices at axis ${axis} are required. Received ${received}.`,
      );
    }
    return [{ dtype: 'f32', shape: [...dy.shape.slice(0, axis), size, ...dy.shape.slice(after)] }];
  },
} satisfies ShapeFacet<Gather>;

export const gradient = {
  gather: ({ attrs, inputs, gradients }) => {
    const [x, indices] = two('gather', inputs);
    const size = x.shape[attrs.axis] ?? 0;
    return [bind('gatherGrad', { axis: attrs.axis, size }, only(gradients), indices), null];
  },
  gatherGrad: ({ attrs, inputs, gradients }) => {
    return [gather(only(gradients), two('gatherGrad', inputs)[1], attrs.axis), null];
  },
} satisfies GradientFacet<Gather>;

/** Visits each element of the rows: its offset in the gathered array, and in the array of `extent` rows per block. */
function eachRow(
  op: Gather,
  axis: number,
  whole: readonly number[],
  indices: ReferenceArray,
  visit: (gathered: number, source: number) => void,
): void {
  const extent = whole[axis] ?? 0;
  const outer = sizeOf(whole.slice(0, axis));
  const inner = sizeOf(whole.slice(axis + 1));
  const count = indices.data.length;
  for (let row = 0; row < count; row++) {
    const index = indices.data[row] ?? -1;
    if (index < 0 || index >= extent) {
      throw new IndexError(op, `indices in [0, ${extent - 1}] are required. Received ${index}.`);
    }
    for (let block = 0; block < outer; block++) {
      for (let i = 0; i < inner; i++) visit((block * count + row) * inner + i, (block * extent + index) * inner + i);
    }
  }
}

export const reference = {
  gather: ({ axis }, inputs, outputs) => {
    const [x, indices] = two('gather', inputs);
    const y = one('gather', outputs);
    eachRow('gather', axis, x.shape, indices, (to, from) => {
      y.data[to] = x.data[from] ?? NaN;
    });
  },
  gatherGrad: ({ axis }, inputs, outputs) => {
    const [dy, indices] = two('gatherGrad', inputs);
    const dx = one('gatherGrad', outputs);
    eachRow('gatherGrad', axis, dx.shape, indices, (from, to) => {
      dx.data[to] = (dx.data[to] ?? NaN) + (dy.data[from] ?? NaN);
    });
  },
} satisfies ReferenceFacet<Gather>;

export const cost = {
  gather: movementCost,
  gatherGrad: (_, inputs, outputs) => ({
    multiplyAdds: inputs[0] ? sizeOf(inputs[0].shape) : 0,
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
} satisfies CostFacet<Gather>;

export const cases = {
  gather: gatherCases,
  gatherGrad: gatherGradCases,
} satisfies CasesFacet<Gather>;

type Extents = readonly number[];

/** The array that holds the rows, the axis, the indices' shape. */
function shapes(): readonly (readonly [Extents, number, Extents])[] {
  return [
    ...lengths.map((length) => [[7, length], 0, [5]] as const),
    ...lengths.map((length) => [[7, 4], 0, [length]] as const),
    [[10], 0, [33]],
    [[10, 16], 0, []],
    [[10, 16], 0, [2, 3]],
    [[3, 10], 1, [17]],
    [[2, 7, 5], 1, [4]],
    [[2, 7, 5], 1, [2, 2]],
    [[2, 3, 4, 9], 2, [6]],
    [[2, 3, 4, 9], 3, [5]],
    [[0, 4], 1, [3]],
    [[1, 64], 0, [9]],
  ];
}

function gathered([whole, axis, indices]: readonly [Extents, number, Extents]): Extents {
  return [...whole.slice(0, axis), ...indices, ...whole.slice(axis + 1)];
}

function gatherCases(): readonly Case<'gather'>[] {
  return [
    ...shapes().map(([whole, axis, indices]): Case<'gather'> => ({
      attrs: { axis },
      inputs: [normal(whole), integers('i32', indices, 0, whole[axis] ?? 0)],
      tolerance: exact,
    })),
    ...dtypes.map((dtype): Case<'gather'> => ({
      attrs: { axis: 0 },
      inputs: [filled(dtype, [9, 5]), integers('i32', [4, 3], 0, 9)],
      tolerance: exact,
    })),
    { attrs: { axis: 0 }, inputs: [normal([4, 5]), values('i32', [6], [3, 0, 3, 3, 0, 2])], tolerance: exact },
    {
      attrs: { axis: 0 },
      inputs: [normal([10000, 256]), integers('i32', [4096], 0, 10000)],
      tolerance: exact,
      differentiate: [],
      bench: true,
    },
  ];
}

function gatherGradCases(): readonly Case<'gatherGrad'>[] {
  return [
    ...shapes().map((each): Case<'gatherGrad'> => {
      const [whole, axis, indices] = each;
      const size = whole[axis] ?? 0;
      return {
        attrs: { axis, size },
        inputs: [normal(gathered(each)), integers('i32', indices, 0, size)],
        tolerance: summed(33),
      };
    }),
    {
      attrs: { axis: 0, size: 4 },
      inputs: [normal([6, 5]), values('i32', [6], [3, 0, 3, 3, 0, 2])],
      tolerance: summed(8),
    },
    // Every row on the same entry.
    {
      attrs: { axis: 0, size: 3 },
      inputs: [normal([33, 4]), integers('i32', [33], 1, 2)],
      tolerance: summed(33),
    },
    {
      attrs: { axis: 0, size: 10000 },
      inputs: [normal([4096, 256]), integers('i32', [4096], 0, 10000)],
      tolerance: summed(33),
      differentiate: [],
      bench: true,
    },
  ];
}

/** The entries of `x` along `axis` at `indices` (i32); an index out of range stops the run. */
export const gather = (x: Tensor, indices: Tensor, axis = 0): Tensor =>
  bind('gather', { axis: normalizeAxis('gather', axis, x.rank) }, x, indices);
