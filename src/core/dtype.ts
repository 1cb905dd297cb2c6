/** Element types and the typed arrays that hold them. `bool` is one byte, 0 or 1. */

export type DType = 'f32' | 'i32' | 'u8' | 'i8' | 'bool';

export const dtypes: readonly DType[] = ['f32', 'i32', 'u8', 'i8', 'bool'];

interface ArrayOf {
  f32: Float32Array;
  i32: Int32Array;
  u8: Uint8Array;
  i8: Int8Array;
  bool: Uint8Array;
}

/** The typed array that holds elements of `D`. */
export type DataOf<D extends DType = DType> = ArrayOf[D];

export const bytesPerElement: Readonly<Record<DType, number>> = {
  f32: 4,
  i32: 4,
  u8: 1,
  i8: 1,
  bool: 1,
};

interface ViewOf<D extends DType> {
  new (buffer: ArrayBufferLike, offset: number, length: number): DataOf<D>;
  new (elements: ArrayLike<number>): DataOf<D>;
}

const views: { readonly [D in DType]: ViewOf<D> } = {
  f32: Float32Array,
  i32: Int32Array,
  u8: Uint8Array,
  i8: Int8Array,
  bool: Uint8Array,
};

/** A view of `length` elements of `dtype` at byte `offset` of `buffer`. */
export function viewOf<D extends DType>(dtype: D, buffer: ArrayBufferLike, offset: number, length: number): DataOf<D> {
  return new views[dtype](buffer, offset, length);
}

/** A copy in memory of its own, never shared. Not `slice`: engines fill its memory with zeros before they copy. */
export function copyOf<D extends DType>(dtype: D, data: DataOf<D>): DataOf<D> {
  return new views[dtype](data);
}

/** A new zeroed array of `length` elements of `dtype`. */
export function allocate<D extends DType>(dtype: D, length: number): DataOf<D> {
  return viewOf(dtype, new ArrayBuffer(length * bytesPerElement[dtype]), 0, length);
}

export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && (dtypes as readonly string[]).includes(value);
}

/** Whether `data` is the typed array that holds elements of `dtype`. */
export function holds(dtype: DType, data: DataOf): boolean {
  return data instanceof views[dtype];
}
