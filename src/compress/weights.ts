/** Weights as int8: symmetric, with a scale for each channel. */
import { type NDArray, ndarray, sizeOf } from '../core/ndarray.js';
import { roundHalfEven } from '../ops/quantize.js';

export interface QuantizedWeights {
  /** i8 of the weights' shape, from -127 to 127. */
  readonly integers: NDArray;
  /** f32 [channels]: w = q * scale of its channel. */
  readonly scales: NDArray;
}

/** The largest weight of each channel along `axis` becomes 127 or -127. */
export function quantizeWeights({ shape, data }: NDArray, axis: number): QuantizedWeights {
  const channels = shape[axis] ?? 1;
  const stride = sizeOf(shape.slice(axis + 1));
  const channelOf = (i: number): number => Math.floor(i / stride) % channels;
  const scales = new Float32Array(channels);
  for (let i = 0; i < data.length; i++) {
    const channel = channelOf(i);
    scales[channel] = Math.max(scales[channel] ?? 0, Math.abs(data[i] ?? 0));
  }
  scales.forEach((largest, channel) => {
    scales[channel] = largest > 0 ? largest / 127 : 1;
  });
  const integers = new Int8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const integer = roundHalfEven((data[i] ?? 0) / (scales[channelOf(i)] ?? 1));
    integers[i] = Math.min(127, Math.max(-127, integer));
  }
  return { integers: ndarray('i8', shape, integers), scales: ndarray('f32', [channels], scales) };
}
