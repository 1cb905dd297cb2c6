/**
 * k-fold cross-validation: how well a kind of model does on examples that it was not trained on, from all of them.
 *
 *   const { mean, std } = await crossValidate(() => iris(), x, y, { folds: 5, repeats: 5, stratify: y, epochs: 100 });
 *   console.log(`accuracy ${mean.accuracy} +- ${std.accuracy}`);
 */
import { ArgumentError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { isList, mapNamed } from '../core/tree.js';
import { rowsOf, takeRows } from '../data/rows.js';
import { kFold, stratifiedKFold } from '../data/split.js';
import type { History } from './callback.js';
import { type Arrays, isNDArray } from './examples.js';
import type { Prediction } from './evaluation.js';
import type { FitOptions, Model } from './model.js';

/** Which of all folds a model is made for; both count from 0. */
export interface FoldPlace {
  readonly repeat: number;
  readonly fold: number;
}

export interface CrossValidationOptions extends Omit<
  FitOptions,
  'validationData' | 'validationSplit' | 'sampleWeight' | 'checkpoint' | 'resume' | 'seed'
> {
  /** How many parts the examples are cut into (default 5), at least two; each is held back once. */
  readonly folds?: number;
  /** Labels [n] of integers, of which every fold gets its share. */
  readonly stratify?: NDArray;
  /** How often all folds are gone through, cut anew each time (default 1). */
  readonly repeats?: number;
  /** The folds of a repeat are drawn from the sum of this and its number (default 0). */
  readonly seed?: number;
  /** Given the x of a fold's training examples, returns what is done to every x of the fold, such as scaling. */
  readonly prepare?: (x: Arrays) => (x: Arrays) => Arrays;
}

/** One model: what it measured on the examples held back, and how it was trained. */
export interface FoldResult extends FoldPlace {
  readonly scores: Readonly<Record<string, number>>;
  readonly history: History;
}

/** What models measured on the examples that each was not trained on. */
export interface CrossValidation {
  readonly results: readonly FoldResult[];
  /** Of each score over all results. */
  readonly mean: Readonly<Record<string, number>>;
  /** The standard deviation of each score over all results, by n - 1. */
  readonly std: Readonly<Record<string, number>>;
}

const arraysOf = (given: Arrays): readonly NDArray[] =>
  isNDArray(given) ? [given] : isList(given) ? given : Object.values(given);

const take = (given: Arrays, rows: Int32Array): Arrays =>
  isNDArray(given)
    ? takeRows(given, rows)
    : isList(given)
      ? given.map((array) => takeRows(array, rows))
      : mapNamed(given, (array) => takeRows(array, rows));

function requireRepeats(repeats: number): void {
  if (Number.isSafeInteger(repeats) && repeats > 0) return;
  throw new ArgumentError('crossValidate', `a positive integer of repeats is required. Received ${repeats}.`);
}

/** How many examples there are, of which every array has a row. */
function countOf(x: Arrays, y: Arrays): number {
  const counts = [...arraysOf(x), ...arraysOf(y)].map(rowsOf);
  const [count = 0] = counts;
  if (counts.every((each) => each === count)) return count;
  throw new ArgumentError(
    'crossValidate',
    `as many labels as examples are required. Received ${counts.join(' and ')}.`,
  );
}

/**
 * Trains a new model, made and compiled by `makeModel`, on all folds but one, and evaluates it on that one, for each of
 * them. Says nothing while it trains, unless `verbose` is given. Throws as `fit` and `kFold` do.
 */
export async function crossValidate<P extends Prediction>(
  makeModel: (place: FoldPlace) => Model<P> | Promise<Model<P>>,
  x: Arrays,
  y: Arrays,
  options: CrossValidationOptions = {},
): Promise<CrossValidation> {
  const { folds = 5, stratify, repeats = 1, seed = 0, prepare = () => (given) => given, ...fit } = options;
  requireRepeats(repeats);
  const count = countOf(x, y);
  const results: FoldResult[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    const drawn = { folds, seed: seed + repeat };
    const cuts = stratify ? stratifiedKFold(stratify, drawn) : kFold(count, drawn);
    let fold = 0;
    for (const { train, test } of cuts) {
      const prepared = prepare(take(x, train));
      const model = await makeModel({ repeat, fold });
      try {
        const history = await model.fit(prepared(take(x, train)), take(y, train), { verbose: 0, ...fit });
        const { batchSize = 32 } = fit;
        const scores = await model.evaluate(prepared(take(x, test)), take(y, test), { batchSize });
        results.push({ repeat, fold, scores, history });
      } finally {
        model.close();
      }
      fold++;
    }
  }
  return { results, ...summarized(results.map(({ scores }) => scores)) };
}

function summarized(all: readonly FoldResult['scores'][]): Pick<CrossValidation, 'mean' | 'std'> {
  const mean: Record<string, number> = {};
  const std: Record<string, number> = {};
  for (const name of Object.keys(all[0] ?? {})) {
    const values = all.map((scores) => scores[name] ?? NaN);
    const average = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - average) ** 2, 0);
    mean[name] = average;
    std[name] = Math.sqrt(squares / (values.length - 1));
  }
  return { mean, std };
}
