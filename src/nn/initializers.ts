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
 * `uniform`: even within 0.05.
 */
export type InitializerName = 'glorotUniform' | 'heNormal' | 'ones' | 'uniform' | 'zeros';

/** Inputs and outputs that one element of a kernel [...window, inputs, outputs] connects. */
function fansOf(shape: readonly number[]): { readonly fanIn: number; readonly fanOut: number } {
  const window = sizeOf(shape.slice(0, -2));
  const outputs = shape.at(-1) ?? 1;
  return { fanIn: window * (shape.at(-2) ?? outputs), fanOut: window * outputs };
}

/** The deviation of a normal distribution that is cut at two deviations, as a share of the one it is cut from. */
const cutDeviation = 0.87962566103423978;

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
  uniform: (shape, key) => ndarray('f32', shape, uniform(key, sizeOf(shape), -0.05, 0.05)),
  zeros: (shape) => ndarray('f32', shape),
};

export const initializerName: Field<InitializerName> = oneOf('glorotUniform', 'heNormal', 'ones', 'uniform', 'zeros');
