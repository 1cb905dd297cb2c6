/** What a metric is, and what metrics share. */
import { DTypeError, ShapeError } from '../core/errors.js';
import { sameShape } from '../core/shape.js';
import { printType } from '../graph/names.js';
import { mul } from '../ops/binary.js';
import { broadcastTo, reshape } from '../ops/move.js';
import { sum } from '../ops/reduce.js';
import { concat } from '../ops/slice.js';
import { constant, size } from '../ops/source.js';
import type { Tensor } from '../ops/tensor.js';

/** One number for each example (or position), of which the mean is reported. A loss is such a metric, too. */
export interface MeanMetric {
  readonly name: string;
  /** f32, of any shape; labels are of the loss's type. */
  readonly call: (labels: Tensor, prediction: Tensor) => Tensor;
}

/** One that is no mean over examples: what it takes of every batch adds up, and the number follows from the totals. */
export interface TotalMetric {
  readonly name: string;
  /**
   * f32 [k], of the examples of a batch. `weights`, f32 [batch], say how much each counts; alike unless given. Throws a
   * typed error for labels or predictions that the metric does not take.
   */
  readonly totals: (labels: Tensor, prediction: Tensor, weights?: Tensor) => Tensor;
  /** The totals of two sets of examples as those of both; their sums unless said. */
  readonly merge?: (a: readonly number[], b: readonly number[]) => readonly number[];
  /** The number. Throws `ArgumentError` where the examples have none, such as the AUC of one class only. */
  readonly result: (totals: readonly number[]) => number;
}

/** What a model is measured by: a mean over examples, or sums of which a number is made at the end. */
export type Metric = MeanMetric | TotalMetric;

/** x [batch, ...], each example times its weight. */
export const weighed = (x: Tensor, weights: Tensor | undefined): Tensor =>
  weights ? mul(x, reshape(weights, [weights.shape[0] ?? 1, ...x.shape.slice(1).map(() => 1)])) : x;

/** How much the elements of x [batch, ...] weigh together: their number unless there are weights. */
export const weightOf = (x: Tensor, weights: Tensor | undefined): Tensor =>
  weights ? sum(weighed(broadcastTo(constant(x.recorder, 1), x.shape), weights)) : size(x);

/** Scalars and vectors one after another: f32 [k]. */
export const joined = (tensors: readonly Tensor[]): Tensor =>
  concat(
    tensors.map((tensor) => (tensor.rank === 0 ? reshape(tensor, [1]) : tensor)),
    0,
  );

/** The sums of x [..., k] over all axes but the last: [k]. */
export const sumsOfLast = (x: Tensor): Tensor => sum(x, { axes: x.shape.slice(1).map((_, axis) => axis) });

/** Throws unless labels are f32 of the predictions' shape. */
export function requireAlike(name: string, labels: Tensor, prediction: Tensor): void {
  const received = `Received labels ${printType(labels)} for predictions ${printType(prediction)}`;
  if (labels.dtype !== 'f32') throw new DTypeError(name, `labels of f32 are required. ${received}.`);
  if (sameShape(labels.shape, prediction.shape)) return;
  throw new ShapeError(name, `labels of the predictions' shape are required. ${received}.`);
}

/** A mean of numbers that weigh differently. */
export const weightedMean = ({ name, call }: MeanMetric): TotalMetric => ({
  name,
  totals: (labels, prediction, weights) => {
    const values = call(labels, prediction);
    return joined([sum(weighed(values, weights)), weightOf(values, weights)]);
  },
  result: ([total = NaN, weight = NaN]) => total / weight,
});
