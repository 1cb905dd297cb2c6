/**
 * Losses between distributions, by their Keras names. Predictions are probabilities unless `fromLogits` is true; where
 * they come straight from a softmax or sigmoid, the loss is computed from what went into it, which is exact.
 */
import { ShapeError } from '../core/errors.js';
import { printShape, type Shape } from '../core/shape.js';
import { add, maximum, mul, pow, sub } from '../ops/binary.js';
import { log, neg, sigmoid } from '../ops/elementwise.js';
import { sparseCategoricalCrossentropy as sparseCrossentropy } from '../ops/loss.js';
import { reshape } from '../ops/move.js';
import { logSoftmax } from '../ops/normalize.js';
import { mean, sum } from '../ops/reduce.js';
import { concat } from '../ops/slice.js';
import type { Tensor } from '../ops/tensor.js';
import { clip, epsilon, type Labels, labelsAlike, type Loss, operandOf } from './loss.js';
import { flag, fraction, nonNegative, optional, readOptions } from './options.js';

export interface CrossentropyOptions {
  /** Whether the model's output is logits instead of probabilities (default false). */
  readonly fromLogits?: boolean;
  /** The share of a label that is spread evenly over all classes, in [0, 1) (default 0). */
  readonly labelSmoothing?: number;
}

export interface BinaryFocalCrossentropyOptions extends CrossentropyOptions {
  /** How much less what is right already weighs, at least 0 (default 2). */
  readonly gamma?: number;
  /** Whether label 1 weighs `alpha` and label 0 the rest (default false: both weigh 1). */
  readonly applyClassBalancing?: boolean;
  /** The weight of label 1, in [0, 1) (default 0.25). */
  readonly alpha?: number;
}

const crossentropyFields = { fromLogits: optional(flag, false), labelSmoothing: optional(fraction, 0) };

const focalFields = {
  ...crossentropyFields,
  gamma: optional(nonNegative, 2),
  applyClassBalancing: optional(flag, false),
  alpha: optional(fraction, 0.25),
};

const logitsOf = (prediction: Tensor, fromLogits: boolean): Tensor =>
  fromLogits ? prediction : (operandOf('softmax', prediction) ?? log(clip(prediction)));

function classesOf(where: string, shape: Shape): number {
  const classes = shape.at(-1);
  if (shape.length >= 2 && typeof classes === 'number') return classes;
  throw new ShapeError(where, `predictions [batch, ..., classes] are required. Received ${printShape(shape)}.`);
}

const distributions =
  (where: string): Loss['labels'] =>
  (prediction): Labels => {
    classesOf(where, prediction.shape);
    return labelsAlike(prediction);
  };

/** The labels with a share of them spread evenly over so many classes. */
const smooth = (labels: Tensor, share: number, classes: number): Tensor =>
  share === 0 ? labels : add(mul(labels, 1 - share), share / classes);

/** -log p[label]: predictions [batch, ..., classes], labels i32 [batch, ...]. */
export function sparseCategoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  const name = 'sparseCategoricalCrossentropy';
  const { fromLogits, labelSmoothing } = readOptions<CrossentropyOptions>(name, crossentropyFields, options);
  return {
    name,
    labels: ({ shape }) => ({ dtype: 'i32', shape: shape.slice(0, -1), classes: classesOf(name, shape) }),
    call: (labels, prediction) => {
      const logits = logitsOf(prediction, fromLogits);
      const loss = sparseCrossentropy(logits, labels);
      if (labelSmoothing === 0) return loss;
      const even = mean(logSoftmax(logits), { axes: -1 });
      return sub(mul(loss, 1 - labelSmoothing), mul(even, labelSmoothing));
    },
  };
}

/** -sum(label * log p): predictions and f32 labels [batch, ..., classes]. */
export function categoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  const name = 'categoricalCrossentropy';
  const { fromLogits, labelSmoothing } = readOptions<CrossentropyOptions>(name, crossentropyFields, options);
  return {
    name,
    labels: distributions(name),
    call: (labels, prediction) => {
      const logProbabilities = logSoftmax(logitsOf(prediction, fromLogits));
      const smoothed = smooth(labels, labelSmoothing, classesOf(name, prediction.shape));
      return neg(sum(mul(smoothed, logProbabilities), { axes: -1 }));
    },
  };
}

/** Where the model's output has logits, those. */
const binaryLogitsOf = (prediction: Tensor, fromLogits: boolean): Tensor | undefined =>
  fromLogits ? prediction : operandOf('sigmoid', prediction);

function binary(labels: Tensor, prediction: Tensor, logits: Tensor | undefined): Tensor {
  const others = sub(1, labels);
  if (!logits) {
    const p = clip(prediction);
    return neg(add(mul(labels, log(p)), mul(others, log(sub(1, p)))));
  }
  // The sigmoid of z is the softmax of [0, z], whose logarithm is exact and smooth everywhere.
  const pair = [...logits.shape, 1];
  const column = reshape(logits, pair);
  const logProbabilities = logSoftmax(concat([mul(column, 0), column], -1));
  return neg(sum(mul(concat([reshape(others, pair), reshape(labels, pair)], -1), logProbabilities), { axes: -1 }));
}

/** -(label * log p + (1 - label) * log(1 - p)): predictions and f32 labels in [0, 1] of one shape. */
export function binaryCrossentropy(options: CrossentropyOptions = {}): Loss {
  const name = 'binaryCrossentropy';
  const { fromLogits, labelSmoothing } = readOptions<CrossentropyOptions>(name, crossentropyFields, options);
  return {
    name,
    labels: labelsAlike,
    call: (labels, prediction) =>
      binary(smooth(labels, labelSmoothing, 2), prediction, binaryLogitsOf(prediction, fromLogits)),
  };
}

/**
 * Binary cross-entropy times (1 - the probability of what is right)^gamma (Lin et al., ICCV 2017): predictions and f32
 * labels in [0, 1] of one shape.
 */
export function binaryFocalCrossentropy(options: BinaryFocalCrossentropyOptions = {}): Loss {
  const name = 'binaryFocalCrossentropy';
  const given = readOptions<BinaryFocalCrossentropyOptions>(name, focalFields, options);
  const { fromLogits, labelSmoothing, gamma, applyClassBalancing, alpha } = given;
  return {
    name,
    labels: labelsAlike,
    call: (labels, prediction) => {
      const y = smooth(labels, labelSmoothing, 2);
      const p = fromLogits ? sigmoid(prediction) : prediction;
      const wrong = add(mul(y, sub(1, p)), mul(sub(1, y), p));
      const loss = binary(y, prediction, binaryLogitsOf(prediction, fromLogits));
      const focused = mul(pow(maximum(wrong, epsilon), gamma), loss);
      if (!applyClassBalancing) return focused;
      return mul(add(mul(y, alpha), mul(sub(1, y), 1 - alpha)), focused);
    },
  };
}

/** sum(label * log(label / p)): predictions and f32 labels [batch, ..., classes], both probabilities. */
export const klDivergence = (): Loss => ({
  name: 'klDivergence',
  labels: distributions('klDivergence'),
  call: (labels, prediction) => {
    const logits = operandOf('softmax', prediction);
    const logProbabilities = logits ? logSoftmax(logits) : log(maximum(prediction, epsilon));
    return sum(mul(labels, sub(log(maximum(labels, epsilon)), logProbabilities)), { axes: -1 });
  },
});
