/** Pooling of sequences, images and volumes: windows, bins, and all places at once. */
import {
  adaptiveAveragePool,
  adaptiveMaxPool,
  averagePool,
  globalAveragePool,
  globalMaxPool,
  type GlobalPoolOptions,
  maxPool,
} from '../ops/pooling.js';
import type { Padding } from '../ops/schema.js';
import type { Tensor } from '../ops/tensor.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { countEach, type Field, flag, oneOf, optional } from './options.js';
import { requireSpatial } from './spatial.js';

export interface PoolingOptions {
  /** One number for all axes, or one for each; 2 unless said. */
  readonly poolSize?: number | readonly number[];
  /** The pool size unless said. */
  readonly strides?: number | readonly number[] | null;
  /** `valid` unless said. */
  readonly padding?: Padding;
}

function poolingKind(kind: string, axes: number, pool: typeof maxPool): LayerKind<PoolingOptions> {
  const counts = countEach(axes);
  const stridesOrNull: Field<number | readonly number[] | null> = (value, where, name) =>
    value === undefined || value === null ? null : counts(value, where, name);
  return {
    kind,
    fields: {
      poolSize: optional(counts, 2),
      strides: stridesOrNull,
      padding: optional(oneOf('valid', 'same'), 'valid'),
    },
    call: ({ poolSize, strides, padding }, x, scope) => {
      requireSpatial(scope, x, axes);
      return pool(x, { poolSize, strides: strides ?? poolSize, padding });
    },
  };
}

export const averagePooling1dKind = poolingKind('averagePooling1d', 1, averagePool);
export const averagePooling2dKind = poolingKind('averagePooling2d', 2, averagePool);
export const averagePooling3dKind = poolingKind('averagePooling3d', 3, averagePool);
export const maxPooling1dKind = poolingKind('maxPooling1d', 1, maxPool);
export const maxPooling2dKind = poolingKind('maxPooling2d', 2, maxPool);
export const maxPooling3dKind = poolingKind('maxPooling3d', 3, maxPool);

/** The mean of each window, in which padding does not count: [batch, length, channels] -> [batch, length', channels]. */
export const averagePooling1d = (options: PoolingOptions & Naming = {}): Layer =>
  makeLayer(averagePooling1dKind, options);

/** The mean of each window: images [batch, height, width, channels] -> [batch, height', width', channels]. */
export const averagePooling2d = (options: PoolingOptions & Naming = {}): Layer =>
  makeLayer(averagePooling2dKind, options);

/** The mean of each window: [batch, depth, height, width, channels] -> [batch, depth', height', width', channels]. */
export const averagePooling3d = (options: PoolingOptions & Naming = {}): Layer =>
  makeLayer(averagePooling3dKind, options);

/** The largest of each window: [batch, length, channels] -> [batch, length', channels]. */
export const maxPooling1d = (options: PoolingOptions & Naming = {}): Layer => makeLayer(maxPooling1dKind, options);

/** The largest of each window: images [batch, height, width, channels] -> [batch, height', width', channels]. */
export const maxPooling2d = (options: PoolingOptions & Naming = {}): Layer => makeLayer(maxPooling2dKind, options);

/** The largest of each window: [batch, depth, height, width, channels] -> [batch, depth', height', width', channels]. */
export const maxPooling3d = (options: PoolingOptions & Naming = {}): Layer => makeLayer(maxPooling3dKind, options);

export interface GlobalPoolingOptions {
  /** Whether the pooled axes stay, with 1 each; false unless said. */
  readonly keepDims?: boolean;
}

function globalKind(
  kind: string,
  axes: number,
  pool: (x: Tensor, options: GlobalPoolOptions) => Tensor,
): LayerKind<GlobalPoolingOptions> {
  return {
    kind,
    fields: { keepDims: optional(flag, false) },
    call: ({ keepDims }, x, scope) => {
      requireSpatial(scope, x, axes);
      return pool(x, { keepDims });
    },
  };
}

export const globalAveragePooling1dKind = globalKind('globalAveragePooling1d', 1, globalAveragePool);
export const globalAveragePooling2dKind = globalKind('globalAveragePooling2d', 2, globalAveragePool);
export const globalAveragePooling3dKind = globalKind('globalAveragePooling3d', 3, globalAveragePool);
export const globalMaxPooling1dKind = globalKind('globalMaxPooling1d', 1, globalMaxPool);
export const globalMaxPooling2dKind = globalKind('globalMaxPooling2d', 2, globalMaxPool);
export const globalMaxPooling3dKind = globalKind('globalMaxPooling3d', 3, globalMaxPool);

