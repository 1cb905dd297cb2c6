/**
 * Which rows to train on and which to hold back, drawn from a seed.
 *
 *   const { train, test } = split(150, { test: 0.2, stratify: y });
 *   await model.fit(takeRows(x, train), takeRows(y, train));
 *
 * Rows come in random order. Where labels are given, every part has of every class its share, to within one example (two
 * where there are three parts).
 */
import { ArgumentError, ShapeError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { permutation } from '../core/random.js';
import { checkLabels, rowsByClass } from './labels.js';
import { rowsOf } from './rows.js';

export interface SplitOptions {
  /** The share of the rows to validate with (default 0). */
  readonly validation?: number;
  /** The share of the rows to test with (default 0). */
  readonly test?: number;
  /** Labels [n], of which every part gets its share. */
  readonly stratify?: NDArray;
  /** Default 0. */
  readonly seed?: number;
}

/** Rows to train on and rows that are held back. */
export interface Split {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
}

export interface FoldOptions {
  /** How many (default 5), at least two. */
  readonly folds?: number;
  /** Default 0. */
  readonly seed?: number;
}

/** One of k ways to hold rows back: every row is in the `test` of exactly one fold. */
export interface Fold {
  readonly train: Int32Array;
  readonly test: Int32Array;
}

function checkCount(where: string, count: number, seed: number): void {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new ArgumentError(where, `at least one example is required. Received ${count}.`);
  }
  if (!Number.isInteger(seed)) throw new ArgumentError(where, `an integer seed is required. Received ${seed}.`);
}

/** The rows in random order, class by class where there are labels. */
function ordered(where: string, order: Int32Array, labels: NDArray | undefined, least: number): readonly number[] {
  if (!labels) return [...order];
  checkLabels(where, labels);
  if (rowsOf(labels) !== order.length) {
    throw new ShapeError(where, `${order.length} labels are required, one for each row. Received ${rowsOf(labels)}.`);
  }
  const groups = rowsByClass(where, labels, order);
  const small = groups.find(({ length }) => length < least);
  if (!small) return groups.flat();
  const received = `Class ${labels.data[small[0] ?? 0]} has ${small.length}`;
  throw new ArgumentError(where, `at least ${least} examples of each class are required. ${received}.`);
}

/** Rows from 0 to `count` - 1 in two or three parts. Throws `ArgumentError` when a part that was asked for is empty. */
export function split(count: number, { validation = 0, test = 0, stratify, seed = 0 }: SplitOptions): Split {
  checkCount('split', count, seed);
  if (!(validation >= 0 && test >= 0 && validation + test > 0 && validation + test < 1)) {
    const required = 'shares of validation and test, together above 0 and below 1, are required';
    throw new ArgumentError('split', `${required}. Received ${validation} and ${test}.`);
  }
  const order = permutation([seed, 0], count);
  const parts = 1 + Number(validation > 0) + Number(test > 0);
  const lined = ordered('split', order, stratify, parts);
  // A row is held back where its place, in units of the share, passes a whole number: along a line that is sorted by
  // class each class loses its share to within one, and the line as a whole exactly its rounded share.
  const partOf = new Uint8Array(count);
  const held = validation + test;
  const takes = (place: number, share: number): boolean => Math.round((place + 1) * share) > Math.round(place * share);
  let place = 0;
  lined.forEach((row, i) => {
    if (takes(i, held)) partOf[row] = takes(place++, test / held) ? 2 : 1;
  });
  const [train, held1, held2] = [0, 1, 2].map((part) => order.filter((row) => partOf[row] === part));
  const result = { train: train ?? order, validation: held1 ?? order, test: held2 ?? order };
  const asked = { train: 1 - held, validation, test };
  for (const name of ['train', 'validation', 'test'] as const) {
    if (asked[name] === 0 || result[name].length > 0) continue;
    throw new ArgumentError('split', `examples for every part are required. ${count} leave none to ${name}.`);
  }
  return result;
}

/** k-fold cross-validation: sizes of the folds differ by at most one. */
export const kFold = (count: number, options: FoldOptions = {}): Generator<Fold, void, void> =>
  foldsOf('kFold', count, undefined, options);

/** k-fold cross-validation in which every fold has of every class its share, to within one example. */
export const stratifiedKFold = (labels: NDArray, options: FoldOptions = {}): Generator<Fold, void, void> =>
  foldsOf('stratifiedKFold', rowsOf(labels), labels, options);

function* foldsOf(
  where: string,
  count: number,
  labels: NDArray | undefined,
  { folds = 5, seed = 0 }: FoldOptions,
): Generator<Fold, void, void> {
  checkCount(where, count, seed);
  if (!Number.isSafeInteger(folds) || folds < 2 || folds > count) {
    throw new ArgumentError(where, `from 2 to ${count} folds are required. Received ${folds}.`);
  }
  const order = permutation([seed, 0], count);
  const foldOf = new Int32Array(count);
  ordered(where, order, labels, folds).forEach((row, i) => (foldOf[row] = i % folds));
  for (let fold = 0; fold < folds; fold++) {
    yield {
      train: order.filter((row) => foldOf[row] !== fold),
      test: order.filter((row) => foldOf[row] === fold),
    };
  }
}
