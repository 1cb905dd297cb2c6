/** Where the batches of a run come from: arrays that were checked, or a source whose batches are checked as they come. */
import { AbortedError, ArgumentError, errorOf, QuernError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { permutation } from '../core/random.js';
import type { Named } from '../core/tree.js';
import { namedBatches } from '../data/rows.js';
import type { Batches, BatchSource } from '../data/source.js';
import type { Description } from './checkpoint.js';
import { type Arrays, countOf, type Examples, feedsOf, sliceExamples } from './examples.js';
import type { Schedule } from './fit.js';
import { describeExamples } from './keeper.js';
import { withWeights } from './weights.js';

/** A batch as users give it. */
export interface GivenBatch {
  readonly x: Arrays;
  readonly y: Arrays;
  /** As `fit` takes it; of sources that say that they are `weighted`. */
  readonly sampleWeight?: Arrays | undefined;
}

/** Batches that may have weights. */
interface GivenSource extends BatchSource<GivenBatch> {
  /** Whether batches have a `sampleWeight` (default false); in one that has none, examples weigh alike. */
  readonly weighted?: boolean;
}

/** Batches as users give them: a source, or the function that makes those of an epoch. */
export type Source = GivenSource | GivenSource['batches'];

/** Whether data are batches; arrays by name have no function among them. */
export const isSource = (data: unknown): data is Source =>
  typeof data === 'function' ||
  (typeof data === 'object' && data !== null && 'batches' in data && typeof data.batches === 'function');

/** Examples of one run. */
interface FedBatch {
  readonly arrays: Named<NDArray>;
  readonly size: number;
  /** Whether the run ends its step: a step is of several where gradients are accumulated. */
  readonly isWhole: boolean;
}

/** Batches that the model takes. */
export interface Feeding extends BatchSource<FedBatch> {
  /** What decides how a run on them ends. */
  readonly describe: () => Description;
}

/** Batches of arrays, in a new order each epoch where the schedule says so. */
export function feedingOfArrays(data: Examples, { batchSize, accumulate, shuffle }: Schedule): Feeding {
  const rows = countOf(data);
  const part = batchSize / accumulate;
  function* batches(epoch: number, seed: number): Generator<FedBatch, void, void> {
    const order = shuffle ? permutation([seed, epoch], rows) : undefined;
    let seen = 0;
    for (const batch of namedBatches(feedsOf(data), part, order)) {
      seen += batch.size;
      yield { ...batch, isWhole: seen % batchSize === 0 || seen === rows };
    }
  }
  const steps = Math.ceil(rows / batchSize);
  return { steps, batchSize: Math.min(part, rows), batches, describe: () => describeExamples('', data) };
}

/** Batches of a source; `check` holds each against the model. */
export function feedingOfSource(
  source: Source,
  check: (batch: GivenBatch) => Examples,
  { accumulate }: Schedule,
  hasWeights: boolean,
): Feeding {
  const { batches, steps, batchSize, weighted } = typeof source === 'function' ? { batches: source } : bound(source);
  const checkBatch = (batch: GivenBatch): Examples => {
    if (batch.sampleWeight !== undefined && !weighted) {
      throw new ArgumentError(
        'fit',
        'batches that say that they are weighted are required where one has a sampleWeight.',
      );
    }
    return hasWeights ? withWeights(check(batch)) : check(batch);
  };
  for (const [name, value] of Object.entries({ steps, batchSize })) {
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) continue;
    throw new ArgumentError('fit', `${name} of the batches must be a positive integer. Received ${value}.`);
  }
  // A batch is parted as arrays are where its size is known, so that the bits are the same.
  const part = batchSize && Math.ceil(batchSize / accumulate);
  const partOf = (count: number): number => part ?? Math.ceil(count / accumulate);
  return {
    ...(steps !== undefined && { steps }),
    ...(part !== undefined && { batchSize: part }),
    batches: (epoch, seed) => checked(() => batches(epoch, seed), checkBatch, partOf, epoch, steps),
    describe: () => ({ batches: `${steps ?? 'any number of'} steps` }),
  };
}

const bound = (source: GivenSource) => ({
  batches: (epoch: number, seed: number) => source.batches(epoch, seed),
  steps: source.steps,
  batchSize: source.batchSize,
  weighted: source.weighted,
});

/** The batches of an epoch, checked and counted. An error that they throw says where it was thrown. */
async function* checked(
  begin: () => Batches<GivenBatch>,
  check: (batch: GivenBatch) => Examples,
  partOf: (count: number) => number,
  epoch: number,
  steps: number | undefined,
): AsyncGenerator<FedBatch, void, void> {
  let step = 0;
  try {
    for await (const batch of begin()) {
      const examples = check(batch);
      const count = countOf(examples);
      const part = partOf(count);
      step++;
      for (let start = 0; start < count; start += part) {
        const end = Math.min(start + part, count);
        yield { arrays: feedsOf(sliceExamples(examples, start, end)), size: end - start, isWhole: end === count };
      }
      if (step === steps) return;
    }
  } catch (cause) {
    throw placed(cause, `epoch ${epoch + 1}, step ${step + 1}`);
  }
  if (step > 0 && steps === undefined) return;
  throw new ArgumentError(
    'fit',
    `${steps ?? 'one or more'} batches in an epoch are required. Epoch ${epoch + 1} gave ${step}.`,
  );
}

/** The error of a batch, of the same type where it is one of ours, with its place. */
function placed(cause: unknown, place: string): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `batches without an error are required. At ${place}: ${reason}`;
  const error =
    cause instanceof QuernError ? errorOf(cause.code, `[fit] ${message}`) : new AbortedError('fit', message);
  return Object.assign(error, { cause });
}