/** The mean of each channel over all places: [batch, length, channels] -> [batch, channels]. */
export const globalAveragePooling1d = (options: GlobalPoolingOptions & Naming = {}): Layer =>
  makeLayer(globalAveragePooling1dKind, options);

/** The mean of each channel over all places: images [batch, height, width, channels] -> [batch, channels]. */
export const globalAveragePooling2d = (options: GlobalPoolingOptions & Naming = {}): Layer =>
  makeLayer(globalAveragePooling2dKind, options);

/** The mean of each channel over all places: [batch, depth, height, width, channels] -> [batch, channels]. */
export const globalAveragePooling3d = (options: GlobalPoolingOptions & Naming = {}): Layer =>
  makeLayer(globalAveragePooling3dKind, options);

/** The largest of each channel over all places: [batch, length, channels] -> [batch, channels]. */
export const globalMaxPooling1d = (options: GlobalPoolingOptions & Naming = {}): Layer =>
  makeLayer(globalMaxPooling1dKind, options);

/** The largest of each channel over all places: images [batch, height, width, channels] -> [batch, channels]. */
export const globalMaxPooling2d = (options: GlobalPoolingOptions & Naming = {}): Layer =>
  makeLayer(globalMaxPooling2dKind, options);

/** The largest of each channel over all places: [batch, depth, height, width, channels] -> [batch, channels]. */
export const globalMaxPooling3d = (options: GlobalPoolingOptions & Naming = {}): Layer =>
  makeLayer(globalMaxPooling3dKind, options);

export interface AdaptivePoolingOptions {
  /** Bins along each axis: one number for all axes, or one for each. */
  readonly outputSize: number | readonly number[];
}

function adaptiveKind(
  kind: string,
  axes: number,
  pool: (x: Tensor, outputSize: number | readonly number[]) => Tensor,
): LayerKind<AdaptivePoolingOptions> {
  return {
    kind,
    fields: { outputSize: countEach(axes) },
    call: ({ outputSize }, x, scope) => {
      requireSpatial(scope, x, axes);
      return pool(x, outputSize);
    },
  };
}

export const adaptiveAveragePooling1dKind = adaptiveKind('adaptiveAveragePooling1d', 1, adaptiveAveragePool);
export const adaptiveAveragePooling2dKind = adaptiveKind('adaptiveAveragePooling2d', 2, adaptiveAveragePool);
export const adaptiveAveragePooling3dKind = adaptiveKind('adaptiveAveragePooling3d', 3, adaptiveAveragePool);
export const adaptiveMaxPooling1dKind = adaptiveKind('adaptiveMaxPooling1d', 1, adaptiveMaxPool);
export const adaptiveMaxPooling2dKind = adaptiveKind('adaptiveMaxPooling2d', 2, adaptiveMaxPool);
export const adaptiveMaxPooling3dKind = adaptiveKind('adaptiveMaxPooling3d', 3, adaptiveMaxPool);

/** The means of bins that part each axis evenly: [batch, length, channels] -> [batch, outputSize, channels]. */
export const adaptiveAveragePooling1d = (options: AdaptivePoolingOptions & Naming): Layer =>
  makeLayer(adaptiveAveragePooling1dKind, options);

/** The means of bins that part each axis evenly: images [batch, height, width, channels] of any size to one size. */
export const adaptiveAveragePooling2d = (options: AdaptivePoolingOptions & Naming): Layer =>
  makeLayer(adaptiveAveragePooling2dKind, options);

/** The means of bins that part each axis evenly: [batch, depth, height, width, channels] of any size to one size. */
export const adaptiveAveragePooling3d = (options: AdaptivePoolingOptions & Naming): Layer =>
  makeLayer(adaptiveAveragePooling3dKind, options);

/** The largest of bins that part each axis evenly: [batch, length, channels] -> [batch, outputSize, channels]. */
export const adaptiveMaxPooling1d = (options: AdaptivePoolingOptions & Naming): Layer =>
  makeLayer(adaptiveMaxPooling1dKind, options);

/** The largest of bins that part each axis evenly: images [batch, height, width, channels] of any size to one size. */
export const adaptiveMaxPooling2d = (options: AdaptivePoolingOptions & Naming): Layer =>
  makeLayer(adaptiveMaxPooling2dKind, options);

/** The largest of bins that part each axis evenly: [batch, depth, height, width, channels] of any size to one size. */
export const adaptiveMaxPooling3d = (options: AdaptivePoolingOptions & Naming): Layer =>
  makeLayer(adaptiveMaxPooling3dKind, options);
