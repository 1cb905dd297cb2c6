/** The training loop: one run of `trainStep` for each batch. */
import { ArgumentError, NumericsError } from '../core/errors.js';
import { type NDArray, ndarray } from '../core/ndarray.js';
import type { Named } from '../core/tree.js';
import type { TotalMetric } from '../nn/metrics.js';
import { emptied } from './accumulation.js';
import { seedVariable } from './build.js';
import type { Callback, History, Run } from './callback.js';
import { firstNonFinite } from './checks.js';
import type { Checkpoint, Progression } from './checkpoint.js';
import { evaluateRows, Means, type MeansState } from './evaluation.js';
import type { Examples } from './examples.js';
import type { Feeding } from './feeding.js';
import { Interrupt } from './interrupt.js';
import { averaged, type Optimizer } from './optimizer.js';
import { type Progress, progressOf, type Verbosity } from './progress.js';
import type { Runtime } from './runtime.js';
import { rateAt } from './schedules.js';

export interface Schedule {
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly batchSize: number;
  /** The runs that make up a step of `batchSize` examples. */
  readonly accumulate: number;
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
  /** How metrics that are no means add up. */
  readonly totals: ReadonlyMap<string, TotalMetric>;
  readonly keeper: Keeper | undefined;
  readonly isStopped: () => boolean;
  readonly stop: () => void;
  /** Writes a model file from which training can go on. */
  readonly save: (path: string) => Promise<void>;
}

/** Throws `ArgumentError` for counts that are none, and for a batch that does not divide into as many runs. */
export function checkSchedule({ epochs, initialEpoch, batchSize, accumulate }: Schedule): void {
  const [counts, positive] = [{ epochs, initialEpoch, batchSize, accumulate }, ['batchSize', 'accumulate']];
  for (const [name, value] of Object.entries(counts)) {
    const isPositive = positive.includes(name);
    if (Number.isSafeInteger(value) && value >= (isPositive ? 1 : 0)) continue;
    const required = `${name} must be a ${isPositive ? 'positive' : 'non-negative'} integer`;
    throw new ArgumentError('fit', `${required}. Received ${value}.`);
  }
  if (batchSize % accumulate === 0) return;
  const required = 'accumulate must divide batchSize';
  throw new ArgumentError('fit', `${required}. Received ${accumulate} and ${batchSize}.`);
}

/** A schedule tells its rate by the steps that were done, those of earlier epochs among them. */
function checkSteps({ schedule }: Optimizer, { steps }: Feeding): void {
  if (!schedule || steps !== undefined) return;
  throw new ArgumentError(
    'fit',
    'batches that say how many steps an epoch has are required by a schedule. Give steps.',
  );
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
  data: Feeding,
  validation: Examples | undefined,
  schedule: Schedule,
  resumed?: Checkpoint,
): Promise<History> {
  checkSteps(trainee.optimizer, data);
  const { runtime, optimizer, totals, keeper, isStopped } = trainee;
  const { epochs, initialEpoch, batchSize, accumulate, seed, callbacks } = schedule;
  const { progression, variables = new Map<string, NDArray>(), kept = [] } = resumed ?? {};
  for (const [name, value] of [...variables, ...emptied(runtime.program)]) runtime.setVariable(name, value);
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
        from: isMidway ? progression : { step: 0, means: new Means(totals).state },
        progress,
        save,
        isInterrupted: () => interrupt?.received ?? false,
      });
      if (!logs) break;
      checkVariables(runtime, at);
      if (validation) {
        const measured = await withAverages(trainee, () =>
          evaluateRows(runtime, validation, batchSize / accumulate, totals),
        );
        for (const [name, value] of Object.entries(measured)) logs[validationName(name)] = value;
      }
      progress.end(logs);
      epoch.push(at);
      for (const [name, value] of Object.entries(logs)) (history[name] ??= []).push(value);
      for (const callback of callbacks) await callback.onEpochEnd?.(at, logs);
      await save(at + 1, 0, new Means(totals).state);
      if (interrupt?.received) break;
    }
    if (!interrupt?.received) {
      for (const { onTrainEnd } of callbacks) await onTrainEnd?.();
      if (optimizer.averageOf) setVariables(runtime, averaged(optimizer, runtime.values()));
    }
  } finally {
    progress.close();
    interrupt?.close();
  }
  if (keeper) interrupt?.end(keeper.path);
  return begun;
}

function setVariables(runtime: Runtime, values: ReadonlyMap<string, NDArray>): void {
  for (const [name, value] of values) runtime.setVariable(name, value);
}

/** Calls `fn` while the weights are their moving averages, where the optimizer keeps them. */
async function withAverages<T>({ runtime, optimizer }: Trainee, fn: () => Promise<T>): Promise<T> {
  if (!optimizer.averageOf) return fn();
  const values = runtime.values();
  setVariables(runtime, averaged(optimizer, values));
  try {
    return await fn();
  } finally {
    setVariables(runtime, values);
  }
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
  { runtime, optimizer, totals, keeper }: Trainee,
  data: Feeding,
  { accumulate, seed, epochs }: Schedule,
  { epoch, from, progress, save, isInterrupted }: EpochRun,
): Promise<Record<string, number> | undefined> {
  const graph = accumulate > 1 ? 'accumulateStep' : 'trainStep';
  const means = new Means(totals, from.means);
  let step = 0;
  progress.begin(epoch + 1, epochs, data.steps);
  for await (const { arrays: feeds, size, isWhole } of data.batches(epoch, seed)) {
    const at = isWhole ? step++ : step;
    if (at < from.step) continue;
    const most = Math.max(size, data.batchSize ?? 0);
    if (optimizer.schedule) {
      const rate = rateAt(optimizer.schedule, epoch * (data.steps ?? NaN) + at);
      runtime.setVariable(`${optimizer.name}/learningRate`, ndarray('f32', [], [rate]));
    }
    try {
      means.add(await runtime.run(most, graph, feeds), size);
      if (isWhole && accumulate > 1) await runtime.run(most, 'applyStep', {});
    } catch (error) {
      if (!(error instanceof NumericsError)) throw error;
      throw await explain(runtime, graph, feeds, most, `epoch ${epoch + 1}, step ${at + 1}`, error);
    }
    if (!isWhole) continue;
    progress.step(step, means.state.count, means.preview);
    if (step === data.steps || !keeper) continue;
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
  graph: string,
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
    await runtime.run(batchSize, graph, feeds, { checkFinite: true });
    return error;
  } catch (cause) {
    return cause instanceof NumericsError
      ? lost(when, `the first value that is not was this: ${cause.message}`)
      : error;
  }
}

function nonFiniteVariable(runtime: Runtime): string | undefined {
  const values = runtime.values();
  return Object.keys(runtime.program.variables).find(
    (name) => firstNonFinite(values.get(name)?.data ?? new Float32Array()) >= 0,
  );
}

/** The loss of a step is computed before its updates; what the last ones made is checked here. */
function checkVariables(runtime: Runtime, epoch: number): void {
  const variable = nonFiniteVariable(runtime);
  if (variable) throw lost(`the end of epoch ${epoch + 1}`, `variable '${variable}' held a NaN or an infinity.`);
}
