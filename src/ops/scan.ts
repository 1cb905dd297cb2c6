/** Running sums along an axis. */
import { normalizeAxis } from '../core/shape.js';
import type { Case, CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { elementwiseCost, only, stridesOf, walk } from './facets.js';
import { like, one, requireAxis } from './rules.js';
import { lengths, normal, summed } from './samples.js';
import { bind, type Tensor } from './tensor.js';

export const shape = {
  cumsum: ({ axis }, inputs) => {
    requireAxis('cumsum', axis, one('cumsum', inputs).shape.length);
    return like('cumsum', inputs, ['f32']);
  },
} satisfies ShapeFacet<'cumsum'>;

export const gradient = {
  cumsum: ({ attrs, gradients }) => [bind('cumsum', { ...attrs, reverse: !attrs.reverse }, only(gradients))],
} satisfies GradientFacet<'cumsum'>;

export const reference = {
  cumsum: ({ axis, exclusive, reverse }, inputs, outputs) => {
    const x = one('cumsum', inputs);
    const y = one('cumsum', outputs);
    const strides = stridesOf(x.shape);
    const extent = x.shape[axis] ?? 0;
    const lines = x.shape.map((size, i) => (i === axis ? Math.min(size, 1) : size));
    walk(lines, [strides], (_, from) => {
      let total = 0;
      for (let i = 0; i < extent; i++) {
        const at = from + (reverse ? extent - 1 - i : i) * (strides[axis] ?? 0);
        const next = total + (x.data[at] ?? NaN);
        y.data[at] = exclusive ? total : next;
        total = next;
      }
    });
  },
} satisfies ReferenceFacet<'cumsum'>;

export const cost = { cumsum: elementwiseCost } satisfies CostFacet<'cumsum'>;

export const cases = { cumsum: cumsumCases } satisfies CasesFacet<'cumsum'>;

function cumsumCases(): readonly Case<'cumsum'>[] {
  const shapes: readonly (readonly [readonly number[], number])[] = [
    ...lengths.flatMap((length) => [
      [[length], 0] as const,
      [[3, length], 1] as const,
      [[length, 5], 0] as const,
      [[3, length], 0] as const,
    ]),
    [[2, 3, 4, 5], 0],
    [[2, 3, 4, 5], 1],
    [[2, 3, 4, 5], 2],
    [[2, 3, 4, 5], 3],
    [[0, 3], 1],
  ];
  const along = (extents: readonly number[], axis: number, exclusive: boolean, reverse: boolean): Case<'cumsum'> => ({
    attrs: { axis, exclusive, reverse },
    inputs: [normal(extents)],
    tolerance: summed(Math.max(extents[axis] ?? 0, 1)),
  });
  const large = { differentiate: [], bench: true };
  return [
    ...shapes.map(([extents, axis]) => along(extents, axis, false, false)),
    ...[[5], [4, 33], [3, 4, 5]].flatMap((extents) =>
      extents.flatMap((_, axis) => [
        along(extents, axis, true, false),
        along(extents, axis, false, true),
        along(extents, axis, true, true),
      ]),
    ),
    { ...along([6, 3, 600], 1, false, false), differentiate: [] },
    { ...along([1024, 1024], 1, false, false), ...large },
    { ...along([1024, 1024], 0, false, false), ...large },
  ];
}

/** Which terms a running sum takes: all up to its own, without its own where `exclusive`, from the end where `reverse`. */
export interface CumsumOptions {
  readonly exclusive?: boolean;
  readonly reverse?: boolean;
}

/** y[i] = x[0] + ... + x[i] along `axis` (default the last), in float32. */
export function cumsum(x: Tensor, axis = -1, { exclusive = false, reverse = false }: CumsumOptions = {}): Tensor {
  return bind('cumsum', { axis: normalizeAxis('cumsum', axis, x.rank), exclusive, reverse }, x);
}
