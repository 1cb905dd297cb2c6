/** What the cases of many ops share: sizes around the vector width, fills, tolerances with their reasons. */
import { sizeOf } from '../core/ndarray.js';
import type { DType } from '../core/dtype.js';
import type { Case, CaseInput } from './definition.js';
import type { none, OpName } from './schema.js';

/** A case of an op without attributes. */
export interface PlainCase extends Omit<Case<OpName>, 'attrs'> {
  readonly attrs: typeof none;
}

/** Nothing, one, and around one and several vectors of four, eight and sixteen lanes. */
export const lengths: readonly number[] = [0, 1, 3, 4, 5, 15, 16, 17, 33];

/** Elements of a case that is worth timing. */
export const benchLength = 1 << 20;

/** Results that float32 holds exactly. */
export const exact = { absolute: 0, relative: 0 };

/** One rounding: half a unit in the last place, 2^-24. */
export const rounded = { absolute: 1e-38, relative: 6e-8 };

/** A result of a few roundings, as of a kernel's polynomial: up to sixteen units in the last place. */
export const approximate = { absolute: 1e-38, relative: 2e-6 };

export const normal = (shape: readonly number[]): CaseInput => ({ dtype: 'f32', shape, fill: { kind: 'normal' } });

export const uniform = (shape: readonly number[], low: number, high: number): CaseInput => ({
  dtype: 'f32',
  shape,
  fill: { kind: 'uniform', low, high },
});

export const integers = (dtype: DType, shape: readonly number[], low: number, high: number): CaseInput => ({
  dtype,
  shape,
  fill: { kind: 'integers', low, high },
});

export const values = (dtype: DType, shape: readonly number[], list: readonly number[]): CaseInput => ({
  dtype,
  shape,
  fill: { kind: 'values', values: list },
});

export const flags = (shape: readonly number[]): CaseInput => integers('bool', shape, 0, 2);

/** Elements of `dtype` over its whole range; i32 over a million either way. */
export function filled(dtype: DType, shape: readonly number[]): CaseInput {
  if (dtype === 'f32') return normal(shape);
  if (dtype === 'bool') return flags(shape);
  if (dtype === 'u8') return integers(dtype, shape, 0, 256);
  if (dtype === 'i8') return integers(dtype, shape, -128, 128);
  return integers(dtype, shape, -1000000, 1000000);
}

/**
 * Up to 1009 different numbers, 1/64 apart, in [-8, 8): no two equal, none an integer, none zero. `shift` in (0, 1)
 * keeps one operand's numbers apart from another's. So kinks are at least 1/256 away and central differences hold.
 */
export function distinct(shape: readonly number[], shift = 0.5): CaseInput {
  const list = Array.from({ length: sizeOf(shape) }, (_, i) => (((i * 389) % 1009) - 505 + shift) / 64);
  return values('f32', shape, list);
}

type Extents = readonly number[];

/** Pairs of shapes that broadcast: scalars, rows, columns, both sides, middle axes, nothing. */
export const patterns: readonly (readonly [Extents, Extents])[] = [
  [[], []],
  [[], [33]],
  [[17], [1]],
  [[3, 17], [17]],
  [[17], [3, 17]],
  [
    [3, 17],
    [3, 1],
  ],
  [
    [3, 1],
    [3, 17],
  ],
  [
    [4, 1],
    [1, 5],
  ],
  [
    [7, 33],
    [7, 33],
  ],
  [
    [2, 3, 4, 5],
    [3, 1, 5],
  ],
  [
    [2, 3, 4, 5],
    [1, 3, 4, 1],
  ],
  [
    [2, 1, 4, 1],
    [1, 3, 1, 5],
  ],
  [[2, 3, 4, 16], [16]],
  [
    [0, 3],
    [1, 3],
  ],
  [[2, 0], [1]],
];

/**
 * A sum of `terms` products of normal numbers in float32. The partial sums grow like a random walk and each operation
 * rounds to 2^-24 of them, so the error grows with `terms`; the worst of a million sums in plain order takes half of this.
 */
export const summed = (terms: number) => ({ absolute: 2.4e-7 * terms, relative: 1e-6 });
