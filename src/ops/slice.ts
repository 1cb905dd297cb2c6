/** Parts of tensors: cut out, surrounded by zeros, written into a larger one, put side by side. */
import { dtypes } from '../core/dtype.js';
import { ArgumentError, IndexError, ShapeError } from '../core/errors.js';
import {
  addDims,
  canonical,
  type Dim,
  isFixed,
  normalizeAxis,
  printShape,
  type Shape,
  subDims,
} from '../core/shape.js';
import { add } from './binary.js';
import { cast } from './cast.js';
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
import { gather } from './gather.js';
import { broadcastTo, reshape } from './move.js';
import {
  fits,
  one,
  requireAxis,
  requireDType,
  requireIntegers,
  requireSameDType,
  requireShape,
  three,
} from './rules.js';
import { exact, filled, lengths, normal, values } from './samples.js';
import { none, type Pair } from './schema.js';
import { constant, iota, type Operand, size } from './source.js';
import { bind, Tensor } from './tensor.js';

type Slice = 'slice' | 'pad' | 'dynamicUpdateSlice' | 'concat';

export const shape = {
  slice: ({ starts, sizes }, inputs) => {
    const x = one('slice', inputs);
    requireIntegers('slice', 'starts', starts, x.shape.length);
    requireShape('slice', sizes);
    if (
      sizes.length !== x.shape.length ||
      !x.shape.every((dim, i) => fits(addDims(starts[i] ?? 0, sizes[i] ?? 0), dim))
    ) {
      const received = `${printShape(sizes)} from ${printShape(starts)} of ${printShape(x.shape)}`;
      throw new ShapeError('slice', `a part that lies within the operand is required. Received ${received}.`);
    }
    return [{ dtype: x.dtype, shape: sizes }];
  },
  pad: ({ low, high }, inputs) => {
    const x = one('pad', inputs);
    requireIntegers('pad', 'low', low, x.shape.length);
    requireIntegers('pad', 'high', high, x.shape.length);
    return [{ dtype: x.dtype, shape: x.shape.map((dim, i) => addDims(dim, (low[i] ?? 0) + (high[i] ?? 0))) }];
  },
  dynamicUpdateSlice: (_, inputs) => {
    const [x, update, starts] = three('dynamicUpdateSlice', inputs);
    const rank = x.shape.length;
    requireSameDType('dynamicUpdateSlice', [x, update]);
    requireDType('dynamicUpdateSlice', starts, ['i32']);
    if (update.shape.length !== rank || !x.shape.every((dim, i) => fits(update.shape[i] ?? 0, dim))) {
      const received = `${printShape(update.shape)} into ${printShape(x.shape)}`;
      throw new ShapeError('dynamicUpdateSlice', `an update that fits is required. Received ${received}.`);
    }
    if (starts.shape.length !== 1 || starts.shape[0] !== rank) {
      const received = printShape(starts.shape);
      throw new ShapeError('dynamicUpdateSlice', `starts of shape [${rank}] are required. Received ${received}.`);
    }
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  concat: ({ axis }, inputs) => {
    const [first] = inputs;
    if (!first) throw new ArgumentError('concat', 'at least one operand is required. Received 0.');
    requireSameDType('concat', inputs);
    requireAxis('concat', axis, first.shape.length);
    for (const { shape } of inputs) {
      if (shape.length !== first.shape.length || !shape.every((dim, i) => i === axis || dim === first.shape[i])) {
        const received = inputs.map((input) => printShape(input.shape)).join(', ');
        throw new ShapeError(
          'concat',
          `shapes that differ only along axis ${axis} are required. Received ${received}.`,
        );
      }
    }
    const total = inputs.reduce<Dim>((sum, { shape }) => addDims(sum, shape[axis] ?? 0), 0);
    return [{ dtype: first.dtype, shape: first.shape.map((dim, i) => (i === axis ? total : dim)) }];
  },
} satisfies ShapeFacet<Slice>;

/** `part`, surrounded by zeros, at `starts` of `whole`. */
function embed(part: Tensor, whole: Shape, starts: readonly number[]): Tensor {
  const high = whole.map((dim, i) => subDims(dim, addDims(part.shape[i] ?? 0, starts[i] ?? 0)));
  if (isFixed(high)) return bind('pad', { low: starts, high }, part);
  return dynamicUpdateSlice(zeros(part, whole), part, starts);
}

const zeros = (like: Tensor, shape: Shape): Tensor => broadcastTo(constant(like.recorder, 0, like.dtype), shape);

/** `count` entries of `x` along `axis` from the i32 scalar `start`. */
function entriesFrom(x: Tensor, axis: number, start: Tensor, count: Dim): Tensor {
  return gather(x, add(iota(x.recorder, [count]), start), axis);
}

export const gradient = {
  slice: ({ attrs, inputs, gradients }) => [embed(only(gradients), one('slice', inputs).shape, attrs.starts)],
  pad: ({ attrs, inputs, gradients }) => [slice(only(gradients), attrs.low, one('pad', inputs).shape)],
  dynamicUpdateSlice: ({ inputs, gradients }) => {
    const [x, update, starts] = three('dynamicUpdateSlice', inputs);
    const g = only(gradients);
    const toUpdate = update.shape.reduce<Tensor>((part, count, axis) => {
      if (count === x.shape[axis]) return part;
      return entriesFrom(part, axis, reshape(slice(starts, [axis], [1]), []), count);
    }, g);
    return [dynamicUpdateSlice(g, zeros(g, update.shape), starts), toUpdate, null];
  },
  concat: ({ attrs: { axis }, inputs, gradients }) => {
    const g = only(gradients);
    return inputs.map((input, k) => {
      const before = inputs.slice(0, k);
      const start = before.reduce<Dim>((sum, { shape }) => addDims(sum, shape[axis] ?? 0), 0);
      if (typeof start === 'number') {
        return slice(
          g,
          input.shape.map((_, i) => (i === axis ? start : 0)),
          input.shape,
        );
      }
      const offset = before.map((each) => size(each, [axis])).reduce((sum, each) => add(sum, each));
      return entriesFrom(g, axis, cast(offset, 'i32'), input.shape[axis] ?? 0);
    });
  },
} satisfies GradientFacet<Slice>;

/** Visits the elements of a part that begins at `starts` of the whole: their offsets in either. */
function eachOfPart(
  part: readonly number[],
  whole: readonly number[],
  starts: ArrayLike<number>,
  visit: (inPart: number, inWhole: number) => void,
): void {
  const strides = stridesOf(whole);
  const base = offsetOf(starts, strides);
  walk(part, [strides], (at, offset) => visit(at, base + offset));
}

/** Writes `part` into `whole` at `starts`. */
function write(part: ReferenceArray, whole: ReferenceArray, starts: ArrayLike<number>): void {
  eachOfPart(part.shape, whole.shape, starts, (from, to) => {
    whole.data[to] = part.data[from] ?? NaN;
  });
}

export const reference = {
  slice: ({ starts }, inputs, outputs) => {
    const x = one('slice', inputs);
    const y = one('slice', outputs);
    eachOfPart(y.shape, x.shape, starts, (to, from) => {
      y.data[to] = x.data[from] ?? NaN;
    });
  },
  pad: ({ low }, inputs, outputs) => write(one('pad', inputs), one('pad', outputs), low),
  dynamicUpdateSlice: (_, inputs, outputs) => {
    const [x, update, starts] = three('dynamicUpdateSlice', inputs);
    const y = one('dynamicUpdateSlice', outputs);
    x.shape.forEach((extent, axis) => {
      const start = starts.data[axis] ?? -1;
      const last = extent - (update.shape[axis] ?? 0);
      if (start < 0 || start > last) {
        const required = `a start in [0, ${last}] along axis ${axis} is required`;
        throw new IndexError('dynamicUpdateSlice', `${required}. Received ${start}.`);
      }
    });
    y.data.set(x.data);
    write(update, y, starts.data);
  },
  concat: ({ axis }, inputs, outputs) => {
    const y = one('concat', outputs);
    let start = 0;
    for (const x of inputs) {
      write(
        x,
        y,
        y.shape.map((_, i) => (i === axis ? start : 0)),
      );
      start += x.shape[axis] ?? 0;
    }
  },
} satisfies ReferenceFacet<Slice>;

export const cost = {
  slice: movementCost,
  pad: (_, inputs, outputs) => ({ multiplyAdds: 0, bytes: bytesOf(inputs) + bytesOf(outputs) }),
  /** In place: the update read and written. */
  dynamicUpdateSlice: (_, inputs) => ({ multiplyAdds: 0, bytes: 2 * bytesOf(inputs.slice(1, 2)) }),
  concat: movementCost,
} satisfies CostFacet<Slice>;

export const cases = {
  slice: sliceCases,
  pad: padCases,
  dynamicUpdateSlice: dynamicUpdateSliceCases,
  concat: concatCases,
} satisfies CasesFacet<Slice>;

type Extents = readonly number[];
type Part = readonly [whole: Extents, starts: Extents, sizes: Extents];

/** A whole, the starts and the sizes of a part of it: odd offsets, nothing, everything. */
function parts(): readonly Part[] {
  return [
    [[], [], []],
    ...lengths.flatMap((length) => [
      [[length + 3], [3], [length]] as const,
      [
        [5, length + 2],
        [1, 1],
        [3, length],
      ] as const,
      [
        [length + 5, 3],
        [5, 0],
        [length, 3],
      ] as const,
    ]),
    [[7], [7], [0]],
    [
      [4, 5],
      [0, 0],
      [4, 5],
    ],
    [
      [3, 4, 5],
      [1, 1, 1],
      [1, 2, 3],
    ],
    [
      [3, 4, 5],
      [1, 0, 0],
      [2, 4, 5],
    ],
    [
      [3, 9, 7, 5],
      [1, 3, 2, 1],
      [2, 5, 3, 3],
    ],
    [
      [2, 9, 7, 16],
      [0, 1, 1, 0],
      [2, 7, 5, 16],
    ],
  ];
}

function sliceCases(): readonly Case<'slice'>[] {
  const use = ([whole, starts, sizes]: Part): Case<'slice'> => ({
    attrs: { starts, sizes },
    inputs: [normal(whole)],
    tolerance: exact,
  });
  return [
    ...parts().map(use),
    ...dtypes.map((dtype): Case<'slice'> => ({
      attrs: { starts: [1, 3], sizes: [2, 17] },
      inputs: [filled(dtype, [5, 23])],
      tolerance: exact,
    })),
    {
      ...use([
        [1024, 1027],
        [1, 3],
        [1021, 1021],
      ]),
      differentiate: [],
      bench: true,
    },
  ];
}

function padCases(): readonly Case<'pad'>[] {
  const use = ([whole, starts, sizes]: Part): Case<'pad'> => ({
    attrs: { low: starts, high: whole.map((extent, i) => extent - (starts[i] ?? 0) - (sizes[i] ?? 0)) },
    inputs: [normal(sizes)],
    tolerance: exact,
  });
  return [
    ...parts().map(use),
    ...dtypes.map((dtype): Case<'pad'> => ({
      attrs: { low: [1, 3], high: [2, 0] },
      inputs: [filled(dtype, [3, 17])],
      tolerance: exact,
    })),
    {
      ...use([
        [1024, 1027],
        [1, 3],
        [1021, 1021],
      ]),
      differentiate: [],
      bench: true,
    },
  ];
}

function dynamicUpdateSliceCases(): readonly Case<'dynamicUpdateSlice'>[] {
  const use = ([whole, starts, sizes]: Part): Case<'dynamicUpdateSlice'> => ({
    attrs: none,
    inputs: [normal(whole), normal(sizes), values('i32', [starts.length], starts)],
    tolerance: exact,
  });
  return [
    ...parts().map(use),
    ...dtypes.map((dtype): Case<'dynamicUpdateSlice'> => ({
      attrs: none,
      inputs: [filled(dtype, [5, 23]), filled(dtype, [2, 17]), values('i32', [2], [1, 3])],
      tolerance: exact,
    })),
    {
      ...use([
        [1024, 1027],
        [1, 3],
        [1021, 1021],
      ]),
      differentiate: [],
      bench: true,
    },
    // One step of a key/value cache.
    {
      ...use([
        [1, 1024, 1024],
        [0, 517, 0],
        [1, 1, 1024],
      ]),
      differentiate: [],
      bench: true,
    },
  ];
}

function concatCases(): readonly Case<'concat'>[] {
  const joins: readonly (readonly [number, readonly Extents[]])[] = [
    ...lengths.flatMap((length) => [
      [0, [[length], [3]]] as const,
      [
        1,
        [
          [3, length],
          [3, 5],
        ],
      ] as const,
      [
        0,
        [
          [2, length],
          [3, length],
        ],
      ] as const,
    ]),
    [0, [[5]]],
    [0, [[1], [2], [3], [0], [4]]],
    [
      1,
      [
        [2, 3, 5],
        [2, 1, 5],
        [2, 4, 5],
      ],
    ],
    [
      2,
      [
        [2, 3, 5],
        [2, 3, 1],
      ],
    ],
    [
      3,
      [
        [2, 3, 4, 3],
        [2, 3, 4, 16],
      ],
    ],
    [
      0,
      [
        [2, 3, 4, 3],
        [1, 3, 4, 3],
      ],
    ],
  ];
  const inputs = (dtype: (typeof dtypes)[number]) => [filled(dtype, [3, 7]), filled(dtype, [3, 17])];
  return [
    ...joins.map(([axis, shapes]): Case<'concat'> => ({
      attrs: { axis },
      inputs: shapes.map((extents) => normal(extents)),
      tolerance: exact,
    })),
    ...dtypes.map((dtype): Case<'concat'> => ({ attrs: { axis: 1 }, inputs: inputs(dtype), tolerance: exact })),
    ...[0, 1].map((axis): Case<'concat'> => ({
      attrs: { axis },
      inputs: [normal([1024, 512]), normal([1024, 512])],
      tolerance: exact,
      differentiate: [],
      bench: true,
    })),
  ];
}

/** `sizes` elements of each axis from `starts`. */
export const slice = (x: Tensor, starts: readonly number[], sizes: Shape): Tensor =>
  bind('slice', { starts, sizes: sizes.map(canonical) }, x);

/** Zeros before and after each axis: `[[before, after], ...]`. */
export const pad = (x: Tensor, paddings: readonly Pair[]): Tensor =>
  bind('pad', { low: paddings.map(([low]) => low), high: paddings.map(([, high]) => high) }, x);

/** `x` with `update` written at `starts`: an i32 tensor [rank], or a number or i32 scalar for each axis. */
export function dynamicUpdateSlice(x: Tensor, update: Tensor, starts: Tensor | readonly Operand[]): Tensor {
  return bind('dynamicUpdateSlice', none, x, update, starts instanceof Tensor ? starts : vectorOf(x, starts));
}

/** Numbers and i32 scalars as one i32 vector. */
function vectorOf(like: Tensor, entries: readonly Operand[]): Tensor {
  const whole = (data: readonly number[]): Tensor => {
    requireIntegers('dynamicUpdateSlice', 'starts', data, data.length);
    return constant(like.recorder, { dtype: 'i32', shape: [data.length], data: Int32Array.from(data) });
  };
  const numbers = entries.filter((entry) => typeof entry === 'number');
  if (numbers.length === entries.length) return whole(numbers);
  return concat(entries.map((entry) => (typeof entry === 'number' ? whole([entry]) : reshape(entry, [1]))));
}

/** The tensors side by side along `axis`. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors;
  if (!first) throw new ArgumentError('concat', 'at least one tensor is required. Received none.');
  return bind('concat', { axis: normalizeAxis('concat', axis, first.rank) }, ...tensors);
}
