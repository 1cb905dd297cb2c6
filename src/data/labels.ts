/** Labels: one integer for each example, its class. Errors name the row, counted from 0. */
import { ArgumentError, DTypeError, IndexError, ShapeError } from '../core/errors.js';
import { type NDArray, ndarray } from '../core/ndarray.js';
import { rowsOf } from './rows.js';

/** Throws unless `labels` are integers [n] or [n, 1], at least one. */
export function checkLabels(where: string, labels: NDArray): void {
  const [, ...inner] = labels.shape;
  if (labels.dtype === 'f32') throw new DTypeError(where, 'labels of integers are required. Received f32.');
  if (labels.shape.length === 0 || inner.some((extent) => extent !== 1)) {
    throw new ShapeError(where, `one label for each example is required. Received [${labels.shape.join(', ')}].`);
  }
  if (rowsOf(labels) === 0) throw new ArgumentError(where, 'at least one example is required. Received none.');
}

/** The rows of each class, in the order of `rows`; classes in ascending order. At least two are required. */
export function rowsByClass(where: string, labels: NDArray, rows: Int32Array): readonly (readonly number[])[] {
  const classes = new Map<number, number[]>();
  for (const row of rows) {
    const label = labels.data[row] ?? 0;
    const members = classes.get(label);
    if (members) members.push(row);
    else classes.set(label, [row]);
  }
  if (classes.size > 1) return [...classes].sort(([a], [b]) => a - b).map(([, members]) => members);
  throw new ArgumentError(where, `labels of at least two classes are required. All are ${[...classes.keys()].join()}.`);
}

/**
 * Labels [n] as f32 [n, classes]: 1 at the class, 0 elsewhere. `classes` is one more than the largest label unless said.
 * Throws `IndexError` for a label that is no class.
 */
export function oneHot(labels: NDArray, classes?: number): NDArray<'f32'> {
  checkLabels('oneHot', labels);
  const { data } = labels;
  let largest = 0;
  for (const label of data) largest = Math.max(largest, label);
  const width = classes ?? largest + 1;
  if (!Number.isSafeInteger(width) || width < 1) {
    throw new ArgumentError('oneHot', `a positive number of classes is required. Received ${width}.`);
  }
  const hot = new Float32Array(data.length * width);
  data.forEach((label: number, row: number) => {
    if (label < 0 || label >= width) {
      throw new IndexError('oneHot', `labels from 0 to ${width - 1} are required. Received ${label} in row ${row}.`);
    }
    hot[row * width + label] = 1;
  });
  return ndarray('f32', [data.length, width], hot);
}
