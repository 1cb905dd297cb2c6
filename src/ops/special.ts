/** More functions of one number, element by element: rounding, the error function, sine, cosine, exp and log near 1. */
import { add, div, mul } from './binary.js';
import type { CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { exp, neg, square, unaryCases } from './elementwise.js';
import { elementwiseCost, map, only } from './facets.js';
import { like, one } from './rules.js';
import { approximate, distinct, exact, normal, uniform } from './samples.js';
import { none } from './schema.js';
import { bind, type Tensor } from './tensor.js';

type Special = 'ceil' | 'round' | 'erf' | 'sin' | 'cos' | 'log1p' | 'expm1';

export const shape = {
  ceil: (_, inputs) => like('ceil', inputs, ['f32']),
  round: (_, inputs) => like('round', inputs, ['f32']),
  erf: (_, inputs) => like('erf', inputs, ['f32']),
  sin: (_, inputs) => like('sin', inputs, ['f32']),
  cos: (_, inputs) => like('cos', inputs, ['f32']),
  log1p: (_, inputs) => like('log1p', inputs, ['f32']),
  expm1: (_, inputs) => like('expm1', inputs, ['f32']),
} satisfies ShapeFacet<Special>;

/** 2 / sqrt(pi) */
const twoOverRootPi = 1.1283791670955126;

export const gradient = {
  ceil: () => [null],
  round: () => [null],
  erf: ({ inputs, gradients }) => {
    const bell = exp(neg(square(one('erf', inputs))));
    return [mul(only(gradients), mul(bell, twoOverRootPi))];
  },
  sin: ({ inputs, gradients }) => [mul(only(gradients), cos(one('sin', inputs)))],
  cos: ({ inputs, gradients }) => [neg(mul(only(gradients), sin(one('cos', inputs))))],
  log1p: ({ inputs, gradients }) => [div(only(gradients), add(one('log1p', inputs), 1))],
  expm1: ({ outputs, gradients }) => [mul(only(gradients), add(one('expm1', outputs), 1))],
} satisfies GradientFacet<Special>;

function nearestEven(x: number): number {
  return Math.abs(x - Math.trunc(x)) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
}

/** 2 / sqrt(pi) exp(-x^2) times the sum of 2^n x^(2n+1) / (1 3 5 ... (2n+1)), whose terms have one sign. */
export function errorFunction(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let total = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return twoOverRootPi * Math.exp(-x * x) * total;
}

export const reference = {
  ceil: (_, inputs, outputs) => map(inputs, outputs, Math.ceil),
  round: (_, inputs, outputs) => map(inputs, outputs, nearestEven),
  erf: (_, inputs, outputs) => map(inputs, outputs, errorFunction),
  sin: (_, inputs, outputs) => map(inputs, outputs, Math.sin),
  cos: (_, inputs, outputs) => map(inputs, outputs, Math.cos),
  log1p: (_, inputs, outputs) => map(inputs, outputs, Math.log1p),
  expm1: (_, inputs, outputs) => map(inputs, outputs, Math.expm1),
} satisfies ReferenceFacet<Special>;

export const cost = {
  ceil: elementwiseCost,
  round: elementwiseCost,
  erf: elementwiseCost,
  sin: elementwiseCost,
  cos: elementwiseCost,
  log1p: elementwiseCost,
  expm1: elementwiseCost,
} satisfies CostFacet<Special>;

const edges = [0, -0, 1, -1, Infinity, -Infinity, NaN];

/** Halves, and numbers from which on there are no fractions. */
const fractions = [0.5, -0.5, 1.5, 2.5, -1.5, -2.5, 0.49999997, 0.99, -0.01, 8388607.5, 16777217, -3e9];

/** Angles near multiples of pi / 2 and far beyond float32's integers. */
const angles = [3.1415927, 1.5707964, -6.2831855, 1e-6, 1000, 33554430, 33554432, 1e9, -3e20, 3.4e38];

export const cases = {
  ceil: () => unaryCases({ fill: distinct, tolerance: exact, edges, more: fractions }),
  round: () => unaryCases({ fill: (extents) => distinct(extents, 0.25), tolerance: exact, edges, more: fractions }),
  erf: () =>
    unaryCases({
      fill: normal,
      tolerance: approximate,
      edges,
      more: [1e-30, 1e-4, 0.99999994, 1.0000001, 1.5, -2, 3, 3.9, -4, 4.1, 10, -1e30],
    }),
  sin: () => unaryCases({ fill: normal, tolerance: approximate, edges, more: angles }),
  cos: () => unaryCases({ fill: normal, tolerance: approximate, edges, more: angles }),
  log1p: () =>
    unaryCases({
      fill: (extents) => uniform(extents, -0.8, 3),
      tolerance: approximate,
      edges,
      more: [-1.5, -0.99999994, 1e-10, -1e-8, 6e-8, 1e-3, -0.3, 33554432, 3.4e38],
    }),
  expm1: () =>
    unaryCases({
      fill: normal,
      tolerance: approximate,
      edges,
      more: [1e-10, -1e-8, 1e-3, 0.34657, 0.34658, -0.34658, -17, -18, -100, 50, 88.7],
    }),
} satisfies CasesFacet<Special>;

/** the smallest integer that is at least x, element by element. */
export const ceil = (x: Tensor): Tensor => bind('ceil', none, x);
/** The nearest integer; halves go to the even one. */
export const round = (x: Tensor): Tensor => bind('round', none, x);
/** The error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
export const erf = (x: Tensor): Tensor => bind('erf', none, x);
/** The sine of an angle in radians. */
export const sin = (x: Tensor): Tensor => bind('sin', none, x);
/** The cosine of an angle in radians. */
export const cos = (x: Tensor): Tensor => bind('cos', none, x);
/** log(1 + x), exact near 0. */
export const log1p = (x: Tensor): Tensor => bind('log1p', none, x);
/** exp(x) - 1, exact near 0. */
export const expm1 = (x: Tensor): Tensor => bind('expm1', none, x);
