/** What the programs of this room share: their job, what they give back, and the way from a model to its file. */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../backend/backend.js';
import { IoError } from '../core/errors.js';
import type { Named } from '../core/tree.js';
import type { Dataset } from '../data/mnist.js';
import { rowsOf, sliceRows, takeRows } from '../data/rows.js';
import type { Callback } from '../train/callback.js';
import type { BatchSource } from '../data/source.js';
import { type FrozenModel, loadFrozenModel } from '../train/frozen.js';
import type { Model, SaveOptions } from '../train/model.js';
import type { Verbosity } from '../train/progress.js';

export interface Job {
  /** The program's own unless said. */
  readonly epochs?: number;
  /** The program's own unless said. */
  readonly batchSize?: number;
  /** Default 0. */
  readonly seed?: number;
  readonly backend: Backend;
  /** The folder of what is saved. */
  readonly out: string;
  /** Train on the first so many examples only. */
  readonly limit?: number;
  /** A folder of class-named images, for a program that takes one. */
  readonly data?: string;
  /** The side in pixels that those images are resized to; unless said, all must be of one size. */
  readonly size?: number;
  readonly verbose?: Verbosity;
  /** What else hears of the training. */
  readonly callbacks?: readonly Callback[];
}

export interface Trained {
  /** The file that is served. */
  readonly path: string;
  /** Its model. */
  readonly served: FrozenModel;
  /** By name: measures on the test examples, bytes of files, `msPerEpoch`. */
  readonly measured: Named<number>;
  readonly test: Dataset;
}

export interface Data {
  readonly train: Dataset;
  readonly test: Dataset;
}

/** The first `limit` examples. */
export function firstOf({ x, y }: Dataset, limit = Infinity): Dataset {
  const taken = Math.min(limit, rowsOf(x));
  return { x: sliceRows(x, 0, taken), y: sliceRows(y, 0, taken) };
}

/** The examples of these rows. */
export const partOf = ({ x, y }: Dataset, rows: Int32Array): Dataset => ({
  x: takeRows(x, rows),
  y: takeRows(y, rows),
});

/** Makes the folder unless it is there. Throws `IoError`. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new IoError('train', `a folder that can be written is required. Received '${path}': ${reason}.`, { cause });
  }
}

/** The mean time of an epoch, in milliseconds. */
export class EpochClock implements Callback {
  #total = 0;
  #epochs = 0;
  #start = 0;

  readonly onEpochBegin = (): void => {
    this.#start = performance.now();
  };

  readonly onEpochEnd = (): void => {
    this.#total += performance.now() - this.#start;
    this.#epochs++;
  };

  get mean(): number {
    return this.#total / this.#epochs;
  }
}

/** How a program trains unless the job says otherwise. */
export interface Defaults {
  readonly epochs: number;
  readonly batchSize: number;
}

/** Fits a compiled model to arrays, or to batches of its own size; returns the milliseconds of an epoch. */
export async function fitModel(
  model: Model,
  data: Dataset | BatchSource,
  defaults: Defaults,
  { epochs = defaults.epochs, batchSize = defaults.batchSize, seed = 0, verbose = 'auto', callbacks = [] }: Job,
): Promise<number> {
  const clock = new EpochClock();
  const options = { epochs, batchSize, seed, verbose, callbacks: [clock, ...callbacks] };
  await ('batches' in data ? model.fit(data, options) : model.fit(data.x, data.y, options));
  return clock.mean;
}

/** Measures a model on the test examples, saves it as `name` and lets go of it. */
export async function finish(
  name: string,
  model: Model,
  test: Dataset,
  msPerEpoch: number,
  { backend, out }: Job,
  options: SaveOptions = {},
): Promise<Trained> {
  const { loss = NaN, ...metrics } = await model.evaluate(test.x, test.y);
  const path = join(out, `${name}.safetensors`);
  await model.save(path, options);
  model.close();
  const served = await loadFrozenModel(path, { backend });
  return { path, served, test, measured: { ...metrics, loss, bytes: (await stat(path)).size, msPerEpoch } };
}
