/** NPZ files, as `numpy.savez` and `numpy.savez_compressed` write them: a ZIP archive of NPY files. */
import { FormatError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { readNpy } from './npy.js';
import { readZip } from './zip.js';

/**
 * Reads an NPZ file: its arrays by their names, without `.npy`. Throws as `readNpy` does, naming the array, and
 * `FormatError` for what is no archive, is damaged, or unfolds to more than it says; `where` names the file.
 */
export function readNpz(bytes: Uint8Array, where = 'npz'): Map<string, NDArray> {
  const arrays = new Map<string, NDArray>();
  for (const [name, content] of readZip(bytes, where)) {
    if (!name.endsWith('.npy')) throw new FormatError(where, `entries named *.npy are required. Received '${name}'.`);
    arrays.set(name.slice(0, -4), readNpy(content, `${where}: ${name}`));
  }
  return arrays;
}
