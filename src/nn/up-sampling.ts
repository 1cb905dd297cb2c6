/** Enlarging sequences, images and volumes by whole factors. */
import { type Interpolation, interpolations, repeatEach, resize } from '../ops/resize.js';
import type { Tensor } from '../ops/tensor.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { countEach, oneOf, optional } from './options.js';
import { requireSpatial } from './spatial.js';

export interface UpSamplingOptions {
  /** How many times larger each axis becomes: one number for all axes, or one for each; 2 unless said. */
  readonly size?: number | readonly number[];
  /** `nearest` unless said, which repeats entries; the others need axes of fixed size. */
  readonly interpolation?: Interpolation;
}

function enlarge(x: Tensor, size: number | readonly number[], interpolation: Interpolation): Tensor {
  if (interpolation === 'nearest') return repeatEach(x, size);
  const factorOf = (axis: number): number => (typeof size === 'number' ? size : (size[axis] ?? 1));
  const sizes = x.shape.slice(1, -1).map((extent, axis) => Number(extent) * factorOf(axis));
  return resize(x, sizes, { interpolation });
}

function upSamplingKind(kind: string, axes: number): LayerKind<UpSamplingOptions> {
  return {
    kind,
    fields: {
      size: optional(countEach(axes), 2),
      interpolation: optional(oneOf(...interpolations), 'nearest'),
    },
    call: ({ size, interpolation }, x, scope) => {
      requireSpatial(scope, x, axes);
      return enlarge(x, size, interpolation);
    },
  };
}

export const upSampling1dKind = upSamplingKind('upSampling1d', 1);
export const upSampling2dKind = upSamplingKind('upSampling2d', 2);
export const upSampling3dKind = upSamplingKind('upSampling3d', 3);

/** [batch, length, channels] -> [batch, size length, channels]. */
export const upSampling1d = (options: UpSamplingOptions & Naming = {}): Layer => makeLayer(upSampling1dKind, options);

/** Images [batch, height, width, channels] -> [batch, size height, size width, channels]. */
export const upSampling2d = (options: UpSamplingOptions & Naming = {}): Layer => makeLayer(upSampling2dKind, options);

/** [batch, depth, height, width, channels] -> the same with each of the three axes `size` times larger. */
export const upSampling3d = (options: UpSamplingOptions & Naming = {}): Layer => makeLayer(upSampling3dKind, options);
