/** Activation functions by their Keras names. */
import {
  elu,
  gelu,
  hardSigmoid,
  hardSilu,
  hardTanh,
  leakyRelu,
  mish,
  relu6,
  selu,
  silu,
  softplus,
  softsign,
} from '../ops/activations.js';
import { exp, relu, sigmoid, tanh } from '../ops/elementwise.js';
import { logSoftmax, softmax } from '../ops/normalize.js';
import type { Tensor } from '../ops/tensor.js';
import { type Field, oneOf } from './options.js';

const names = [
  'elu',
  'exponential',
  'gelu',
  'hardSigmoid',
  'hardSilu',
  'hardSwish',
  'hardTanh',
  'leakyRelu',
  'linear',
  'logSoftmax',
  'mish',
  'relu',
  'relu6',
  'selu',
  'sigmoid',
  'silu',
  'softmax',
  'softplus',
  'softsign',
  'swish',
  'tanh',
] as const;

/** The activations that layers know by name; `linear` is none. */
export type ActivationName = (typeof names)[number];

const activations: { readonly [N in ActivationName]: (x: Tensor) => Tensor } = {
  elu: (x) => elu(x),
  exponential: exp,
  gelu: (x) => gelu(x),
  hardSigmoid,
  hardSilu,
  hardSwish: hardSilu,
  hardTanh,
  leakyRelu: (x) => leakyRelu(x),
  linear: (x) => x,
  logSoftmax: (x) => logSoftmax(x),
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax: (x) => softmax(x),
  softplus,
  softsign,
  swish: silu,
  tanh,
};

export const activationName: Field<ActivationName> = oneOf(...names);

export const activate = (name: ActivationName, x: Tensor): Tensor => activations[name](x);
