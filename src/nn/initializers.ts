/**
 * First values of variables, by their Keras names and with their Keras defaults. All are drawn from the key that the
 * program derives from its seed and the variable's name.
 */
import { ndarray, sizeOf } from '../core/ndarray.js';
import { normal, uniform } from '../core/random.js';
import type { Initializer } from '../graph/builder.js';
import { type Field, oneOf } from './options.js';

/**
 * `glorotUniform`: even within sqrt(6 / (fanIn + fanOut)) (Glorot and Bengio, AISTATS 2010).
 * `heNormal`: normal with variance 2 / fanIn, cut at two deviations (He et al., ICCV 2015).
 * `orthogonal`: rows, or columns where they are fewer, of length 1 at right angles (Saxe et al., ICLR 2014).
 * `uniform`: even within 0.05.
 */
export type InitializerName = 'glorotUniform' | 'heNormal' | 'ones' | 'orthogonal' | 'uniform' | 'zeros';

/** Inputs and outputs that one element of a kernel [...window, inputs, outputs] connects. */
function fansOf(shape: readonly number[]): { readonly fanIn: number; readonly fanOut: number } {
  const window = sizeOf(shape.slice(0, -2));
  const outputs = shape.at(-1) ?? 1;
  return { fanIn: window * (shape.at(-2) ?? outputs), fanOut: window * outputs };
}

/** The deviation of a normal distribution that is cut at two deviations, as a share of the one it is cut from. */
const cutDeviation = 0.87962566103423978;

/**
 * `count` vectors of `length` numbers, one after another, of length 1 at right angles: normal ones, each without what it
 * shares with those before it, taken off twice for its rounding.
 */
function orthonormal(count: number, length: number, drawn: Float32Array): Float64Array {
  const vectors = Float64Array.from(drawn);
  const rowOf = (i: number): Float64Array => vectors.subarray(i * length, (i + 1) * length);
  const product = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? NaN), 0);
  for (let i = 0; i < count; i++) {
    const row = rowOf(i);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = rowOf(j);
        const shared = product(row, other);
        other.forEach((x, k) => (row[k] = (row[k] ?? NaN) - shared * x));
      }
    }
    const norm = Math.sqrt(product(row, row));
    row.forEach((x, k) => (row[k] = x / norm));
  }
  return vectors;
}

/** How first weights are drawn, by their Keras names (Glorot and Bengio 2010; He et al. 2015). */
export const initializers: { readonly [N in InitializerName]: Initializer } = {
  glorotUniform: (shape, key) => {
    const { fanIn, fanOut } = fansOf(shape);
    const limit = Math.sqrt(6 / (fanIn + fanOut));
    return ndarray('f32', shape, uniform(key, sizeOf(shape), -limit, limit));
  },
  heNormal: (shape, key) => {
    const deviation = Math.sqrt(2 / fansOf(shape).fanIn) / cutDeviation;
    const size = sizeOf(shape);
    const data = new Float32Array(size);
    let at = 0;
    for (let length = 2 * size + 16; at < size; length *= 2) {
      at = 0;
      for (const drawn of normal(key, length)) if (Math.abs(drawn) < 2 && at < size) data[at++] = drawn * deviation;
    }
    return ndarray('f32', shape, data);
  },
  ones: (shape) => ndarray('f32', shape, new Float32Array(sizeOf(shape)).fill(1)),
  orthogonal: (shape, key) => {
    const columns = shape.at(-1) ?? 1;
    const rows = sizeOf(shape) / Math.max(columns, 1);
    const [count, length] = rows < columns ? [rows, columns] : [columns, rows];
    const vectors = orthonormal(count, length, normal(key, count * length));
    const at = (row: number, column: number): number =>
      rows < columns ? row * length + column : column * length + row;
    const data = Float32Array.from({ length: rows * columns }, (_, i) => {
      return vectors[at(Math.floor(i / columns), i % columns)] ?? NaN;
    });
    return ndarray('f32', shape, data);
  },
  uniform: (shape, key) => ndarray('f32', shape, uniform(key, sizeOf(shape), -0.05, 0.05)),
  zeros: (shape) => ndarray('f32', shape),
};

export const initializerName: Field<InitializerName> = oneOf(
  'glorotUniform',
  'heNormal',
  'ones',
  'orthogonal',
  'uniform',
  'zeros',
);
