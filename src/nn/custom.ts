/**
 * Layers of the user's own making: plain functions on tensors, which declare their parameters through the scope.
 *
 *   const scaled = layer((x, scope) => mul(x, scope.variable('scale', { shape: [8], initial: initializers.ones })));
 *   const h = scaled(dense({ units: 8 })(x));
 *
 * A file keeps what such a layer computes, not the function: `loadFrozenModel` reads it, `loadModel` does not.
 */
import { ArgumentError } from '../core/errors.js';
import type { Scope } from '../graph/builder.js';
import { Tensor } from '../ops/tensor.js';
import { type Layer, layerOf, type MergeLayer, mergeOf, type Mode, type Naming, splitNaming } from './layer.js';
import { refuse } from './options.js';

const kind = 'layer';

function describe(call: unknown, options: Naming) {
  if (typeof call !== 'function') refuse(kind, 'what is recorded', 'a function of tensors', call);
  const { name, trainable, rest } = splitNaming(kind, options);
  for (const option of Object.keys(rest)) refuse(kind, 'options', 'name and trainable', option);
  return { kind, name, trainable, options: {} };
}

/** What a user's function returned, if that is a tensor. */
function requireTensor(made: unknown, scope: Scope): Tensor {
  if (made instanceof Tensor) return made;
  throw new ArgumentError(scope.path, `a tensor is required of the function. Received ${typeof made}.`);
}

/** A layer that records what a function records on its input. Named `layer` unless said. */
export const layer = (call: (x: Tensor, scope: Scope, mode: Mode) => Tensor, options: Naming = {}): Layer =>
  layerOf(describe(call, options), (x, scope, mode) => requireTensor(call(x, scope, mode), scope));

/** A layer that records what a function records on its inputs, at least two. Named `layer` unless said. */
export const mergeLayer = (
  call: (xs: readonly Tensor[], scope: Scope, mode: Mode) => Tensor,
  options: Naming = {},
): MergeLayer => mergeOf(describe(call, options), (xs, scope, mode) => requireTensor(call(xs, scope, mode), scope));
