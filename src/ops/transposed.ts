/**
 * Transposed convolutions: the gradients of convolutions for their images, taken forwards. Layouts, names, defaults and
 * output sizes are those of Keras: a kernel is [...window, f, c], as that of the convolution which it transposes.
 */
import { ArgumentError } from '../core/errors.js';
import { addDims, type Dim, mulDims } from '../core/shape.js';
import { add } from './binary.js';
import { axesOf, type AxisPadding, conv2dInputGrad, paddingOf, pairOf } from './conv.js';
import { tripleOf, type Triple, volumePadding, type VolumeOptions } from './convolutions.js';
import { type DilatedOptions, kernelShape, requireRates, spaced, spanOf, spread } from './dilation.js';
import { reshape, transpose } from './move.js';
import { requireIntegers, requireRank } from './rules.js';
import type { Pair } from './schema.js';
import { asImage, asKernel, asRow, type SequenceOptions, sequenceOptions } from './sequence.js';
import { pad, slice } from './slice.js';
import type { Tensor } from './tensor.js';

/** What an output has beyond the smallest that its input could come from. */
export interface OutputPadding<T> {
  /** From 0 to below the strides. Unless said, an output has `strides` pixels for each of the input and, if `valid`, what else the window reaches. */
  readonly outputPadding?: T | null;
}

/** One axis of the convolution that is transposed: the size of its input, and its padding. */
interface Restored {
  readonly size: Dim;
  readonly padding: Pair;
}

function restored(
  op: string,
  size: Dim,
  window: number,
  stride: number,
  padding: AxisPadding,
  extra: number | null,
): Restored {
  requireIntegers(op, 'window', [window], 1, 1);
  requireIntegers(op, 'strides', [stride], 1, 1);
  if (extra !== null) requireIntegers(op, 'outputPadding', [extra], 1, 0, stride - 1);
  /** What `size` windows span. */
  const steps = mulDims(addDims(size, -1), stride);
  /** An output of `length` pixels beyond the steps, from which the convolution sees `low` zeros before. */
  const cropped = (length: number, low: number): Restored => ({
    size: addDims(steps, length),
    padding: [low, Math.max(0, window - low - length)],
  });
  if (padding === 'valid') return cropped(window + (extra ?? Math.max(stride - window, 0)), 0);
  if (padding !== 'same') {
    requireIntegers(op, 'padding', padding, 2);
    return cropped(window - padding[0] - padding[1] + (extra ?? 0), padding[0]);
  }
  if (extra === null) return cropped(stride, Math.max(window - stride, 0) >> 1);
  const odd = window % 2;
  const before = Math.min((window + odd - 1 + extra) >> 1, window - 1);
  return cropped(odd + extra, window - 1 - before);
}

/**
 * The transpose of `conv2d`: x [n, h, w, c] and `kernel` [kh, kw, f, c] give [n, oh, ow, f]; with `same` padding oh is
 * h * stride, with `valid` (h - 1) * stride + max(kh, stride), unless `outputPadding` says another. Throws `ShapeError` where the
 * shapes do not fit, `ArgumentError` for options out of range.
 */
export const conv2dTranspose = (
  x: Tensor,
  kernel: Tensor,
  options: DilatedOptions & OutputPadding<number | Pair> = {},
): Tensor => transposed('conv2dTranspose', x, kernel, options);

/** The same for sequences: x [n, l, c] and `kernel` [k, f, c] give [n, ol, f]. */
export function conv1dTranspose(
  x: Tensor,
  kernel: Tensor,
  { outputPadding = null, ...options }: SequenceOptions & OutputPadding<number> = {},
): Tensor {
  const [k = 0] = kernelShape('conv1dTranspose', kernel, 3);
  if (options.padding === 'causal') {
    throw new ArgumentError('conv1dTranspose', "padding 'valid', 'same' or zeros are required. Received 'causal'.");
  }
  const given = {
    ...sequenceOptions(options, k),
    outputPadding: outputPadding === null ? null : ([0, outputPadding] as const),
  };
  return asRow(transposed('conv1dTranspose', asImage('conv1dTranspose', x), asKernel(kernel), given));
}

function transposed(
  op: string,
  x: Tensor,
  kernel: Tensor,
  {
    strides = 1,
    padding = 'valid',
    dilationRate = 1,
    outputPadding = null,
  }: DilatedOptions & OutputPadding<number | Pair>,
): Tensor {
  const steps = pairOf(strides);
  const rates = pairOf(dilationRate);
  const sides = axesOf(paddingOf(padding));
  const extra = outputPadding === null ? [null, null] : pairOf(outputPadding);
  requireRates(op, rates, steps);
  requireRank(op, 'x', x, 4);
  const windows = kernelShape(op, kernel, 4);
  const along = (axis: 0 | 1): Restored => {
    const window = spanOf(windows[axis] ?? 0, rates[axis]);
    return restored(op, x.shape[axis + 1] ?? 0, window, steps[axis], sides[axis], extra[axis] ?? null);
  };
  const height = along(0);
  const width = along(1);
  const taps = spread(spread(kernel, 0, rates[0]), 1, rates[1]);
  return conv2dInputGrad(x, taps, [height.size, width.size], { strides, padding: [height.padding, width.padding] });
}

/**
 * The same for volumes: x [n, d, h, w, c] and `kernel` [kd, kh, kw, f, c] give [n, od, oh, ow, f]. Images first, with a result
 * for each depth tap, as many filters; then each goes to its depth, and what meets there is added.
 */
export function conv3dTranspose(
  x: Tensor,
  kernel: Tensor,
  options: VolumeOptions & OutputPadding<number | Triple> = {},
): Tensor {
  const { padding = 'valid', outputPadding = null } = options;
  const [stride, ...strides] = tripleOf(options.strides ?? 1);
  const [rate, ...dilationRate] = tripleOf(options.dilationRate ?? 1);
  const extra = outputPadding === null ? null : tripleOf(outputPadding);
  const { depth, image } = volumePadding(padding);
  requireRates('conv3dTranspose', [rate, ...dilationRate], [stride, ...strides]);
  requireRank('conv3dTranspose', 'x', x, 5);
  const [kd = 0, kh = 0, kw = 0, f = 0, channels = 0] = kernelShape('conv3dTranspose', kernel, 5);
  const [n = 0, d = 0, h = 0, w = 0, c = 0] = x.shape;
  const { size, padding: cut } = restored('conv3dTranspose', d, spanOf(kd, rate), stride, depth, extra?.[0] ?? null);

  const taps = reshape(transpose(kernel, [1, 2, 0, 3, 4]), [kh, kw, kd * f, channels]);
  const images = reshape(x, [mulDims(n, d), h, w, c]);
  const planes = transposed('conv3dTranspose', images, taps, {
    strides,
    dilationRate,
    padding: image,
    outputPadding: extra && [extra[1], extra[2]],
  });
  const [, oh = 0, ow = 0] = planes.shape;
  const byTap = reshape(planes, [n, d, oh, ow, kd, f]);
  const placed = Array.from({ length: kd }, (_, tap) => {
    const plane = reshape(slice(byTap, [0, 0, 0, 0, tap, 0], [n, d, oh, ow, 1, f]), [n, d, oh, ow, f]);
    const sides: Pair = [tap * rate, (kd - 1 - tap) * rate];
    return pad(spaced(plane, 1, stride), [[0, 0], sides, [0, 0], [0, 0], [0, 0]]);
  });
  return slice(
    placed.reduce((total, each) => add(total, each)),
    [0, cut[0], 0, 0, 0],
    [n, size, oh, ow, f],
  );
}
