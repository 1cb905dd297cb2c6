/**
 * Conversion between element types. To an integer, f32 is truncated toward zero and saturates, NaN gives 0; an integer
 * wraps into a narrower one. To bool, everything but 0 is 1.
 */
import { type DType, dtypes, isDType } from '../core/dtype.js';
import { DTypeError } from '../core/errors.js';
import type { Case, CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { elementwiseCost, map, only } from './facets.js';
import { like, one } from './rules.js';
import { benchLength, exact, filled, lengths, normal, uniform, values } from './samples.js';
import { bind, type Tensor } from './tensor.js';

export const shape = {
  cast: (attrs, inputs) => {
    if (!isDType(attrs.dtype)) {
      throw new DTypeError('cast', `one of ${dtypes.join(', ')} is required. Received ${String(attrs.dtype)}.`);
    }
    return like('cast', inputs, dtypes, attrs.dtype);
  },
} satisfies ShapeFacet<'cast'>;

export const gradient = {
  cast: ({ inputs, outputs, gradients }) => {
    const floats = one('cast', inputs).dtype === 'f32' && one('cast', outputs).dtype === 'f32';
    return [floats ? only(gradients) : null];
  },
} satisfies GradientFacet<'cast'>;

const limits = { i32: [-2147483648, 2147483647], u8: [0, 255], i8: [-128, 127] } as const;

function convert(value: number, from: DType, to: DType): number {
  if (to === 'bool') return value === 0 ? 0 : 1;
  if (to === 'f32') return value;
  if (from !== 'f32') return value;
  const [low, high] = limits[to];
  return Number.isNaN(value) ? 0 : Math.min(Math.max(Math.trunc(value), low), high);
}

export const reference = {
  cast: (attrs, inputs, outputs) => {
    const from = one('cast', inputs).dtype;
    map(inputs, outputs, (value) => convert(value, from, attrs.dtype));
  },
} satisfies ReferenceFacet<'cast'>;

export const cost = { cast: elementwiseCost } satisfies CostFacet<'cast'>;

export const cases = { cast: castCases } satisfies CasesFacet<'cast'>;

function castCases(): readonly Case<'cast'>[] {
  const pairs = dtypes.flatMap((from) => dtypes.map((to) => [from, to] as const));
  const edges = [0, -0, 0.5, -0.5, 1.99, -1.99, 127.9, -128.9, 255.9, 300, -300, 2147483648, -3e9, 3e38, NaN];
  return [
    ...pairs.map(([from, to]): Case<'cast'> => ({ attrs: { dtype: to }, inputs: [filled(from, [3, 11])] })),
    ...lengths.flatMap((length): Case<'cast'>[] => [
      { attrs: { dtype: 'i32' }, inputs: [uniform([length], -300, 300)], differentiate: [] },
      { attrs: { dtype: 'f32' }, inputs: [filled('u8', [length])] },
      { attrs: { dtype: 'u8' }, inputs: [filled('i32', [length])] },
    ]),
    ...dtypes.map((to): Case<'cast'> => ({
      attrs: { dtype: to },
      inputs: [values('f32', [edges.length], edges)],
      tolerance: exact,
      differentiate: [],
    })),
    { attrs: { dtype: 'i32' }, inputs: [normal([benchLength])], differentiate: [], bench: true },
    { attrs: { dtype: 'f32' }, inputs: [filled('u8', [benchLength])], bench: true },
  ];
}

/** The elements of `x` as `dtype`. */
export const cast = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : bind('cast', { dtype }, x));
