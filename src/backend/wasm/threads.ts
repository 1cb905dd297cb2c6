/** What an executable needs of the host to run on several threads. */
import { ABORT, GENERATION, STOP } from './control.js';

export interface ThreadStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The scratch of thread 1, 2, ...; 0 is the caller's. */
  readonly scratch: (thread: number) => number;
}

/** The workers of one executable. They take part in runs as soon as they are up; runs never wait for them to start. */
export interface ThreadPool {
  /** Workers that have not ended. */
  alive(): number;
  /** Why a worker failed, ready to stand in a message; empty when none has. */
  failure(): string;
  stop(): void;
}

export interface ThreadHost {
  /** Whether the calling thread may sleep: false on a browser's main thread. */
  readonly mayWait: boolean;
  start(count: number, start: ThreadStart): ThreadPool;
}

/** What a host sends to a worker. */
export interface WorkerStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly scratch: number;
}

/** What a host says of a worker that it started. */
export interface WorkerEvents {
  readonly failed: (reason: string) => void;
  readonly ended: () => void;
}

/** Sets a word of the control block and wakes every sleeper. */
function signal(memory: WebAssembly.Memory, word: number): void {
  const words = new Int32Array(memory.buffer);
  Atomics.store(words, word >> 2, 1);
  Atomics.notify(words, GENERATION >> 2);
}

/** Ends the workers of an executable that was dropped without being closed. */
const dropped = new FinalizationRegistry<WebAssembly.Memory>((memory) => signal(memory, STOP));

/** The pool of `count` workers that `spawn` starts. A worker that fails stops the run for everybody. */
export function startPool(
  count: number,
  { module, memory, scratch }: ThreadStart,
  spawn: (start: WorkerStart, events: WorkerEvents) => void,
): ThreadPool {
  let alive = count;
  let failure = '';
  const events: WorkerEvents = {
    failed: (reason) => {
      failure = `: ${reason}`;
      signal(memory, ABORT);
    },
    ended: () => alive--,
  };
  for (let thread = 1; thread <= count; thread++) spawn({ module, memory, scratch: scratch(thread) }, events);
  const pool: ThreadPool = { alive: () => alive, failure: () => failure, stop: () => signal(memory, STOP) };
  dropped.register(pool, memory);
  return pool;
}
