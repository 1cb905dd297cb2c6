/**
 * Batches made of examples, as `tf.data` makes them: what `fit` takes where arrays alone do not do.
 *
 *   const batches = dataset(x, y).shuffle().augment([affine({ rotation: 10 })]).batch(64).prefetch();
 *   await model.fit(batches, { epochs: 10 });
 *
 * Every batch follows from the seed, the epoch and the rows in it alone, on whichever thread it is made.
 */
import { ArgumentError } from '../core/errors.js';
import { permutation } from '../core/random.js';
import { augment, type Augmentation } from './augmentation.js';
import { type AugmentationSpec, augmentationOf } from './augmentations.js';
import { arrayRows, type BatchSource, type DataBatch, type Rows } from './source.js';
import type { NDArray } from '../core/ndarray.js';

/** Which batch it is. */
export interface BatchPlace {
  readonly seed: number;
  readonly epoch: number;
  /** Of the epoch, from 0. */
  readonly step: number;
  /** Where its examples stand among all. */
  readonly rows: Int32Array;
}

/** Makes another batch of one. */
export type BatchMap = (batch: DataBatch, place: BatchPlace) => DataBatch | Promise<DataBatch>;

type Stage = readonly Augmentation[] | BatchMap;

/** How rows become batches. */
interface Order {
  readonly shuffled: boolean;
  readonly size: number;
  readonly dropRemainder: boolean;
}

interface Plan extends Order {
  readonly rows: Rows;
  readonly stages: readonly Stage[];
  /** The stages before a worker thread hands over: their number, and how many batches it may be ahead. */
  readonly ahead?: { readonly stages: number; readonly batches: number };
}

/** What a worker thread makes batches of: plain data. */
export interface WorkerPlan extends Order {
  readonly rows: Rows['spec'];
  readonly stages: readonly (readonly AugmentationSpec[])[];
  readonly epoch: number;
  readonly seed: number;
}

/** Immutable: each method returns another pipeline. */
export class Pipeline implements BatchSource {
  readonly #plan: Plan;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** Examples in a batch; the last may have fewer. */
  get batchSize(): number {
    return this.#plan.size;
  }

  /** Batches in an epoch. */
  get steps(): number {
    const { rows, size, dropRemainder } = this.#plan;
    return dropRemainder ? Math.floor(rows.count / size) : Math.ceil(rows.count / size);
  }

