/** The training loop: one run of `trainStep` for each batch. */
import { ArgumentError, NumericsError } from '../core/errors.js';
import { type NDArray, ndarray } from '../core/ndarray.js';
import { permutation } from '../core/random.js';
import type { Named } from '../core/tree.js';
import { namedBatches } from '../data/rows.js';
import { seedVariable } from './build.js';
import type { Callback, History, Run } from './callback.js';
import { firstNonFinite } from './checks.js';
import type { Checkpoint, Progression } from './checkpoint.js';
import { evaluateRows, Means, type MeansState } from './evaluation.js';
import { countOf, type Examples, feedsOf } from './examples.js';
import { Interrupt } from './interrupt.js';
import type { Optimizer } from './optimizer.js';
import { type Progress, progressOf, type Verbosity } from './progress.js';
import type { Runtime } from './runtime.js';
import { rateAt } from './schedules.js';

export interface Schedule {
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly callbacks: readonly Callback[];
  readonly verbose: Verbosity;
}

/** Where a run is kept. */
export interface Keeper {
  readonly path: string;
  /** Steps between saves within an epoch. */
  readonly every: number;
  readonly save: (progression: Progression, kept: Checkpoint['kept']) => Promise<void>;
}

/** The model that is trained. */
export interface Trainee {
  readonly runtime: Runtime;
  readonly optimizer: Optimizer;
  readonly keeper: Keeper | undefined;
  readonly isStopped: () => boolean;
  readonly stop: () => void;
  /** Writes a model file from which training can go on. */
  readonly save: (path: string) => Promise<void>;
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

/** What a callback sees of a run. */
function runOf({ runtime, optimizer, stop, save }: Trainee, history: History, kept: ReadonlyMap<string, NDArray>): Run {
  const rate = `${optimizer.name}/learningRate`;
  return {
    history,
    kept,
    variables: () => runtime.values(),
    setVariables: (values) => values.forEach((value, name) => runtime.setVariable(name, value)),
    get learningRate() {
      return runtime.values().get(rate)?.data[0] ?? NaN;
    },
    set learningRate(value) {
      if (optimizer.schedule) {
        throw new ArgumentError('fit', 'a learning rate without a schedule is required where a callback sets it.');
      }
      runtime.setVariable(rate, ndarray('f32', [], [rateAt(() => value, 0)]));
    },
    stop,
    save,
  };
}

/** Trains on data that were checked, from the beginning or from a checkpoint; may be stopped after every epoch. */
export async function train(
  trainee: Trainee,
  data: Examples,
  validation: Examples | undefined,
  schedule: Schedule,
  resumed?: Checkpoint,
): Promise<History> {
  checkSchedule(schedule);
  const { runtime, keeper, isStopped } = trainee;
  const { epochs, initialEpoch, batchSize, seed, callbacks } = schedule;
  const { progression, variables = new Map<string, NDArray>(), kept = [] } = resumed ?? {};
  for (const [name, value] of variables) runtime.setVariable(name, value);
  if (Object.hasOwn(runtime.program.variables, seedVariable)) {
    runtime.setVariable(seedVariable, ndarray('i32', [], [seed]));
  }
  const epoch = [...(progression?.history.epoch ?? [])];
  const history: Record<string, number[]> = {};
  for (const [name, values] of Object.entries(progression?.history.history ?? {})) history[name] = [...values];
  const begun = { epoch, history };
  if (progression?.stopped) trainee.stop();
  const save = async (at: number, step: number, means: MeansState): Promise<void> => {
    const position = { epoch: at, step, means, history: begun, stopped: isStopped() };
    await keeper?.save(
      position,
      callbacks.map(({ keeps }) => keeps?.() ?? new Map<string, NDArray>()),
    );
  };
  const progress = await progressOf(schedule.verbose);
  const interrupt = keeper && new Interrupt();
  try {
    for (const [i, { onTrainBegin }] of callbacks.entries()) {
      await onTrainBegin?.(runOf(trainee, begun, kept[i] ?? new Map<string, NDArray>()));
    }
    const first = progression?.epoch ?? initialEpoch;
    for (let at = first; at < epochs && !isStopped(); at++) {
      const isMidway = at === progression?.epoch && progression.step > 0;
      if (!isMidway) for (const callback of callbacks) await callback.onEpochBegin?.(at);
      const logs = await trainEpoch(trainee, data, schedule, {
        epoch: at,
        from: isMidway ? progression : { step: 0, means: new Means().state },
        progress,
        save,
        isInterrupted: () => interrupt?.received ?? false,
      });
      if (!logs) break;
      checkVariables(runtime, at);
      if (validation) {
        const measured = await evaluateRows(runtime, validation, batchSize);
        for (const [name, value] of Object.entries(measured)) logs[validationName(name)] = value;
      }
      progress.end(logs);
      epoch.push(at);
      for (const [name, value] of Object.entries(logs)) (history[name] ??= []).push(value);
      for (const callback of callbacks) await callback.onEpochEnd?.(at, logs);
      await save(at + 1, 0, new Means().state);
      if (interrupt?.received) break;
    }
    if (!interrupt?.received) for (const { onTrainEnd } of callbacks) await onTrainEnd?.();
  } finally {
    progress.close();
    interrupt?.close();
  }
  if (keeper) interrupt?.end(keeper.path);
  return begun;
}

interface EpochRun {
  readonly epoch: number;
  /** Steps that were done already, and what they measured. */
  readonly from: { readonly step: number; readonly means: MeansState };
  readonly progress: Progress;
  readonly save: (epoch: number, step: number, means: MeansState) => Promise<void>;
  readonly isInterrupted: () => boolean;
}

/** Returns the means of the epoch, or undefined when it was interrupted, and saved. */
async function trainEpoch(
  { runtime, optimizer, keeper }: Trainee,
  data: Examples,
  { batchSize, shuffle, seed, epochs }: Schedule,
  { epoch, from, progress, save, isInterrupted }: EpochRun,
): Promise<Record<string, number> | undefined> {
  const rows = countOf(data);
  const count = Math.ceil(rows / batchSize);
  const most = Math.min(batchSize, rows);
  const order = shuffle ? permutation([seed, epoch], rows) : undefined;
  const means = new Means(from.means);
  let step = 0;
  progress.begin(epoch + 1, epochs, count);
  for (const { arrays: feeds, size } of namedBatches(feedsOf(data), batchSize, order)) {
    if (step++ < from.step) continue;
    if (optimizer.schedule) {
      const rate = rateAt(optimizer.schedule, epoch * count + step - 1);
      runtime.setVariable(`${optimizer.name}/learningRate`, ndarray('f32', [], [rate]));
    }
    try {
      means.add(await runtime.run(most, 'trainStep', feeds), size);
    } catch (error) {
      if (!(error instanceof NumericsError)) throw error;
      throw await explain(runtime, feeds, most, `epoch ${epoch + 1}, step ${step}`, error);
    }
    progress.step(step, means.state.count, means.values);
    if (step === count || !keeper) continue;
    if (step % keeper.every === 0 || isInterrupted()) await save(epoch, step, means.state);
    if (isInterrupted()) return undefined;
  }
  return means.values;
}

const lost = (when: string, what: string): NumericsError =>
  new NumericsError('fit', `a finite loss is required. At ${when}, ${what} A lower learning rate may help.`);

/** The error of a step whose loss was not finite: runs it again with every value checked, to name the first bad one. */
async function explain(
  runtime: Runtime,
  feeds: Named<NDArray>,
  batchSize: number,
  when: string,
  error: NumericsError,
): Promise<Error> {
  const input = Object.entries(feeds).find(([, { data }]) => firstNonFinite(data) >= 0)?.[0];
  const variable = nonFiniteVariable(runtime);
  if (input) return lost(when, `what was fed as '${input}' held a NaN or an infinity.`);
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
