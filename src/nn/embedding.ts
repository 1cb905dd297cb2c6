/** Vectors for indices. */
import { DTypeError } from '../core/errors.js';
import { gather } from '../ops/gather.js';
import { type InitializerName, initializerName, initializers } from './initializers.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { count, optional } from './options.js';

export interface EmbeddingOptions {
  /** How many indices there are: they run from 0 to inputDim - 1. */
  readonly inputDim: number;
  /** The length of each vector. */
  readonly outputDim: number;
  /** `uniform` unless said: within 0.05. */
  readonly embeddingsInitializer?: InitializerName;
}

export const embeddingKind: LayerKind<EmbeddingOptions> = {
  kind: 'embedding',
  fields: { inputDim: count, outputDim: count, embeddingsInitializer: optional(initializerName, 'uniform') },
  call: ({ inputDim, outputDim, embeddingsInitializer }, x, scope) => {
    if (x.dtype !== 'i32') throw new DTypeError(scope.path, `indices of i32 are required. Received ${x.dtype}.`);
    const initial = initializers[embeddingsInitializer];
    return gather(scope.variable('embeddings', { shape: [inputDim, outputDim], initial }), x, 0);
  },
};

/** A row of a table for each index: i32 [batch, ...] -> f32 [batch, ..., outputDim]. */
export const embedding = (options: EmbeddingOptions & Naming): Layer => makeLayer(embeddingKind, options);
