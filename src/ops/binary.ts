/**
 * Arithmetic of two operands of one dtype with NumPy broadcasting. i32 wraps; i32 division truncates toward zero and
 * x / 0 is 0. A NaN in either operand of `maximum` and `minimum` gives NaN.
 */
import { cast } from './cast.js';
import { equal, greater, greaterEqual, less, lessEqual, where } from './compare.js';
import type {
  CaseInput,
  CasesFacet,
  CostFacet,
  GradientFacet,
  ReferenceArray,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { elementwiseCost, only, sumTo, zip } from './facets.js';
import { broadcast, numeric, one, two } from './rules.js';
import {
  benchLength,
  distinct,
  exact,
  integers,
  lengths,
  normal,
  patterns,
  type PlainCase,
  rounded,
  uniform,
  values,
} from './samples.js';
import { none } from './schema.js';
import { type Operand, tensorsOf } from './source.js';
import { bind, type Tensor } from './tensor.js';

type Binary = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'maximum' | 'minimum';

export const shape = {
  add: (_, inputs) => broadcast('add', inputs, numeric),
  sub: (_, inputs) => broadcast('sub', inputs, numeric),
  mul: (_, inputs) => broadcast('mul', inputs, numeric),
  div: (_, inputs) => broadcast('div', inputs, numeric),
  pow: (_, inputs) => broadcast('pow', inputs, ['f32']),
  maximum: (_, inputs) => broadcast('maximum', inputs, numeric),
  minimum: (_, inputs) => broadcast('minimum', inputs, numeric),
} satisfies ShapeFacet<Binary>;

/** The gradient shared out by who is the larger (or smaller): all to one, half to each on a tie. */
function shareOf(g: Tensor, over: Tensor, orEqual: Tensor): Tensor {
  return mul(g, mul(add(cast(over, 'f32'), cast(orEqual, 'f32')), 0.5));
}

export const gradient = {
  add: ({ inputs, gradients }) => {
    const [a, b] = two('add', inputs);
    const g = only(gradients);
    return [sumTo(g, a.shape), sumTo(g, b.shape)];
  },
  sub: ({ inputs, gradients }) => {
    const [a, b] = two('sub', inputs);
    const g = only(gradients);
    return [sumTo(g, a.shape), bind('neg', none, sumTo(g, b.shape))];
  },
  mul: ({ inputs, gradients }) => {
    const [a, b] = two('mul', inputs);
    const g = only(gradients);
    return [sumTo(mul(g, b), a.shape), sumTo(mul(g, a), b.shape)];
  },
  div: ({ inputs, outputs, gradients }) => {
    const [a, b] = two('div', inputs);
    const scaled = div(only(gradients), b);
    return [sumTo(scaled, a.shape), bind('neg', none, sumTo(mul(scaled, one('div', outputs)), b.shape))];
  },
  // d/da = b a^(b-1), 0 where b is 0; d/db = a^b log(a), 0 where a is 0.
  pow: ({ inputs, outputs, gradients }) => {
    const [a, b] = two('pow', inputs);
    const g = only(gradients);
    const lower = pow(a, where(equal(b, 0), 1, sub(b, 1)));
    const logarithm = bind('log', none, where(equal(a, 0), 1, a));
    return [sumTo(mul(mul(g, b), lower), a.shape), sumTo(mul(mul(g, one('pow', outputs)), logarithm), b.shape)];
  },
  maximum: ({ inputs, gradients }) => {
    const [a, b] = two('maximum', inputs);
    const g = only(gradients);
    const toA = shareOf(g, greater(a, b), greaterEqual(a, b));
    return [sumTo(toA, a.shape), sumTo(sub(g, toA), b.shape)];
  },
  minimum: ({ inputs, gradients }) => {
    const [a, b] = two('minimum', inputs);
    const g = only(gradients);
    const toA = shareOf(g, less(a, b), lessEqual(a, b));
    return [sumTo(toA, a.shape), sumTo(sub(g, toA), b.shape)];
  },
} satisfies GradientFacet<Binary>;

const isInteger = (arrays: readonly ReferenceArray[]): boolean => arrays[0]?.dtype === 'i32';

/** As in C and NumPy: 1 to any power is 1, and so is -1 to an infinite one. */
function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return a ** b;
}

export const reference = {
  add: (_, inputs, outputs) => zip(inputs, outputs, (a, b) => a + b),
  sub: (_, inputs, outputs) => zip(inputs, outputs, (a, b) => a - b),
  mul: (_, inputs, outputs) => zip(inputs, outputs, isInteger(inputs) ? Math.imul : (a, b) => a * b),
  // An Int32Array truncates what is stored in it, wraps, and makes 0 of infinities and NaN.
  div: (_, inputs, outputs) => zip(inputs, outputs, (a, b) => a / b),
  pow: (_, inputs, outputs) => zip(inputs, outputs, power),
  maximum: (_, inputs, outputs) => zip(inputs, outputs, Math.max),
  minimum: (_, inputs, outputs) => zip(inputs, outputs, Math.min),
} satisfies ReferenceFacet<Binary>;

