/** Activation functions by their Keras names. */
import { relu, sigmoid, tanh } from '../ops/elementwise.js';
import { softmax } from '../ops/normalize.js';
import type { Tensor } from '../ops/tensor.js';
import { type Field, oneOf } from './options.js';

export type ActivationName = 'linear' | 'relu' | 'sigmoid' | 'softmax' | 'tanh';

const activations: { readonly [N in ActivationName]: (x: Tensor) => Tensor } = {
  linear: (x) => x,
  relu,
  sigmoid,
  softmax,
  tanh,
};

export const activationName: Field<ActivationName> = oneOf('linear', 'relu', 'sigmoid', 'softmax', 'tanh');

export const activate = (name: ActivationName, x: Tensor): Tensor => activations[name](x);
