/** The arrays of a case, drawn from a fixed key: the same for tests, gradient checks and benchmarks. */
import { allocate } from '../core/dtype.js';
import { type NDArray, ndarray, sizeOf } from '../core/ndarray.js';
import { type Key, normal, uniform } from '../core/random.js';
import type { CaseInput } from './definition.js';

export function fill({ dtype, shape, fill }: CaseInput, key: Key): NDArray {
  const data = allocate(dtype, sizeOf(shape));
  data.set(numbersOf(fill, data.length, key));
  return ndarray(dtype, shape, data);
}

function numbersOf(fill: CaseInput['fill'], length: number, key: Key): ArrayLike<number> {
  switch (fill.kind) {
    case 'normal':
      return normal(key, length);
    case 'uniform':
      return uniform(key, length, fill.low, fill.high);
    case 'integers':
      return Float64Array.from(uniform(key, length), (x) => fill.low + Math.floor(x * (fill.high - fill.low)));
    case 'values':
      return fill.values;
  }
}
