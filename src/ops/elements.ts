/** Elements by an index of their own along an axis: read there, or written there, alone or joined with what is there. */
import { dtypes } from '../core/dtype.js';
import { ArgumentError, IndexError, ShapeError } from '../core/errors.js';
import { type Dim, normalizeAxis, printShape, sameShape } from '../core/shape.js';
import { div, mul } from './binary.js';
import { cast } from './cast.js';
import { equal, where } from './compare.js';
import type {
  Case,
  CasesFacet,
  CostFacet,
  GradientFacet,
  ReferenceArray,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { bytesOf, movementCost, only, stridesOf, walk } from './facets.js';
import { broadcastTo } from './move.js';
import { numeric, one, requireAxis, requireDType, requireSameDType, three, two } from './rules.js';
import { distinct, exact, filled, integers, lengths, normal, summed, uniform, values } from './samples.js';
import { type OpAttrs, type ScatterReduction, scatterReductions } from './schema.js';
import { constant, iota } from './source.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

type Elements = 'gatherElements' | 'scatterElements';

/** Indices of x along `axis`: i32, of its shape but for that axis. */
function requireIndices(op: Elements, axis: number, x: TensorType, indices: TensorType): void {
  requireDType(op, indices, ['i32']);
  requireAxis(op, axis, x.shape.length);
  const fits = indices.shape.length === x.shape.length;
  if (!fits || !x.shape.every((dim, i) => i === axis || dim === indices.shape[i])) {
    const received = `${printShape(x.shape)}, ${printShape(indices.shape)}`;
    throw new ShapeError(op, `indices whose shape differs only along axis ${axis} are required. Received ${received}.`);
  }
}

export const shape = {
  gatherElements: ({ axis }, inputs) => {
    const [x, indices] = two('gatherElements', inputs);
    requireIndices('gatherElements', axis, x, indices);
    return [{ dtype: x.dtype, shape: indices.shape }];
  },
  scatterElements: ({ axis, reduction }, inputs) => {
    const [x, indices, updates] = three('scatterElements', inputs);
    requireDType('scatterElements', x, numeric);
    requireSameDType('scatterElements', [x, updates]);
    requireIndices('scatterElements', axis, x, indices);
    if (!sameShape(updates.shape, indices.shape)) {
      const received = `${printShape(updates.shape)}, ${printShape(indices.shape)}`;
      throw new ShapeError('scatterElements', `updates of the indices' shape are required. Received ${received}.`);
    }
    if (!scatterReductions.includes(reduction)) {
      const required = `a reduction of ${scatterReductions.join(', ')} is required`;
      throw new ArgumentError('scatterElements', `${required}. Received ${String(reduction)}.`);
    }
    return [{ dtype: x.dtype, shape: x.shape }];
  },
} satisfies ShapeFacet<Elements>;

const filledWith = (like: Tensor, value: number, dtype = like.dtype): Tensor =>
  broadcastTo(constant(like.recorder, value, dtype), like.shape);

const scatter = (axis: number, reduction: ScatterReduction, x: Tensor, indices: Tensor, updates: Tensor): Tensor =>
  bind('scatterElements', { axis, reduction }, x, indices, updates);

const gather = (axis: number, x: Tensor, indices: Tensor): Tensor => bind('gatherElements', { axis }, x, indices);

type ScatterGradient = (
  axis: number,
  operands: readonly [x: Tensor, indices: Tensor, updates: Tensor],
  y: Tensor,
  g: Tensor,
) => readonly [dx: Tensor, dupdates: Tensor];

/** Of several updates for one place the last one stays: it finds its own position there. */
const gradientOfWriting: ScatterGradient = (axis, [x, indices, updates], _, g) => {
  const positions = iota(x.recorder, indices.shape, axis);
  const kept = gather(axis, scatter(axis, 'none', filledWith(x, 0, 'i32'), indices, positions), indices);
  const dx = scatter(axis, 'none', g, indices, filledWith(updates, 0));
  return [dx, where(equal(kept, positions), gather(axis, g, indices), 0)];
};

/** Shared equally by all that attain the extreme. */
const gradientOfExtreme: ScatterGradient = (axis, [x, indices, updates], y, g) => {
  const attained = cast(equal(x, y), 'f32');
  const attains = cast(equal(updates, gather(axis, y, indices)), 'f32');
  const share = div(g, scatter(axis, 'add', attained, indices, attains));
  return [mul(attained, share), mul(attains, gather(axis, share, indices))];
};

/** The product of the others, as for `prod`; at zeros it is not differentiable again. */
const gradientOfProduct: ScatterGradient = (axis, [x, indices, updates], _, g) => {
  const zeros = scatter(axis, 'add', cast(equal(x, 0), 'f32'), indices, cast(equal(updates, 0), 'f32'));
  const apart = (factor: Tensor): Tensor => where(equal(factor, 0), 1, factor);
  const product = scatter(axis, 'mul', apart(x), indices, apart(updates));
  const others = (factor: Tensor, product: Tensor, zeros: Tensor): Tensor =>
    where(equal(factor, 0), where(equal(zeros, 1), product, 0), where(equal(zeros, 0), div(product, apart(factor)), 0));
  const ofUpdates = others(updates, gather(axis, product, indices), gather(axis, zeros, indices));
  return [mul(g, others(x, product, zeros)), mul(gather(axis, g, indices), ofUpdates)];
};

const scatterGradients: Readonly<Record<ScatterReduction, ScatterGradient>> = {
  none: gradientOfWriting,
  add: (axis, [, indices], _, g) => [g, gather(axis, g, indices)],
  mul: gradientOfProduct,
  max: gradientOfExtreme,
  min: gradientOfExtreme,
};

export const gradient = {
  gatherElements: ({ attrs: { axis }, inputs, gradients }) => {
    const [x, indices] = two('gatherElements', inputs);
    return [scatter(axis, 'add', filledWith(x, 0), indices, only(gradients)), null];
  },
  scatterElements: ({ attrs: { axis, reduction }, inputs, outputs, gradients }) => {
    const rule = scatterGradients[reduction];
    const [dx, dupdates] = rule(
      axis,
      three('scatterElements', inputs),
      one('scatterElements', outputs),
      only(gradients),
    );
    return [dx, null, dupdates];
  },
} satisfies GradientFacet<Elements>;

/** Visits the elements of `indices`: their own offsets, and those in an array of `whole` at their index. */
function eachElement(
  op: Elements,
  axis: number,
  whole: readonly number[],
  indices: ReferenceArray,
  visit: (at: number, place: number) => void,
): void {
  const extent = whole[axis] ?? 0;
  const strides = stridesOf(whole);
  const stride = strides[axis] ?? 1;
  walk(indices.shape, [strides.with(axis, 0)], (at, line) => {
    const index = indices.data[at] ?? -1;
    if (index < 0 || index >= extent) {
      throw new IndexError(op, `indices in [0, ${extent - 1}] are required. Received ${index}.`);
    }
    visit(at, line + index * stride);
  });
}

const joins: Readonly<Record<ScatterReduction, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  max: Math.max,
  min: Math.min,
};

