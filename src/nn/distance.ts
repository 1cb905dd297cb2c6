/** Losses between numbers, by their Keras names; their mean along the last axis. Predictions and labels have one shape. */
import { ArgumentError } from '../core/errors.js';
import { maximum, mul, sub } from '../ops/binary.js';
import { greater, lessEqual, where } from '../ops/compare.js';
import { abs, neg, rsqrt, square } from '../ops/elementwise.js';
import { mean, sum } from '../ops/reduce.js';
import type { Tensor } from '../ops/tensor.js';
import { labelsAlike, type Loss } from './loss.js';

const meanLast = (x: Tensor): Tensor => mean(x, { axes: -1 });

/** (label - prediction)^2 */
export const meanSquaredError = (): Loss => ({
  name: 'meanSquaredError',
  labels: labelsAlike,
  call: (labels, prediction) => meanLast(square(sub(labels, prediction))),
});

/** |label - prediction| */
export const meanAbsoluteError = (): Loss => ({
  name: 'meanAbsoluteError',
  labels: labelsAlike,
  call: (labels, prediction) => meanLast(abs(sub(labels, prediction))),
});

/** Half the squared error up to `delta` (default 1), and beyond it a straight line (Huber 1964). */
export function huber({ delta = 1 } = {}): Loss {
  if (!(delta > 0 && delta < Infinity)) {
    throw new ArgumentError('huber', `a positive delta is required. Received ${delta}.`);
  }
  return {
    name: 'huber',
    labels: labelsAlike,
    call: (labels, prediction) => {
      const error = sub(labels, prediction);
      const size = abs(error);
      const line = mul(sub(size, delta / 2), delta);
      return meanLast(where(lessEqual(size, delta), mul(square(error), 0.5), line));
    },
  };
}

/** max(1 - label * prediction, 0), with labels -1 or 1; a label 0 counts as -1. */
export const hinge = (): Loss => ({
  name: 'hinge',
  labels: labelsAlike,
  call: (labels, prediction) => {
    const signs = where(greater(labels, 0), 1, -1);
    return meanLast(maximum(sub(1, mul(signs, prediction)), 0));
  },
});

/** A vector whose squares sum to less is not made any longer. */
const leastSquares = 1e-12;

const unit = (x: Tensor): Tensor => mul(x, rsqrt(maximum(sum(square(x), { axes: -1, keepDims: true }), leastSquares)));

/** Minus the cosine of the angle between label and prediction along the last axis: -1 where they point the same way. */
export const cosineSimilarity = (): Loss => ({
  name: 'cosineSimilarity',
  labels: labelsAlike,
  call: (labels, prediction) => neg(sum(mul(unit(labels), unit(prediction)), { axes: -1 })),
});
