/**
 * Convolutions of sequences [n, l, c], images [n, h, w, c] and volumes [n, d, h, w, c], with dilation and groups. Layouts,
 * names and defaults are those of Keras: kernels [...window, c / groups, f], no flip.
 *
 * All are written with conv2d on images. A volume's depth taps become channels: [n * od, h, w, kd * c], one copy of the
 * volume for each depth tap, and one convolution. A sum of a convolution for each depth tap copies as much, and also adds up
 * kd results in memory.
 */
import { ShapeError } from '../core/errors.js';
import { type Dim, mulDims, printShape } from '../core/shape.js';
import { add, mul } from './binary.js';
import { type AxisPadding, conv2d as convolve, slide } from './conv.js';
import { dilated, type DilatedOptions, kernelShape, requireRates, spanOf } from './dilation.js';
import { gather } from './gather.js';
import { reshape, transpose } from './move.js';
import { requireIntegers, requireRank } from './rules.js';
import type { Padding, Pair } from './schema.js';
import { depthwiseConv2d } from './separable.js';
import { asImage, asKernel, asRow, type SequenceOptions, sequenceOptions } from './sequence.js';
import { concat, pad, slice } from './slice.js';
import { iota } from './source.js';
import type { Tensor } from './tensor.js';

export type Triple = readonly [number, number, number];

export interface GroupOptions {
  /**
   * Into how many parts the channels are divided (default 1): each group of filters sees its own. Must divide the
   * channels and the filters.
   */
  readonly groups?: number;
}

/**
 * Convolves x [n, h, w, c] with `kernel` [kh, kw, c / groups, f]; gives [n, oh, ow, f]. Throws `ShapeError` where the shapes
 * do not fit, `ArgumentError` for options out of range.
 */
export const conv2d = (x: Tensor, kernel: Tensor, options: DilatedOptions & GroupOptions = {}): Tensor =>
  grouped2d('conv2d', x, kernel, options);

/** The same for sequences: x [n, l, c] and `kernel` [k, c / groups, f] give [n, ol, f]. */
export function conv1d(x: Tensor, kernel: Tensor, { groups, ...options }: SequenceOptions & GroupOptions = {}): Tensor {
  const [k = 0] = kernelShape('conv1d', kernel, 3);
  const given = { ...sequenceOptions(options, k), ...(groups === undefined ? {} : { groups }) };
  return asRow(grouped2d('conv1d', asImage('conv1d', x), asKernel(kernel), given));
}

function grouped2d(
  op: string,
  x: Tensor,
  kernel: Tensor,
  { groups = 1, ...options }: DilatedOptions & GroupOptions,
): Tensor {
  const [kh = 0, kw = 0, channels = 0, filters = 0] = kernelShape(op, kernel, 4);
  requireRank(op, 'x', x, 4);
  if (groups > 1 && channels === 1) {
    requireGroups(op, x, kernel, groups);
    return depthwiseConv2d(x, reshape(kernel, [kh, kw, groups, filters / groups]), options);
  }
  return grouped(op, x, kernel, groups, (part, taps) => dilated(op, part, taps, options, convolve));
}

/** One convolution for each group, side by side: a group is a part of the last axes of x and of the kernel. */
function grouped(
  op: string,
  x: Tensor,
  kernel: Tensor,
  groups: number,
  convolution: (x: Tensor, kernel: Tensor) => Tensor,
): Tensor {
  if (groups === 1) return convolution(x, kernel);
  const [channels, filters] = requireGroups(op, x, kernel, groups);
  const part = (whole: Tensor, group: number, count: number): Tensor => {
    const starts = whole.shape.map((_, axis) => (axis === whole.rank - 1 ? group * count : 0));
    return slice(whole, starts, whole.shape.with(-1, count));
  };
  const parts = Array.from({ length: groups }, (_, group) =>
    convolution(part(x, group, channels), part(kernel, group, filters)),
  );
  return concat(parts, -1);
}

