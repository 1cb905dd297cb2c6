/** Results of a page's rows, known before the page runs: short enough to travel, and every element counts. */
import { distance } from '../process/rows.js';
import type { Work } from '../tasks/work.js';

/** A prime, so that no row of a result falls into one sum. */
const sums = 257;

/** Sums of every 257th element: a missing, wrong or moved one shows. */
export function fingerprint(result: Float32Array): Float32Array {
  const totals = new Float64Array(Math.min(sums, result.length));
  for (let i = 0; i < result.length; i++) totals[i % sums] = (totals[i % sums] ?? 0) + (result[i] ?? NaN);
  return Float32Array.from(totals);
}

/** The length of the result and its sums, as JSON carries them. */
export interface Expected {
  readonly length: number;
  readonly sums: readonly number[];
}

export const expectedOf = (result: Float32Array): Expected => ({
  length: result.length,
  sums: [...fingerprint(result)],
});

/** What is wrong with a result; undefined where it is right. */
export function faultOf(work: Work, result: Float32Array, expected: Expected): string | undefined {
  if (result.length !== expected.length) return `${result.length} elements instead of ${expected.length}`;
  const apart = distance(Float32Array.from(expected.sums), fingerprint(result));
  return apart <= work.tolerance ? undefined : `another result, by ${apart.toExponential(1)} in its sums`;
}
