/**
 * What a layer is: plain data (its kind, its options) and a function from tensor to tensor. A layer declares its
 * variables where it first uses them, so that shapes follow from tracing and there is no build step.
 */
import { isName } from '../graph/names.js';
import type { Scope } from '../graph/builder.js';
import type { Tensor } from '../ops/tensor.js';
import { type Fields, isObject, readOptions, refuse, type Resolved } from './options.js';

/** How a layer is being recorded. */
export type Mode =
  | { readonly training: false }
  | {
      readonly training: true;
      /** i32 [2]: the seed and the number of the step. */
      readonly key: () => Tensor;
    };

/** The declaration of a kind of layer. */
export interface LayerKind<O> {
  /** The Keras name in camelCase, which is also the name of a layer that is given none. */
  readonly kind: string;
  readonly fields: Fields<O>;
  readonly call: (options: Resolved<O>, x: Tensor, scope: Scope, mode: Mode) => Tensor;
}

/** What every layer takes besides its own options. */
export interface Naming {
  /** The path of its variables and nodes: `name/kernel`. The kind, made unique, unless said. */
  readonly name?: string;
}

/** A layer: its name, its configuration, and what it records on a tensor. */
export interface Layer {
  readonly kind: string;
  readonly name: string | undefined;
  /** JSON; makes the same layer again. */
  readonly options: object;
  readonly call: (x: Tensor, scope: Scope, mode: Mode) => Tensor;
}

/** Parts the name of a layer from its other options. */
export function splitName(kind: string, given: unknown): { readonly name: string | undefined; readonly rest: object } {
  if (!isObject(given)) return refuse(kind, 'options', 'an object', given);
  const { name, ...rest } = given;
  if (name === undefined || (isName(name) && !name.includes('/'))) return { name, rest };
  return refuse(kind, 'name', 'letters, digits and _ . : -', name);
}

/** A layer of a kind. Throws `ArgumentError` for options that the kind does not take. */
export function makeLayer<O>({ kind, fields, call }: LayerKind<O>, given: unknown): Layer {
  const { name, rest } = splitName(kind, given);
  const options = readOptions(kind, fields, rest);
  return { kind, name, options, call: (x, scope, mode) => call(options, x, scope, mode) };
}
