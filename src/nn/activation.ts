/** Activation functions as layers, those with parameters of their own among them. */
import { ShapeError } from '../core/errors.js';
import { elu as eluOf, leakyRelu as leakyReluOf } from '../ops/activations.js';
import { add, minimum, mul } from '../ops/binary.js';
import { relu as reluOf } from '../ops/elementwise.js';
import { type ActivationName, activate, activationName } from './activations.js';
import { type InitializerName, initializerName, initializers } from './initializers.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { extents, finite, nonNegative, optional } from './options.js';

export interface ActivationOptions {
  readonly activation: ActivationName;
}

export const activationKind: LayerKind<ActivationOptions> = {
  kind: 'activation',
  fields: { activation: activationName },
  call: ({ activation }, x) => activate(activation, x),
};

export const reluKind: LayerKind<object> = { kind: 'relu', fields: {}, call: (_, x) => activate('relu', x) };

export const softmaxKind: LayerKind<object> = { kind: 'softmax', fields: {}, call: (_, x) => activate('softmax', x) };

/** An activation function by its name; shapes stay. */
export const activation = (options: ActivationOptions & Naming): Layer => makeLayer(activationKind, options);

/** max(x, 0). */
export const relu = (options: Naming = {}): Layer => makeLayer(reluKind, options);

/** exp(x) / sum(exp(x)) along the last axis. */
export const softmax = (options: Naming = {}): Layer => makeLayer(softmaxKind, options);

export interface LeakyReluOptions {
  /** What elements below 0 are multiplied by; 0.3 unless said. */
  readonly negativeSlope?: number;
}

export const leakyReluKind: LayerKind<LeakyReluOptions> = {
  kind: 'leakyRelu',
  fields: { negativeSlope: optional(nonNegative, 0.3) },
  call: ({ negativeSlope }, x) => leakyReluOf(x, { negativeSlope }),
};

/** x where it is positive, otherwise negativeSlope x. The slope is Keras's for the layer, not that of the function. */
export const leakyRelu = (options: LeakyReluOptions & Naming = {}): Layer => makeLayer(leakyReluKind, options);

export interface EluOptions {
  /** 1 unless said. */
  readonly alpha?: number;
}

export const eluKind: LayerKind<EluOptions> = {
  kind: 'elu',
  fields: { alpha: optional(finite, 1) },
  call: ({ alpha }, x) => eluOf(x, { alpha }),
};

/** x where it is positive, otherwise alpha (exp(x) - 1). */
export const elu = (options: EluOptions & Naming = {}): Layer => makeLayer(eluKind, options);

export interface PreluOptions {
  /** `zeros` unless said. */
  readonly alphaInitializer?: InitializerName;
  /** Axes of x, from 1, along which one slope serves all places; none unless said. Of images mostly [1, 2]. */
  readonly sharedAxes?: readonly number[];
}

export const preluKind: LayerKind<PreluOptions> = {
  kind: 'prelu',
  fields: { alphaInitializer: optional(initializerName, 'zeros'), sharedAxes: optional(extents, []) },
  call: ({ alphaInitializer, sharedAxes }, x, scope) => {
    if (sharedAxes.some((axis) => axis >= x.rank)) {
      const axes = 'sharedAxes below the rank of x';
      throw new ShapeError(scope.path, `${axes} are required. Received [${sharedAxes.join(', ')}] for rank ${x.rank}.`);
    }
    const shape = x.shape.slice(1).map((dim, i) => (sharedAxes.includes(i + 1) ? 1 : dim));
    const alpha = scope.variable('alpha', { shape, initial: initializers[alphaInitializer] });
    return add(reluOf(x), mul(minimum(x, 0), alpha));
  },
};

/** x where it is positive, otherwise alpha x with a slope that is learned for each place (He et al., ICCV 2015). */
export const prelu = (options: PreluOptions & Naming = {}): Layer => makeLayer(preluKind, options);