export const reference = {
  gatherElements: ({ axis }, inputs, outputs) => {
    const [x, indices] = two('gatherElements', inputs);
    const y = one('gatherElements', outputs);
    eachElement('gatherElements', axis, x.shape, indices, (at, place) => {
      y.data[at] = x.data[place] ?? NaN;
    });
  },
  scatterElements: ({ axis, reduction }, inputs, outputs) => {
    const [x, indices, updates] = three('scatterElements', inputs);
    const y = one('scatterElements', outputs);
    const join = reduction === 'mul' && x.dtype === 'i32' ? Math.imul : joins[reduction];
    y.data.set(x.data);
    eachElement('scatterElements', axis, y.shape, indices, (at, place) => {
      y.data[place] = join(y.data[place] ?? NaN, updates.data[at] ?? NaN);
    });
  },
} satisfies ReferenceFacet<Elements>;

export const cost = {
  gatherElements: movementCost,
  /** In place: the updates and their indices read, the elements read and written. */
  scatterElements: (_, inputs) => {
    const [, indices, updates] = three('scatterElements', inputs);
    return { multiplyAdds: bytesOf([updates]) / 4, bytes: bytesOf([indices]) + 3 * bytesOf([updates]) };
  },
} satisfies CostFacet<Elements>;

export const cases = {
  gatherElements: gatherElementsCases,
  scatterElements: scatterElementsCases,
} satisfies CasesFacet<Elements>;

/** The array, the axis, and how many entries along it are taken. */
function shapes(): readonly (readonly [readonly number[], number, number])[] {
  return [
    ...lengths.map((length) => [[7], 0, length] as const),
    ...lengths.map((length) => [[3, 7], 1, length] as const),
    ...lengths.map((length) => [[4, length], 0, 6] as const),
    [[2, 5, 3], 0, 4],
    [[2, 5, 3], 1, 4],
    [[2, 5, 3], 2, 1],
    [[2, 3, 4, 5], 2, 3],
    [[0, 4], 1, 3],
    [[1, 1], 0, 5],
    [[3, 300], 0, 2],
  ];
}

function gatherElementsCases(): readonly Case<'gatherElements'>[] {
  return [
    ...shapes().map(([whole, axis, count]): Case<'gatherElements'> => ({
      attrs: { axis },
      inputs: [normal(whole), integers('i32', whole.with(axis, count), 0, whole[axis] ?? 0)],
      tolerance: exact,
    })),
    // One of each row.
    {
      attrs: { axis: 1 },
      inputs: [normal([40, 7]), integers('i32', [40, 1], 0, 7)],
      tolerance: exact,
    },
    ...dtypes.map((dtype): Case<'gatherElements'> => ({
      attrs: { axis: 1 },
      inputs: [filled(dtype, [3, 9]), integers('i32', [3, 17], 0, 9)],
      tolerance: exact,
    })),
    ...[0, 1].map((axis): Case<'gatherElements'> => ({
      attrs: { axis },
      inputs: [normal([1024, 1024]), integers('i32', [1024, 1024], 0, 1024)],
      tolerance: exact,
      differentiate: [],
      bench: true,
    })),
  ];
}

