/** Layer normalization (Ba, Kiros, Hinton 2016). */
import { ShapeError } from '../core/errors.js';
import { printShape } from '../core/shape.js';
import { layerNormalization as normalize } from '../ops/normalize.js';
import { initializers } from './initializers.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { optional, positive } from './options.js';

export interface LayerNormalizationOptions {
  /** Added to the variance; 0.001 unless said. */
  readonly epsilon?: number;
}

export const layerNormalizationKind: LayerKind<LayerNormalizationOptions> = {
  kind: 'layerNormalization',
  fields: { epsilon: optional(positive, 0.001) },
  call: ({ epsilon }, x, scope) => {
    const features = x.shape.at(-1);
    if (typeof features !== 'number') {
      throw new ShapeError(scope.path, `a last axis of fixed size is required. Received ${printShape(x.shape)}.`);
    }
    const gamma = scope.variable('gamma', { shape: [features], initial: initializers.ones });
    const beta = scope.variable('beta', { shape: [features], initial: initializers.zeros });
    return normalize(x, gamma, beta, { epsilon });
  },
};

/** Mean 0 and variance 1 along the last axis, then scaled and moved by what is learned: shapes stay. */
export const layerNormalization = (options: LayerNormalizationOptions & Naming = {}): Layer =>
  makeLayer(layerNormalizationKind, options);
