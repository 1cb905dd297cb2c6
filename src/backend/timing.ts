/** What backends agree on where they time their runs. */
import { ArgumentError } from '../core/errors.js';

/** Runs that are not timed: engines compile what runs often once more, and caches fill. */
export const WARM_UP = 5;

/** Throws `ArgumentError` unless at least one run is asked for. */
export function requireRuns(runs: number): void {
  if (Number.isSafeInteger(runs) && runs > 0) return;
  throw new ArgumentError('time', `a positive integer of runs is required. Received ${runs}.`);
}
