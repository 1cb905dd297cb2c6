/** Arrays from JSON: nested lists of numbers, whose shape is that of their nesting. */
import { allocate, type DType } from '../core/dtype.js';
import { DTypeError, FormatError, ShapeError } from '../core/errors.js';
import { type NDArray, sizeOf } from '../core/ndarray.js';
import { mapNamed, type Named } from '../core/tree.js';
import { loadFile } from '../format/file.js';
import type { TensorType } from '../ops/tensor.js';

/** Axes of an array. */
const mostAxes = 32;

/**
 * An array from nested lists. Throws `ShapeError` for lists of unequal length or nested too deep, `DTypeError` for elements that the dtype
 * does not hold.
 */
export function fromNested(where: string, value: unknown, dtype: DType): NDArray {
  const shape: number[] = [];
  for (let at = value; Array.isArray(at); at = at[0]) {
    shape.push(at.length);
    if (shape.length <= mostAxes) continue;
    throw new ShapeError(where, `lists nested at most ${mostAxes} deep are required. Received them deeper.`);
  }
  const data = allocate(dtype, sizeOf(shape));
  let filled = 0;
  const fill = (item: unknown, axis: number): void => {
    if (axis < shape.length) {
      if (!Array.isArray(item) || item.length !== shape[axis]) {
        throw new ShapeError(where, `nested lists of the shape [${shape.join(', ')}] are required. Received others.`);
      }
      for (const inner of item) fill(inner, axis + 1);
      return;
    }
    data[filled] = Number(item);
    const isHeld = dtype === 'f32' ? Number.isFinite(data[filled]) : data[filled] === item;
    if (typeof item !== 'number' || !isHeld) {
      throw new DTypeError(where, `numbers that ${dtype} holds are required. Received ${JSON.stringify(item)}.`);
    }
    filled++;
  };
  fill(value, 0);
  return { dtype, shape, data };
}

/**
 * The rows in a JSON file: `{ "name": [...] }` with an entry for each input, or `[...]` where there is one input. One
 * example may stand alone.
 */
export function readJsonRows(path: string, inputs: Named<TensorType>): Record<string, NDArray> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(loadFile(path)));
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError)) throw cause;
    throw new FormatError('input', `a file of JSON is required. '${path}' is none: ${cause.message}`, { cause });
  }
  const isNamed = typeof value === 'object' && value !== null && !Array.isArray(value);
  const isAlone = !isNamed && Object.keys(inputs).length === 1;
  const entries = new Map<string, unknown>(isNamed ? Object.entries(value as object) : []);
  return mapNamed(inputs, ({ dtype, shape }, name) => {
    const rows = isAlone ? value : entries.get(name);
    if (rows === undefined)
      throw new FormatError('input', `an entry '${name}' is required in '${path}'. Received none.`);
    const array = fromNested('input', rows, dtype);
    return array.shape.length === shape.length - 1 ? { ...array, shape: [1, ...array.shape] } : array;
  });
}
