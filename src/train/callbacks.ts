/**
 * Callbacks, by their Keras names. What they remember follows from the history and from what they keep in checkpoints,
 * so that a run that is resumed ends as one that was not interrupted. One callback serves one `fit` at a time.
 */
import { ArgumentError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { type Callback, epochsOf, type Run } from './callback.js';
import { Monitor, type MonitorOptions, requireEpochs } from './monitor.js';
import type { Logs } from './progress.js';

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement before training stops (default 0: at the first). */
  readonly patience?: number;
  /** When training ends, go back to the weights of the best epoch (default false). */
  readonly restoreBestWeights?: boolean;
}

/** Ends training when a number has stopped to improve. */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const { patience = 0, restoreBestWeights = false } = options;
  requireEpochs('earlyStopping', 'patience', patience, 0);
  let monitor = new Monitor('earlyStopping', options);
  let waited = 0;
  let best: ReadonlyMap<string, NDArray> = new Map();
  let run: Run | undefined;
  /** Whether the epoch is the best so far. */
  const hear = (logs: Logs): boolean => {
    const isBest = monitor.improves(logs);
    waited = isBest ? 0 : waited + 1;
    return isBest;
  };
  return {
    onTrainBegin: (begun) => {
      monitor = new Monitor('earlyStopping', options);
      waited = 0;
      run = begun;
      best = begun.kept;
      for (const [, logs] of epochsOf(begun.history)) hear(logs);
    },
    onEpochEnd: (_, logs) => {
      if (hear(logs)) {
        if (restoreBestWeights) best = run?.variables() ?? best;
      } else if (waited >= patience) {
        run?.stop();
      }
    },
    onTrainEnd: () => {
      run?.setVariables(best);
      best = new Map();
    },
    keeps: () => best,
  };
}

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** The learning rate is multiplied by it (default 0.1). */
  readonly factor?: number;
  /** Epochs without improvement before the rate is reduced (default 10). */
  readonly patience?: number;
  /** Epochs after a reduction that are not counted (default 0). */
  readonly cooldown?: number;
  /** Default 0. */
  readonly minLearningRate?: number;
}

/** Reduces the learning rate when a number has stopped to improve. */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  const where = 'reduceLROnPlateau';
  const { factor = 0.1, patience = 10, cooldown = 0, minLearningRate = 0 } = options;
  requireEpochs(where, 'patience', patience, 0);
  requireEpochs(where, 'cooldown', cooldown, 0);
  if (!(factor >= 0 && factor < 1)) {
    throw new ArgumentError(where, `a factor in [0, 1) is required. Received ${factor}.`);
  }
  if (!(minLearningRate >= 0 && minLearningRate < Infinity)) {
    const required = 'a finite minLearningRate that is not negative is required';
    throw new ArgumentError(where, `${required}. Received ${minLearningRate}.`);
  }
  const settings = { minDelta: 1e-4, ...options };
  let monitor = new Monitor(where, settings);
  let [waited, cooling] = [0, 0];
  let run: Run | undefined;
  /** Whether the rate is to be reduced now. */
  const hear = (logs: Logs): boolean => {
    const isBest = monitor.improves(logs);
    cooling = Math.max(0, cooling - 1);
    waited = isBest || cooling > 0 ? 0 : waited + 1;
    if (waited < Math.max(patience, 1)) return false;
    [waited, cooling] = [0, cooldown + 1];
    return true;
  };
  return {
    onTrainBegin: (begun) => {
      monitor = new Monitor(where, settings);
      [waited, cooling] = [0, 0];
      run = begun;
      for (const [, logs] of epochsOf(begun.history)) hear(logs);
    },
    onEpochEnd: (_, logs) => {
      if (!hear(logs) || !run) return;
      const { learningRate } = run;
      run.learningRate = Math.min(learningRate, Math.max(learningRate * factor, minLearningRate));
    },
  };
}

export interface ModelCheckpointOptions extends MonitorOptions {
  /** The model file; `{epoch}` in it becomes the epoch's number, counted from 1. */
  readonly path: string;
  /** Only epochs that are better than all before (default false). */
  readonly saveBestOnly?: boolean;
}

/** Saves the model after each epoch: files for `loadModel`. To resume a run that was killed, use fit's `checkpoint`. */
export function modelCheckpoint({ path, saveBestOnly = false, ...options }: ModelCheckpointOptions): Callback {
  let monitor = new Monitor('modelCheckpoint', options);
  let run: Run | undefined;
  return {
    onTrainBegin: (begun) => {
      monitor = new Monitor('modelCheckpoint', options);
      run = begun;
      if (saveBestOnly) for (const [, logs] of epochsOf(begun.history)) monitor.improves(logs);
    },
    onEpochEnd: async (epoch, logs) => {
      if (saveBestOnly && !monitor.improves(logs)) return;
      await run?.save(path.replaceAll('{epoch}', `${epoch + 1}`));
    },
  };
}
