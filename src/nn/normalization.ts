/**
 * Normalization of each example by itself: layer (Ba, Kiros, Hinton 2016), group (Wu and He 2018), instance (Ulyanov,
 * Vedaldi, Lempitsky 2016), RMS (Zhang and Sennrich 2019), and to unit length.
 */
import { ShapeError } from '../core/errors.js';
import { printShape } from '../core/shape.js';
import type { Scope } from '../graph/builder.js';
import {
  type Affine,
  groupNormalization as normalizeGroups,
  instanceNormalization as normalizeInstances,
  rmsNormalization as normalizeRms,
  unitNormalization as normalizeLength,
} from '../ops/normalizations.js';
import { layerNormalization as normalize } from '../ops/normalize.js';
import type { Tensor } from '../ops/tensor.js';
import { initializers } from './initializers.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { count, type Field, flag, optional, positive, refuse } from './options.js';

/** The shape of a parameter for each channel, the last axis of x. */
export function channelsOf(x: Tensor, scope: Scope): readonly [number] {
  const channels = x.shape.at(-1);
  if (typeof channels === 'number') return [channels];
  throw new ShapeError(scope.path, `a last axis of fixed size is required. Received ${printShape(x.shape)}.`);
}

/** The layer's parameters, as far as they are wanted: `gamma`, from 1, and `beta`, from 0. */
export function affineOf(
  scope: Scope,
  shape: readonly number[],
  { center, scale }: { readonly center: boolean; readonly scale: boolean },
): Affine {
  return {
    gamma: scale ? scope.variable('gamma', { shape, initial: initializers.ones }) : null,
    beta: center ? scope.variable('beta', { shape, initial: initializers.zeros }) : null,
  };
}

export interface LayerNormalizationOptions {
  /** Added to the variance; 0.001 unless said. */
  readonly epsilon?: number;
}

export const layerNormalizationKind: LayerKind<LayerNormalizationOptions> = {
  kind: 'layerNormalization',
  fields: { epsilon: optional(positive, 0.001) },
  call: ({ epsilon }, x, scope) => {
    const shape = channelsOf(x, scope);
    const gamma = scope.variable('gamma', { shape, initial: initializers.ones });
    const beta = scope.variable('beta', { shape, initial: initializers.zeros });
    return normalize(x, gamma, beta, { epsilon });
  },
};

/** Mean 0 and variance 1 along the last axis, then scaled and moved by what is learned: shapes stay. */
export const layerNormalization = (options: LayerNormalizationOptions & Naming = {}): Layer =>
  makeLayer(layerNormalizationKind, options);

export interface GroupNormalizationOptions {
  /** How many groups the channels are parted into, 32 unless said. */
  readonly groups?: number;
  /** Added to the variance; 0.001 unless said. */
  readonly epsilon?: number;
  /** Whether what is learned is added; true unless said. */
  readonly center?: boolean;
  /** Whether what is learned is multiplied by; true unless said. */
  readonly scale?: boolean;
}

export const groupNormalizationKind: LayerKind<GroupNormalizationOptions> = {
  kind: 'groupNormalization',
  fields: {
    groups: optional(count, 32),
    epsilon: optional(positive, 0.001),
    center: optional(flag, true),
    scale: optional(flag, true),
  },
  call: ({ groups, epsilon, center, scale }, x, scope) => {
    const affine = affineOf(scope, channelsOf(x, scope), { center, scale });
    return normalizeGroups(x, affine, { groups, epsilon });
  },
};

/**
 * Mean 0 and variance 1 over each example's groups of neighbouring channels, then scaled and moved by what is learned:
 * x [batch, ..., channels], shapes stay.
 */
export const groupNormalization = (options: GroupNormalizationOptions & Naming = {}): Layer =>
  makeLayer(groupNormalizationKind, options);

export interface InstanceNormalizationOptions {
  /** Added to the variance; 0.001 unless said. */
  readonly epsilon?: number;
  /** Whether what is learned is added; true unless said. */
  readonly center?: boolean;
  /** Whether what is learned is multiplied by; true unless said. */
  readonly scale?: boolean;
}

export const instanceNormalizationKind: LayerKind<InstanceNormalizationOptions> = {
  kind: 'instanceNormalization',
  fields: {
    epsilon: optional(positive, 0.001),
    center: optional(flag, true),
    scale: optional(flag, true),
  },
  call: ({ epsilon, center, scale }, x, scope) =>
    normalizeInstances(x, affineOf(scope, channelsOf(x, scope), { center, scale }), { epsilon }),
};

/**
 * Mean 0 and variance 1 over the places of each example's channels, then scaled and moved by what is learned:
 * x [batch, ..., channels], shapes stay.
 */
export const instanceNormalization = (options: InstanceNormalizationOptions & Naming = {}): Layer =>
  makeLayer(instanceNormalizationKind, options);

export interface RmsNormalizationOptions {
  /** Added to the mean of squares; 1e-6 unless said. */
  readonly epsilon?: number;
}

export const rmsNormalizationKind: LayerKind<RmsNormalizationOptions> = {
  kind: 'rmsNormalization',
  fields: { epsilon: optional(positive, 1e-6) },
  call: ({ epsilon }, x, scope) => {
    const scale = scope.variable('scale', { shape: channelsOf(x, scope), initial: initializers.ones });
    return normalizeRms(x, scale, { epsilon });
  },
};

/** A mean of squares of 1 along the last axis, then scaled by what is learned: shapes stay. */
export const rmsNormalization = (options: RmsNormalizationOptions & Naming = {}): Layer =>
  makeLayer(rmsNormalizationKind, options);

export interface UnitNormalizationOptions {
  /** The axis or the axes that together have length 1; the last unless said. Negative ones count from the end. */
  readonly axis?: number | readonly number[];
}

const integer: Field<number> = (value, where, name) =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : refuse(where, name, 'an integer', value);

const integers: Field<number | readonly number[]> = (value, where, name) =>
  Array.isArray(value) ? value.map((item: unknown) => integer(item, where, name)) : integer(value, where, name);

export const unitNormalizationKind: LayerKind<UnitNormalizationOptions> = {
  kind: 'unitNormalization',
  fields: { axis: optional(integers, -1) },
  call: ({ axis }, x) => normalizeLength(x, { axes: axis }),
};

/** x divided by the root of the sum of its squares: shapes stay. */
export const unitNormalization = (options: UnitNormalizationOptions & Naming = {}): Layer =>
  makeLayer(unitNormalizationKind, options);
