/**
 * Average pooling over windows of images [n, h, w, c], as in Keras: padding does not count in the mean. Pooling is linear,
 * and its two ops are each other's gradients.
 */
import { ShapeError } from '../core/errors.js';
import { printShape, sameShape } from '../core/shape.js';
import type { Case, CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { only } from './facets.js';
import {
  eachElement,
  type Pool2dOptions,
  poolCost,
  pooled,
  type Pooling,
  poolings,
  small,
  timed,
  windowOf,
} from './pool.js';
import { one, requireDType, requireRank, requireShape } from './rules.js';
import { normal, summed } from './samples.js';
import type { Window } from './schema.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

type AveragePool = 'avgPool2d' | 'avgPool2dGrad';

export const shape = {
  avgPool2d: (attrs, inputs) => {
    const x = one('avgPool2d', inputs);
    requireDType('avgPool2d', x, ['f32']);
    return [pooled('avgPool2d', attrs, x)];
  },
  avgPool2dGrad: ({ inputSize, ...window }, inputs) => {
    const dy = one('avgPool2dGrad', inputs);
    requireDType('avgPool2dGrad', dy, ['f32']);
    requireRank('avgPool2dGrad', 'dy', dy, 4);
    requireShape('avgPool2dGrad', inputSize);
    const [n = 0, , , c = 0] = dy.shape;
    const dx: TensorType = { dtype: 'f32', shape: [n, ...inputSize, c] };
    const expected = pooled('avgPool2dGrad', window, dx).shape;
    if (!sameShape(dy.shape, expected)) {
      const received = printShape(dy.shape);
      throw new ShapeError('avgPool2dGrad', `dy of ${printShape(expected)} is required. Received ${received}.`);
    }
    return [dx];
  },
} satisfies ShapeFacet<AveragePool>;

export const gradient = {
  avgPool2d: ({ attrs, inputs, gradients }) => {
    const [, h = 0, w = 0] = one('avgPool2d', inputs).shape;
    return [bind('avgPool2dGrad', { ...attrs, inputSize: [h, w] }, only(gradients))];
  },
  avgPool2dGrad: ({ attrs: { poolSize, strides, padding }, gradients }) => [
    bind('avgPool2d', { poolSize, strides, padding }, only(gradients)),
  ],
} satisfies GradientFacet<AveragePool>;

/** Visits the elements within each window: the offsets of its output and of the element, and what the element counts. */
function eachShare(
  op: AveragePool,
  window: Window,
  x: readonly number[],
  outputs: number,
  visit: (y: number, x: number, share: number) => void,
): void {
  const counts = new Float64Array(outputs);
  eachElement(op, window, { shape: x }, (at) => {
    counts[at] = (counts[at] ?? NaN) + 1;
  });
  eachElement(op, window, { shape: x }, (at, i) => visit(at, i, 1 / (counts[at] ?? NaN)));
}

export const reference = {
  avgPool2d: (attrs, inputs, outputs) => {
    const x = one('avgPool2d', inputs);
    const y = one('avgPool2d', outputs);
    eachShare('avgPool2d', attrs, x.shape, y.data.length, (at, i, share) => {
      y.data[at] = (y.data[at] ?? NaN) + share * (x.data[i] ?? NaN);
    });
  },
  avgPool2dGrad: (attrs, inputs, outputs) => {
    const dy = one('avgPool2dGrad', inputs);
    const dx = one('avgPool2dGrad', outputs);
    eachShare('avgPool2dGrad', attrs, dx.shape, dy.data.length, (at, i, share) => {
      dx.data[i] = (dx.data[i] ?? NaN) + share * (dy.data[at] ?? NaN);
    });
  },
} satisfies ReferenceFacet<AveragePool>;

export const cost = {
  avgPool2d: ({ poolSize }, inputs, outputs) => poolCost(poolSize, one('avgPool2d', outputs).shape, inputs, outputs),
  avgPool2dGrad: ({ poolSize }, inputs, outputs) =>
    poolCost(poolSize, one('avgPool2dGrad', inputs).shape, inputs, outputs),
} satisfies CostFacet<AveragePool>;

export const cases = {
  avgPool2d: averagePoolCases,
  avgPool2dGrad: averagePoolGradCases,
} satisfies CasesFacet<AveragePool>;

/** A case for each pooling, those that are worth timing among them. */
function casesOf<N extends AveragePool>(caseOf: (pooling: Pooling) => Case<N>): Case<N>[] {
  return [
    ...poolings().map((each) => ({ ...caseOf(each), ...(small(each) ? {} : { differentiate: [] }) })),
    ...timed().map((each) => ({ ...caseOf(each), differentiate: [], bench: true })),
  ];
}

function averagePoolCases(): Case<'avgPool2d'>[] {
  return casesOf(({ x, window }) => ({ attrs: window, inputs: [normal(x)], tolerance: summed(9) }));
}

function averagePoolGradCases(): Case<'avgPool2dGrad'>[] {
  return casesOf(({ x, window }) => {
    const y = pooled('avgPool2d', window, { dtype: 'f32', shape: x }).shape.map(Number);
    return { attrs: { ...window, inputSize: [x[1], x[2]] }, inputs: [normal(y)], tolerance: summed(9) };
  });
}

/** The mean of each window of x [n, h, w, c]. */
export const avgPool2d = (x: Tensor, options: Pool2dOptions = {}): Tensor => bind('avgPool2d', windowOf(options), x);
