/** The input of a model: the type of one example. */
import { type DType, dtypes } from '../core/dtype.js';
import { type Naming, splitNaming } from './layer.js';
import { extents, type Fields, oneOf, optional, readOptions } from './options.js';
import type { Input } from './signal.js';

export interface InputOptions {
  /** The shape of one example, without the batch: `[28, 28, 1]`. */
  readonly shape: readonly number[];
  /** f32 unless said; i32 for indices. */
  readonly dtype?: DType;
}

const fields: Fields<InputOptions> = { shape: extents, dtype: optional(oneOf(...dtypes), 'f32') };

/**
 * States what a model takes. It stands first in `sequential`, and is what the layers of a `model` are called on. Named
 * `input` unless said.
 */
export const input = (options: InputOptions & Pick<Naming, 'name'>): Input => makeInput(options);

export function makeInput(given: unknown): Input {
  const { name, rest } = splitNaming('input', given);
  return { kind: 'input', name, options: readOptions('input', fields, rest) };
}
