/** The network of `npm start` as the contenders get it: its layers and the same weights. */
import { normals } from './work.js';

interface Layer {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Kernels of convolutions are [height, width, channels, filters], those of dense layers [inputs, units]. */
const layers: readonly Layer[] = [
  { name: 'conv2d', shape: [3, 3, 1, 32] },
  { name: 'conv2d_1', shape: [3, 3, 32, 64] },
  { name: 'conv2d_2', shape: [3, 3, 64, 64] },
  { name: 'dense', shape: [576, 64] },
  { name: 'dense_1', shape: [64, 10] },
];

export interface Weights {
  readonly kernel: { readonly shape: readonly number[]; readonly data: Float32Array };
  readonly bias: { readonly shape: readonly number[]; readonly data: Float32Array };
}

/** He-normal kernels and small biases, by the layers' names, in their order. */
export function mnistWeights(): ReadonlyMap<string, Weights> {
  return new Map(
    layers.map(({ name, shape }, i) => {
      const fanIn = shape.slice(0, -1).reduce((product, extent) => product * extent, 1);
      const units = shape.at(-1) ?? 0;
      const kernel = { shape, data: normals(fanIn * units, 100 + i, Math.sqrt(2 / fanIn)) };
      return [name, { kernel, bias: { shape: [units], data: normals(units, 200 + i, 0.1) } }];
    }),
  );
}
