/**
 * The seam between programs and machines. A backend compiles a program's graphs and runs them on host arrays. It never
 * knows gradients, layers or files; it owns the variables' memory. Host arrays go in and come out: no device tensors.
 */
import type { NDArray } from '../core/ndarray.js';
import type { Named } from '../core/tree.js';
import type { Extents } from '../core/shape.js';
import type { Graph, Program } from '../graph/program.js';

export interface CompileOptions {
  /** The graphs to compile; all unless said. */
  readonly graphs?: readonly string[];
  /** Lower bounds for symbols than the program states: smaller arenas. */
  readonly bounds?: Named<number>;
  /** Sessions to reserve memory for (default 1 when the program has session variables). */
  readonly sessions?: number;
  /** Bytes that the executable may take; above it compilation throws `MemoryError` with the figures. */
  readonly memoryLimit?: number;
}

/** How a graph is run. */
export interface RunOptions {
  /** The session whose variables the run reads and updates; the default session unless said. */
  readonly session?: Session;
  /** Check every node's output and throw `NumericsError` with the first that holds a NaN or an infinity. Slow. */
  readonly checkFinite?: boolean;
  /**
   * Arrays to write outputs into, by the output's name, such as those of the run before: a run that makes no arrays is a
   * faster one. They are returned as those outputs; the others are returned in arrays of their own. Each is of its output's
   * dtype and shape, in memory that no other of them lies in; it may lie in a feed's, which is read before. A run that
   * throws leaves them as they were.
   */
  readonly outputs?: Named<NDArray>;
}

export interface TimingOptions {
  /** As in `RunOptions`. */
  readonly session?: Session;
  /** Runs that are timed (default 20), after some that are not. */
  readonly runs?: number;
}

/** How long a piece of a run took. */
export interface RecordTiming {
  /** What computes it: a kernel, or an op of the reference. */
  readonly kernel: string;
  /**
   * The nodes whose work it does, by their index: the one that it computes, then those fused into it. None for what moves
   * values around the graph, such as the storing of updates.
   */
  readonly nodes: readonly number[];
  /** Milliseconds, one number for each run. */
  readonly ms: readonly number[];
}

/** How long runs of a graph took, whole and record by record. */
export interface Timing {
  /** The graph as the backend runs it, after its passes: what the nodes of the records are of. */
  readonly graph: Graph;
  /** What the symbols stood for. */
  readonly extents: Extents;
  /** In the order in which they run. */
  readonly records: readonly RecordTiming[];
  /** Milliseconds of whole runs, feeds and outputs included. */
  readonly ms: readonly number[];
}

/** One user's copy of the session variables. */
export interface Session {
  readonly bytes: number;
  close(): void;
}

/** What an executable holds, and what runs it. */
export interface Stats {
  /** Bytes of memory the executable holds, stated at compile: the peak. */
  readonly peakBytes: number;
  readonly sessionBytes: number;
  /** What runs it, such as `wasm infer-relaxed, 2 threads`. */
  readonly description: string;
}

/** A compiled program. */
export interface Executable {
  /**
   * Runs a graph. Symbols take their extents from the feeds' shapes. Throws `ArgumentError`, `ShapeError` or `DTypeError`
   * for feeds that are not the graph's inputs and arrays that are not for its outputs, `IndexError` for an index from data
   * that is out of range, `NumericsError` where `checkNumerics` fails; a run that throws leaves every variable as it was
   * when it updates them at its end.
   */
  run(graph: string, feeds: Named<NDArray>, options?: RunOptions): Promise<Record<string, NDArray>>;
  /**
   * Times a graph: whole runs, and runs in which the clock is read after every record. Throws as `run` does. Every run
   * counts, those that come before the timed ones too: it updates what the graph updates.
   */
  time(graph: string, feeds: Named<NDArray>, options?: TimingOptions): Promise<Timing>;
  getVariable(name: string, session?: Session): NDArray;
  setVariable(name: string, value: NDArray, session?: Session): void;
  createSession(): Session;
  stats(): Stats;
  close(): void;
}

/** A machine that programs are compiled for. */
export interface Backend {
  readonly name: string;
  /** Throws `MemoryError`, `UnsupportedError` (naming every op that is missing), never at run time. Variables start at zero. */
  compile(program: Program, options?: CompileOptions): Promise<Executable>;
}
