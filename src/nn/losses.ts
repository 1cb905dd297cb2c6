/**
 * Losses, by their Keras names. A loss says what labels it takes for a model's output and records one number for each
 * example (or position); the trainer takes their mean. Predictions are probabilities unless `fromLogits` is true; where
 * they come straight from a softmax or sigmoid, the loss is computed from what went into it, which is exact.
 */
import { ArgumentError, ShapeError } from '../core/errors.js';
import { printShape, type Shape } from '../core/shape.js';
import { Trace } from '../graph/trace.js';
import { add, maximum, minimum, mul, sub } from '../ops/binary.js';
import { log, neg, square } from '../ops/elementwise.js';
import { sparseCategoricalCrossentropy as sparseCrossentropy } from '../ops/loss.js';
import { reshape } from '../ops/move.js';
import { logSoftmax } from '../ops/normalize.js';
import { mean, sum } from '../ops/reduce.js';
import type { OpName } from '../ops/schema.js';
import { concat } from '../ops/slice.js';
import type { Tensor, TensorType } from '../ops/tensor.js';

export interface Labels extends TensorType {
  /** Labels are indices below this. */
  readonly classes?: number;
}

export interface Loss {
  readonly name: string;
  /** The labels for predictions of a type. Throws `ShapeError` for predictions that the loss does not take. */
  readonly labels: (prediction: TensorType) => Labels;
  /** f32, of any shape. */
  readonly call: (labels: Tensor, prediction: Tensor) => Tensor;
}

export interface CrossentropyOptions {
  /** Whether the model's output is logits instead of probabilities (default false). */
  readonly fromLogits?: boolean;
}

/** What `op` was applied to where it made `tensor`. */
function operandOf(op: OpName, tensor: Tensor): Tensor | undefined {
  const { recorder } = tensor;
  if (!(recorder instanceof Trace)) return undefined;
  const maker = recorder.nodes.findLast(({ outputs }) => outputs.includes(tensor.id));
  const [operand] = maker?.op === op ? maker.inputs : [];
  return operand === undefined ? undefined : recorder.tensor(operand);
}

/** Keras keeps probabilities this far from 0 and 1. */
const epsilon = 1e-7;

const clip = (probabilities: Tensor): Tensor => minimum(maximum(probabilities, epsilon), 1 - epsilon);

const logitsOf = (prediction: Tensor, fromLogits: boolean): Tensor =>
  fromLogits ? prediction : (operandOf('softmax', prediction) ?? log(clip(prediction)));

function classesOf(where: string, shape: Shape): number {
  const classes = shape.at(-1);
  if (shape.length >= 2 && typeof classes === 'number') return classes;
  throw new ShapeError(where, `predictions [batch, ..., classes] are required. Received ${printShape(shape)}.`);
}

/** -log p[label]: predictions [batch, ..., classes], labels i32 [batch, ...]. */
export const sparseCategoricalCrossentropy = ({ fromLogits = false }: CrossentropyOptions = {}): Loss => ({
  name: 'sparseCategoricalCrossentropy',
  labels: ({ shape }) => {
    const classes = classesOf('sparseCategoricalCrossentropy', shape);
    return { dtype: 'i32', shape: shape.slice(0, -1), classes };
  },
  call: (labels, prediction) => sparseCrossentropy(logitsOf(prediction, fromLogits), labels),
});

/** -sum(label * log p): predictions and f32 labels [batch, ..., classes]. */
export const categoricalCrossentropy = ({ fromLogits = false }: CrossentropyOptions = {}): Loss => ({
  name: 'categoricalCrossentropy',
  labels: ({ shape }) => {
    classesOf('categoricalCrossentropy', shape);
    return { dtype: 'f32', shape };
  },
  call: (labels, prediction) => {
    const logProbabilities = logSoftmax(logitsOf(prediction, fromLogits));
    return neg(sum(mul(labels, logProbabilities), { axes: -1 }));
  },
});

/** -(label * log p + (1 - label) * log(1 - p)): predictions and f32 labels in [0, 1] of one shape. */
export const binaryCrossentropy = ({ fromLogits = false }: CrossentropyOptions = {}): Loss => ({
  name: 'binaryCrossentropy',
  labels: ({ shape }) => ({ dtype: 'f32', shape }),
  call: (labels, prediction) => {
    const logits = fromLogits ? prediction : operandOf('sigmoid', prediction);
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
  },
});

/** (label - prediction)^2, its mean along the last axis: predictions and f32 labels of one shape. */
export const meanSquaredError = (): Loss => ({
  name: 'meanSquaredError',
  labels: ({ shape }) => ({ dtype: 'f32', shape }),
  call: (labels, prediction) => mean(square(sub(labels, prediction)), { axes: -1 }),
});

const losses = { binaryCrossentropy, categoricalCrossentropy, meanSquaredError, sparseCategoricalCrossentropy };

/** Names stand for the loss with its defaults. */
export type LossName = keyof typeof losses;

export function lossOf(loss: Loss | LossName): Loss {
  if (typeof loss !== 'string') return loss;
  if (Object.hasOwn(losses, loss)) return losses[loss]();
  throw new ArgumentError('compile', `a loss among ${Object.keys(losses).join(', ')} is required. Received '${loss}'.`);
}
