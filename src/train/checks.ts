/** What data must be before it is trained on. Errors name the row of the data, counted from 0. */
import { ArgumentError, DTypeError, IndexError, NumericsError, ShapeError } from '../core/errors.js';
import { holds } from '../core/dtype.js';
import { type NDArray, requireArray, sizeOf } from '../core/ndarray.js';
import { printShape } from '../core/shape.js';
import type { Named } from '../core/tree.js';
import { rowsOf } from '../data/rows.js';
import type { Labels } from '../nn/losses.js';
import { printType } from '../graph/names.js';
import type { TensorType } from '../ops/tensor.js';

/** Throws unless `array` holds rows of `type`, whose first dimension counts them; at least one. */
export function checkRows(where: string, type: TensorType, array: NDArray): void {
  requireArray(where, array);
  if (array.dtype !== type.dtype || !holds(array.dtype, array.data)) {
    throw new DTypeError(where, `${printType(type)} is required. Received ${array.dtype} ${printShape(array.shape)}.`);
  }
  const [, ...inner] = type.shape;
  const fits = array.shape.length === type.shape.length && inner.every((dim, i) => dim === array.shape[i + 1]);
  if (!fits) throw new ShapeError(where, `${printType(type)} is required. Received ${printType(array)}.`);
  if (array.data.length !== sizeOf(array.shape)) {
    throw new ShapeError(where, `${sizeOf(array.shape)} elements are required. Received ${array.data.length}.`);
  }
  if (rowsOf(array) === 0) throw new ArgumentError(where, 'at least one example is required. Received none.');
}

/** As many rows in every array; `arrays` by what errors call them. */
export function checkLengths(arrays: Named<NDArray>): void {
  const counts = Object.values(arrays).map(rowsOf);
  if (counts.every((count) => count === counts[0])) return;
  const received = Object.entries(arrays).map(([where, array]) => `${rowsOf(array)} ${where}`);
  throw new ShapeError('data', `as many labels as examples are required. Received ${received.join(' and ')}.`);
}

/** Labels [n, 1] that came as [n], or the other way round, in the shape that is asked for. */
export function alignLabels({ shape }: TensorType, y: NDArray): NDArray {
  const [rows = 0, ...inner] = y.shape;
  const [, ...wanted] = shape;
  const isScalar = (dims: readonly unknown[]): boolean => dims.every((dim) => dim === 1);
  const aligned = isScalar(inner) && isScalar(wanted);
  return aligned ? { dtype: y.dtype, shape: [rows, ...wanted.map(() => 1)], data: y.data } : y;
}

/** Position of the first element that is no finite number; -1 when all are. */
export function firstNonFinite(data: NDArray['data']): number {
  // The sum of x * 0 is 0 unless some x is infinite or NaN: a pass without branches, and a search only where it failed.
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i] as number) * 0;
  return sum === 0 ? -1 : data.findIndex((value: number) => !Number.isFinite(value));
}

const rowAt = ({ shape }: NDArray, at: number): number => Math.floor(at / sizeOf(shape.slice(1)));

/** Throws `NumericsError` for a NaN or an infinity among f32 data. */
export function checkFinite(where: string, array: NDArray): void {
  if (array.dtype !== 'f32') return;
  const at = firstNonFinite(array.data);
  if (at < 0) return;
  const received = `${array.data[at]} in row ${rowAt(array, at)}`;
  throw new NumericsError(where, `finite numbers are required. Received ${received}.`);
}

/** Throws `IndexError` for a label that is no class. */
export function checkClasses(where: string, { classes }: Labels, array: NDArray): void {
  if (classes === undefined) return;
  const at = array.data.findIndex((label: number) => !(label >= 0 && label < classes));
  if (at < 0) return;
  const received = `${array.data[at]} in row ${rowAt(array, at)}`;
  throw new IndexError(where, `labels from 0 to ${classes - 1} are required. Received ${received}.`);
}
