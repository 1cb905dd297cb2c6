/**
 * What a layer is: plain data (its kind, its options) that is also a function. Called on a signal it is connected in a
 * model, `dense({ units: 8 })(x)`; when the model is made it is recorded on tensors. A layer declares its variables where
 * it first uses them, so that shapes follow from tracing and there is no build step.
 */
import { mapNamed } from '../core/tree.js';
import { isName } from '../graph/names.js';
import type { Scope } from '../graph/builder.js';
import type { Tensor } from '../ops/tensor.js';
import { type Fields, flag, isObject, optional, readOptions, refuse, type Resolved } from './options.js';
import { type Applied, connect, type LayerParts, type Mode, type Signal } from './signal.js';

export type { Mode } from './signal.js';

/** The declaration of a kind of layer. */
export interface LayerKind<O> {
  /** The Keras name in camelCase, which is also the name of a layer that is given none. */
  readonly kind: string;
  readonly fields: Fields<O>;
  readonly call: (options: Resolved<O>, x: Tensor, scope: Scope, mode: Mode) => Tensor;
}

/** The declaration of a kind of layer that makes one tensor of several. */
export interface MergeKind<O> extends Omit<LayerKind<O>, 'call'> {
  readonly call: (options: Resolved<O>, xs: readonly Tensor[], scope: Scope, mode: Mode) => Tensor;
}

/** What every layer takes besides its own options. */
export interface Naming {
  /** The path of its variables and nodes: `name/kernel`. The kind, made unique, unless said. */
  readonly name?: string;
  /** Whether training changes its weights (default true). */
  readonly trainable?: boolean;
}

/** A layer of one input: its name, its configuration, and what it records on a tensor. Called on a signal, it is part of a `model`. */
export interface Layer extends LayerParts {
  (x: Signal): Applied;
}

/** A layer of several inputs. */
export interface MergeLayer extends LayerParts {
  (xs: readonly Signal[]): Applied;
}

const isTrainable = optional(flag, true);

/** Parts what all layers take from the options of a kind. */
export function splitNaming(kind: string, given: unknown) {
  if (!isObject(given)) return refuse(kind, 'options', 'an object', given);
  const { name, trainable, ...rest } = given;
  if (name === undefined || isLayerName(name)) {
    return { name, trainable: isTrainable(trainable, kind, 'trainable'), rest: rest as object };
  }
  return refuse(kind, 'name', 'letters, digits and _ . : -', name);
}

/** Names of layers are one step of a path. */
export const isLayerName = (name: unknown): name is string => isName(name) && !name.includes('/');

/** A function that has the parts as its properties. */
function callable<F extends (...args: never[]) => Applied>(fn: F, parts: LayerParts): F & LayerParts {
  const properties = mapNamed({ ...parts }, (value: unknown) => ({ value, enumerable: true }));
  return Object.defineProperties(fn, properties) as F & LayerParts;
}

const onlySignal = ([signal]: readonly Applied[]): Applied => signal as Applied;

/** A layer of a kind. Throws `ArgumentError` for options that the kind does not take. */
export function makeLayer<O>({ kind, fields, call }: LayerKind<O>, given: unknown): Layer {
  const { rest, ...naming } = splitNaming(kind, given);
  const options = readOptions(kind, fields, rest);
  return layerOf({ kind, ...naming, options }, (x, scope, mode) => call(options, x, scope, mode));
}

/** A layer of a kind that merges. Throws `ArgumentError` for options that the kind does not take. */
export function makeMerge<O>({ kind, fields, call }: MergeKind<O>, given: unknown): MergeLayer {
  const { rest, ...naming } = splitNaming(kind, given);
  const options = readOptions(kind, fields, rest);
  return mergeOf({ kind, ...naming, options }, (xs, scope, mode) => call(options, xs, scope, mode));
}

type Description = Pick<LayerParts, 'kind' | 'name' | 'trainable' | 'options'>;

/** A layer that records one tensor on one. */
export function layerOf(description: Description, call: (x: Tensor, scope: Scope, mode: Mode) => Tensor): Layer {
  const record: LayerParts['record'] = ([x], scope, mode) => [call(x as Tensor, scope, mode)];
  const parts: LayerParts = { ...description, takes: 1, gives: 1, record };
  return callable((x: Signal) => onlySignal(connect(parts, [x])), parts);
}

/** A layer that records one tensor on several. */
export function mergeOf(
  description: Description,
  call: (xs: readonly Tensor[], scope: Scope, mode: Mode) => Tensor,
): MergeLayer {
  const record: LayerParts['record'] = (xs, scope, mode) => [call(xs, scope, mode)];
  const parts: LayerParts = { ...description, takes: 'several', gives: 1, record };
  const merge = (xs: readonly Signal[]): Applied => {
    if (!Array.isArray(xs)) return refuse(parts.name ?? parts.kind, 'what is merged', 'a list of signals', xs);
    return onlySignal(connect(parts, xs));
  };
  return callable(merge, parts);
}
