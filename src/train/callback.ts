/** What a callback is told and may do while `fit` runs. */
import type { NDArray } from '../core/ndarray.js';
import type { Logs } from './progress.js';

/** What `fit` returns: the epochs, and under each name (`loss`, `accuracy`, `valLoss` ...) a number for each. */
export interface History {
  readonly epoch: readonly number[];
  readonly history: Readonly<Record<string, readonly number[]>>;
}

/** The run that a callback takes part in. */
export interface Run {
  /** The epochs so far. When a run is resumed they are here from the beginning, so that callbacks can catch up. */
  readonly history: History;
  /** What the callback's `keeps` returned when the checkpoint was saved that the run was resumed from. */
  readonly kept: ReadonlyMap<string, NDArray>;
  /** The values of the variables. */
  variables(): ReadonlyMap<string, NDArray>;
  setVariables(values: ReadonlyMap<string, NDArray>): void;
  /** The optimizer's learning rate. Setting it throws `ArgumentError` where a schedule sets it. */
  learningRate: number;
  /** Writes a model file from which training can go on. */
  save(path: string): Promise<void>;
  /** No epoch follows the current one. */
  stop(): void;
}

/**
 * Called as training goes on; epochs count from 0, as in Keras. Training waits for promises. A callback that remembers
 * more than follows from the history returns it from `keeps`, and finds it in `Run.kept` when the run is resumed.
 */
export interface Callback {
  readonly onTrainBegin?: (run: Run) => void | Promise<void>;
  readonly onEpochBegin?: (epoch: number) => void | Promise<void>;
  readonly onEpochEnd?: (epoch: number, logs: Logs) => void | Promise<void>;
  /** Not called when training failed. */
  readonly onTrainEnd?: () => void | Promise<void>;
  /** Values of some of the model's variables. */
  readonly keeps?: () => ReadonlyMap<string, NDArray>;
}

/** The logs of each epoch of a history. */
export function epochsOf({ epoch, history }: History): (readonly [epoch: number, logs: Logs])[] {
  return epoch.map((at, i) => {
    const logs = Object.entries(history).map(([name, values]) => [name, values[i] ?? NaN] as const);
    return [at, Object.fromEntries(logs)] as const;
  });
}
