/**
 * Options of layers, read and checked. Layers are made by people who write JavaScript and by model files from
 * strangers; both get an `ArgumentError` that names the layer, the option and what was received.
 */
import { ArgumentError } from '../core/errors.js';
import type { Named } from '../core/tree.js';
import type { Pair } from '../ops/schema.js';

/** Returns the value of option `name` as what it was found to be; `undefined` where it was left out. */
export type Field<T> = (value: unknown, where: string, name: string) => T;

/** A field for each option. */
export type Fields<O> = { readonly [K in keyof O]-?: Field<Exclude<O[K], undefined>> };

/** The options with every default filled in. */
export type Resolved<O> = { readonly [K in keyof O]-?: Exclude<O[K], undefined> };

export const isObject = (value: unknown): value is Named<unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function print(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

export function refuse(where: string, name: string, required: string, value: unknown): never {
  throw new ArgumentError(where, `${name} must be ${required}. Received ${print(value)}.`);
}

/** Reads an object of options; one that is not among the fields is refused. */
export function readOptions<O>(where: string, fields: Fields<O>, options: unknown): Resolved<O> {
  if (!isObject(options)) return refuse(where, 'options', 'an object', options);
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(fields, name)) continue;
    const known = Object.keys(fields).join(', ');
    throw new ArgumentError(where, `options among ${known || 'none'} are required. Received '${name}'.`);
  }
  const resolved: Partial<Resolved<O>> = {};
  for (const name in fields) {
    resolved[name] = fields[name](Object.hasOwn(options, name) ? options[name] : undefined, where, name);
  }
  return resolved as Resolved<O>;
}

/** What a field returns when its option is left out. */
export const optional =
  <T>(field: Field<T>, initial: T): Field<T> =>
  (value, where, name) =>
    value === undefined ? initial : field(value, where, name);

/** A positive integer. */
export const count: Field<number> = (value, where, name) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0
    ? value
    : refuse(where, name, 'a positive integer', value);

/** Any integer. */
export const integer: Field<number> = (value, where, name) =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : refuse(where, name, 'an integer', value);

/** A positive number. */
export const positive: Field<number> = (value, where, name) =>
  typeof value === 'number' && value > 0 && value < Infinity ? value : refuse(where, name, 'a positive number', value);

/** A number from 0. */
export const nonNegative: Field<number> = (value, where, name) =>
  typeof value === 'number' && value >= 0 && value < Infinity ? value : refuse(where, name, 'a number from 0', value);

/** A number from 0 to below 1. */
export const fraction: Field<number> = (value, where, name) =>
  typeof value === 'number' && value >= 0 && value < 1 ? value : refuse(where, name, 'a number in [0, 1)', value);

export const flag: Field<boolean> = (value, where, name) =>
  typeof value === 'boolean' ? value : refuse(where, name, 'true or false', value);

export const oneOf =
  <const T extends string>(...allowed: readonly T[]): Field<T> =>
  (value, where, name) =>
    allowed.find((item) => item === value) ??
    refuse(where, name, allowed.map((item) => `'${item}'`).join(' or '), value);

/** One positive integer for both axes, or one for each. */
export const countPair: Field<number | Pair> = (value, where, name) => {
  if (!Array.isArray(value)) return count(value, where, name);
  const [first, second]: readonly unknown[] = value;
  if (value.length !== 2) refuse(where, name, 'one positive integer or two', value);
  return [count(first, where, name), count(second, where, name)];
};

/** One positive integer for all of so many axes, or one for each. */
export const countEach =
  (axes: number): Field<number | readonly number[]> =>
  (value, where, name) => {
    if (!Array.isArray(value)) return count(value, where, name);
    if (value.length !== axes) refuse(where, name, `one positive integer or a list of ${axes}`, value);
    return value.map((item: unknown) => count(item, where, name));
  };

/** A finite number. */
export const finite: Field<number> = (value, where, name) =>
  typeof value === 'number' && Number.isFinite(value) ? value : refuse(where, name, 'a finite number', value);

/** A shape without its batch: positive integers. */
export const extents: Field<readonly number[]> = (value, where, name) =>
  Array.isArray(value)
    ? value.map((item: unknown) => count(item, where, name))
    : refuse(where, name, 'an array', value);
