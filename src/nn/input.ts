/** The input of a model: the type of one example. */
import { type DType, dtypes } from '../core/dtype.js';
import { type Naming, splitName } from './layer.js';
import { extents, type Fields, oneOf, optional, readOptions, type Resolved } from './options.js';

export interface InputOptions {
  /** The shape of one example, without the batch: `[28, 28, 1]`. */
  readonly shape: readonly number[];
  /** f32 unless said; i32 for indices. */
  readonly dtype?: DType;
}

/** What a model takes: the type of one example. */
export interface Input {
  readonly kind: 'input';
  readonly name: string;
  readonly options: Resolved<InputOptions>;
}

const fields: Fields<InputOptions> = { shape: extents, dtype: optional(oneOf(...dtypes), 'f32') };

/** States what a model takes, so that it has shapes before it sees data. Named `input` unless said. */
export const input = (options: InputOptions & Naming): Input => makeInput(options);

export function makeInput(given: unknown): Input {
  const { name, rest } = splitName('input', given);
  return { kind: 'input', name: name ?? 'input', options: readOptions('input', fields, rest) };
}
