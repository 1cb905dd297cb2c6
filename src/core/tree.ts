/** Small helpers over records of named things. */

export type Named<T> = Readonly<Record<string, T>>;

/** Applies `fn` to every entry, keeping names and their order. */
export function mapNamed<T, U>(record: Named<T>, fn: (value: T, name: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, fn(value, name)]));
}
