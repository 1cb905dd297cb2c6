/**
 * Signals: what flows between the layers of a model that is being put together. A signal is an input, or what a layer
 * makes of other signals; it has no shape, since shapes follow from tracing when the model is made.
 */
import type { DType } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import type { Scope } from '../graph/builder.js';
import type { Tensor } from '../ops/tensor.js';
import type { Architecture } from './architecture.js';

/** How a layer is being recorded. */
export type Mode =
  | { readonly training: false }
  | {
      readonly training: true;
      /** i32 [2]: the seed and the number of the step. */
      readonly key: () => Tensor;
    };

/** The type of one example, without the batch. */
export interface InputType {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** What a model takes: the type of one example. Made by `input`. */
export interface Input {
  readonly kind: 'input';
  readonly name: string | undefined;
  /** Undefined for a sequence that learns it from its first examples. */
  readonly options: InputType | undefined;
}

/** What all layers are, whatever they are called with: plain data, and how they are recorded. */
export interface LayerParts {
  readonly kind: string;
  readonly name: string | undefined;
  /** Whether training changes its weights. */
  readonly trainable: boolean;
  /** JSON; makes the same layer again. */
  readonly options: object;
  /** How many tensors `record` takes; `several` for one or more. */
  readonly takes: number | 'several';
  /** How many tensors `record` gives. */
  readonly gives: number;
  readonly record: (inputs: readonly Tensor[], scope: Scope, mode: Mode) => readonly Tensor[];
  /** Of a model that is a layer: what is in it, and the values that its variables begin with. */
  readonly inner?: {
    readonly architecture: Architecture;
    readonly values: () => ReadonlyMap<string, NDArray>;
  };
}

/** One use of a layer. A layer that is used twice has its variables once. */
export interface Application {
  readonly layer: LayerParts;
  readonly inputs: readonly Signal[];
}

export interface Applied {
  readonly kind: 'applied';
  readonly application: Application;
  /** Which of the layer's outputs. */
  readonly output: number;
}

/** What layers are called on: an input of a model, or what another layer makes of one. */
export type Signal = Input | Applied;

export const isSignal = (value: unknown): value is Signal =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  (value.kind === 'input' || value.kind === 'applied');

/** Throws `ArgumentError` for what is no signal. */
export function requireSignal(where: string, value: unknown): Signal {
  if (isSignal(value)) return value;
  const received = typeof value === 'function' ? 'a layer that was not called' : typeof value;
  throw new ArgumentError(where, `an input(...), or what a layer makes of one, is required. Received ${received}.`);
}

/** What a layer makes of signals: one signal for each of its outputs. Throws `ArgumentError` for what is no signal. */
export function connect(layer: LayerParts, inputs: readonly unknown[]): readonly Applied[] {
  const { kind, name = kind, takes, gives } = layer;
  const signals = inputs.map((input) => requireSignal(name, input));
  if (takes === 'several' ? signals.length < 2 : signals.length !== takes) {
    const required =
      takes === 'several' ? 'at least 2 signals are' : takes === 1 ? 'one signal is' : `${takes} signals are`;
    throw new ArgumentError(name, `${required} required. Received ${signals.length}.`);
  }
  const application = { layer, inputs: signals };
  return Array.from({ length: gives }, (_, output) => ({ kind: 'applied', application, output }));
}
