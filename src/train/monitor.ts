/** Watches one number of the logs for improvement; what callbacks that wait have in common. */
import { ArgumentError } from '../core/errors.js';
import type { Logs } from './progress.js';

export interface MonitorOptions {
  /** Default `valLoss`. */
  readonly monitor?: string;
  /** Whether less or more is better; unless said, less for losses and errors, and more for all else. */
  readonly mode?: 'min' | 'max';
  /** A change of no more than this is no improvement (default 0). */
  readonly minDelta?: number;
}

export class Monitor {
  readonly #name: string;
  readonly #sign: number;
  readonly #minDelta: number;
  #best = -Infinity;

  constructor(
    private readonly where: string,
    { monitor = 'valLoss', mode = modeOf(monitor), minDelta = 0 }: MonitorOptions,
  ) {
    if (!(minDelta >= 0 && minDelta < Infinity)) {
      throw new ArgumentError(where, `a finite minDelta that is not negative is required. Received ${minDelta}.`);
    }
    this.#name = monitor;
    this.#sign = mode === 'max' ? 1 : -1;
    this.#minDelta = minDelta;
  }

  /** Whether the logs hold a better number than all before. NaN never is. */
  improves(logs: Logs): boolean {
    const value = Object.hasOwn(logs, this.#name) ? logs[this.#name] : undefined;
    if (value === undefined) {
      const names = Object.keys(logs).join(', ');
      throw new ArgumentError(this.where, `a monitor among ${names} is required. Received '${this.#name}'.`);
    }
    if (!(value * this.#sign - this.#minDelta > this.#best)) return false;
    this.#best = value * this.#sign;
    return true;
  }
}

const modeOf = (monitor: string): 'min' | 'max' =>
  /loss|error|crossentropy|divergence|huber|hinge/i.test(monitor) ? 'min' : 'max';

/** Throws `ArgumentError` unless `value` counts epochs. */
export function requireEpochs(where: string, name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ArgumentError(where, `${name} must be an integer of at least ${least}. Received ${value}.`);
}