export const cost = {
  add: elementwiseCost,
  sub: elementwiseCost,
  mul: elementwiseCost,
  div: elementwiseCost,
  pow: elementwiseCost,
  maximum: elementwiseCost,
  minimum: elementwiseCost,
} satisfies CostFacet<Binary>;

export const cases = {
  add: arithmeticCases,
  sub: arithmeticCases,
  mul: arithmeticCases,
  div: divCases,
  pow: powCases,
  maximum: extremeCases,
  minimum: extremeCases,
} satisfies CasesFacet<Binary>;

type Tolerance = NonNullable<PlainCase['tolerance']>;
type Fill = (extents: readonly number[]) => CaseInput;

/** The sizes, the broadcasting patterns, and two that are worth timing. */
function floatCases(a: Fill, b: Fill, tolerance: Tolerance): readonly PlainCase[] {
  const equalShapes = lengths.map((length) => [[length], [length]] as const);
  return [
    ...[...equalShapes, ...patterns].map(([x, y]): PlainCase => ({ attrs: none, inputs: [a(x), b(y)], tolerance })),
    {
      attrs: none,
      inputs: [uniform([benchLength], 0.5, 3), uniform([benchLength], 0.5, 3)],
      tolerance,
      differentiate: [],
      bench: true,
    },
    {
      attrs: none,
      inputs: [uniform([1024, 1024], 0.5, 3), uniform([1024], 0.5, 3)],
      tolerance,
      differentiate: [],
      bench: true,
    },
  ];
}

/** i32 of every size and pattern, the ends of the range among them. */
function integerCases(low = -1000000, high = 1000000): readonly PlainCase[] {
  const edges = [-2147483648, 2147483647, -1, 0, 1, 65537, -7];
  return [
    ...lengths.map((length): PlainCase => ({
      attrs: none,
      inputs: [integers('i32', [length], low, high), integers('i32', [length], low, high)],
    })),
    ...patterns.map(([a, b]): PlainCase => ({
      attrs: none,
      inputs: [integers('i32', a, low, high), integers('i32', b, low, high)],
    })),
    { attrs: none, inputs: [values('i32', [7, 1], edges), values('i32', [7], edges)] },
  ];
}

function arithmeticCases(): readonly PlainCase[] {
  return [...floatCases(normal, normal, rounded), ...integerCases()];
}

function divCases(): readonly PlainCase[] {
  const away: Fill = (extents) => uniform(extents, 0.5, 3);
  const edges = [0, 1, -2, Infinity, NaN];
  return [
    ...floatCases(normal, away, rounded),
    ...integerCases(-50, 50),
    {
      attrs: none,
      inputs: [values('f32', [5, 1], edges), values('f32', [5], edges)],
      tolerance: rounded,
      differentiate: [],
    },
  ];
}

function powCases(): readonly PlainCase[] {
  // exp(b log a): the error of the logarithm grows with |b log a| up to 3.3, so 1e-5.
  const tolerance = { absolute: 1e-38, relative: 1e-5 };
  const base: Fill = (extents) => uniform(extents, 0.5, 3);
  const exponent: Fill = (extents) => uniform(extents, -3, 3);
  return [
    ...floatCases(base, exponent, tolerance),
    {
      attrs: none,
      inputs: [
        values('f32', [11, 1], [0, 1, 2, -2, 0.5, -1, -0.5, 10, 3, NaN, Infinity]),
        values('f32', [9], [0, 1, 2, 3, -1, -2, 0.5, -0.5, 5]),
      ],
      tolerance,
      differentiate: [],
    },
  ];
}

function extremeCases(): readonly PlainCase[] {
  const edges = [0, 1, -1, Infinity, -Infinity, NaN];
  return [
    ...floatCases(
      (extents) => distinct(extents),
      (extents) => distinct(extents, 0.25),
      exact,
    ),
    ...integerCases(),
    {
      attrs: none,
      inputs: [values('f32', [6, 1], edges), values('f32', [6], edges)],
      tolerance: exact,
      differentiate: [],
    },
  ];
}

/** a + b, element by element with broadcasting, of one dtype. */
export const add = (a: Operand, b: Operand): Tensor => bind('add', none, ...tensorsOf('add', a, b));
/** a - b, element by element with broadcasting, of one dtype. */
export const sub = (a: Operand, b: Operand): Tensor => bind('sub', none, ...tensorsOf('sub', a, b));
/** a * b, element by element with broadcasting, of one dtype. */
export const mul = (a: Operand, b: Operand): Tensor => bind('mul', none, ...tensorsOf('mul', a, b));
/** a / b, element by element with broadcasting, of one dtype. */
export const div = (a: Operand, b: Operand): Tensor => bind('div', none, ...tensorsOf('div', a, b));
/** a to the power of b, element by element with broadcasting, of one dtype. */
export const pow = (a: Operand, b: Operand): Tensor => bind('pow', none, ...tensorsOf('pow', a, b));
/** the larger of a and b, element by element with broadcasting, of one dtype. */
export const maximum = (a: Operand, b: Operand): Tensor => bind('maximum', none, ...tensorsOf('maximum', a, b));
/** the smaller of a and b, element by element with broadcasting, of one dtype. */
export const minimum = (a: Operand, b: Operand): Tensor => bind('minimum', none, ...tensorsOf('minimum', a, b));
