/**
 * Scores of all predictions together, exact and in float64, as metrics batch by batch are not; in the library they are
 * `scores`.
 *
 *   const predictions = await model.predict(x);
 *   const matrix = scores.confusionMatrix(y, predictions);
 *
 * Classes come as labels [n] or [n, 1], or one-hot [n, classes]; predictions as probabilities [n, classes], or [n] or
 * [n, 1] of class 1 of two.
 */
import { ArgumentError, IndexError, NumericsError, ShapeError } from '../core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../core/ndarray.js';
import { printType } from '../graph/names.js';
import { type ClassScore, f1Of, precisionOf, recallOf, scoreOf, type ThresholdOptions } from '../nn/counts.js';

/** Numbers for each of at least one example, none of them NaN. */
function rowsAndWidth(where: string, what: string, array: NDArray): readonly [rows: number, width: number] {
  const [rows = 0, ...inner] = array.shape;
  const width = sizeOf(inner);
  if (array.shape.length < 1 || array.shape.length > 2 || rows === 0 || width === 0) {
    throw new ShapeError(where, `${what} [n] or [n, classes] are required. Received ${printType(array)}.`);
  }
  const at = array.data.findIndex((value: number) => Number.isNaN(value));
  if (at >= 0) throw new NumericsError(where, `${what} that are numbers are required. Received NaN at ${at}.`);
  return [rows, width];
}

function requireSameRows(where: string, labels: NDArray, predictions: NDArray): void {
  if (labels.shape[0] === predictions.shape[0]) return;
  const received = `${printType(labels)} and ${printType(predictions)}`;
  throw new ShapeError(where, `as many labels as predictions are required. Received ${received}.`);
}

function largest(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] ?? NaN) > (row[best] ?? NaN)) best = i;
  return best;
}

const rowsOfWidth = ({ data }: NDArray, rows: number, width: number): ArrayLike<number>[] =>
  Array.from({ length: rows }, (_, i) => data.subarray(i * width, (i + 1) * width));

/** How often examples of class i were predicted as class j: i32 [classes, classes] at [i, j]. */
export function confusionMatrix(
  labels: NDArray,
  predictions: NDArray,
  { threshold = 0.5 }: ThresholdOptions = {},
): NDArray<'i32'> {
  return count('confusionMatrix', labels, predictions, threshold);
}

function count(where: string, labels: NDArray, predictions: NDArray, threshold: number): NDArray<'i32'> {
  const [rows, width] = rowsAndWidth(where, 'predictions', predictions);
  const [, labelWidth] = rowsAndWidth(where, 'labels', labels);
  requireSameRows(where, labels, predictions);
  const classes = Math.max(width, 2);
  if (labelWidth !== 1 && labelWidth !== classes) {
    throw new ShapeError(where, `labels of ${classes} classes are required. Received ${printType(labels)}.`);
  }
  const wanted = rowsOfWidth(labels, rows, labelWidth).map((row) =>
    labelWidth === 1 ? (row[0] ?? NaN) : largest(row),
  );
  const matrix = ndarray('i32', [classes, classes]);
  rowsOfWidth(predictions, rows, width).forEach((row, i) => {
    const label = wanted[i] ?? NaN;
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new IndexError(where, `labels from 0 to ${classes - 1} are required. Received ${label} in row ${i}.`);
    }
    const predicted = width === 1 ? Number((row[0] ?? NaN) > threshold) : largest(row);
    const at = label * classes + predicted;
    matrix.data[at] = (matrix.data[at] ?? 0) + 1;
  });
  return matrix;
}

/** The score of class 1 where there are two, else the mean over classes; 0 where it would be 0 / 0. */
function scored(
  where: string,
  labels: NDArray,
  predictions: NDArray,
  { threshold = 0.5 }: ThresholdOptions,
  score: ClassScore,
): number {
  const { shape, data } = count(where, labels, predictions, threshold);
  const [classes = 0] = shape;
  const indices = Array.from({ length: classes }, (_, i) => i);
  const sum = (at: (i: number) => number): number => indices.reduce((total, i) => total + (data[at(i)] ?? 0), 0);
  const counts = indices.map((own) => ({
    right: data[own * classes + own] ?? 0,
    predicted: sum((i) => i * classes + own),
    labelled: sum((i) => own * classes + i),
  }));
  return scoreOf(counts, score);
}

/** The share of examples predicted as a class that are of it. */
export const precision = (labels: NDArray, predictions: NDArray, options: ThresholdOptions = {}): number =>
  scored('precision', labels, predictions, options, precisionOf);

/** The share of a class's examples that are predicted as it. */
export const recall = (labels: NDArray, predictions: NDArray, options: ThresholdOptions = {}): number =>
  scored('recall', labels, predictions, options, recallOf);

/** The harmonic mean of precision and recall. */
export const f1 = (labels: NDArray, predictions: NDArray, options: ThresholdOptions = {}): number =>
  scored('f1', labels, predictions, options, f1Of);

/** One number for each label: both of one size. */
function requirePairs(where: string, labels: NDArray, predictions: NDArray): void {
  rowsAndWidth(where, 'labels', labels);
  rowsAndWidth(where, 'predictions', predictions);
  requireSameRows(where, labels, predictions);
  if (labels.data.length === predictions.data.length) return;
  const received = `${printType(labels)} and ${printType(predictions)}`;
  throw new ShapeError(where, `one prediction for each label is required. Received ${received}.`);
}

/**
 * The area under the receiver's curve: how often an example of class 1 is predicted higher than one of class 0, ties
 * counted half (Mann and Whitney 1947). Labels 0 or 1 and predictions, both [n] or [n, 1].
 */
export function auc(labels: NDArray, predictions: NDArray): number {
  requirePairs('auc', labels, predictions);
  const wrong = labels.data.findIndex((label: number) => label !== 0 && label !== 1);
  if (wrong >= 0) {
    throw new IndexError('auc', `labels 0 and 1 are required. Received ${labels.data[wrong]} in row ${wrong}.`);
  }
  const valueOf = (row: number): number => predictions.data[row] ?? NaN;
  const order = Array.from(labels.data, (_, row) => row).sort((a, b) => valueOf(a) - valueOf(b));
  let [positives, ranks] = [0, 0];
  for (let start = 0, end = 0; start < order.length; start = end) {
    const first = valueOf(order[start] ?? 0);
    while (end < order.length && valueOf(order[end] ?? 0) === first) end++;
    const ones = order.slice(start, end).filter((row) => labels.data[row] === 1).length;
    positives += ones;
    ranks += (ones * (start + 1 + end)) / 2;
  }
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) {
    const required = 'labels of both classes are required';
    throw new ArgumentError('auc', `${required}. Received ${positives} of class 1 and ${negatives} of class 0.`);
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * The share of the labels' variance that predictions explain: 1 - sum((label - prediction)^2) / sum((label - mean)^2), of
 * all numbers together.
 */
export function r2(labels: NDArray, predictions: NDArray): number {
  requirePairs('r2', labels, predictions);
  const values = Array.from(labels.data);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const total = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const left = values.reduce((sum, value, i) => sum + (value - (predictions.data[i] ?? NaN)) ** 2, 0);
  if (total > 0) return 1 - left / total;
  throw new ArgumentError('r2', `labels that are not all the same are required. Received ${values[0]} only.`);
}
