/**
 * The five facets of an op: `shape`, `gradient`, `reference`, `cost`, `cases`. A family file exports one object per
 * facet; `src/ops/tables/` gathers them into one exhaustive table per facet, so that the edge reaches only `shape`.
 */
import type { DataOf, DType } from '../core/dtype.js';
import type { Extents } from '../core/shape.js';
import type { OpAttrs, OpName } from './schema.js';
import type { Tensor, TensorType } from './tensor.js';

/** The types of the outputs. Throws `ShapeError`, `DTypeError` or `ArgumentError` for inputs that the op does not take. */
export type ShapeRule<N extends OpName> = (attrs: OpAttrs[N], inputs: readonly TensorType[]) => readonly TensorType[];

/** What a gradient rule sees of the node that it differentiates. */
export interface GradientContext<N extends OpName> {
  readonly attrs: OpAttrs[N];
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** One for each output; null where the loss does not depend on it. */
  readonly gradients: readonly (Tensor | null)[];
}

/** The gradient for each input (null for none), written with other ops; null for an op that has no gradient. */
export type GradientRule<N extends OpName> = ((context: GradientContext<N>) => readonly (Tensor | null)[]) | null;

/** An array of the reference: f32 is held, and computed, in float64. */
export interface ReferenceArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array | Exclude<DataOf, Float32Array>;
}

/** The op by its definition, in float64. `outputs` are zeroed arrays of the right types, to be filled. */
export type Reference<N extends OpName> = (
  attrs: OpAttrs[N],
  inputs: readonly ReferenceArray[],
  outputs: readonly ReferenceArray[],
  extents: Extents,
) => void;

/** Multiply-adds and bytes that the work needs at the least, for rates and shares of the peak. */
export interface Cost {
  readonly multiplyAdds: number;
  readonly bytes: number;
}

export type CostRule<N extends OpName> = (
  attrs: OpAttrs[N],
  inputs: readonly { readonly dtype: DType; readonly shape: readonly number[] }[],
  outputs: readonly { readonly dtype: DType; readonly shape: readonly number[] }[],
) => Cost;

/** How a case's input is filled, from a fixed seed. Integers are drawn from [low, high). */
export type Fill =
  | { readonly kind: 'normal' }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  | { readonly kind: 'integers'; readonly low: number; readonly high: number }
  | { readonly kind: 'values'; readonly values: readonly number[] };

export interface CaseInput {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly fill: Fill;
}

/** One use of an op: a conformance test on every backend, a gradient check, a row of the benchmark and of the support matrix. */
export interface Case<N extends OpName> {
  readonly attrs: OpAttrs[N];
  readonly inputs: readonly CaseInput[];
  /** |actual - reference| <= absolute + relative * |reference|. Defaults: 1e-6 and 1e-5; 0 and 0 for integers. */
  readonly tolerance?: { readonly absolute: number; readonly relative: number };
  /** Inputs whose gradient is checked by central differences; all float inputs unless said. */
  readonly differentiate?: readonly number[];
  /** Worth timing. */
  readonly bench?: boolean;
}

export type ShapeFacet<N extends OpName> = { readonly [K in N]: ShapeRule<K> };
export type GradientFacet<N extends OpName> = { readonly [K in N]: GradientRule<K> };
export type ReferenceFacet<N extends OpName> = { readonly [K in N]: Reference<K> };
export type CostFacet<N extends OpName> = { readonly [K in N]: CostRule<K> };
/** Made when they are asked for: what runs ops never pays for their tests. */
export type CasesFacet<N extends OpName> = { readonly [K in N]: () => readonly Case<K>[] };
