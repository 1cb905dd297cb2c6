/** Rows of arrays: an array's first axis counts examples. */
import { allocate, type DataOf } from '../core/dtype.js';
import { IndexError } from '../core/errors.js';
import { type NDArray, sizeOf } from '../core/ndarray.js';
import type { Named } from '../core/tree.js';

/** How many examples an array holds. */
export const rowsOf = ({ shape }: NDArray): number => shape[0] ?? 0;

/** Rows from `start` to before `end`: a view. */
export function sliceRows({ dtype, shape, data }: NDArray, start: number, end: number): NDArray {
  const [, ...inner] = shape;
  const size = sizeOf(inner);
  return { dtype, shape: [end - start, ...inner], data: data.subarray(start * size, end * size) };
}

/** The rows of an array at these positions, in their order: a copy. */
export function takeRows(array: NDArray, rows: Int32Array): NDArray {
  const bad = rows.findIndex((row) => !(row >= 0 && row < rowsOf(array)));
  if (bad < 0) return gatherer(array, rows.length)(rows);
  throw new IndexError('takeRows', `rows from 0 to ${rowsOf(array) - 1} are required. Received ${rows[bad]}.`);
}

/** Some rows of several arrays. */
export interface Batch {
  /** One for each of the arrays; valid until the next batch is asked for. */
  readonly arrays: readonly NDArray[];
  readonly size: number;
}

/**
 * The rows in batches of `size`, the last perhaps smaller. In their own order batches are views; in a given `order` rows
 * are gathered into one buffer for each array, so that nothing but a batch is ever copied.
 */
export function* batches(arrays: readonly NDArray[], size: number, order?: Int32Array): Generator<Batch, void, void> {
  const [first] = arrays;
  const count = first ? rowsOf(first) : 0;
  if (!order) {
    for (let start = 0; start < count; start += size) {
      const end = Math.min(start + size, count);
      yield { arrays: arrays.map((array) => sliceRows(array, start, end)), size: end - start };
    }
    return;
  }
  const buffers = arrays.map((array) => gatherer(array, Math.min(size, count)));
  for (let start = 0; start < count; start += size) {
    const rows = order.subarray(start, Math.min(start + size, count));
    yield { arrays: buffers.map((gather) => gather(rows)), size: rows.length };
  }
}

/** The rows of arrays in batches, by the arrays' names. */
export function* namedBatches(
  arrays: Named<NDArray>,
  size: number,
  order?: Int32Array,
): Generator<{ readonly arrays: Record<string, NDArray>; readonly size: number }, void, void> {
  const names = Object.keys(arrays);
  for (const batch of batches(Object.values(arrays), size, order)) {
    const byName = batch.arrays.map((array, i) => [names[i] ?? '', array] as const);
    yield { arrays: Object.fromEntries(byName), size: batch.size };
  }
}

function gatherer({ dtype, shape, data }: NDArray, most: number): (rows: Int32Array) => NDArray {
  const [, ...inner] = shape;
  const size = sizeOf(inner);
  const buffer: DataOf = allocate(dtype, most * size);
  return (rows) => {
    rows.forEach((row, i) => buffer.set(data.subarray(row * size, (row + 1) * size), i * size));
    return { dtype, shape: [rows.length, ...inner], data: buffer.subarray(0, rows.length * size) };
  };
}
