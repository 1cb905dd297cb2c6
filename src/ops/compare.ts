/** Comparisons, logic on bool, and the choice between two tensors. NaN is unequal to everything, as in NumPy. */
import { dtypes } from '../core/dtype.js';
import { broadcastShapes } from '../core/shape.js';
import type { CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { elementwiseCost, map, only, sumTo, zip, zip3 } from './facets.js';
import { broadcast, like, numeric, requireDType, requireSameDType, three } from './rules.js';
import {
  benchLength,
  exact,
  filled,
  flags,
  integers,
  lengths,
  normal,
  patterns,
  type PlainCase,
  values,
} from './samples.js';
import { none } from './schema.js';
import { constant, type Operand, tensorsOf } from './source.js';
import { bind, type Tensor } from './tensor.js';

type Comparison = 'equal' | 'notEqual' | 'less' | 'lessEqual' | 'greater' | 'greaterEqual';
type Logic = 'logicalAnd' | 'logicalOr';
type Compare = Comparison | Logic | 'logicalNot' | 'where';

export const shape = {
  equal: (_, inputs) => broadcast('equal', inputs, numeric, 'bool'),
  notEqual: (_, inputs) => broadcast('notEqual', inputs, numeric, 'bool'),
  less: (_, inputs) => broadcast('less', inputs, numeric, 'bool'),
  lessEqual: (_, inputs) => broadcast('lessEqual', inputs, numeric, 'bool'),
  greater: (_, inputs) => broadcast('greater', inputs, numeric, 'bool'),
  greaterEqual: (_, inputs) => broadcast('greaterEqual', inputs, numeric, 'bool'),
  logicalAnd: (_, inputs) => broadcast('logicalAnd', inputs, ['bool']),
  logicalOr: (_, inputs) => broadcast('logicalOr', inputs, ['bool']),
  logicalNot: (_, inputs) => like('logicalNot', inputs, ['bool']),
  where: (_, inputs) => {
    const [condition, a, b] = three('where', inputs);
    requireDType('where', condition, ['bool']);
    requireSameDType('where', [a, b]);
    const both = broadcastShapes('where', a.shape, b.shape);
    return [{ dtype: a.dtype, shape: broadcastShapes('where', condition.shape, both) }];
  },
} satisfies ShapeFacet<Compare>;

export const gradient = {
  equal: null,
  notEqual: null,
  less: null,
  lessEqual: null,
  greater: null,
  greaterEqual: null,
  logicalAnd: null,
  logicalOr: null,
  logicalNot: null,
  where: ({ inputs, gradients }) => {
    const [condition, a, b] = three('where', inputs);
    const g = only(gradients);
    return [null, sumTo(where(condition, g, 0), a.shape), sumTo(where(condition, 0, g), b.shape)];
  },
} satisfies GradientFacet<Compare>;

export const reference = {
  equal: (_, inputs, outputs) => zip(inputs, outputs, (a, b) => Number(a === b)),
  notEqual: (_, inputs, outputs) => zip(inputs, outputs, (a, b) => Number(a !== b)),
  less: (_, inputs, outputs) => zip(inputs, outputs, (a, b) => Number(a < b)),
  lessEqual: (_, inputs, outputs) => zip(inputs, outputs, (a, b) => Number(a <= b)),
  greater: (_, inputs, outputs) => zip(inputs, outputs, (a, b) => Number(a > b)),
  greaterEqual: (_, inputs, outputs) => zip(inputs, outputs, (a, b) => Number(a >= b)),
  logicalAnd: (_, inputs, outputs) => zip(inputs, outputs, (a, b) => a & b),
  logicalOr: (_, inputs, outputs) => zip(inputs, outputs, (a, b) => a | b),
  logicalNot: (_, inputs, outputs) => map(inputs, outputs, (a) => 1 - a),
  where: (_, inputs, outputs) => zip3(inputs, outputs, (condition, a, b) => (condition ? a : b)),
} satisfies ReferenceFacet<Compare>;

export const cost = {
  equal: elementwiseCost,
  notEqual: elementwiseCost,
  less: elementwiseCost,
  lessEqual: elementwiseCost,
  greater: elementwiseCost,
  greaterEqual: elementwiseCost,
  logicalAnd: elementwiseCost,
  logicalOr: elementwiseCost,
  logicalNot: elementwiseCost,
  where: elementwiseCost,
} satisfies CostFacet<Compare>;

export const cases = {
  equal: comparisonCases,
  notEqual: comparisonCases,
  less: comparisonCases,
  lessEqual: comparisonCases,
  greater: comparisonCases,
  greaterEqual: comparisonCases,
  logicalAnd: logicCases,
  logicalOr: logicCases,
  logicalNot: notCases,
  where: whereCases,
} satisfies CasesFacet<Compare>;

function comparisonCases(): readonly PlainCase[] {
  const floats = [0, -0, NaN, Infinity, -Infinity, 1];
  const whole = [-2147483648, 2147483647, 16777216, 16777217, 0];
  return [
    ...[...lengths.map((length) => [[length], [length]] as const), ...patterns].flatMap(([a, b]): PlainCase[] => [
      { attrs: none, inputs: [integers('f32', a, -2, 3), integers('f32', b, -2, 3)], differentiate: [] },
      { attrs: none, inputs: [integers('i32', a, -2, 3), integers('i32', b, -2, 3)] },
    ]),
    { attrs: none, inputs: [values('f32', [6, 1], floats), values('f32', [6], floats)], differentiate: [] },
    { attrs: none, inputs: [values('i32', [5, 1], whole), values('i32', [5], whole)] },
    { attrs: none, inputs: [normal([benchLength]), normal([benchLength])], differentiate: [], bench: true },
  ];
}

function logicCases(): readonly PlainCase[] {
  return [
    ...[...lengths.map((length) => [[length], [length]] as const), ...patterns].map(([a, b]): PlainCase => ({
      attrs: none,
      inputs: [flags(a), flags(b)],
    })),
    { attrs: none, inputs: [flags([benchLength]), flags([benchLength])], bench: true },
  ];
}

function notCases(): readonly PlainCase[] {
  return [
    ...[...lengths.map((length) => [length]), [3, 4, 5]].map((x): PlainCase => ({
      attrs: none,
      inputs: [flags(x)],
    })),
    { attrs: none, inputs: [flags([benchLength])], bench: true },
  ];
}

function whereCases(): readonly PlainCase[] {
  const shapes: readonly (readonly [readonly number[], readonly number[], readonly number[]])[] = [
    ...lengths.map((length) => [[length], [length], [length]] as const),
    [[3, 17], [3, 17], []],
    [[3, 17], [], [3, 17]],
    [[17], [3, 17], [3, 17]],
    [[3, 1], [3, 17], [17]],
    [[], [5], [5]],
    [[4, 1], [1, 5], []],
    [
      [2, 3, 4, 5],
      [2, 1, 4, 1],
      [3, 1, 5],
    ],
    [[1, 1, 9, 9], [2, 4, 9, 9], [1]],
    [
      [0, 3],
      [1, 3],
      [0, 1],
    ],
  ];
  return [
    ...shapes.map(([condition, a, b]): PlainCase => ({
      attrs: none,
      inputs: [flags(condition), normal(a), normal(b)],
      tolerance: exact,
    })),
    ...dtypes.map((dtype): PlainCase => ({
      attrs: none,
      inputs: [flags([3, 17]), filled(dtype, [3, 17]), filled(dtype, [17])],
      tolerance: exact,
    })),
    // The operand that is not chosen leaves no trace.
    {
      attrs: none,
      inputs: [
        values('bool', [4], [1, 0, 1, 0]),
        values('f32', [4], [1, NaN, 2, NaN]),
        values('f32', [4], [NaN, 3, Infinity, 4]),
      ],
      tolerance: exact,
      differentiate: [],
    },
    {
      attrs: none,
      inputs: [flags([benchLength]), normal([benchLength]), normal([benchLength])],
      differentiate: [],
      bench: true,
    },
  ];
}

/** a = b, element by element with broadcasting: bool. */
export const equal = (a: Operand, b: Operand): Tensor => bind('equal', none, ...tensorsOf('equal', a, b));
/** a ≠ b, element by element with broadcasting: bool. */
export const notEqual = (a: Operand, b: Operand): Tensor => bind('notEqual', none, ...tensorsOf('notEqual', a, b));
/** a < b, element by element with broadcasting: bool. */
export const less = (a: Operand, b: Operand): Tensor => bind('less', none, ...tensorsOf('less', a, b));
/** a <= b, element by element with broadcasting: bool. */
export const lessEqual = (a: Operand, b: Operand): Tensor => bind('lessEqual', none, ...tensorsOf('lessEqual', a, b));
/** a > b, element by element with broadcasting: bool. */
export const greater = (a: Operand, b: Operand): Tensor => bind('greater', none, ...tensorsOf('greater', a, b));
/** a >= b, element by element with broadcasting: bool. */
export const greaterEqual = (a: Operand, b: Operand): Tensor =>
  bind('greaterEqual', none, ...tensorsOf('greaterEqual', a, b));

/** a and b, element by element with broadcasting: bool. */
export const logicalAnd = (a: Tensor, b: Tensor): Tensor => bind('logicalAnd', none, a, b);
/** a or b, element by element with broadcasting: bool. */
export const logicalOr = (a: Tensor, b: Tensor): Tensor => bind('logicalOr', none, a, b);
/** not x, element by element: bool. */
export const logicalNot = (x: Tensor): Tensor => bind('logicalNot', none, x);

/** `a` where `condition` holds, otherwise `b`; two numbers choose in f32. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const first = typeof a === 'number' && typeof b === 'number' ? constant(condition.recorder, a) : a;
  return bind('where', none, condition, ...tensorsOf('where', first, b));
}
