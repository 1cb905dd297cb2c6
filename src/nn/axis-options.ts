/** Options that are one value for all axes, or one for each. */
import { count, type Field, refuse } from './options.js';

/** An integer from 0. */
export const natural: Field<number> = (value, where, name) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : refuse(where, name, 'an integer from 0', value);

/** Two values. */
export const pair =
  <T>(field: Field<T>, required: string): Field<readonly [T, T]> =>
  (value, where, name) => {
    if (!Array.isArray(value) || value.length !== 2) return refuse(where, name, required, value);
    const [a, b]: readonly unknown[] = value;
    return [field(a, where, name), field(b, where, name)];
  };

/** Three values. */
export const triple =
  <T>(field: Field<T>, required: string): Field<readonly [T, T, T]> =>
  (value, where, name) => {
    if (!Array.isArray(value) || value.length !== 3) return refuse(where, name, required, value);
    const [a, b, c]: readonly unknown[] = value;
    return [field(a, where, name), field(b, where, name), field(c, where, name)];
  };

/** A list, or a single value. */
export const either =
  <T, L>(single: Field<T>, list: Field<L>): Field<T | L> =>
  (value, where, name) =>
    Array.isArray(value) ? list(value, where, name) : single(value, where, name);

export const countTriple = either(count, triple(count, 'one positive integer or three'));
export const naturalPair = either(natural, pair(natural, 'one integer from 0 or two'));
export const naturalTriple = either(natural, triple(natural, 'one integer from 0 or three'));
