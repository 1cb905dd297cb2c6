/** safetensors files as data: every tensor an array. */
import { bytesPerElement, type DType, viewOf } from '../core/dtype.js';
import { FormatError, UnsupportedError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { openFile } from '../format/file.js';
import { readHeader, type SafetensorsDType, type TensorEntry } from '../format/safetensors.js';
import { readSync } from '../format/source.js';

/** The element types that have a dtype here. */
const dtypes: Partial<Readonly<Record<SafetensorsDType, DType>>> = {
  F32: 'f32',
  I32: 'i32',
  U8: 'u8',
  I8: 'i8',
  BOOL: 'bool',
};

/**
 * Reads a safetensors file: its tensors by their names. Throws `IoError`, `FormatError` for a file that breaks the format,
 * and `UnsupportedError` for elements other than F32, I32, U8, I8 and BOOL.
 */
export function loadSafetensors(path: string): Map<string, NDArray> {
  const source = openFile(path);
  try {
    const { tensors } = readSync(source, readHeader(source.size));
    return new Map(
      [...tensors].map(([name, entry]) => [name, arrayOf(entry, source.read(entry.offset, entry.length))]),
    );
  } finally {
    source.close();
  }
}

function arrayOf({ name, dtype: stored, shape }: TensorEntry, bytes: Uint8Array): NDArray {
  const dtype = dtypes[stored];
  if (!dtype) {
    const known = Object.keys(dtypes).join(', ');
    throw new UnsupportedError('loadSafetensors', `elements among ${known} are required. '${name}' is ${stored}.`);
  }
  if (dtype === 'bool' && bytes.some((byte) => byte > 1)) {
    throw new FormatError('loadSafetensors', `bytes that are 0 or 1 are required of a BOOL. '${name}' has others.`);
  }
  // Files are read into arrays of their own, which begin at an address that is aligned for any element.
  return { dtype, shape, data: viewOf(dtype, bytes.buffer, bytes.byteOffset, bytes.length / bytesPerElement[dtype]) };
}
