/**
 * Counter-based random numbers, the same on every backend: even and normal ones, and dropout (Srivastava et al. 2014).
 * `key` is the i32 pair (seed, step); `stream` tells apart the uses of one key, so give each use in a model its own.
 */
import { ShapeError } from '../core/errors.js';
import { randomWords, unitFloat } from '../core/random.js';
import { canonical, printShape, type Shape } from '../core/shape.js';
import { mul, sub } from './binary.js';
import type { Case, CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { log, sqrt } from './elementwise.js';
import { elementwiseCost, only, sourceCost } from './facets.js';
import { reshape } from './move.js';
import { one, requireDType, requireIntegers, requireNumber, requireShape, two } from './rules.js';
import { approximate, benchLength, exact, lengths, normal, values } from './samples.js';
import { slice } from './slice.js';
import { cos } from './special.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

type Random = 'dropout' | 'randomUniform';

function requireKey(op: Random, key: TensorType, stream: number): void {
  requireIntegers(op, 'stream', [stream], 1, 0, 0x7fffffff);
  requireDType(op, key, ['i32']);
  if (key.shape.length !== 1 || key.shape[0] !== 2) {
    throw new ShapeError(op, `a key of [2] is required. Received ${printShape(key.shape)}.`);
  }
}

export const shape = {
  dropout: ({ rate, stream }, inputs) => {
    const [x, key] = two('dropout', inputs);
    requireNumber('dropout', 'rate', rate, 0, 1);
    requireDType('dropout', x, ['f32']);
    requireKey('dropout', key, stream);
    return [{ dtype: 'f32', shape: x.shape }];
  },
  randomUniform: (attrs, inputs) => {
    requireKey('randomUniform', one('randomUniform', inputs), attrs.stream);
    requireShape('randomUniform', attrs.shape);
    return [{ dtype: 'f32', shape: attrs.shape }];
  },
} satisfies ShapeFacet<Random>;

export const gradient = {
  // Linear in x: the same elements are dropped and the others scaled alike.
  dropout: ({ attrs, inputs, gradients }) => {
    const [, key] = two('dropout', inputs);
    return [bind('dropout', attrs, only(gradients), key), null];
  },
  randomUniform: null,
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
  randomUniform: ({ stream }, inputs, outputs) => {
    const key = one('randomUniform', inputs);
    const y = one('randomUniform', outputs);
    const words = randomWords([key.data[0] ?? 0, key.data[1] ?? 0], stream, y.data.length);
    y.data.set(Float64Array.from(words, unitFloat));
  },
} satisfies ReferenceFacet<Random>;

export const cost = { dropout: elementwiseCost, randomUniform: sourceCost } satisfies CostFacet<Random>;

export const cases = { dropout: dropoutCases, randomUniform: uniformCases } satisfies CasesFacet<Random>;

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

function uniformCases(): Case<'randomUniform'>[] {
  const drawn = (shape: readonly number[], key: readonly number[], stream = 0): Case<'randomUniform'> => ({
    attrs: { shape, stream },
    inputs: [values('i32', [2], key)],
    tolerance: exact,
  });
  const key = [42, 1];
  return [
    ...lengths.map((length) => drawn([length], key)),
    drawn([], key),
    drawn([3, 0, 2], key),
    drawn([2, 3, 5], [-1, -0x80000000], 0x7fffffff),
    drawn([33, 1001], key, 3),
    { ...drawn([benchLength], key), bench: true },
  ];
}

/** Drops each element of `x` with probability `rate` and scales the others by 1 / (1 - rate). */
export function dropout(x: Tensor, key: Tensor, rate: number, stream: number): Tensor {
  return bind('dropout', { rate, stream }, x, key);
}

/** Numbers drawn evenly from [0, 1): multiples of 2^-24. */
export function randomUniform(shape: Shape, key: Tensor, stream: number): Tensor {
  return bind('randomUniform', { shape: shape.map(canonical), stream }, key);
}

/** Numbers from the normal distribution with mean 0 and deviation 1 (Box and Muller 1958); none is beyond 5.8. */
export function randomNormal(shape: Shape, key: Tensor, stream: number): Tensor {
  const pairs = randomUniform([2, ...shape], key, stream);
  const row = (at: number): Tensor => reshape(slice(pairs, [at, ...shape.map(() => 0)], [1, ...shape]), shape);
  return mul(sqrt(mul(log(sub(1, row(0))), -2)), cos(mul(row(1), 2 * Math.PI)));
}
