/**
 * Examples as users give them and as graphs are fed: one array, arrays in the order of the model's inputs (or outputs),
 * or arrays by name become `Examples`, held against the types that the model and its losses take.
 */
import { ArgumentError } from '../core/errors.js';
import { type NDArray, requireArray } from '../core/ndarray.js';
import { byName, mapNamed, type Named, type Several } from '../core/tree.js';
import { rowsOf, sliceRows } from '../data/rows.js';
import type { Labels } from '../nn/losses.js';
import type { TensorType } from '../ops/tensor.js';
import { alignLabels, checkClasses, checkFinite, checkLengths, checkRows } from './checks.js';

/** For one input (or output): its array. For several: the arrays in order, or by name. */
export type Arrays = Several<NDArray>;

/** Rows of every input of a model, and of the labels of every output that has a loss. */
export interface Examples {
  readonly inputs: Named<NDArray>;
  readonly labels: Named<NDArray>;
  /** f32 [n], what each example weighs in the loss of each output; none where all weigh alike. */
  readonly weights: Named<NDArray>;
}

/** An array and the type that it is to have. */
interface Match<T extends TensorType> {
  readonly name: string;
  readonly where: string;
  readonly type: T;
  readonly array: NDArray;
}

export const isNDArray = (given: Arrays): given is NDArray =>
  typeof given === 'object' && given !== null && 'data' in given && ArrayBuffer.isView(given.data);

function describe(given: Arrays): string {
  if (typeof given !== 'object' || given === null) return 'none';
  if (isNDArray(given)) return 'one array';
  return Array.isArray(given) ? `${given.length} arrays` : `arrays for ${Object.keys(given).join(', ') || 'nothing'}`;
}

function refuse(what: string, names: readonly string[], given: Arrays): ArgumentError {
  const required = names.length === 1 ? `'${names[0]}'` : `each of ${names.join(', ')}`;
  return new ArgumentError(what, `an array for ${required} is required. Received ${describe(given)}.`);
}

const holdsArrays = (given: Arrays): boolean =>
  typeof given === 'object' && given !== null && Object.values(given).some((value: Arrays) => isNDArray(value));

/** An array for each of the names. Throws `ArgumentError` for anything else, as callers without types pass it. */
function arraysFor(what: string, names: readonly string[], given: Arrays): readonly NDArray[] {
  const arrays = byName(names, given, isNDArray);
  if (!arrays && names.length === 1 && !holdsArrays(given)) requireArray(what, given);
  if (!arrays) throw refuse(what, names, given);
  arrays.forEach((array, at) => requireArray(whereOf(what, names, at), array));
  return arrays;
}

/** How errors call an array: `x`, or `x.left` where there are several. */
const whereOf = (what: string, names: readonly string[], at: number): string =>
  names.length === 1 ? what : `${what}.${names[at]}`;

/** The array for the only name; `what` is x or y. Throws `ArgumentError` for several. */
export function onlyArray(what: string, name: string, given: Arrays): NDArray {
  const [array] = arraysFor(what, [name], given);
  if (array) return array;
  throw refuse(what, [name], given);
}

function matchesOf<T extends TensorType>(what: string, types: Named<T>, given: Arrays): Match<T>[] {
  const names = Object.keys(types);
  const arrays = arraysFor(what, names, given);
  return Object.entries(types).flatMap(([name, type], at) => {
    const array = arrays[at];
    return array ? [{ name, where: whereOf(what, names, at), type, array }] : [];
  });
}

type Matches = readonly Match<TensorType>[];

const arraysOf = (matches: Matches): Record<string, NDArray> =>
  Object.fromEntries(matches.map(({ name, array }) => [name, array]));

const checkCounts = (matches: Matches): void =>
  checkLengths(Object.fromEntries(matches.map(({ where, array }) => [where, array])));

/** Rows for every input. Throws for data that the model does not take. */
export function checkInputs(types: Named<TensorType>, given: Arrays, what = 'x'): Record<string, NDArray> {
  const matches = matchesOf(what, types, given);
  for (const { where, type, array } of matches) {
    checkRows(where, type, array);
    checkFinite(where, array);
  }
  checkCounts(matches);
  return arraysOf(matches);
}

/** Throws for data that the model and its losses do not take. Labels come back in the shape that the losses take. */
export function checkExamples(inputs: Named<TensorType>, labels: Named<Labels>, x: Arrays, y: Arrays): Examples {
  const examples = matchesOf('x', inputs, x);
  const wanted = matchesOf('y', labels, y).map((match) => ({ ...match, array: alignLabels(match.type, match.array) }));
  for (const { where, type, array } of [...examples, ...wanted]) checkRows(where, type, array);
  checkCounts([...examples, ...wanted]);
  for (const { where, array } of [...examples, ...wanted]) checkFinite(where, array);
  for (const { where, type, array } of wanted) checkClasses(where, type, array);
  return { inputs: arraysOf(examples), labels: arraysOf(wanted), weights: {} };
}

/** How many examples there are. */
export const countOf = ({ inputs }: Pick<Examples, 'inputs'>): number => {
  const [first] = Object.values(inputs);
  return first ? rowsOf(first) : 0;
};

/** Examples from `start` to before `end`: views. */
export const sliceExamples = (examples: Examples, start: number, end: number): Examples => {
  const slice = (arrays: Named<NDArray>) => mapNamed(arrays, (array) => sliceRows(array, start, end));
  const { inputs, labels, weights } = examples;
  return { inputs: slice(inputs), labels: slice(labels), weights: slice(weights) };
};

/** Inputs, labels and weights: arrays, types or tensors. */
interface Fed<T> {
  readonly inputs: Named<T>;
  readonly labels: Named<T>;
  readonly weights: Named<T>;
}

/** What steps and `evaluate` are fed: `inputs/name`, `labels/name`, since an input and an output may share a name. */
export const feedsOf = <T>(fed: Fed<T>): Record<string, T> =>
  Object.fromEntries(
    (['inputs', 'labels', 'weights'] as const).flatMap((kind) =>
      Object.entries(fed[kind]).map(([name, value]) => [`${kind}/${name}`, value] as const),
    ),
  );

/** The inputs, labels and weights among feeds. */
export function fromFeeds<T>(feeds: Named<T>): Fed<T> {
  const below = (kind: keyof Fed<T>): Record<string, T> =>
    Object.fromEntries(
      Object.entries(feeds).flatMap(([name, value]) =>
        name.startsWith(`${kind}/`) ? [[name.slice(kind.length + 1), value] as const] : [],
      ),
    );
  return { inputs: below('inputs'), labels: below('labels'), weights: below('weights') };
}
