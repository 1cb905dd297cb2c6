/** Pooling of images. */
import { maxPool2d } from '../ops/pool.js';
import type { Padding, Pair } from '../ops/schema.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { countPair, type Field, oneOf, optional } from './options.js';

export interface MaxPooling2dOptions {
  /** 2 unless said. */
  readonly poolSize?: number | Pair;
  /** The pool size unless said. */
  readonly strides?: number | Pair | null;
  /** `valid` unless said. */
  readonly padding?: Padding;
}

const stridesOrNull: Field<number | Pair | null> = (value, where, name) =>
  value === undefined || value === null ? null : countPair(value, where, name);

export const maxPooling2dKind: LayerKind<MaxPooling2dOptions> = {
  kind: 'maxPooling2d',
  fields: {
    poolSize: optional(countPair, 2),
    strides: stridesOrNull,
    padding: optional(oneOf('valid', 'same'), 'valid'),
  },
  call: ({ poolSize, strides, padding }, x) => maxPool2d(x, { poolSize, strides: strides ?? poolSize, padding }),
};

/** The largest of each window: images [batch, height, width, channels] -> [batch, height', width', channels]. */
export const maxPooling2d = (options: MaxPooling2dOptions & Naming = {}): Layer => makeLayer(maxPooling2dKind, options);
