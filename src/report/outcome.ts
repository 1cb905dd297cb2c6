/** What a model made of test data: classes or numbers, right or wrong. */
import { ShapeError } from '../core/errors.js';
import { type NDArray, sizeOf } from '../core/ndarray.js';
import { printType } from '../graph/names.js';
import { confusionMatrix } from '../train/scores.js';

/** Test examples and what the model predicts for them. */
export interface Tested {
  /** [n, ...]; pictures are shown when it is [n, height, width, channels]. */
  readonly x: NDArray;
  /** Labels [n] or [n, 1], one-hot classes [n, classes], or numbers of the shape of the predictions. */
  readonly y: NDArray;
  /** What the model predicts for x: [n, ...]. */
  readonly predictions: NDArray;
  /** What the classes are called; their numbers unless said. */
  readonly classNames?: readonly string[];
}

/** One example of a classifier. */
export interface Classified {
  readonly row: number;
  readonly label: number;
  readonly predicted: number;
  /** The probability of the predicted class. */
  readonly certainty: number;
}

export interface Classification {
  readonly kind: 'classes';
  readonly names: readonly string[];
  /** How often class i was predicted as class j. */
  readonly matrix: readonly (readonly number[])[];
  readonly examples: readonly Classified[];
}

export interface Regression {
  readonly kind: 'numbers';
  /** Row, true and predicted, element by element. */
  readonly pairs: readonly (readonly [row: number, label: number, prediction: number])[];
}

/**
 * Sorts predictions: classes where there are several columns of probabilities, or one column of them and labels 0 and 1.
 * Throws `ShapeError` where x, y and the predictions do not belong together.
 */
export function outcomeOf({ x, y, predictions, classNames }: Tested): Classification | Regression {
  const rows = predictions.shape[0] ?? 0;
  if (x.shape[0] !== rows || y.shape[0] !== rows || rows === 0) {
    const received = [x, y, predictions].map(printType).join(', ');
    throw new ShapeError('report', `as many x and y as predictions, at least one, are required. Received ${received}.`);
  }
  const width = sizeOf(predictions.shape.slice(1));
  if (!areClasses(y, predictions, width)) return regressionOf(y, predictions, width);
  const flat = ({ dtype, data }: NDArray): NDArray => ({ dtype, shape: [rows, data.length / rows], data });
  const counts = confusionMatrix(flat(y), flat(predictions));
  const classes = counts.shape[0] ?? 0;
  const labelWidth = y.data.length / rows;
  const examples = Array.from({ length: rows }, (_, row) => {
    const scores = predictions.data.subarray(row * width, (row + 1) * width);
    const own = y.data.subarray(row * labelWidth, (row + 1) * labelWidth);
    const only = scores[0] ?? NaN;
    const predicted = width === 1 ? Number(only > 0.5) : largest(scores);
    const certainty = width === 1 ? (predicted === 1 ? only : 1 - only) : (scores[predicted] ?? NaN);
    return { row, label: labelWidth === 1 ? (own[0] ?? NaN) : largest(own), predicted, certainty };
  });
  const matrix = Array.from({ length: classes }, (_, i) => [...counts.data.subarray(i * classes, (i + 1) * classes)]);
  return { kind: 'classes', names: matrix.map((_, i) => classNames?.[i] ?? `${i}`), matrix, examples };
}

const isProbability = (value: number): boolean => value >= 0 && value <= 1;

function areClasses(y: NDArray, predictions: NDArray, width: number): boolean {
  if (predictions.dtype !== 'f32' || !predictions.data.every(isProbability)) return false;
  const labelWidth = y.data.length / (y.shape[0] ?? 1);
  const isBit = (value: number): boolean => value === 0 || value === 1;
  if (labelWidth === width) return y.data.every(isBit);
  const classes = Math.max(width, 2);
  return labelWidth === 1 && y.data.every((label: number) => Number.isInteger(label) && label >= 0 && label < classes);
}

function regressionOf(y: NDArray, predictions: NDArray, width: number): Regression {
  if (y.data.length !== predictions.data.length) {
    const received = `${printType(y)} and ${printType(predictions)}`;
    throw new ShapeError('report', `a number for each prediction is required. Received ${received}.`);
  }
  const pairs = Array.from(predictions.data, (value, i) => [Math.floor(i / width), y.data[i] ?? NaN, value] as const);
  return { kind: 'numbers', pairs };
}

function largest(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] ?? NaN) > (row[best] ?? NaN)) best = i;
  return best;
}
