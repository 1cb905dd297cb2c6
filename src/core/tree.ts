/** Small helpers over records of named things. */

export type Named<T> = Readonly<Record<string, T>>;

/** Applies `fn` to every entry, keeping names and their order. */
export function mapNamed<T, U>(record: Named<T>, fn: (value: T, name: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, fn(value, name)]));
}

/** For one name: its value. For several: the values in order, or by name. */
export type Several<T> = T | readonly T[] | Named<T>;

export const isList = <T>(given: Several<T>): given is readonly T[] => Array.isArray(given);

/** The value for each of `names`; undefined where `given` is not one for each. `isOne` tells a value from values. */
export function byName<T>(
  names: readonly string[],
  given: Several<T>,
  isOne: (given: Several<T>) => given is T,
): readonly T[] | undefined {
  if (isOne(given)) return names.length === 1 ? [given] : undefined;
  if (typeof given !== 'object' || given === null) return undefined;
  const count = isList(given) ? given.length : Object.keys(given).length;
  if (count !== names.length) return undefined;
  const values = names.flatMap((name, at) => {
    if (isList(given)) return [given[at]];
    return Object.hasOwn(given, name) ? [(given as Named<T>)[name]] : [];
  });
  const found = values.filter(
    (value): value is Exclude<typeof value, undefined> => value !== undefined && value !== null,
  );
  return found.length === names.length ? found : undefined;
}
