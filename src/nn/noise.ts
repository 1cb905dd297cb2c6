/** Noise in training, against overfitting; otherwise these layers do nothing. */
import { add, mul } from '../ops/binary.js';
import { greaterEqual, where } from '../ops/compare.js';
import { randomNormal, randomUniform } from '../ops/random.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { fraction, nonNegative } from './options.js';

export interface GaussianNoiseOptions {
  /** The deviation of what is added. */
  readonly stddev: number;
}

export const gaussianNoiseKind: LayerKind<GaussianNoiseOptions> = {
  kind: 'gaussianNoise',
  fields: { stddev: nonNegative },
  call: ({ stddev }, x, scope, mode) =>
    mode.training ? add(x, mul(randomNormal(x.shape, mode.key(), scope.stream()), stddev)) : x,
};

/** In training: adds to each element a number of mean 0 and this deviation. */
export const gaussianNoise = (options: GaussianNoiseOptions & Naming): Layer => makeLayer(gaussianNoiseKind, options);

export interface GaussianDropoutOptions {
  /** In [0, 1): the noise has the deviation that dropout of this rate has, sqrt(rate / (1 - rate)). */
  readonly rate: number;
}

export const gaussianDropoutKind: LayerKind<GaussianDropoutOptions> = {
  kind: 'gaussianDropout',
  fields: { rate: fraction },
  call: ({ rate }, x, scope, mode) => {
    if (!mode.training) return x;
    const deviation = Math.sqrt(rate / (1 - rate));
    return mul(x, add(mul(randomNormal(x.shape, mode.key(), scope.stream()), deviation), 1));
  },
};

/** In training: multiplies each element by a number of mean 1 (Srivastava et al. 2014, section 10). */
export const gaussianDropout = (options: GaussianDropoutOptions & Naming): Layer =>
  makeLayer(gaussianDropoutKind, options);

export interface AlphaDropoutOptions {
  /** The share of elements that are dropped, in [0, 1). */
  readonly rate: number;
}

/** What selu gives for very negative arguments: -scale alpha. */
const dropped = -1.7580993408473766;

export const alphaDropoutKind: LayerKind<AlphaDropoutOptions> = {
  kind: 'alphaDropout',
  fields: { rate: fraction },
  call: ({ rate }, x, scope, mode) => {
    if (!mode.training) return x;
    const isKept = greaterEqual(randomUniform(x.shape, mode.key(), scope.stream()), rate);
    const scale = 1 / Math.sqrt((1 - rate) * (1 + rate * dropped ** 2));
    return add(mul(where(isKept, x, dropped), scale), -scale * dropped * rate);
  },
};

/**
 * In training: sets a share of the elements to the lowest value of selu and moves all so that mean 0 and variance 1 stay
 * (Klambauer et al. 2017).
 */
export const alphaDropout = (options: AlphaDropoutOptions & Naming): Layer => makeLayer(alphaDropoutKind, options);
