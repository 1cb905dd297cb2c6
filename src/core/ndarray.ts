/** Arrays as users see them: a typed array with a shape. Plain data; nothing to dispose. */
import { allocate, type DataOf, type DType, holds } from './dtype.js';
import { ArgumentError, DTypeError, ShapeError } from './errors.js';

/** A dense row-major array. `data.length` is the product of `shape`. */
export interface NDArray<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: DataOf<D>;
}

/** Throws `ArgumentError` for what is no array of ours, such as plain lists, which TypeScript would not have let through. */
export function requireArray(where: string, value: unknown): void {
  const isArray =
    typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value && 'data' in value;
  if (isArray && Array.isArray(value.shape) && ArrayBuffer.isView(value.data)) return;
  const received = Array.isArray(value) ? 'a plain list' : value === null ? 'null' : `a value of type ${typeof value}`;
  throw new ArgumentError(
    where,
    `an array { dtype, shape, data }, as ndarray() makes it, is required. Received ${received}.`,
  );
}

/** How many elements an array of a shape has: the product of its extents. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/**
 * An array of `dtype` over `data`, without a copy where `data` already is the typed array of that dtype.
 * Throws `ShapeError` when the shape does not cover the data, `DTypeError` when a typed array is of another type.
 */
export function ndarray<D extends DType>(
  dtype: D,
  shape: readonly number[],
  data?: ArrayLike<number> | DataOf<D>,
): NDArray<D> {
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) {
      throw new ArgumentError(
        'ndarray',
        `every extent must be a non-negative integer. Received [${shape.join(', ')}].`,
      );
    }
  }
  const size = sizeOf(shape);
  const length = data === undefined ? size : data.length;
  if (length !== size) {
    throw new ShapeError('ndarray', `shape [${shape.join(', ')}] holds ${size} elements. Received ${length}.`);
  }
  if (data === undefined) return { dtype, shape: [...shape], data: allocate(dtype, size) };
  if (ArrayBuffer.isView(data)) {
    if (!holds(dtype, data as DataOf)) {
      throw new DTypeError('ndarray', `elements of ${dtype} are required. Received a ${data.constructor.name}.`);
    }
    return { dtype, shape: [...shape], data: data as DataOf<D> };
  }
  const copy = allocate(dtype, size);
  copy.set(data as ArrayLike<number>);
  return { dtype, shape: [...shape], data: copy };
}
