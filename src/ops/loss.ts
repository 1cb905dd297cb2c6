/** Sparse categorical cross-entropy from logits: log(sum(exp(logits))) - logits[label], one loss for each row. */
import { DTypeError, IndexError, ShapeError } from '../core/errors.js';
import { printShape, sameShape, type Shape } from '../core/shape.js';
import { mul, sub } from './binary.js';
import type { CasesFacet, CostFacet, GradientFacet, ReferenceArray, ReferenceFacet, ShapeFacet } from './definition.js';
import { only, reductionCost } from './facets.js';
import { broadcastTo, reshape } from './move.js';
import { eachRow, logSumExp, requireLastAxis, softmax, widths } from './normalize.js';
import { sum } from './reduce.js';
import { one, requireDType, three, two } from './rules.js';
import { integers, normal, type PlainCase, uniform } from './samples.js';
import { none } from './schema.js';
import { constant } from './source.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

type Loss = 'sparseCategoricalCrossentropy' | 'sparseCategoricalCrossentropyGrad';

/** The shape of the losses; throws where labels and logits do not fit. */
function lossesOf(op: string, logits: TensorType, labels: TensorType): Shape {
  requireDType(op, logits, ['f32']);
  if (labels.dtype !== 'i32') throw new DTypeError(op, `labels of i32 are required. Received ${labels.dtype}.`);
  requireLastAxis(op, logits);
  const losses = logits.shape.slice(0, -1);
  if (!sameShape(labels.shape, losses)) {
    const received = `${printShape(logits.shape)}, ${printShape(labels.shape)}`;
    throw new ShapeError(op, `one label for each row of logits is required. Received ${received}.`);
  }
  return losses;
}

export const shape = {
  sparseCategoricalCrossentropy: (_, inputs) => {
    const [logits, labels] = two('sparseCategoricalCrossentropy', inputs);
    return [{ dtype: 'f32', shape: lossesOf('sparseCategoricalCrossentropy', logits, labels) }];
  },
  sparseCategoricalCrossentropyGrad: (_, inputs) => {
    const op = 'sparseCategoricalCrossentropyGrad';
    const [logits, labels, dloss] = three(op, inputs);
    const losses = lossesOf(op, logits, labels);
    requireDType(op, dloss, ['f32']);
    if (!sameShape(dloss.shape, losses)) {
      throw new ShapeError(op, `dloss of ${printShape(losses)} is required. Received ${printShape(dloss.shape)}.`);
    }
    return [{ dtype: 'f32', shape: logits.shape }];
  },
} satisfies ShapeFacet<Loss>;

export const gradient = {
  sparseCategoricalCrossentropy: ({ inputs, gradients }) => {
    const [logits, labels] = two('sparseCategoricalCrossentropy', inputs);
    return [logitsGradient(logits, labels, only(gradients)), null];
  },
  // dlogits = (p - oneHot) dloss, with p the softmax, whose gradient for g is p (g - sum(g p))
  sparseCategoricalCrossentropyGrad: ({ inputs, gradients }) => {
    const [logits, labels, dloss] = three('sparseCategoricalCrossentropyGrad', inputs);
    const g = only(gradients);
    const last = logits.rank - 1;
    const p = softmax(logits);
    const spread = mul(p, sub(g, sum(mul(g, p), { axes: [last], keepDims: true })));
    const ones = broadcastTo(constant(logits.recorder, 1), dloss.shape);
    return [
      mul(spread, reshape(dloss, [...dloss.shape, 1])),
      null,
      sum(mul(g, logitsGradient(logits, labels, ones)), { axes: [last] }),
    ];
  },
} satisfies GradientFacet<Loss>;

const logitsGradient = (logits: Tensor, labels: Tensor, dloss: Tensor): Tensor =>
  bind('sparseCategoricalCrossentropyGrad', none, logits, labels, dloss);

/** Calls `fill` with every row of logits, its label, its number and its offset. */
function eachLabelled(
  op: string,
  logits: ReferenceArray,
  labels: ReferenceArray,
  fill: (row: number[], label: number, at: number, start: number) => void,
): void {
  let at = 0;
  eachRow(logits, (row, start) => {
    const label = labels.data[at] ?? NaN;
    if (!(label >= 0 && label < row.length)) {
      throw new IndexError(op, `labels in [0, ${row.length}) are required. Received ${label}.`);
    }
    fill(row, label, at++, start);
  });
}

export const reference = {
  sparseCategoricalCrossentropy: (_, inputs, outputs) => {
    const [logits, labels] = two('sparseCategoricalCrossentropy', inputs);
    const loss = one('sparseCategoricalCrossentropy', outputs);
    eachLabelled('sparseCategoricalCrossentropy', logits, labels, (row, label, at) => {
      loss.data[at] = logSumExp(row) - (row[label] ?? NaN);
    });
  },
  sparseCategoricalCrossentropyGrad: (_, inputs, outputs) => {
    const [logits, labels, dloss] = three('sparseCategoricalCrossentropyGrad', inputs);
    const dlogits = one('sparseCategoricalCrossentropyGrad', outputs);
    eachLabelled('sparseCategoricalCrossentropyGrad', logits, labels, (row, label, at, start) => {
      const total = logSumExp(row);
      row.forEach((x, i) => {
        dlogits.data[start + i] = (Math.exp(x - total) - (i === label ? 1 : 0)) * (dloss.data[at] ?? NaN);
      });
    });
  },
} satisfies ReferenceFacet<Loss>;

export const cost = {
  sparseCategoricalCrossentropy: reductionCost,
  sparseCategoricalCrossentropyGrad: reductionCost,
} satisfies CostFacet<Loss>;

export const cases = {
  sparseCategoricalCrossentropy: lossCases,
  sparseCategoricalCrossentropyGrad: () => lossCases(true),
} satisfies CasesFacet<Loss>;

function lossCases(withGradient = false): PlainCase[] {
  const labelled = (shape: readonly number[], far = false): PlainCase => {
    const losses = shape.slice(0, -1);
    const logits = far ? uniform(shape, -80, 80) : normal(shape);
    const inputs = [logits, integers('i32', losses, 0, shape.at(-1) ?? 1)];
    const small = shape.reduce((size, extent) => size * extent, 1) <= 40;
    return {
      attrs: none,
      inputs: withGradient ? [...inputs, normal(losses)] : inputs,
      tolerance: far ? { absolute: 1e-5, relative: 3e-5 } : { absolute: 2e-6, relative: 5e-6 },
      ...(small && !far ? {} : { differentiate: [] }),
    };
  };
  return [
    ...widths.flatMap((width) => [1, 3, 7].map((count) => labelled([count, width]))),
    ...[[0, 5], [5], [2, 3, 4], [2, 1, 17]].map((shape) => labelled(shape)),
    labelled([5, 10], true),
    labelled([5, 33], true),
    { ...labelled([64, 10]), bench: true },
    { ...labelled([256, 1000]), bench: true },
  ];
}

/** The cross-entropy of each row of `logits` [..., c] against its label, an i32 in [0, c). */
export function sparseCategoricalCrossentropy(logits: Tensor, labels: Tensor): Tensor {
  return bind('sparseCategoricalCrossentropy', none, logits, labels);
}
