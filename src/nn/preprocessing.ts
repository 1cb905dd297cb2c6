/** Preparing inputs within the model, so that a saved model takes raw data: scaling, standardising, resizing. */
import { ArgumentError, NumericsError, ShapeError } from '../core/errors.js';
import { type NDArray, ndarray } from '../core/ndarray.js';
import { printShape } from '../core/shape.js';
import { add, mul, sub } from '../ops/binary.js';
import { cast } from '../ops/cast.js';
import { type Interpolation, interpolations, resize } from '../ops/resize.js';
import { constant } from '../ops/source.js';
import type { Tensor } from '../ops/tensor.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { count, type Field, finite, nonNegative, oneOf, optional, refuse } from './options.js';
import { requireSpatial } from './spatial.js';

const floats = (x: Tensor): Tensor => (x.dtype === 'f32' ? x : cast(x, 'f32'));

export interface RescalingOptions {
  /** What the input is multiplied by. */
  readonly scale: number;
  /** 0 unless said. */
  readonly offset?: number;
}

export const rescalingKind: LayerKind<RescalingOptions> = {
  kind: 'rescaling',
  fields: { scale: finite, offset: optional(finite, 0) },
  call: ({ scale, offset }, x) => (offset === 0 ? mul(floats(x), scale) : add(mul(floats(x), scale), offset)),
};

/** scale x + offset, of any dtype as f32: bytes to [0, 1] by `{ scale: 1 / 255 }`. */
export const rescaling = (options: RescalingOptions & Naming): Layer => makeLayer(rescalingKind, options);

export interface NormalizationOptions {
  /** One number for all features, or one for each. */
  readonly mean: number | readonly number[];
  /** As `mean`. */
  readonly variance: number | readonly number[];
}

/** One number or a list of them. */
const eachOr =
  (field: Field<number>): Field<number | readonly number[]> =>
  (value, where, name) => {
    if (!Array.isArray(value)) return field(value, where, name);
    if (value.length === 0) refuse(where, name, 'a number or a list of numbers', value);
    return value.map((item: unknown) => field(item, where, name));
  };

/** The least deviation that is divided by. */
const epsilon = 1e-7;

export const normalizationKind: LayerKind<NormalizationOptions> = {
  kind: 'normalization',
  fields: { mean: eachOr(finite), variance: eachOr(nonNegative) },
  call: ({ mean, variance }, x, scope) => {
    const features = x.shape.at(-1);
    const row = (values: number | readonly number[], map: (value: number) => number): Tensor => {
      const list = typeof values === 'number' ? [values] : values;
      if (list.length === 1 || list.length === features) {
        return constant(x.recorder, ndarray('f32', [list.length], list.map(map)));
      }
      throw new ShapeError(scope.path, `x of ${list.length} features is required. Received ${printShape(x.shape)}.`);
    };
    const scale = row(variance, (value) => 1 / Math.max(Math.sqrt(value), epsilon));
    return mul(
      sub(
        floats(x),
        row(mean, (value) => value),
      ),
      scale,
    );
  },
};

/**
 * (x - mean) / deviation along the last axis, x of any dtype. `momentsOf` takes the figures from data:
 * `normalization(momentsOf(x))`.
 */
export const normalization = (options: NormalizationOptions & Naming): Layer => makeLayer(normalizationKind, options);

/**
 * The mean and the variance of each feature of x [..., features], in float64. Throws `ArgumentError` for no data and
 * `NumericsError` for numbers that are not finite.
 */
export function momentsOf(x: NDArray): { readonly mean: readonly number[]; readonly variance: readonly number[] } {
  const features = x.shape.at(-1) ?? 0;
  const rows = x.data.length / features;
  if (!(rows > 0)) {
    throw new ArgumentError('momentsOf', `x [..., features] with data is required. Received ${printShape(x.shape)}.`);
  }
  const meanOf = (feature: number, map: (value: number) => number): number => {
    let total = 0;
    for (let i = feature; i < x.data.length; i += features) total += map(x.data[i] ?? NaN);
    return total / rows;
  };
  const mean = Array.from({ length: features }, (_, feature) => meanOf(feature, (value) => value));
  const bad = mean.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new NumericsError('momentsOf', `finite numbers are required. Feature ${bad} holds others.`);
  const variance = mean.map((middle, feature) => meanOf(feature, (value) => (value - middle) ** 2));
  return { mean, variance };
}

export interface ResizingOptions {
  /** Of the result, in pixels. */
  readonly height: number;
  /** Of the result, in pixels. */
  readonly width: number;
  /** `bilinear` unless said. */
  readonly interpolation?: Interpolation;
}

export const resizingKind: LayerKind<ResizingOptions> = {
  kind: 'resizing',
  fields: { height: count, width: count, interpolation: optional(oneOf(...interpolations), 'bilinear') },
  call: ({ height, width, interpolation }, x, scope) => {
    requireSpatial(scope, x, 2);
    return resize(floats(x), [height, width], { interpolation });
  },
};

/** Images [batch, h, w, channels] of any dtype -> f32 [batch, height, width, channels], without antialiasing. */
export const resizing = (options: ResizingOptions & Naming): Layer => makeLayer(resizingKind, options);
