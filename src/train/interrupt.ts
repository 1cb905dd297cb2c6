/** Ctrl-C while a run keeps checkpoints: the run ends between two steps, after it was saved. */
import { AbortedError } from '../core/errors.js';

/** What shells report for a program that SIGINT ended. */
const exitCode = 130;

export class Interrupt {
  /** Whether the signal came. */
  received = false;
  readonly #hear = (): void => {
    this.received = true;
  };

  constructor() {
    globalThis.process?.on?.('SIGINT', this.#hear);
  }

  /** Hears no more. */
  close(): void {
    globalThis.process?.off?.('SIGINT', this.#hear);
  }

  /**
   * Ends a run that was interrupted and saved: the program exits with 130, as it would have without us; one that listens
   * to SIGINT itself gets an `AbortedError` instead.
   */
  end(path: string): void {
    if (!this.received) return;
    const error = new AbortedError('fit', `SIGINT ended the run. It is saved in '${path}' and goes on from there.`);
    if (process.listenerCount('SIGINT') > 0) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCode);
  }
}
