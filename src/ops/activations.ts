/**
 * Activation functions written with other ops, by their Keras names and with their Keras defaults. Where a function has a
 * kink its gradient there is that of one side or, of the clipped ones, the mean of both.
 */
import { add, div, maximum, minimum, mul } from './binary.js';
import { greater, where } from './compare.js';
import { abs, exp, neg, relu, sigmoid, square, tanh } from './elementwise.js';
import { erf, expm1, log1p } from './special.js';
import type { Tensor } from './tensor.js';

/** `x` between `low` and `high`. */
export const clip = (x: Tensor, low: number, high: number): Tensor => minimum(maximum(x, low), high);

/** x where it is positive, otherwise `negativeSlope` (default 0.2) times x. */
export function leakyRelu(x: Tensor, { negativeSlope = 0.2 } = {}): Tensor {
  return where(greater(x, 0), x, mul(x, negativeSlope));
}

/** x where it is positive, otherwise alpha (exp(x) - 1), alpha 1 unless said (Clevert, Unterthiner, Hochreiter 2015). */
export function elu(x: Tensor, { alpha = 1 } = {}): Tensor {
  const positive = greater(x, 0);
  const below = expm1(where(positive, 0, x));
  return where(positive, x, alpha === 1 ? below : mul(below, alpha));
}

/** The scaled elu that keeps mean 0 and variance 1 (Klambauer, Unterthiner, Mayr, Hochreiter 2017). */
export const selu = (x: Tensor): Tensor => mul(elu(x, { alpha: 1.6732632423543772 }), 1.0507009873554805);

/** max(x, 0), at most 6. */
export const relu6 = (x: Tensor): Tensor => minimum(relu(x), 6);

/** relu6(x + 3) / 6 */
export const hardSigmoid = (x: Tensor): Tensor => mul(relu6(add(x, 3)), 1 / 6);

/** x hardSigmoid(x), which is also called hard swish (Howard et al. 2019). */
export const hardSilu = (x: Tensor): Tensor => mul(x, hardSigmoid(x));

/** `x` between -1 and 1. */
export const hardTanh = (x: Tensor): Tensor => clip(x, -1, 1);

/** x sigmoid(x), which is also called swish. */
export const silu = (x: Tensor): Tensor => mul(x, sigmoid(x));

/** log(1 + exp(x)), without overflow. */
export const softplus = (x: Tensor): Tensor => add(maximum(x, 0), log1p(exp(neg(abs(x)))));

/** x / (1 + |x|) */
export const softsign = (x: Tensor): Tensor => div(x, add(abs(x), 1));

/** x tanh(softplus(x)) (Misra 2019). */
export const mish = (x: Tensor): Tensor => mul(x, tanh(softplus(x)));

/**
 * x times the share of a normal distribution below x (Hendrycks, Gimpel 2016); `approximate` takes a tanh instead of erf,
 * which is at most 5e-4 away.
 */
export function gelu(x: Tensor, { approximate = false } = {}): Tensor {
  const share = approximate
    ? tanh(mul(mul(x, add(mul(square(x), 0.044715), 1)), Math.sqrt(2 / Math.PI)))
    : erf(mul(x, Math.SQRT1_2));
  return mul(mul(x, 0.5), add(share, 1));
}
