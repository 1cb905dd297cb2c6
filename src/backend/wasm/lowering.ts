/**
 * How ops become records. A lowering emits the records of one node: calls of kernels whose arguments are numbers,
 * dimensions (evaluated again whenever the extents of the symbols change) and addresses (resolved when the memory has
 * been laid out). Kernels, parameter names and types are generated from the kernels' own signatures.
 */
import type { DType } from '../../core/dtype.js';
import type { Dim, Shape } from '../../core/shape.js';
import type { OpAttrs, OpName } from '../../ops/schema.js';
import type { Kernels } from './generated/kernels.js';

/** A place in a buffer that will be laid out later. */
export interface Address {
  readonly buffer: number;
  readonly offset: Dim;
}

/** What a record's argument, or an entry of its table, can be. */
export type Argument = number | Dim | Address;

export type KernelName = keyof Kernels;

type Parameter<K extends KernelName> = Kernels[K][number];

/** The arguments of a kernel, by the names of its parameters: addresses for `usize`, numbers or dimensions otherwise. */
export type ArgumentsOf<K extends KernelName> = {
  readonly [P in Parameter<K> as P[0]]: P[1] extends 'usize' ? Address | 0 : P[1] extends 'f32' ? number : number | Dim;
};

/** A value as a lowering sees it. */
export interface Operand {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly at: Address;
}

export interface LoweredNode<N extends OpName> {
  readonly attrs: OpAttrs[N];
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
}

export interface Emitter {
  /**
   * One record: `units` units of a kernel's work. Nothing is emitted when `units` is the number 0. Elementwise kernels say
   * of which operands unit i touches only the elements that it makes, the result first: see groups.ts.
   */
  record<K extends KernelName>(kernel: K, units: Dim, args: ArgumentsOf<K>, blocks?: readonly Operand[]): void;
  /** A buffer of `bytes` that lives within this node. */
  scratch(bytes: Dim): Address;
  /** Makes every thread's scratch at least `bytes` large. */
  threadScratch(bytes: number): void;
  /** A table of 32-bit integers in plan memory. */
  table(entries: readonly Argument[]): Address;
  /**
   * The operand in another layout. For a variable: one copy for each (variable, layout), shared by all plans and re-made
   * after the variable changed; otherwise a buffer that lives within this node. `pack` emits the records that fill it.
   */
  packed(operand: Operand, layout: string, bytes: number, pack: (destination: Address) => void): Address;
  /** Whether the packed copy of an operand outlives the run: the operand is a shared variable. */
  kept(operand: Operand): boolean;
  /** Makes `output` a view of `input`: the same bytes. */
  alias(output: Operand, input: Operand): void;
  /** Lets `output` take the memory of `input` if nothing needs `input` afterwards. Safe for elementwise kernels only. */
  inPlace(output: Operand, input: Operand): void;
  /** The dimension at the bounds of its symbols. */
  bound(dim: Dim): number;
  /** What the loaded module and engine do best; chosen by probes of values and of time. */
  readonly flavour: Flavour;
}

/** How int8 products are summed: `dot` is the relaxed dot product with full 8-bit activations, where a probe found it exact. */
export const int8Flavours = ['dot', 'widen'] as const;

export interface Flavour {
  readonly int8: (typeof int8Flavours)[number];
}

/** Emits the records of a node. Throws `UnsupportedError` for attributes or dtypes that the kernels do not take. */
export type Lowering<N extends OpName> = (node: LoweredNode<N>, emit: Emitter) => void;

export type LoweringFacet<N extends OpName> = { readonly [K in N]: Lowering<K> };

/** Every op's lowering; null where the backend refuses the op by name. */
export type LoweringTable = { readonly [N in OpName]: Lowering<N> | null };

/** The lowerings of some ops; the backend refuses the others by name. */
export type Lowerings = { readonly [N in OpName]?: Lowering<N> | null };
