/** Sequences [n, l, c] as images of one row [n, 1, l, c], whose windows are one run of memory. */
import type { AxisPadding } from './conv.js';
import { type DilatedOptions, spanOf } from './dilation.js';
import { reshape } from './move.js';
import { requireRank } from './rules.js';
import type { Tensor } from './tensor.js';

export interface SequenceOptions {
  /** Steps between windows (default 1). */
  readonly strides?: number;
  /** Default `valid`. `causal` pads before the sequence, so that no output sees what comes later; a pair says how much. */
  readonly padding?: AxisPadding | 'causal' | number;
  /** Steps from one tap to the next (default 1); above 1 not together with strides above 1. */
  readonly dilationRate?: number;
}

export function asImage(op: string, x: Tensor): Tensor {
  requireRank(op, 'x', x, 3);
  return reshape(x, x.shape.toSpliced(1, 0, 1));
}

/** A kernel [k, ...] as that of an image of one row. */
export const asKernel = (kernel: Tensor): Tensor => reshape(kernel, [1, ...kernel.shape]);

/** The sequence that an image of one row is. */
export const asRow = (image: Tensor): Tensor => reshape(image, image.shape.toSpliced(1, 1));

/** What an image of one row takes for what its sequence was given, by a window of `taps`. */
export function sequenceOptions(
  { strides = 1, padding = 'valid', dilationRate = 1 }: SequenceOptions,
  taps: number,
): DilatedOptions {
  const given = { strides: [1, strides], dilationRate: [1, dilationRate] } as const;
  if (padding === 'valid' || padding === 'same') return { ...given, padding };
  const causal = [spanOf(taps, dilationRate) - 1, 0] as const;
  const sides = padding === 'causal' ? causal : typeof padding === 'number' ? ([padding, padding] as const) : padding;
  return { ...given, padding: [[0, 0], sides] };
}
