/** Layers that change the shape and nothing else. */
import { sizeOfShape } from '../core/shape.js';
import { reshape } from '../ops/move.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';

export const flattenKind: LayerKind<object> = {
  kind: 'flatten',
  fields: {},
  call: (_, x) => reshape(x, [...x.shape.slice(0, 1), sizeOfShape(x.shape.slice(1))]),
};

/** One axis for each example: [batch, ...axes] -> [batch, product of axes]. */
export const flatten = (options: Naming = {}): Layer => makeLayer(flattenKind, options);
