/**
 * Checks that turn a stranger's JSON into typed data: each takes a value and returns it as what it was found to be, or
 * throws a `FormatError` that names the place. Small ones combine into large ones; nothing is cast on trust.
 */
import { isDType, type DType } from '../core/dtype.js';
import { FormatError, QuernError } from '../core/errors.js';
import type { Dim, Shape } from '../core/shape.js';
import { brief, isList, isObject, type Json } from './json.js';

/** Where a value stands in its document. */
export class Place {
  constructor(
    readonly key: string | number,
    readonly parent: Place | null = null,
  ) {}

  /** As JavaScript would write it: `program.graphs.predict.nodes[3]`. */
  get path(): string {
    if (!this.parent) return `${this.key}`;
    return `${this.parent.path}${typeof this.key === 'number' ? `[${this.key}]` : `.${brief(this.key)}`}`;
  }
}

export type Check<T> = (value: Json, place: Place) => T;

const maxExtent = 2 ** 31 - 1;
const maxRank = 8;

/** The longest text of a symbolic dimension. */
const maxDimText = 256;

function print(value: Json): string {
  if (isObject(value)) return `an object of ${value.size} entries`;
  if (isList(value)) return `a list of ${value.length}`;
  return brief(JSON.stringify(value));
}

export function refuse(place: Place, required: string, value: Json): FormatError {
  return new FormatError(place.path, `${required} required. Received ${print(value)}.`);
}

/** Calls `fn`; an error of the engine's own rules becomes a `FormatError` at `place`. */
export function held<T>(place: Place, fn: () => T): T {
  try {
    return fn();
  } catch (cause) {
    if (!(cause instanceof QuernError) || cause instanceof FormatError) throw cause;
    throw new FormatError(place.path, brief(cause.message, 500), { cause });
  }
}

export const flag: Check<boolean> = (value, place) => {
  if (typeof value !== 'boolean') throw refuse(place, 'true or false is', value);
  return value;
};

export const text: Check<string> = (value, place) => {
  if (typeof value !== 'string') throw refuse(place, 'text is', value);
  return value;
};

export const integer =
  (low: number, high: number): Check<number> =>
  (value, place) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) return value;
    throw refuse(place, `an integer in [${low}, ${high}] is`, value);
  };

export const extent = integer(0, maxExtent);

export const dtype: Check<DType> = (value, place) => {
  if (!isDType(value)) throw refuse(place, 'a dtype is', value);
  return value;
};

export const list =
  <T>(check: Check<T>, most: number): Check<readonly T[]> =>
  (value, place) => {
    if (!isList(value) || value.length > most) throw refuse(place, `a list of at most ${most} is`, value);
    return value.map((item, i) => check(item, new Place(i, place)));
  };

/** The entries of a list of `least` to `most`: the function returned checks one; what is left out reads as null. */
export function entries(value: Json, place: Place, least: number, most = least): <T>(i: number, check: Check<T>) => T {
  if (!isList(value) || value.length < least || value.length > most) {
    throw refuse(place, `a list of ${least === most ? least : `${least} to ${most}`} is`, value);
  }
  return (i, check) => check(value[i] ?? null, new Place(i, place));
}

/** An object whose names are free. */
export const named =
  <T>(check: Check<T>): Check<Record<string, T>> =>
  (value, place) => {
    if (!isObject(value)) throw refuse(place, 'an object is', value);
    return Object.fromEntries([...value].map(([name, item]) => [name, check(item, new Place(name, place))]));
  };

/** The entries of an object with exactly these names: the function returned checks one. */
export function fields(
  value: Json,
  place: Place,
  ...names: readonly string[]
): <T>(name: string, check: Check<T>) => T {
  if (!isObject(value) || value.size !== names.length || !names.every((name) => value.has(name))) {
    throw refuse(place, `an object of exactly ${names.join(', ')} is`, value);
  }
  return (name, check) => check(value.get(name) ?? null, new Place(name, place));
}

/**
 * A fixed extent, or text that `verify` holds against the rules of dimensions. It must not shrink when a symbol grows:
 * memory is laid out for the bounds, and `64-batch` would need the most where its symbol is least.
 */
export const dim: Check<Dim> = (value, place) => {
  if (typeof value !== 'string') return extent(value, place);
  if (value.length <= maxDimText && !/-(?!\d+(\)|$))/.test(value)) return value;
  throw refuse(place, `a dimension that grows with its symbols, of at most ${maxDimText} characters, is`, value);
};

export const shape: Check<Shape> = list(dim, maxRank);

export const fixedShape = list(extent, maxRank);
