/** Functions of one number, element by element, and the gradient of relu, which is written with relu's output. */
import { NumericsError } from '../core/errors.js';
import { div, mul, sub } from './binary.js';
import type { CaseInput, CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { elementwiseCost, map, only, zip } from './facets.js';
import { like, numeric, one, requireDType, requireSameShape, two } from './rules.js';
import {
  approximate,
  benchLength,
  distinct,
  exact,
  integers,
  lengths,
  normal,
  type PlainCase,
  rounded,
  uniform,
  values,
} from './samples.js';
import { none } from './schema.js';
import { bind, type Tensor } from './tensor.js';

type Unary =
  | 'neg'
  | 'abs'
  | 'sign'
  | 'floor'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'rsqrt'
  | 'reciprocal'
  | 'square'
  | 'tanh'
  | 'sigmoid'
  | 'relu'
  | 'checkNumerics';

export const shape = {
  neg: (_, inputs) => like('neg', inputs, numeric),
  abs: (_, inputs) => like('abs', inputs, numeric),
  sign: (_, inputs) => like('sign', inputs, numeric),
  floor: (_, inputs) => like('floor', inputs, ['f32']),
  exp: (_, inputs) => like('exp', inputs, ['f32']),
  log: (_, inputs) => like('log', inputs, ['f32']),
  sqrt: (_, inputs) => like('sqrt', inputs, ['f32']),
  rsqrt: (_, inputs) => like('rsqrt', inputs, ['f32']),
  reciprocal: (_, inputs) => like('reciprocal', inputs, ['f32']),
  square: (_, inputs) => like('square', inputs, numeric),
  tanh: (_, inputs) => like('tanh', inputs, ['f32']),
  sigmoid: (_, inputs) => like('sigmoid', inputs, ['f32']),
  relu: (_, inputs) => like('relu', inputs, ['f32']),
  checkNumerics: (_, inputs) => like('checkNumerics', inputs, ['f32']),
  reluGrad: (_, inputs) => {
    const [dy, y] = two('reluGrad', inputs);
    requireDType('reluGrad', dy, ['f32']);
    requireDType('reluGrad', y, ['f32']);
    requireSameShape('reluGrad', dy, y);
    return [{ dtype: 'f32', shape: dy.shape }];
  },
} satisfies ShapeFacet<Unary | 'reluGrad'>;

export const gradient = {
  neg: ({ gradients }) => [neg(only(gradients))],
  abs: ({ inputs, gradients }) => [mul(only(gradients), sign(one('abs', inputs)))],
  sign: () => [null],
  floor: () => [null],
  exp: ({ outputs, gradients }) => [mul(only(gradients), one('exp', outputs))],
  log: ({ inputs, gradients }) => [div(only(gradients), one('log', inputs))],
  sqrt: ({ outputs, gradients }) => [div(only(gradients), mul(one('sqrt', outputs), 2))],
  // d x^(-1/2) = -y^3 / 2
  rsqrt: ({ outputs, gradients }) => {
    const y = one('rsqrt', outputs);
    return [mul(only(gradients), mul(mul(square(y), y), -0.5))];
  },
  reciprocal: ({ outputs, gradients }) => [neg(mul(only(gradients), square(one('reciprocal', outputs))))],
  square: ({ inputs, gradients }) => [mul(only(gradients), mul(one('square', inputs), 2))],
  tanh: ({ outputs, gradients }) => [mul(only(gradients), sub(1, square(one('tanh', outputs))))],
  sigmoid: ({ outputs, gradients }) => {
    const y = one('sigmoid', outputs);
    return [mul(only(gradients), mul(y, sub(1, y)))];
  },
  relu: ({ outputs, gradients }) => [reluGrad(only(gradients), one('relu', outputs))],
  checkNumerics: ({ gradients }) => [only(gradients)],
  reluGrad: ({ inputs, gradients }) => [reluGrad(only(gradients), two('reluGrad', inputs)[1]), null],
} satisfies GradientFacet<Unary | 'reluGrad'>;

function finite(x: number): number {
  if (!Number.isFinite(x)) throw new NumericsError('checkNumerics', `finite values are required. Received ${x}.`);
  return x;
}

export const reference = {
  neg: (_, inputs, outputs) => map(inputs, outputs, (x) => -x),
  abs: (_, inputs, outputs) => map(inputs, outputs, Math.abs),
  sign: (_, inputs, outputs) => map(inputs, outputs, Math.sign),
  floor: (_, inputs, outputs) => map(inputs, outputs, Math.floor),
  exp: (_, inputs, outputs) => map(inputs, outputs, Math.exp),
  log: (_, inputs, outputs) => map(inputs, outputs, Math.log),
  sqrt: (_, inputs, outputs) => map(inputs, outputs, Math.sqrt),
  rsqrt: (_, inputs, outputs) => map(inputs, outputs, (x) => 1 / Math.sqrt(x)),
  reciprocal: (_, inputs, outputs) => map(inputs, outputs, (x) => 1 / x),
  square: (_, inputs, outputs) =>
    map(inputs, outputs, inputs[0]?.dtype === 'i32' ? (x) => Math.imul(x, x) : (x) => x * x),
  tanh: (_, inputs, outputs) => map(inputs, outputs, Math.tanh),
  sigmoid: (_, inputs, outputs) => map(inputs, outputs, (x) => 1 / (1 + Math.exp(-x))),
  relu: (_, inputs, outputs) => map(inputs, outputs, (x) => Math.max(x, 0)),
  checkNumerics: (_, inputs, outputs) => map(inputs, outputs, finite),
  reluGrad: (_, inputs, outputs) => zip(inputs, outputs, (dy, y) => (y > 0 ? dy : 0)),
} satisfies ReferenceFacet<Unary | 'reluGrad'>;

export const cost = {
  neg: elementwiseCost,
  abs: elementwiseCost,
  sign: elementwiseCost,
  floor: elementwiseCost,
  exp: elementwiseCost,
  log: elementwiseCost,
  sqrt: elementwiseCost,
  rsqrt: elementwiseCost,
  reciprocal: elementwiseCost,
  square: elementwiseCost,
  tanh: elementwiseCost,
  sigmoid: elementwiseCost,
  relu: elementwiseCost,
  checkNumerics: elementwiseCost,
  reluGrad: elementwiseCost,
} satisfies CostFacet<Unary | 'reluGrad'>;

const edges = [0, -0, 1, -1, Infinity, -Infinity, NaN];

export const cases = {
  neg: () => unaryCases({ fill: normal, tolerance: exact, edges, integers: true }),
  abs: () => unaryCases({ fill: distinct, tolerance: exact, edges, integers: true }),
  sign: () => unaryCases({ fill: distinct, tolerance: exact, edges, integers: true }),
  floor: () => unaryCases({ fill: distinct, tolerance: exact, edges, more: [0.99, -0.01, 8388607.5, -3e9] }),
  exp: () =>
    unaryCases({
      fill: (extents) => uniform(extents, -3, 3),
      tolerance: approximate,
      edges,
      // Down to the smallest normal number and below it, where 0 is near enough, and up to the largest.
      more: [-87, -86.5, -100, -110, 88, 88.7, 1e-8, 50, -50],
    }),
  log: () =>
    unaryCases({
      fill: (extents) => uniform(extents, 0.1, 10),
      tolerance: approximate,
      edges,
      more: [1.0000001, 0.99999994, 1.2e-38, 3.4e38, 2, 0.5, 0.7071068, 1.4142135],
    }),
  sqrt: () =>
    unaryCases({
      fill: (extents) => uniform(extents, 0.1, 10),
      tolerance: rounded,
      edges,
      more: [2, 3.4e38, 1.2e-38],
    }),
  rsqrt: () =>
    unaryCases({
      fill: (extents) => uniform(extents, 0.1, 10),
      // The roundings of a square root and of a division.
      tolerance: { absolute: 1e-38, relative: 1.8e-7 },
      edges,
      more: [4, 3.4e38, 1.2e-38],
    }),
  reciprocal: () =>
    unaryCases({
      fill: (extents) => uniform(extents, 0.5, 3),
      tolerance: rounded,
      edges,
      more: [3, 1e30],
    }),
  square: () => unaryCases({ fill: normal, tolerance: rounded, edges, integers: true }),
  tanh: () =>
    unaryCases({
      fill: normal,
      tolerance: approximate,
      edges,
      more: [1e-4, -1e-3, 0.01, 0.3, 5, 8, -9, 20, -100],
    }),
  sigmoid: () =>
    unaryCases({
      fill: normal,
      tolerance: approximate,
      edges,
      more: [20, -20, 87, -87, -110, 1e-4],
    }),
  relu: () => unaryCases({ fill: distinct, tolerance: exact, edges }),
  checkNumerics: () =>
    unaryCases({
      fill: normal,
      tolerance: exact,
      edges: [0, -0, 3.4e38, -3.4e38, 1.2e-38],
    }),
  reluGrad: reluGradCases,
} satisfies CasesFacet<Unary | 'reluGrad'>;

export interface UnaryCases {
  /** Inputs at which the function is smooth. */
  readonly fill: (extents: readonly number[]) => CaseInput;
  readonly tolerance: NonNullable<PlainCase['tolerance']>;
  /** Special values, not differentiated. */
  readonly edges: readonly number[];
  readonly more?: readonly number[];
  readonly integers?: boolean;
}

/** Cases of an op of one operand: sizes around the vectors', special values, and one that is worth timing. */
export function unaryCases(options: UnaryCases): readonly PlainCase[] {
  const { fill, tolerance } = options;
  const special = [...options.edges, ...(options.more ?? [])];
  const whole = [-2147483648, 2147483647, 0, 1, -1, 46341, -70000];
  const shapes = [...lengths.map((length) => [length]), [], [2, 3, 5]];
  const floats = shapes.map((extents): PlainCase => ({ attrs: none, inputs: [fill(extents)], tolerance }));
  const ints = options.integers
    ? [...shapes.map((extents) => integers('i32', extents, -1000, 1000)), values('i32', [7], whole)]
    : [];
  return [
    ...floats,
    ...ints.map((input): PlainCase => ({ attrs: none, inputs: [input] })),
    {
      attrs: none,
      inputs: [values('f32', [special.length], special)],
      tolerance,
      differentiate: [],
    },
    { attrs: none, inputs: [uniform([benchLength], 0.5, 3)], tolerance, differentiate: [], bench: true },
  ];
}

function reluGradCases(): readonly PlainCase[] {
  return [
    ...[...lengths.map((length) => [length]), [2, 3, 5]].map((extents): PlainCase => ({
      attrs: none,
      inputs: [normal(extents), distinct(extents)],
      tolerance: exact,
    })),
    {
      attrs: none,
      inputs: [values('f32', [4], [1, 2, -3, 4]), values('f32', [4], [0, -0, 1, NaN])],
      tolerance: exact,
      differentiate: [],
    },
    {
      attrs: none,
      inputs: [normal([benchLength]), normal([benchLength])],
      tolerance: exact,
      differentiate: [],
      bench: true,
    },
  ];
}

/** -x, element by element. */
export const neg = (x: Tensor): Tensor => bind('neg', none, x);
/** |x|, element by element. */
export const abs = (x: Tensor): Tensor => bind('abs', none, x);
/** -1, 0 or 1. */
export const sign = (x: Tensor): Tensor => bind('sign', none, x);
/** the largest integer that is at most x, element by element. */
export const floor = (x: Tensor): Tensor => bind('floor', none, x);
/** e to the power of x, element by element. */
export const exp = (x: Tensor): Tensor => bind('exp', none, x);
/** The natural logarithm. */
export const log = (x: Tensor): Tensor => bind('log', none, x);
/** the square root of x, element by element. */
export const sqrt = (x: Tensor): Tensor => bind('sqrt', none, x);
/** 1 / sqrt(x) */
export const rsqrt = (x: Tensor): Tensor => bind('rsqrt', none, x);
/** 1 / x */
export const reciprocal = (x: Tensor): Tensor => bind('reciprocal', none, x);
/** x * x */
export const square = (x: Tensor): Tensor => bind('square', none, x);
/** the hyperbolic tangent of x, element by element. */
export const tanh = (x: Tensor): Tensor => bind('tanh', none, x);
/** 1 / (1 + exp(-x)) */
export const sigmoid = (x: Tensor): Tensor => bind('sigmoid', none, x);
/** max(x, 0) */
export const relu = (x: Tensor): Tensor => bind('relu', none, x);
/** The gradient of `relu` from its output `y`: `dy` where y > 0, otherwise 0. */
export const reluGrad = (dy: Tensor, y: Tensor): Tensor => bind('reluGrad', none, dy, y);
/** `x`; the run stops with the name of the node where `x` holds a NaN or an infinity. */
export const checkNumerics = (x: Tensor): Tensor => bind('checkNumerics', none, x);
