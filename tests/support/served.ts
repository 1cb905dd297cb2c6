/** Small models, written out by hand, for tests of what serves them: a softmax regression, and an identity of all types. */
import type { ModelSource, ServedModel } from '../../edge/handler.js';
import { type NDArray, ndarray } from '../../src/core/ndarray.js';

const weights = [
  [1, -2, 0.5],
  [0.25, 1, -1],
  [-1, 0.5, 2],
  [0, -0.5, 1],
];
const bias = [0.1, 0, -0.1];

/** Softmax of x W + b for one image of four pixels. */
export function probabilitiesOf(image: readonly number[]): number[] {
  const scores = bias.map((b, k) => image.reduce((sum, pixel, i) => sum + pixel * (weights[i]?.[k] ?? 0), b));
  const powers = scores.map((score) => Math.exp(score));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

/** image FP32 [batch <= 4, 2, 2, 1] -> probabilities FP32 [batch, 3], top INT32 [batch] */
export const softmaxRegression: ServedModel = {
  version: '3',
  signature: {
    graph: 'predict',
    symbols: { batch: { max: 4 } },
    inputs: { image: { dtype: 'f32', shape: ['batch', 2, 2, 1] } },
    outputs: { probabilities: { dtype: 'f32', shape: ['batch', 3] }, top: { dtype: 'i32', shape: ['batch'] } },
  },
  executable: {
    stats: () => ({ peakBytes: 4096, sessionBytes: 0, description: 'softmax regression' }),
    async run(_graph, { image }) {
      const pixels = image ? Array.from(image.data) : [];
      const batch = pixels.length / 4;
      const rows = Array.from({ length: batch }, (_, i) => probabilitiesOf(pixels.slice(4 * i, 4 * i + 4)));
      const top = rows.map((row) => row.indexOf(Math.max(...row)));
      return { probabilities: ndarray('f32', [batch, 3], rows.flat()), top: ndarray('i32', [batch], top) };
    },
  },
};

/** One input and one output of each type, all of shape [n <= 8]; each output is its input. */
export const identity: ServedModel = {
  version: '1',
  signature: {
    graph: 'predict',
    symbols: { n: { max: 8 } },
    inputs: {
      f32: { dtype: 'f32', shape: ['n'] },
      i32: { dtype: 'i32', shape: ['n'] },
      u8: { dtype: 'u8', shape: ['n'] },
      i8: { dtype: 'i8', shape: ['n'] },
      bool: { dtype: 'bool', shape: ['n'] },
      twice: { dtype: 'f32', shape: ['2*n'] },
    },
    outputs: {
      f32: { dtype: 'f32', shape: ['n'] },
      i32: { dtype: 'i32', shape: ['n'] },
      u8: { dtype: 'u8', shape: ['n'] },
      i8: { dtype: 'i8', shape: ['n'] },
      bool: { dtype: 'bool', shape: ['n'] },
      twice: { dtype: 'f32', shape: ['2*n'] },
    },
  },
  executable: {
    stats: () => ({ peakBytes: 0, sessionBytes: 0, description: 'identity' }),
    run: async (_graph, feeds) => ({ ...feeds }),
  },
};

/** A scalar function as a model: x FP32 [] -> y FP32 []. What `fn` throws, its run throws. */
export const scalarModel = (fn: (x: number) => number): ServedModel => ({
  version: '1',
  signature: {
    graph: 'predict',
    symbols: {},
    inputs: { x: { dtype: 'f32', shape: [] } },
    outputs: { y: { dtype: 'f32', shape: [] } },
  },
  executable: {
    stats: () => ({ peakBytes: 0, sessionBytes: 0, description: 'scalar' }),
    async run(_graph, { x }): Promise<Record<string, NDArray>> {
      return { y: ndarray('f32', [], [fn(x?.data[0] ?? 0)]) };
    },
  },
});

export const source = (name: string, model: ServedModel): ModelSource => ({ name, load: async () => model });