function scatterElementsCases(): readonly Case<'scatterElements'>[] {
  const use = (reduction: ScatterReduction, whole: readonly number[], axis: number, count: number) => {
    const indexed = whole.with(axis, count);
    const factors = (extents: readonly number[]) => uniform(extents, 0.8, 1.2);
    const [x, updates] =
      reduction === 'mul'
        ? [factors(whole), factors(indexed)]
        : reduction === 'max' || reduction === 'min'
          ? [distinct(whole), distinct(indexed, 0.25)]
          : [normal(whole), normal(indexed)];
    const attrs: OpAttrs['scatterElements'] = { axis, reduction };
    const tolerance = reduction === 'add' ? summed(33) : reduction === 'mul' ? { absolute: 0, relative: 4e-6 } : exact;
    return { attrs, inputs: [x, integers('i32', indexed, 0, whole[axis] ?? 0), updates], tolerance };
  };
  const whole = (reduction: ScatterReduction): Case<'scatterElements'> => ({
    attrs: { axis: 0, reduction },
    inputs: [
      integers('i32', [5, 3], -90000, 90000),
      integers('i32', [17, 3], 0, 5),
      integers('i32', [17, 3], -90000, 90000),
    ],
  });
  return [
    ...scatterReductions.flatMap((reduction) => [
      ...shapes().map(([extents, axis, count]) => use(reduction, extents, axis, count)),
      whole(reduction),
    ]),
    // Ties and NaN.
    ...(['max', 'min', 'none'] as const).map((reduction): Case<'scatterElements'> => ({
      attrs: { axis: 0, reduction },
      inputs: [
        values('f32', [4], [1, 2, NaN, 0]),
        values('i32', [6], [0, 0, 1, 1, 2, 3]),
        values('f32', [6], [1, 1, NaN, 5, 3, -0]),
      ],
      tolerance: exact,
      differentiate: [],
    })),
    // Zeros among the factors.
    {
      attrs: { axis: 0, reduction: 'mul' },
      inputs: [
        values('f32', [4], [0, 2, 3, 0]),
        values('i32', [6], [0, 0, 1, 1, 2, 3]),
        values('f32', [6], [2, 3, 0, 5, 4, 0]),
      ],
      tolerance: exact,
      differentiate: [],
    },
    ...[0, 1].map((axis): Case<'scatterElements'> => ({
      ...use('add', [1024, 1024], axis, 1024),
      differentiate: [],
      bench: true,
    })),
  ];
}

/** Indices repeated to the shape of x along all other axes. */
function indicesFor(op: string, x: Tensor, indices: Tensor, axis: number, count: Dim | undefined): Tensor {
  if (count === undefined || indices.rank !== x.rank) {
    const received = `${printShape(indices.shape)} for ${printShape(x.shape)}`;
    throw new ShapeError(op, `indices of as many axes as the operand are required. Received ${received}.`);
  }
  return broadcastTo(
    indices,
    x.shape.map((dim, i) => (i === axis ? count : dim)),
  );
}

/**
 * The elements of `x` at `indices` (i32) along `axis` (default the last): y[i][j] = x[i][indices[i][j]]. The indices have
 * the axes of x, and 1 or the same extent along all but `axis`. An index out of range stops the run. ONNX calls it
 * GatherElements.
 */
export function takeAlongAxis(x: Tensor, indices: Tensor, axis = -1): Tensor {
  const along = normalizeAxis('takeAlongAxis', axis, x.rank);
  return gather(along, x, indicesFor('takeAlongAxis', x, indices, along, indices.shape[along]));
}

export interface ScatterOptions {
  /** How an update joins what is there: `none` (the default) takes its place, the last one of several. */
  readonly reduction?: ScatterReduction;
}

/**
 * `x`, f32 or i32, with `updates` at `indices` (i32) along `axis`: y[i][indices[i][j]] = updates[i][j]. Indices and updates
 * have the axes of x, and 1 or the same extent along all but `axis`. Updates join in their order, whatever the number of
 * threads; an index out of range stops the run.
 */
export function scatterElements(
  x: Tensor,
  indices: Tensor,
  updates: Tensor,
  axis = 0,
  { reduction = 'none' }: ScatterOptions = {},
): Tensor {
  const along = normalizeAxis('scatterElements', axis, x.rank);
  const longest = indices.shape[along] === 1 ? updates.shape[along] : indices.shape[along];
  const [places, values] = [indices, updates].map((each) => indicesFor('scatterElements', x, each, along, longest));
  return scatter(along, reduction, x, places as Tensor, values as Tensor);
}
