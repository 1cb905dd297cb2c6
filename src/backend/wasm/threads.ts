/** What an executable needs of the host to run on several threads. */

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
