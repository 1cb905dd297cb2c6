/** The training loop: one run of `trainStep` for each batch. */
import { ArgumentError, NumericsError } from '../core/errors.js';
import { ndarray } from '../core/ndarray.js';
import { permutation } from '../core/random.js';
import { batches, rowsOf } from '../data/rows.js';
import { seedVariable } from './build.js';
import { firstNonFinite } from './checks.js';
import { type CheckedData, evaluateRows, feedsOf, Means } from './evaluation.js';
import { type Logs, progressOf, type Verbosity } from './progress.js';
import type { Runtime } from './runtime.js';

/** Called as training goes on; epochs count from 0, as in Keras. Training waits for promises. */
export interface Callback {
  readonly onEpochBegin?: (epoch: number) => void | Promise<void>;
  readonly onEpochEnd?: (epoch: number, logs: Logs) => void | Promise<void>;
}

/** What `fit` returns: the epochs, and under each name (`loss`, `accuracy`, `valLoss` ...) a number for each. */
export interface History {
  readonly epoch: readonly number[];
  readonly history: Readonly<Record<string, readonly number[]>>;
}

export interface Schedule {
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly callbacks: readonly Callback[];
  readonly verbose: Verbosity;
}

function checkSchedule({ epochs, initialEpoch, batchSize }: Schedule): void {
  const counts = { epochs, initialEpoch, batchSize };
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isSafeInteger(value) && value >= (name === 'batchSize' ? 1 : 0)) continue;
    throw new ArgumentError(
      'fit',
      `${name} must be a ${name === 'batchSize' ? 'positive' : 'non-negative'} integer. Received ${value}.`,
    );
  }
}

/** `valLoss` for `loss`. */
const validationName = (name: string): string => `val${name.charAt(0).toUpperCase()}${name.slice(1)}`;

/** Trains on data that were checked; `isStopped` is asked after every epoch. */
export async function train(
  runtime: Runtime,
  data: CheckedData,
  validation: CheckedData | undefined,
  schedule: Schedule,
  isStopped: () => boolean,
): Promise<History> {
  checkSchedule(schedule);
  const { epochs, initialEpoch, batchSize, seed, callbacks } = schedule;
  if (Object.hasOwn(runtime.program.variables, seedVariable)) {
    runtime.setVariable(seedVariable, ndarray('i32', [], [seed]));
  }
  const progress = await progressOf(schedule.verbose);
  const epoch: number[] = [];
  const history: Record<string, number[]> = {};
  try {
    for (let at = initialEpoch; at < epochs && !(at > initialEpoch && isStopped()); at++) {
      for (const callback of callbacks) await callback.onEpochBegin?.(at);
      progress.begin(at + 1, epochs, Math.ceil(rowsOf(data.x) / batchSize));
      const logs = await trainEpoch(runtime, data, schedule, at, (steps, samples, means) =>
        progress.step(steps, samples, means),
      );
      checkVariables(runtime, at);
      if (validation) {
        const measured = await evaluateRows(runtime, validation, batchSize);
        for (const [name, value] of Object.entries(measured)) logs[validationName(name)] = value;
      }
      progress.end(logs);
      epoch.push(at);
      for (const [name, value] of Object.entries(logs)) (history[name] ??= []).push(value);
      for (const callback of callbacks) await callback.onEpochEnd?.(at, logs);
    }
  } finally {
    progress.close();
  }
  return { epoch, history };
}

async function trainEpoch(
  runtime: Runtime,
  { x, y }: CheckedData,
  { batchSize, shuffle, seed }: Schedule,
  epoch: number,
  report: (steps: number, samples: number, logs: Logs) => void,
): Promise<Record<string, number>> {
  const order = shuffle ? permutation([seed, epoch], rowsOf(x)) : undefined;
  const means = new Means();
  let [steps, samples] = [0, 0];
  for (const batch of batches([x, y], batchSize, order)) {
    const feeds = feedsOf(batch);
    steps++;
    try {
      means.add(await runtime.run(batchSize, 'trainStep', feeds), batch.size);
    } catch (error) {
      if (!(error instanceof NumericsError)) throw error;
      throw await explain(runtime, feeds, batchSize, `epoch ${epoch + 1}, step ${steps}`, error);
    }
    samples += batch.size;
    report(steps, samples, means.values);
  }
  return means.values;
}

const lost = (when: string, what: string): NumericsError =>
  new NumericsError('fit', `a finite loss is required. At ${when}, ${what} A lower learning rate may help.`);

/** The error of a step whose loss was not finite: runs it again with every value checked, to name the first bad one. */
async function explain(
  runtime: Runtime,
  feeds: CheckedData,
  batchSize: number,
  when: string,
  error: NumericsError,
): Promise<Error> {
  const input = Object.entries(feeds).find(([, { data }]) => firstNonFinite(data) >= 0)?.[0];
  const variable = nonFiniteVariable(runtime);
  if (input) return lost(when, `input '${input}' held a NaN or an infinity.`);
  if (variable) return lost(when, `variable '${variable}' already held a NaN or an infinity.`);
  try {
    await runtime.run(batchSize, 'trainStep', feeds, { checkFinite: true });
    return error;
  } catch (cause) {
    return cause instanceof NumericsError
      ? lost(when, `the first value that is not was this: ${cause.message}`)
      : error;
  }
}

function nonFiniteVariable(runtime: Runtime): string | undefined {
  const read = runtime.program.graphs['trainStep']?.variables ?? {};
  const values = runtime.values();
  return Object.keys(read).find((name) => firstNonFinite(values.get(name)?.data ?? new Float32Array()) >= 0);
}

/** The loss of a step is computed before its updates; what the last ones made is checked here. */
function checkVariables(runtime: Runtime, epoch: number): void {
  const variable = nonFiniteVariable(runtime);
  if (variable) throw lost(`the end of epoch ${epoch + 1}`, `variable '${variable}' held a NaN or an infinity.`);
}
