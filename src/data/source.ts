/** What `fit` takes batches from, and the rows that pipelines make them of. */
import { ShapeError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { rowsOf, takeRows } from './rows.js';

/** Some examples and their labels; the first axis of each array counts them. */
export interface DataBatch {
  readonly x: NDArray;
  readonly y: NDArray;
}

/** The batches of one epoch, of any sizes. */
export type Batches<B = DataBatch> = Iterable<B> | AsyncIterable<B>;

/**
 * Batches, epoch by epoch. Where they are a function of the epoch and the seed, runs repeat themselves, and a run that was
 * interrupted goes on from its checkpoint as if it had not been.
 */
export interface BatchSource<B = DataBatch> {
  /** Epochs count from 0. A batch is valid until the next is asked for. */
  readonly batches: (epoch: number, seed: number) => Batches<B>;
  /** Batches in an epoch; of an endless source the first so many are taken. Unless said, an epoch ends with its batches. */
  readonly steps?: number;
  /** The most examples of a batch, for which memory is laid out at once. Unless said, it grows with the batches. */
  readonly batchSize?: number;
}

/** Examples that are taken by their rows, from memory or from files. */
export interface Rows {
  readonly count: number;
  readonly take: (rows: Int32Array) => DataBatch | Promise<DataBatch>;
  /** What a worker thread makes them of again. */
  readonly spec: RowsSpec;
}

/** Rows as plain data. */
export type RowsSpec =
  { readonly kind: 'arrays'; readonly examples: DataBatch } | { readonly kind: 'images'; readonly files: ImageFiles };

/** Images on disk, one class each. */
export interface ImageFiles {
  readonly paths: readonly string[];
  /** i32, one for each path. */
  readonly labels: Int32Array;
  /** Of all images once they are read. */
  readonly height: number;
  readonly width: number;
  readonly colorMode: 'grayscale' | 'rgb';
  /** Whether images of other proportions are cropped before they are stretched. */
  readonly cropToAspectRatio: boolean;
}

/** Rows of arrays. Throws `ShapeError` where there are not as many labels as examples. */
export function arrayRows(examples: DataBatch): Rows {
  const { x, y } = examples;
  if (rowsOf(x) !== rowsOf(y)) {
    throw new ShapeError('dataset', `as many labels as examples are required. Received ${rowsOf(y)}, ${rowsOf(x)}.`);
  }
  return {
    count: rowsOf(x),
    take: (rows) => ({ x: takeRows(x, rows), y: takeRows(y, rows) }),
    spec: { kind: 'arrays', examples },
  };
}