/** The channels and filters of a group. */
function requireGroups(op: string, x: Tensor, kernel: Tensor, groups: number): Pair {
  requireIntegers(op, 'groups', [groups], 1, 1);
  const channels = Number(kernel.shape.at(-2));
  const filters = Number(kernel.shape.at(-1));
  if (x.shape.at(-1) !== channels * groups || filters % groups !== 0) {
    const received = `${printShape(x.shape)}, ${printShape(kernel.shape)}`;
    const required = `a kernel of channels / ${groups} and of filters that ${groups} divides`;
    throw new ShapeError(op, `${required} are required. Received ${received}.`);
  }
  return [channels, filters / groups];
}

export interface VolumeOptions {
  /** Steps between windows (default 1), one for all axes or one for each. */
  readonly strides?: number | Triple;
  /** Default `valid`; zeros before and after depth, height and width, or one number for all sides. */
  readonly padding?: Padding | number | readonly [Pair, Pair, Pair];
  /** Steps from one tap to the next (default 1); above 1 not together with strides above 1. */
  readonly dilationRate?: number | Triple;
}

/** One number for all axes, or one for each. */
export const tripleOf = (value: number | Triple): Triple => (typeof value === 'number' ? [value, value, value] : value);

/** How a volume is padded: its depth, and its images. */
export function volumePadding(padding: Padding | number | readonly [Pair, Pair, Pair]) {
  if (typeof padding === 'string' || typeof padding === 'number') {
    const depth: AxisPadding = typeof padding === 'string' ? padding : [padding, padding];
    return { depth, image: padding };
  }
  const [depth, height, width] = padding;
  return { depth, image: [height, width] as const };
}

/** The same for volumes: x [n, d, h, w, c] and `kernel` [kd, kh, kw, c / groups, f] give [n, od, oh, ow, f]. */
export function conv3d(x: Tensor, kernel: Tensor, options: VolumeOptions & GroupOptions = {}): Tensor {
  requireRank('conv3d', 'x', x, 5);
  kernelShape('conv3d', kernel, 5);
  return grouped('conv3d', x, kernel, options.groups ?? 1, (part, taps) => volume(part, taps, options));
}

function volume(x: Tensor, kernel: Tensor, options: VolumeOptions): Tensor {
  const [strideDepth, ...strides] = tripleOf(options.strides ?? 1);
  const [rateDepth, ...dilationRate] = tripleOf(options.dilationRate ?? 1);
  requireRates('conv3d', [rateDepth, ...dilationRate], [strideDepth, ...strides]);
  requireIntegers('conv3d', 'strides', [strideDepth, ...strides], 3, 1);
  const { depth, image } = volumePadding(options.padding ?? 'valid');
  if (typeof depth !== 'string') requireIntegers('conv3d', 'padding', depth, 2);
  const [kd = 0, kh = 0, kw = 0, c = 0, f = 0] = kernelShape('conv3d', kernel, 5);
  const [n = 0, d = 0, h = 0, w = 0] = x.shape;
  const { output, low, high } = slide('conv3d', d, spanOf(kd, rateDepth), strideDepth, depth);
  const framed = padDepth(x, low, high);
  const planes = Array.from({ length: kd }, (_, tap) => everyFrom(framed, tap * rateDepth, output, strideDepth));
  const folded = reshape(concat(planes, 4), [mulDims(n, output), h, w, mulDims(kd, x.shape[4] ?? 0)]);
  const taps = reshape(transpose(kernel, [1, 2, 0, 3, 4]), [kh, kw, kd * c, f]);
  const y = dilated('conv3d', folded, taps, { strides, dilationRate, padding: image }, convolve);
  return reshape(y, [n, output, ...y.shape.slice(1)]);
}

/** A volume with zeros before and after its depth. */
function padDepth(x: Tensor, low: Dim, high: Dim): Tensor {
  if (low === 0 && high === 0) return x;
  if (typeof low !== 'number' || typeof high !== 'number') {
    throw new ShapeError(
      'conv3d',
      `a fixed depth is required for 'same' with strides. Received ${printShape(x.shape)}.`,
    );
  }
  return pad(x, [
    [0, 0],
    [low, high],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
}

/** `count` images of a volume from `start` on, every `step`-th. */
function everyFrom(x: Tensor, start: number, count: Dim, step: number): Tensor {
  if (step === 1) return slice(x, [0, start, 0, 0, 0], x.shape.with(1, count));
  return gather(x, add(mul(iota(x.recorder, [count]), step), start), 1);
}
