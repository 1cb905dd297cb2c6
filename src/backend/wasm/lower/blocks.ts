/**
 * How matrix products are cut into units. A unit is some tens of microseconds of work, from shapes alone: how many
 * threads there are never changes it. Rows come in multiples of 12, which tiles of 4 and of 6 rows fill.
 */
import type { Activation } from '../../../ops/schema.js';

/** Rows of B from this many bytes on fall into few sets of the cache, so that they are packed where A's columns read them. */
export const LONG_ROW = 1024;

/** Multiply-adds of a unit. */
const TARGET = 2 ** 19;
const MOST_ROWS = 480;
/** What the kernels' scratch holds biases for. */
const MOST_COLUMNS = 1024;
/** The kernels take so many numbers of k at a time. */
const MOST_DEPTH = 1024;
/** Scratch of a thread: a unit's biases, then two addresses for each row or column of A that is multiplied at a time. */
export const BLOCK_SCRATCH = 4 * MOST_COLUMNS + 8 * MOST_DEPTH;

export interface Block {
  readonly unitRows: number;
  readonly unitColumns: number;
}

export const roundUp = (x: number, to: number): number => Math.ceil(x / to) * to;
export const clamp = (x: number, low: number, high: number): number => Math.max(low, Math.min(high, x));

/** The block of an [m, k] x [k, n] product, for the sizes at their bounds. */
export function blockOf(m: number, n: number, k: number): Block {
  const depth = Math.max(k, 1);
  const rows = clamp(roundUp(m, 12), 12, 48);
  const columns = roundUp(Math.max(n, 1), 8);
  // At least 32 columns, so that the rows of A are read few times.
  const unitColumns = clamp(
    roundUp(TARGET / (rows * depth), 8),
    Math.min(columns, 32),
    Math.min(columns, MOST_COLUMNS),
  );
  const unitRows = clamp(roundUp(TARGET / (unitColumns * depth), 12), rows, Math.min(roundUp(m, 12), MOST_ROWS));
  return { unitRows, unitColumns };
}

/** The least value of a fused activation. */
export const lowOf = (activation: Activation): number => (activation === 'relu' ? 0 : -Infinity);
