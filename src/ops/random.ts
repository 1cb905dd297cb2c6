/** Dropout (Srivastava et al. 2014), from counter-based random numbers: the same elements on every backend. */
import { ShapeError } from '../core/errors.js';
import { randomWords, unitFloat } from '../core/random.js';
import { printShape } from '../core/shape.js';
import type { Case, CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { elementwiseCost, only } from './facets.js';
import { one, requireDType, requireIntegers, requireNumber, two } from './rules.js';
import { approximate, benchLength, exact, lengths, normal, values } from './samples.js';
import { bind, type Tensor } from './tensor.js';

type Random = 'dropout';

export const shape = {
  dropout: ({ rate, stream }, inputs) => {
    const [x, key] = two('dropout', inputs);
    requireNumber('dropout', 'rate', rate, 0, 1);
    requireIntegers('dropout', 'stream', [stream], 1, 0, 0x7fffffff);
    requireDType('dropout', x, ['f32']);
    requireDType('dropout', key, ['i32']);
    if (key.shape.length !== 1 || key.shape[0] !== 2) {
      throw new ShapeError('dropout', `a key of [2] is required. Received ${printShape(key.shape)}.`);
    }
    return [{ dtype: 'f32', shape: x.shape }];
  },
} satisfies ShapeFacet<Random>;

export const gradient = {
  // Linear in x: the same elements are dropped and the others scaled alike.
  dropout: ({ attrs, inputs, gradients }) => {
    const [, key] = two('dropout', inputs);
    return [bind('dropout', attrs, only(gradients), key), null];
  },
} satisfies GradientFacet<Random>;

export const reference = {
  dropout: ({ rate, stream }, inputs, outputs) => {
    const [x, key] = two('dropout', inputs);
    const y = one('dropout', outputs);
    const words = randomWords([key.data[0] ?? 0, key.data[1] ?? 0], stream, x.data.length);
    words.forEach((word, i) => {
      y.data[i] = unitFloat(word) >= rate ? (x.data[i] ?? NaN) / (1 - rate) : 0;
    });
  },
} satisfies ReferenceFacet<Random>;

export const cost = { dropout: elementwiseCost } satisfies CostFacet<Random>;

export const cases = { dropout: dropoutCases } satisfies CasesFacet<Random>;

function dropoutCases(): Case<'dropout'>[] {
  const dropped = (rate: number, shape: readonly number[], key: readonly number[], stream = 0): Case<'dropout'> => ({
    attrs: { rate, stream },
    inputs: [normal(shape), values('i32', [2], key)],
    // A scale that float32 holds makes products that are exact.
    tolerance: Number.isInteger(1 / (1 - rate)) ? exact : approximate,
  });
  const key = [42, 1];
  return [
    ...lengths.map((length) => dropped(0.5, [length], key)),
    ...[0, 0.1, 0.25, 0.3, 0.75, 0.9].map((rate) => dropped(rate, [37], key)),
    ...[1, 2, 0x7fffffff].map((stream) => dropped(0.5, [37], key, stream)),
    ...[
      [0, 0],
      [-1, 5],
      [0x7fffffff, -0x80000000],
      [42, 2],
    ].map((other) => dropped(0.5, [37], other)),
    dropped(0.5, [], key),
    dropped(0.5, [3, 0, 2], key),
    dropped(0.5, [2, 3, 5], key),
    { ...dropped(0.5, [33, 1001], key, 3), differentiate: [] },
    { ...dropped(0.4, [benchLength], key), differentiate: [], bench: true },
  ];
}

/**
 * Drops each element of `x` with probability `rate` and scales the others by 1 / (1 - rate). `key` is the i32 pair
 * (seed, step); `stream` tells apart the uses of one key, so give each use in a model its own.
 */
export function dropout(x: Tensor, key: Tensor, rate: number, stream: number): Tensor {
  return bind('dropout', { rate, stream }, x, key);
}
