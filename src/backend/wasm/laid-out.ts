/**
 * A program that has been laid out: all that running it asks for, as plain data. It says nothing of threads, nor of how
 * many sessions there are: what they take lies behind what is laid out, so one layout serves any number of both.
 *
 *   [0, 64) never used   [64, 1024) control block   [1024, 4096) constants
 *   plans | variables | packed copies | activations || sessions | sync words of the records | scratch of the threads
 */
import type { Dim } from '../../core/shape.js';
import type { Named } from '../../core/tree.js';
import type { TensorType } from '../../ops/tensor.js';
import type { Requirement } from '../extents.js';

/** Where the records begin: behind the control block and the constants. */
export const PLANS = 4096;

/** A value in memory: `at` is its address, that of the first session's where it exists once for each. */
export interface PlacedValue extends TensorType {
  readonly at: number;
  readonly session: boolean;
}

/** A variable in memory. */
export interface PlacedVariable extends PlacedValue {
  readonly shape: readonly number[];
}

/** A word that depends on the extents, on where the session lies, or on both: `dim` beyond `base`. */
export interface Patch {
  readonly at: number;
  readonly dim: Dim;
  readonly base: number;
  readonly session: boolean;
}

/** The records of a graph, and what surrounds a run of them. */
export interface LaidOutGraph {
  readonly inputs: Named<PlacedValue>;
  readonly outputs: Named<PlacedValue>;
  readonly requirements: readonly Requirement[];
  /** The records to run when some packed copy is stale start at `prepare`; otherwise at `body`. All end at `end`. */
  readonly prepare: number;
  readonly body: number;
  readonly end: number;
  readonly patches: readonly Patch[];
  /** The packed copies that it reads, and those that its updates make stale, by their number. */
  readonly reads: readonly number[];
  readonly spoils: readonly number[];
  /** The number of its first record, and for each record the name of the node that it works for, for messages. */
  readonly first: number;
  readonly names: readonly string[];
}

/** How many bytes each part of the memory takes; of sessions and scratch, one. */
export interface Regions {
  readonly plans: number;
  readonly variables: number;
  readonly packed: number;
  readonly activations: number;
  readonly session: number;
  readonly scratch: number;
}

export interface LaidOut {
  /** The largest extent of each symbol. */
  readonly bounds: Named<number>;
  readonly variables: Named<PlacedVariable>;
  readonly graphs: Named<LaidOutGraph>;
  /** How many packed copies, and how many records, all graphs have. */
  readonly copies: number;
  readonly records: number;
  readonly regions: Regions;
  /** The words of records and tables from `PLANS` on, as first written: symbols at zero, the first session. */
  readonly words: Uint32Array;
}
