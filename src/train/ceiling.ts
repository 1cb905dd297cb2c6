/** What to do about a step that does not fit the memory: the figures, before the first step is taken. */
import { MemoryError } from '../core/errors.js';
import type { Runtime } from './runtime.js';

/** Whether runs of so many examples fit. */
export async function fits(runtime: Runtime, batch: number): Promise<boolean> {
  try {
    await runtime.prepare(batch);
    return true;
  } catch (error) {
    if (error instanceof MemoryError) return false;
    throw error;
  } finally {
    runtime.close();
  }
}

/** The most examples of one run that fit, below `batch`, which does not; 0 where none does. */
async function largestBatch(runtime: Runtime, batch: number): Promise<number> {
  let [least, most] = [0, batch];
  while (most - least > 1) {
    const middle = (least + most) >> 1;
    if (await fits(runtime, middle)) least = middle;
    else most = middle;
  }
  return least;
}

/** The fewest runs of equal size that make up a batch, each of which fits; undefined where not even single examples do. */
async function fewestRuns(accumulating: Runtime, batch: number): Promise<number | undefined> {
  const largest = await largestBatch(accumulating, batch);
  for (let runs = Math.ceil(batch / Math.max(largest, 1)); runs <= batch && largest > 0; runs++) {
    if (batch % runs === 0 && (await fits(accumulating, batch / runs))) return runs;
  }
  return undefined;
}

/** How a batch is run. */
interface Parting {
  readonly batchSize: number;
  readonly accumulate: number;
}

/**
 * Makes ready for runs of at most `most` examples, which a batch is parted into. Throws `MemoryError` where they do not
 * fit, with the bytes that they take and may take, the largest batch that fits, and the `accumulate` with which this one
 * does; `accumulating` makes what would run then.
 */
export async function prepare(
  runtime: Runtime,
  most: number,
  { batchSize, accumulate }: Parting,
  accumulating: () => Runtime,
): Promise<void> {
  try {
    await runtime.prepare(most);
  } catch (error) {
    if (!(error instanceof MemoryError) || error.required === undefined) throw error;
    const largest = (await largestBatch(runtime, most)) * accumulate;
    const runs = await fewestRuns(accumulate > 1 ? runtime : accumulating(), batchSize);
    const fitting = largest > 0 ? `The largest batch that fits is ${largest}.` : 'Not even one example fits.';
    const fix = runs === undefined ? '' : ` With accumulate: ${runs} a batch of ${batchSize} fits.`;
    throw new MemoryError(
      'fit',
      `at most ${error.limit} bytes are allowed. Runs of ${most} examples take ${error.required}. ${fitting}${fix}`,
      error,
    );
  }
}
