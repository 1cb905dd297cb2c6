/**
 * Run reports: one HTML file with the curves, the confusion matrix or the errors, sample predictions, timings and the
 * environment of a run.
 *
 *   await model.fit(x, y, { epochs: 5, callbacks: [report({ path: 'run.html', model, testData: [xTest, yTest] })] });
 */
import type { Stats } from '../backend/backend.js';
import { ArgumentError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import type { Callback, History, Run } from '../train/callback.js';
import type { Tested } from './outcome.js';
import { type ReportContents, renderReport } from './page.js';

export interface ReportOptions {
  /** The HTML file. */
  readonly path: string;
  /** The model's name (default `model`). */
  readonly title?: string;
  /** What predicts the test examples when training has ended; needed with `testData`. */
  readonly model?: { predict(x: NDArray): Promise<NDArray>; readonly stats?: Stats | undefined };
  /** Examples and labels to show predictions of: classes with a confusion matrix, or numbers. */
  readonly testData?: readonly [x: NDArray, y: NDArray];
  /** What the classes are called; their numbers unless said. */
  readonly classNames?: readonly string[];
  /** The times of single steps, from the `timeSteps` of the backend that the model was given. */
  readonly msPerStep?: readonly number[];
  /** What else to say of the run, by name, such as its seed. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A callback that remembers the history and the times of a run. */
export interface Recorder {
  readonly history: History;
  /** Milliseconds of each epoch of this process. */
  readonly msPerEpoch: readonly number[];
  readonly onTrainBegin: (run: Run) => void;
  readonly onEpochBegin: (epoch: number) => void;
  readonly onEpochEnd: (epoch: number) => void;
}

/** A recorder, to be put among the callbacks of `fit`. */
export function recorder(): Recorder {
  let history: History = { epoch: [], history: {} };
  let start = 0;
  const msPerEpoch: number[] = [];
  return {
    get history() {
      return history;
    },
    msPerEpoch,
    onTrainBegin: (run) => {
      history = run.history;
      msPerEpoch.length = 0;
    },
    onEpochBegin: () => {
      start = performance.now();
    },
    onEpochEnd: () => {
      msPerEpoch.push(performance.now() - start);
    },
  };
}

/**
 * Writes a report: whole, or not at all. Unless said, the environment is that of this process. Throws `IoError`, and
 * `ShapeError` where examples, labels and predictions do not belong together.
 */
export async function writeReport(path: string, contents: ReportContents): Promise<void> {
  const { saveFile } = await import('../format/file.js');
  const { environmentOf } = await import('./environment-node.js');
  const environment = { ...environmentOf(), ...contents.environment };
  saveFile(path, new TextEncoder().encode(renderReport({ ...contents, environment })));
}

/**
 * A callback that writes a report: the curves after each epoch, and all of it when training has ended. Callbacks that
 * change the weights in the end, as `earlyStopping` may, stand before it. Throws `ArgumentError` for `testData` without a
 * `model`.
 */
export function report(options: ReportOptions): Callback {
  const { path, title = 'model', model, testData, classNames, msPerStep, environment = {} } = options;
  if (testData && !model) {
    throw new ArgumentError('report', 'a model is required where there are testData. Received none.');
  }
  const seen = recorder();
  const write = (tested?: Tested): Promise<void> => {
    const engine = model?.stats?.description;
    return writeReport(path, {
      title,
      history: seen.history,
      msPerEpoch: seen.msPerEpoch,
      ...(msPerStep && { msPerStep }),
      ...(tested && { tested }),
      environment: { ...(engine === undefined ? {} : { engine }), ...environment },
    });
  };
  return {
    onTrainBegin: seen.onTrainBegin,
    onEpochBegin: seen.onEpochBegin,
    onEpochEnd: async (epoch) => {
      seen.onEpochEnd(epoch);
      await write();
    },
    onTrainEnd: async () => {
      if (!model || !testData) return write();
      const [x, y] = testData;
      await write({ x, y, predictions: await model.predict(x), ...(classNames && { classNames }) });
    },
  };
}
