/**
 * Precision, recall and F1: what follows from counting examples class by class. Batches are counted in the graph, so that
 * training and `evaluate` report the figures of all examples together, not a mean over batches.
 */
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import { sameShape } from '../core/shape.js';
import { printType } from '../graph/names.js';
import { mul } from '../ops/binary.js';
import { cast } from '../ops/cast.js';
import { greater } from '../ops/compare.js';
import { oneHot } from '../ops/masks.js';
import { argmax, sum } from '../ops/reduce.js';
import type { Tensor } from '../ops/tensor.js';
import { joined, requireAlike, sumsOfLast, type TotalMetric, weighed } from './metric.js';

/** Of one class: how many examples are predicted rightly, predicted, and labelled as it. */
export interface Counts {
  readonly right: number;
  readonly predicted: number;
  readonly labelled: number;
}

/** A figure of one class with at least one example predicted rightly. */
export type ClassScore = (counts: Counts) => number;

/** The share of examples predicted as a class that are of it. */
export const precisionOf: ClassScore = ({ right, predicted }) => right / predicted;

/** The share of a class's examples that are predicted as it. */
export const recallOf: ClassScore = ({ right, labelled }) => right / labelled;

/** The harmonic mean of the two. */
export const f1Of: ClassScore = ({ right, predicted, labelled }) => (2 * right) / (predicted + labelled);

/** The score of class 1 where there are two, else the mean over classes; 0 where it would be 0 / 0. */
export function scoreOf(classes: readonly Counts[], score: ClassScore): number {
  const scores = classes.map((counts) => (counts.right === 0 ? 0 : score(counts)));
  return scores.length === 2 ? (scores[1] ?? NaN) : scores.reduce((total, each) => total + each, 0) / scores.length;
}

export interface ThresholdOptions {
  /** A probability above it says class 1, where there is one probability for each label (default 0.5). */
  readonly threshold?: number;
}

/** Right, predicted and labelled examples, of class 1 of two: f32 [3]. */
function countedBinary(labels: Tensor, prediction: Tensor, weights: Tensor | undefined, threshold: number): Tensor {
  const positive = weighed(cast(greater(prediction, threshold), 'f32'), weights);
  return joined([sum(mul(positive, labels)), sum(positive), sum(weighed(labels, weights))]);
}

/** Right, predicted and labelled examples of each class: f32 [3 * classes]. */
function countedClasses(labels: Tensor, prediction: Tensor, weights: Tensor | undefined, classes: number): Tensor {
  const predicted = weighed(oneHot(argmax(prediction), classes), weights);
  const labelled = oneHot(labels, classes);
  return joined([sumsOfLast(mul(predicted, labelled)), sumsOfLast(predicted), sumsOfLast(weighed(labelled, weights))]);
}

function classesOf(name: string, labels: Tensor, prediction: Tensor): number {
  const classes = prediction.shape.at(-1);
  if (typeof classes === 'number' && sameShape(labels.shape, prediction.shape.slice(0, -1))) return classes;
  const received = `${printType(labels)} and ${printType(prediction)}`;
  throw new ShapeError(name, `labels [batch, ...] and predictions [..., classes] are required. Received ${received}.`);
}

function counting(name: string, { threshold = 0.5 }: ThresholdOptions, score: ClassScore): TotalMetric {
  if (!Number.isFinite(threshold)) {
    throw new ArgumentError(name, `a finite threshold is required. Received ${threshold}.`);
  }
  return {
    name,
    totals: (labels, prediction, weights) => {
      if (prediction.dtype !== 'f32') {
        throw new DTypeError(name, `predictions of f32 are required. Received ${printType(prediction)}.`);
      }
      if (labels.dtype === 'i32') {
        return countedClasses(labels, prediction, weights, classesOf(name, labels, prediction));
      }
      requireAlike(name, labels, prediction);
      return countedBinary(labels, prediction, weights, threshold);
    },
    result: (totals) => {
      const classes = totals.length / 3;
      const counts = Array.from({ length: classes }, (_, i) => {
        const [right = NaN, predicted = NaN, labelled = NaN] = [0, 1, 2].map((kind) => totals[kind * classes + i]);
        return { right, predicted, labelled };
      });
      return scoreOf(counts, score);
    },
  };
}

/**
 * The share of examples predicted as a class that are of it. Labels f32, 0 or 1, of the predictions' shape are compared
 * with predictions above the threshold, all of them together; of labels i32 [batch, ...] with predictions [..., classes]
 * it is the figure of class 1 of two, else the mean over classes.
 */
export const precision = (options: ThresholdOptions = {}): TotalMetric => counting('precision', options, precisionOf);

/** The share of a class's examples that are predicted as it; labels as for `precision`. */
export const recall = (options: ThresholdOptions = {}): TotalMetric => counting('recall', options, recallOf);

/** The harmonic mean of precision and recall; labels as for `precision`. */
export const f1Score = (options: ThresholdOptions = {}): TotalMetric => counting('f1Score', options, f1Of);
