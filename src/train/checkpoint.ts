/**
 * Checkpoints: a run of `fit` in one file, from which it goes on as if it had not stopped. The file is a model file that
 * holds the weights, what the optimizer and the random numbers remember, and an asset that says how far the run was and
 * what kind of run it is. Saving replaces the file whole, so the last good checkpoint survives whatever happens.
 */
import { bytesPerElement, viewOf } from '../core/dtype.js';
import { ArgumentError, FormatError } from '../core/errors.js';
import { type NDArray, sizeOf } from '../core/ndarray.js';
import { type Check, extent, fields, flag, list, named, Place, refuse, text } from '../format/checks.js';
import { crc32 } from '../format/crc32.js';
import { parseJson } from '../format/json.js';
import type { ModelContents } from '../format/model.js';
import { printType } from '../graph/names.js';
import { printGraph } from '../graph/print.js';
import type { Program } from '../graph/program.js';
import type { History } from './callback.js';
import type { MeansState } from './evaluation.js';

export interface CheckpointOptions {
  /** The file. A run begins with what it holds, if it is there already. One run at a time may write it. */
  readonly path: string;
  /** Steps between checkpoints within an epoch; unless said, there is one at the end of each epoch only. */
  readonly every?: number;
}

/** How far a run is: before step `step` of epoch `epoch`, both counted from 0. */
export interface Progression {
  readonly epoch: number;
  readonly step: number;
  /** Of the steps of this epoch. */
  readonly means: MeansState;
  readonly history: History;
  /** Whether a callback ended the run. */
  readonly stopped: boolean;
}

/** A run in a file. */
export interface Checkpoint {
  readonly progression: Progression;
  readonly variables: ReadonlyMap<string, NDArray>;
  /** What each callback keeps. */
  readonly kept: readonly ReadonlyMap<string, NDArray>[];
}

/** What decides how a run ends, as text by its names. */
export type Description = Readonly<Record<string, string>>;

const asset = 'checkpoint';
const keptAsset = (callback: number, name: string): string => `${asset}.${callback}.${name}`;

export const checksum = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(8, '0');

/** The graphs that decide how a run ends. */
const runGraphs = ['predict', 'trainStep', 'accumulateStep', 'applyStep'];

/** The graphs and variables of a program, so that two can be told apart. */
export function describe({ graphs, variables }: Program, names: readonly string[] = runGraphs): Description {
  const hash = (text: string): string => `CRC-32 ${checksum(new TextEncoder().encode(text))}`;
  const graph = (name: string) => (graphs[name] ? [[`graph ${name}`, hash(printGraph(graphs[name]))] as const] : []);
  const shared = Object.entries(variables).filter(([, { scope }]) => scope === 'shared');
  return Object.fromEntries([
    ...shared.map(([name, variable]) => [`variable ${name}`, printType(variable)] as const),
    ...names.flatMap(graph),
  ]);
}

/** Numbers as JSON has them, and NaN and the infinities as text. */
const encodeNumber = (value: number): number | string => (Number.isFinite(value) ? value : `${value}`);

const number: Check<number> = (value, place) => {
  if (typeof value === 'number') return value;
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value);
  throw refuse(place, 'a number is', value);
};

const mapNumbers = (lists: Readonly<Record<string, readonly number[]>>): Record<string, (number | string)[]> =>
  Object.fromEntries(Object.entries(lists).map(([name, values]) => [name, values.map(encodeNumber)]));

const maxEpochs = 2 ** 24;

/** Of one metric. */
const maxTotals = 2 ** 20;

/** The contents of a checkpoint's file: those of the model, and the run. */
export function encodeCheckpoint(
  model: ModelContents,
  description: Description,
  { epoch, step, means, history, stopped }: Progression,
  kept: readonly ReadonlyMap<string, NDArray>[],
): ModelContents {
  const run = {
    description,
    epoch,
    step,
    means: { count: means.count, sums: mapNumbers(means.sums) },
    epochs: history.epoch,
    history: mapNumbers(history.history),
    stopped,
    kept: kept.map((values) => [...values.keys()]),
  };
  const values = kept.flatMap((each, i) =>
    [...each].map(([name, { data }]) => {
      return [keptAsset(i, name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)] as const;
    }),
  );
  const assets = [...(model.assets ?? []), [asset, new TextEncoder().encode(JSON.stringify(run))] as const, ...values];
  return { ...model, assets: new Map(assets) };
}

/**
 * The run of a checkpoint's contents. Throws `FormatError` for a file that is no checkpoint, and `ArgumentError`, which
 * lists all that differs, for a checkpoint of another run than `expected`.
 */
export function decodeCheckpoint(
  path: string,
  { program, variables, assets }: Required<ModelContents>,
  expected: Description,
): Checkpoint {
  const bytes = assets.get(asset);
  if (!bytes) throw new FormatError('fit', `a checkpoint of fit is required. Received the model '${path}'.`);
  const place = new Place(asset);
  const run = fields(
    parseJson(asset, bytes, 4),
    place,
    ...['description', 'epoch', 'step', 'means', 'epochs', 'history', 'stopped', 'kept'],
  );
  requireSame('fit', path, expected, run('description', named(text)));
  const means = run('means', (value, at) => {
    const part = fields(value, at, 'count', 'sums');
    return { count: part('count', extent), sums: part('sums', named(list(number, maxTotals))) };
  });
  const history = {
    epoch: run('epochs', list(extent, maxEpochs)),
    history: run('history', named(list(number, maxEpochs))),
  };
  const names = run('kept', list(list(text, 1 << 20), 1 << 10));
  const kept = names.map((each, i) => {
    return new Map(each.map((name) => [name, keptValue(program, assets, i, name)]));
  });
  const progression = { epoch: run('epoch', extent), step: run('step', extent), means, history };
  return { progression: { ...progression, stopped: run('stopped', flag) }, variables, kept };
}

function keptValue(
  { variables }: Program,
  assets: ReadonlyMap<string, Uint8Array>,
  callback: number,
  name: string,
): NDArray {
  const bytes = assets.get(keptAsset(callback, name));
  const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
  const size = variable ? sizeOf(variable.shape) : 0;
  if (!variable || bytes?.length !== size * bytesPerElement[variable.dtype]) {
    throw new FormatError(asset, `the value of a variable is required for '${name}' of callback ${callback}.`);
  }
  const { dtype, shape } = variable;
  return { dtype, shape, data: viewOf(dtype, bytes.slice().buffer, 0, size) };
}

/** Throws `ArgumentError`, which lists all that differs, unless a file holds what is expected. */
export function requireSame(where: string, path: string, expected: Description, received: Description): void {
  const names = new Set([...Object.keys(expected), ...Object.keys(received)]);
  const valueOf = (description: Description, name: string): string =>
    (Object.hasOwn(description, name) ? description[name] : undefined) ?? 'none';
  const differences = [...names].flatMap((name) => {
    const [own, other] = [valueOf(expected, name), valueOf(received, name)];
    return own === other ? [] : [`${name}: ${own}, in the file ${other}`];
  });
  if (differences.length === 0) return;
  const required = `a checkpoint of this run is required. '${path}' differs in ${differences.length}`;
  throw new ArgumentError(where, `${required}: ${differences.join('; ')}.`);
}
