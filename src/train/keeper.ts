/** Checkpoints on disk. */
import type { Backend } from '../backend/backend.js';
import { ArgumentError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { printType } from '../graph/names.js';
import type { Program } from '../graph/program.js';
import type { ModelContents } from '../format/model.js';
import {
  type Checkpoint,
  type CheckpointOptions,
  checksum,
  decodeCheckpoint,
  describe,
  type Description,
  encodeCheckpoint,
} from './checkpoint.js';
import { type Examples, feedsOf } from './examples.js';
import type { Keeper, Schedule } from './fit.js';
import { readContents, saveModel } from './saving.js';

/** `f32 [60000, 784], CRC-32 01234567` */
function describeArray(array: NDArray): string {
  const { buffer, byteOffset, byteLength } = array.data;
  return `${printType(array)}, CRC-32 ${checksum(new Uint8Array(buffer, byteOffset, byteLength))}`;
}

/** What decides how a run ends, but for the number of its epochs. Any number of threads computes the same bits. */
export function describeRun(
  backend: Backend,
  program: Program,
  { batchSize, accumulate, shuffle, seed, callbacks }: Schedule,
  data: Description,
  validation: Examples | undefined,
): Description {
  return {
    ...describe(program),
    backend: backend.name.replace(/, \d+ threads?$/, ''),
    batchSize: `${batchSize}`,
    ...(accumulate > 1 && { accumulate: `${accumulate}` }),
    shuffle: `${shuffle}`,
    seed: `${seed}`,
    callbacks: `${callbacks.length}`,
    ...data,
    ...(validation && describeExamples('validation ', validation)),
  };
}

/** The arrays of examples, so that two can be told apart. */
export const describeExamples = (prefix: string, examples: Examples): Description =>
  Object.fromEntries(
    Object.entries(feedsOf(examples)).map(([name, array]) => [`${prefix}${name}`, describeArray(array)]),
  );

/** Saves runs of a model. */
export function keeperOf(
  { path, every = Infinity }: CheckpointOptions,
  contents: () => ModelContents,
  description: Description,
): Keeper {
  if (every !== Infinity && !(Number.isSafeInteger(every) && every > 0)) {
    throw new ArgumentError('fit', `checkpoint.every must be a positive integer. Received ${every}.`);
  }
  return {
    path,
    every,
    save: (progression, kept) => saveModel(path, encodeCheckpoint(contents(), description, progression, kept)),
  };
}

/**
 * The run to go on with: that at `checkpoint.path` where there is one, else that of `resume`. Removes what a run that was
 * killed while it saved left beside the file. Throws `IoError` where `resume` cannot be read, `FormatError` for a file
 * that is no checkpoint, and `ArgumentError` for a checkpoint of another run.
 */
export async function readCheckpoint(
  checkpoint: CheckpointOptions | undefined,
  resume: string | undefined,
  description: Description,
): Promise<Checkpoint | undefined> {
  let path = resume;
  if (checkpoint) {
    const { fileExists, removeLeftovers } = await import('../format/file.js');
    removeLeftovers(checkpoint.path);
    if (fileExists(checkpoint.path)) path = checkpoint.path;
  }
  return path === undefined ? undefined : decodeCheckpoint(path, await readContents(path), description);
}