  /** Examples in a new order each epoch: that in which `fit` shuffles arrays. */
  shuffle(): Pipeline {
    return new Pipeline({ ...this.#plan, shuffled: true });
  }

  /** Changes every image of x, f32 [n, height, width, channels], by its row and the epoch. */
  augment(steps: readonly Augmentation[]): Pipeline {
    return new Pipeline({ ...this.#plan, stages: [...this.#plan.stages, steps] });
  }

  /** Changes every batch. */
  map(change: BatchMap): Pipeline {
    return new Pipeline({ ...this.#plan, stages: [...this.#plan.stages, change] });
  }

  /** `size` examples in a batch (default 32); `dropRemainder` leaves a smaller last one out (default false). */
  batch(size: number, { dropRemainder = false } = {}): Pipeline {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new ArgumentError('dataset', `a positive number of examples in a batch is required. Received ${size}.`);
    }
    return new Pipeline({ ...this.#plan, size, dropRemainder });
  }

  /**
   * Makes batches in a worker thread, up to `count` of them ahead (default 4), which lives as long as the epoch. All that
   * stands before happens there, and so must be plain data: `map` takes functions, and stands behind. Arrays are copied
   * to memory that threads share. Throws `ArgumentError` for a step of one's own before it.
   */
  prefetch(count = 4): Pipeline {
    const { rows, stages, ahead } = this.#plan;
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new ArgumentError('prefetch', `a positive number of batches is required. Received ${count}.`);
    }
    if (ahead) throw new ArgumentError('prefetch', 'one prefetch in a pipeline is required. Received two.');
    specsOf(stages);
    const shared = rows.spec.kind === 'arrays' ? arrayRows(shareBatch(rows.spec.examples)) : rows;
    return new Pipeline({ ...this.#plan, rows: shared, ahead: { stages: stages.length, batches: count } });
  }

  /** The batches of an epoch. */
  async *batches(epoch: number, seed: number): AsyncGenerator<DataBatch, void, void> {
    const { rows, stages, ahead, ...order } = this.#plan;
    const before = ahead ? stages.slice(0, ahead.stages) : [];
    const after = stages.slice(before.length);
    const made = ahead
      ? await prefetched({ ...order, rows: rows.spec, stages: specsOf(before), epoch, seed }, ahead.batches)
      : gathered(rows, order, epoch, seed);
    const places = placesOf(rows.count, order, epoch, seed);
    for await (const batch of made) {
      const place = places.next();
      if (place.done) return;
      yield await change(batch, after, place.value);
    }
  }
}

async function prefetched(plan: WorkerPlan, count: number): Promise<AsyncIterable<DataBatch>> {
  const { prefetch } = await import('./prefetch-node.js');
  return prefetch(plan, count);
}

/** Examples in memory that threads share; as they are where they are there already. */
function shareBatch({ x, y }: DataBatch): DataBatch {
  const share = (array: NDArray): NDArray => {
    const { buffer, byteLength, constructor } = array.data;
    if (buffer instanceof SharedArrayBuffer) return array;
    const Typed = constructor as new (buffer: SharedArrayBuffer) => typeof array.data;
    const data = new Typed(new SharedArrayBuffer(byteLength));
    data.set(array.data);
    return { ...array, data };
  };
  return { x: share(x), y: share(y) };
}

/** The stages as plain data. Throws `ArgumentError` for functions that are none. */
function specsOf(stages: readonly Stage[]): AugmentationSpec[][] {
  return stages.map((stage) => {
    if (typeof stage === 'function') {
      const message = 'plain data before it is required, since functions cannot go to another thread. Put map behind.';
      throw new ArgumentError('prefetch', message);
    }
    return stage.map(({ spec }, i) => {
      if (spec) return spec;
      const required = 'the augmentations of Quern are required before it, since functions cannot go to another thread';
      throw new ArgumentError(
        'prefetch',
        `${required}. Received one of your own as step ${i}: put it into a map behind.`,
      );
    });
  });
}

function* placesOf(
  count: number,
  { shuffled, size, dropRemainder }: Order,
  epoch: number,
  seed: number,
): Generator<BatchPlace, void, void> {
  const order = shuffled ? permutation([seed, epoch], count) : Int32Array.from({ length: count }, (_, row) => row);
  const end = dropRemainder ? count - (count % size) : count;
  for (let start = 0; start < end; start += size) {
    yield { seed, epoch, step: start / size, rows: order.subarray(start, Math.min(start + size, end)) };
  }
}

async function* gathered(rows: Rows, order: Order, epoch: number, seed: number): AsyncGenerator<DataBatch, void, void> {
  for (const place of placesOf(rows.count, order, epoch, seed)) yield rows.take(place.rows);
}

async function change(batch: DataBatch, stages: readonly Stage[], place: BatchPlace): Promise<DataBatch> {
  let changed = batch;
  for (const stage of stages) {
    changed =
      typeof stage === 'function' ? await stage(changed, place) : { ...changed, x: augment(changed.x, stage, place) };
  }
  return changed;
}

/** The batches that a worker thread makes of `rows`, which it opened by their spec. */
export async function* planned(
  rows: Rows,
  { stages, epoch, seed, ...order }: WorkerPlan,
): AsyncGenerator<DataBatch, void, void> {
  const steps = stages.map((specs) => specs.map(augmentationOf));
  for (const place of placesOf(rows.count, order, epoch, seed)) {
    yield change(await rows.take(place.rows), steps, place);
  }
}

const unordered = { shuffled: false, size: 32, dropRemainder: false, stages: [] } as const;

/** A pipeline over rows. Throws `ArgumentError` where there are none. */
export function pipelineOf(rows: Rows): Pipeline {
  if (rows.count === 0) throw new ArgumentError('dataset', 'at least one example is required. Received none.');
  return new Pipeline({ ...unordered, rows });
}

/** A pipeline over examples x [n, ...] and labels y [n, ...], in their order and in batches of 32 unless more is said. */
export const dataset = (x: NDArray, y: NDArray): Pipeline => pipelineOf(arrayRows({ x, y }));
