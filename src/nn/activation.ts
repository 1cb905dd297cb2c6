/** Activation functions as layers. */
import { type ActivationName, activate, activationName } from './activations.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';

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
