/** The angle of a point, from which the inverses of sine, cosine and tangent follow. */
import { add, div, mul } from './binary.js';
import type { CaseInput, CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { square } from './elementwise.js';
import { elementwiseCost, only, sumTo, zip } from './facets.js';
import { broadcast, two } from './rules.js';
import { approximate, benchLength, lengths, normal, patterns, type PlainCase, uniform, values } from './samples.js';
import { none } from './schema.js';
import { type Operand, tensorsOf } from './source.js';
import { bind, type Tensor } from './tensor.js';

export const shape = {
  atan2: (_, inputs) => broadcast('atan2', inputs, ['f32']),
} satisfies ShapeFacet<'atan2'>;

export const gradient = {
  atan2: ({ inputs, gradients }) => {
    const [y, x] = two('atan2', inputs);
    const scaled = div(only(gradients), add(square(x), square(y)));
    return [sumTo(mul(scaled, x), y.shape), bind('neg', none, sumTo(mul(scaled, y), x.shape))];
  },
} satisfies GradientFacet<'atan2'>;

export const reference = {
  atan2: (_, inputs, outputs) => zip(inputs, outputs, Math.atan2),
} satisfies ReferenceFacet<'atan2'>;

export const cost = { atan2: elementwiseCost } satisfies CostFacet<'atan2'>;

export const cases = { atan2: atan2Cases } satisfies CasesFacet<'atan2'>;

function atan2Cases(): readonly PlainCase[] {
  const far = (extents: readonly number[]): CaseInput => uniform(extents, 0.25, 4);
  const edges = [0, -0, 1, -1, 0.5, -3, 1e30, -1e30, 1e-30, Infinity, -Infinity, NaN];
  return [
    ...[...lengths.map((length) => [[length], [length]] as const), ...patterns].map(([y, x]): PlainCase => ({
      attrs: none,
      inputs: [normal(y), far(x)],
      tolerance: approximate,
    })),
    { attrs: none, inputs: [far([33]), normal([33])], tolerance: approximate },
    {
      attrs: none,
      inputs: [values('f32', [12, 1], edges), values('f32', [12], edges)],
      tolerance: approximate,
      differentiate: [],
    },
    {
      attrs: none,
      inputs: [normal([benchLength]), normal([benchLength])],
      tolerance: approximate,
      differentiate: [],
      bench: true,
    },
  ];
}

/**
 * The angle of the point (x, y) in radians, from -pi to pi, with broadcasting. The sign of a zero chooses the side, and two
 * infinities lie on a diagonal, as in NumPy.
 */
export const atan2 = (y: Operand, x: Operand): Tensor => bind('atan2', none, ...tensorsOf('atan2', y, x));
