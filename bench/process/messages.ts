/** What the parent asks of a contender's process, one thing at a time, and what it answers. */
import type { Rounding } from '../peers/contender.js';

export type Request =
  | { readonly ask: 'start'; readonly contender: string; readonly threads: number }
  | { readonly ask: 'prepare'; readonly work: string }
  | { readonly ask: 'time'; readonly seconds: number }
  | { readonly ask: 'close' };

export interface Timed {
  /** Seconds of one run, a number for each sample. */
  readonly samples: readonly number[];
  /** Multiply-adds a second that this core gave just before and after, by registers alone; of our own modules only. */
  readonly peaks: readonly number[];
}

export type Answer =
  | { readonly version: string }
  | {
      readonly result: Float32Array;
      readonly rounding?: Rounding;
      /** Seconds of a run that is too long to be timed again. */
      readonly once?: number;
    }
  | { readonly timed: Timed }
  | { readonly closed: true }
  /** The contender cannot do it, and says why. */
  | { readonly unable: string };
