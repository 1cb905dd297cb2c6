/**
 * What every contender is: an engine that prepares a task and runs it, from host arrays to host arrays. One that can write
 * results into arrays that are given is given the same at every run.
 */
import type { Task } from '../tasks/work.js';

/** What an engine gives up where it cannot do a work exactly. */
export interface Rounding {
  /** Beside the time in the report: "rounds its input to 8 bits". */
  readonly note: string;
  /** How far its result may be apart for that, as a share of the largest element. */
  readonly tolerance: number;
}

export interface Prepared {
  /** The work, once; a promise where the engine has no other way. */
  readonly run: () => unknown;
  readonly isAsync: boolean;
  /** The result of a run, in the order of dimensions that the task states. */
  readonly result: () => Promise<Float32Array>;
  readonly close: () => void;
  readonly rounding?: Rounding;
}

export interface Contender {
  /** The engine, its version and what it runs on: `onnxruntime-web 1.30.0`. */
  readonly version: string;
  /** Throws `Unable` for a task that the engine cannot do. */
  readonly prepare: (task: Task) => Promise<Prepared>;
}

/** Makes a contender in its own process. Throws `Unable` where it cannot run at all. */
export type ContenderMaker = () => Promise<Contender>;

/** Why a contender has no figure in a row. The message is what the report prints: "cannot train convolutions". */
export class Unable extends Error {}

/** A peer's package, which is installed beside these files. Throws `Unable` where it is not. */
export async function importPeer<T>(name: string): Promise<T> {
  try {
    return (await import(name)) as T;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ERR_MODULE_NOT_FOUND') throw new Unable('not installed');
    throw new Unable(`does not start: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** [n, h, w, c] -> [n, c, h, w], for any sizes of the pixels. */
export function channelsFirst(data: Float32Array, n: number, pixels: number, channels: number): Float32Array {
  const turned = new Float32Array(data.length);
  for (let image = 0; image < n; image++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        turned[(image * channels + channel) * pixels + pixel] =
          data[(image * pixels + pixel) * channels + channel] ?? NaN;
      }
    }
  }
  return turned;
}

/** [n, c, h, w] -> [n, h, w, c] */
export const channelsLast = (data: Float32Array, n: number, channels: number, pixels: number): Float32Array =>
  channelsFirst(data, n, channels, pixels);

/** A kernel [taps, inputs, outputs] -> [outputs, inputs, taps]. */
export function outputsFirst(data: Float32Array, taps: number, inputs: number, outputs: number): Float32Array {
  const turned = new Float32Array(data.length);
  for (let tap = 0; tap < taps; tap++) {
    for (let input = 0; input < inputs; input++) {
      for (let output = 0; output < outputs; output++) {
        turned[(output * inputs + input) * taps + tap] = data[(tap * inputs + input) * outputs + output] ?? NaN;
      }
    }
  }
  return turned;
}

/** [rows, columns] -> [columns, rows] */
export const transposed = (data: Float32Array, rows: number, columns: number): Float32Array =>
  channelsFirst(data, 1, rows, columns);
