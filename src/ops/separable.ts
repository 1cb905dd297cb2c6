/**
 * Convolutions of each channel by itself, and those that a mixing of channels follows (Chollet 2017). Layouts, names and
 * defaults are those of Keras; images are [n, h, w, c], sequences [n, l, c].
 */
import { ShapeError } from '../core/errors.js';
import { mulDims, printShape } from '../core/shape.js';
import { conv2d } from './conv.js';
import { depthwise } from './depthwise.js';
import { dilated, type DilatedOptions, kernelShape } from './dilation.js';
import { broadcastTo, reshape } from './move.js';
import { requireRank } from './rules.js';
import { asImage, asKernel, asRow, type SequenceOptions, sequenceOptions } from './sequence.js';
import type { Tensor } from './tensor.js';

/**
 * Convolves each channel of x [n, h, w, c] with the m windows that `kernel` [kh, kw, c, m] has for it. Gives
 * [n, oh, ow, c * m], those of channel i from i * m on. Throws `ShapeError` where the channels differ.
 */
export function depthwiseConv2d(x: Tensor, kernel: Tensor, options: DilatedOptions = {}): Tensor {
  return multiplied('depthwiseConv2d', x, kernel, options);
}

/** The same for sequences: x [n, l, c] and `kernel` [k, c, m] give [n, ol, c * m]. */
export function depthwiseConv1d(x: Tensor, kernel: Tensor, options: SequenceOptions = {}): Tensor {
  const [k = 0] = kernelShape('depthwiseConv1d', kernel, 3);
  const given = sequenceOptions(options, k);
  return asRow(multiplied('depthwiseConv1d', asImage('depthwiseConv1d', x), asKernel(kernel), given));
}

/** A multiplier repeats the channels; the only channel of an image is what an ordinary convolution takes. */
function multiplied(op: string, x: Tensor, kernel: Tensor, options: DilatedOptions): Tensor {
  const [kh = 0, kw = 0, channels = 0, multiplier = 0] = kernelShape(op, kernel, 4);
  requireRank(op, 'x', x, 4);
  const [n = 0, h = 0, w = 0, c = 0] = x.shape;
  if (c !== channels) {
    const received = `${printShape(x.shape)}, ${printShape(kernel.shape)}`;
    throw new ShapeError(op, `as many channels in x as in the kernel are required. Received ${received}.`);
  }
  if (c === 1) return dilated(op, x, kernel, options, conv2d);
  const taps = reshape(kernel, [kh, kw, channels * multiplier]);
  if (multiplier === 1) return dilated(op, x, taps, options, depthwise);
  const repeated = broadcastTo(reshape(x, [n, h, w, c, 1]), [n, h, w, c, multiplier]);
  return dilated(op, reshape(repeated, [n, h, w, mulDims(c, multiplier)]), taps, options, depthwise);
}

/**
 * `depthwiseConv2d` by `depthwiseKernel` [kh, kw, c, m], then a convolution by `pointwiseKernel` [1, 1, c * m, f]. Gives
 * [n, oh, ow, f].
 */
export function separableConv2d(
  x: Tensor,
  depthwiseKernel: Tensor,
  pointwiseKernel: Tensor,
  options: DilatedOptions = {},
): Tensor {
  requirePointwise('separableConv2d', pointwiseKernel, 4);
  return conv2d(multiplied('separableConv2d', x, depthwiseKernel, options), pointwiseKernel);
}

/** The same for sequences: x [n, l, c], `depthwiseKernel` [k, c, m], `pointwiseKernel` [1, c * m, f]. Gives [n, ol, f]. */
export function separableConv1d(
  x: Tensor,
  depthwiseKernel: Tensor,
  pointwiseKernel: Tensor,
  options: SequenceOptions = {},
): Tensor {
  const [k = 0] = kernelShape('separableConv1d', depthwiseKernel, 3);
  const given = sequenceOptions(options, k);
  requirePointwise('separableConv1d', pointwiseKernel, 3);
  const image = multiplied('separableConv1d', asImage('separableConv1d', x), asKernel(depthwiseKernel), given);
  return asRow(conv2d(image, asKernel(pointwiseKernel)));
}

function requirePointwise(op: string, kernel: Tensor, rank: number): void {
  const sizes = kernelShape(op, kernel, rank).slice(0, -2);
  if (sizes.some((size) => size !== 1)) {
    throw new ShapeError(op, `a pointwise kernel of one tap is required. Received ${printShape(kernel.shape)}.`);
  }
}
