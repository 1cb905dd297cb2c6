/** Layers that change the shape and nothing else. */
import { ShapeError } from '../core/errors.js';
import { printShape, sizeOfShape } from '../core/shape.js';
import { broadcastTo, reshape as reshapeOf, transpose } from '../ops/move.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { count, extents, type Field, refuse } from './options.js';

export const flattenKind: LayerKind<object> = {
  kind: 'flatten',
  fields: {},
  call: (_, x) => reshapeOf(x, [...x.shape.slice(0, 1), sizeOfShape(x.shape.slice(1))]),
};

/** One axis for each example: [batch, ...axes] -> [batch, product of axes]. */
export const flatten = (options: Naming = {}): Layer => makeLayer(flattenKind, options);

export interface ReshapeOptions {
  /** The shape of one example; one dimension may be -1 and follows from the others. */
  readonly targetShape: readonly number[];
}

const targetShape: Field<readonly number[]> = (value, where, name) => {
  if (!Array.isArray(value)) return refuse(where, name, 'an array', value);
  if (value.filter((dim) => dim === -1).length > 1) refuse(where, name, 'a shape with at most one -1', value);
  return value.map((dim: unknown) => (dim === -1 ? -1 : count(dim, where, name)));
};

export const reshapeKind: LayerKind<ReshapeOptions> = {
  kind: 'reshape',
  fields: { targetShape },
  call: ({ targetShape }, x) => reshapeOf(x, [...x.shape.slice(0, 1), ...targetShape]),
};

/** Another shape for each example: [batch, ...] -> [batch, ...targetShape]. */
export const reshape = (options: ReshapeOptions & Naming): Layer => makeLayer(reshapeKind, options);

export interface PermuteOptions {
  /** The axes of one example in their new order, counted from 1: [2, 1] swaps the two of a matrix. */
  readonly dims: readonly number[];
}

export const permuteKind: LayerKind<PermuteOptions> = {
  kind: 'permute',
  fields: { dims: extents },
  call: ({ dims }, x, scope) => {
    const sorted = [...dims].sort((a, b) => a - b);
    if (dims.length !== x.rank - 1 || sorted.some((axis, i) => axis !== i + 1)) {
      const required = `dims with each of the axes 1 to ${x.rank - 1} once are required`;
      throw new ShapeError(scope.path, `${required}. Received [${dims.join(', ')}] for ${printShape(x.shape)}.`);
    }
    return transpose(x, [0, ...dims]);
  },
};

/** The axes of each example in another order. */
export const permute = (options: PermuteOptions & Naming): Layer => makeLayer(permuteKind, options);

export interface RepeatVectorOptions {
  /** How often the vector is repeated. */
  readonly n: number;
}

export const repeatVectorKind: LayerKind<RepeatVectorOptions> = {
  kind: 'repeatVector',
  fields: { n: count },
  call: ({ n }, x, scope) => {
    const [batch = 0, features = 0] = x.shape;
    if (x.rank !== 2) {
      throw new ShapeError(scope.path, `x [batch, features] is required. Received ${printShape(x.shape)}.`);
    }
    return broadcastTo(reshapeOf(x, [batch, 1, features]), [batch, n, features]);
  },
};

/** Each example n times: [batch, features] -> [batch, n, features]. */
export const repeatVector = (options: RepeatVectorOptions & Naming): Layer => makeLayer(repeatVectorKind, options);
