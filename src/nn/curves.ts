/** Metrics of all examples together that no mean over examples gives: the area under the curve, R2, the root of a mean. */
import { ArgumentError, IndexError, NumericsError } from '../core/errors.js';
import { ndarray } from '../core/ndarray.js';
import { div, maximum, mul, sub } from '../ops/binary.js';
import { cast } from '../ops/cast.js';
import { equal, greater, greaterEqual, lessEqual, logicalAnd, logicalNot, logicalOr } from '../ops/compare.js';
import { sigmoid, square } from '../ops/elementwise.js';
import { reshape } from '../ops/move.js';
import { sum } from '../ops/reduce.js';
import { constant } from '../ops/source.js';
import type { Tensor } from '../ops/tensor.js';
import { joined, requireAlike, sumsOfLast, type TotalMetric, weighed, weightOf } from './metric.js';

export interface AucOptions {
  /** How many thresholds the curve is drawn with, evenly from 0 to 1 (default 200). */
  readonly numThresholds?: number;
  /** Whether predictions are logits instead of probabilities (default false). */
  readonly fromLogits?: boolean;
}

const isNot = (condition: Tensor): Tensor => sum(cast(logicalNot(condition), 'f32'));

/**
 * The area under the receiver's curve through `numThresholds` points, by trapezoids, as Keras has it: labels f32, 0 or 1,
 * and predictions of one shape, in [0, 1]. `scores.auc` is the exact one. Throws `ArgumentError` for one class only,
 * `IndexError` for other labels, `NumericsError` for predictions that are no probabilities.
 */
export function auc({ numThresholds = 200, fromLogits = false }: AucOptions = {}): TotalMetric {
  if (!Number.isSafeInteger(numThresholds) || numThresholds < 2) {
    throw new ArgumentError('auc', `numThresholds of at least 2 are required. Received ${numThresholds}.`);
  }
  const last = numThresholds - 1;
  // The first lies below every probability, and the last above.
  const thresholds = Array.from({ length: numThresholds }, (_, i) =>
    i === 0 ? -1e-7 : i === last ? 1 + 1e-6 : i / last,
  );
  return {
    name: 'auc',
    totals: (labels, prediction, weights) => {
      requireAlike('auc', labels, prediction);
      const p = fromLogits ? sigmoid(prediction) : prediction;
      const column = [...p.shape, 1];
      const above = cast(
        greater(reshape(p, column), constant(p.recorder, ndarray('f32', [numThresholds], thresholds))),
        'f32',
      );
      const counted = (of: Tensor): Tensor => sumsOfLast(mul(above, reshape(weighed(of, weights), column)));
      return joined([
        isNot(logicalOr(equal(labels, 0), equal(labels, 1))),
        isNot(logicalAnd(greaterEqual(p, 0), lessEqual(p, 1))),
        counted(labels),
        counted(sub(1, labels)),
      ]);
    },
    result: ([wrongLabels = NaN, wrongPredictions = NaN, ...counts]) => {
      if (wrongLabels > 0) {
        throw new IndexError('auc', `labels 0 and 1 are required. ${wrongLabels} are something else.`);
      }
      if (wrongPredictions > 0) {
        const fix = 'Is fromLogits meant?';
        throw new NumericsError('auc', `predictions in [0, 1] are required. ${wrongPredictions} are not. ${fix}`);
      }
      const [positives = NaN, negatives = NaN] = [counts[0], counts[numThresholds]];
      if (positives === 0 || negatives === 0) {
        const received = `${positives} of class 1 and ${negatives} of class 0`;
        throw new ArgumentError('auc', `labels of both classes are required. Received ${received}.`);
      }
      let area = 0;
      for (let i = 0; i < last; i++) {
        const [high = NaN, low = NaN] = [counts[i], counts[i + 1]];
        const width = (counts[numThresholds + i] ?? NaN) - (counts[numThresholds + i + 1] ?? NaN);
        area += (width * (high + low)) / 2;
      }
      return area / positives / negatives;
    },
  };
}

/**
 * The share of the labels' variance that predictions explain: 1 - sum((label - prediction)^2) / sum((label - mean)^2), of
 * all numbers together: labels f32 of the predictions' shape. Throws `ArgumentError` for labels that are all the same.
 */
export const r2Score = (): TotalMetric => ({
  name: 'r2Score',
  totals: (labels, prediction, weights) => {
    requireAlike('r2Score', labels, prediction);
    const weight = weightOf(labels, weights);
    const mean = div(sum(weighed(labels, weights)), maximum(weight, leastWeight));
    const summed = (x: Tensor): Tensor => sum(weighed(square(x), weights));
    return joined([weight, mean, summed(sub(labels, mean)), summed(sub(labels, prediction))]);
  },
  // Means and squares about them (Chan, Golub and LeVeque 1983): sums of squares would lose small variances.
  merge: ([n = 0, meanA = 0, squaresA = 0, leftA = 0], [m = 0, meanB = 0, squaresB = 0, leftB = 0]) => {
    const [total, apart] = [n + m, meanB - meanA];
    const share = total === 0 ? 0 : m / total;
    return [total, meanA + apart * share, squaresA + squaresB + apart * apart * n * share, leftA + leftB];
  },
  result: ([, mean = NaN, squares = NaN, left = NaN]) => {
    if (squares !== 0) return 1 - left / squares;
    throw new ArgumentError('r2Score', `labels that are not all the same are required. Received ${mean} only.`);
  },
});

/** Keeps a weight of 0 from being divided by. */
const leastWeight = 1e-30;

/** The root of the mean of (label - prediction)^2: labels f32 of the predictions' shape. */
export const rootMeanSquaredError = (): TotalMetric => ({
  name: 'rootMeanSquaredError',
  totals: (labels, prediction, weights) => {
    requireAlike('rootMeanSquaredError', labels, prediction);
    const errors = square(sub(labels, prediction));
    return joined([sum(weighed(errors, weights)), weightOf(errors, weights)]);
  },
  result: ([total = NaN, weight = NaN]) => Math.sqrt(total / weight),
});
