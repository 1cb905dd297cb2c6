// What every kernel may use of the machine that runs it: the thread's scratch, and the word that stops a run.
// The control block lies at [64, 1024): addresses below are absolute and known to the host.

/** The first failure of a run: 0, or the code of `fail`. */
export const STATUS: usize = 64;
/** The record that failed, and the value that it found. */
export const STATUS_RECORD: usize = 68;
export const STATUS_VALUE: usize = 72;

// With threads. GENERATION counts the runs: even while one may be walked, odd while FIRST and LAST change.
export const GENERATION: usize = 128;
export const FIRST: usize = 132;
export const LAST: usize = 136;
/** The sync area of the plans: 128 bytes for each record, by its number. */
export const SYNC: usize = 140;
/** Threads that take part in runs, the caller's included. */
export const RUNNING_THREADS: usize = 144;
/** Whether the calling thread may sleep: 0 on a browser's main thread. */
export const MAY_WAIT: usize = 148;
/** Set by the host to end the workers. */
export const STOP: usize = 152;
/** Set when a thread died inside a run; every wait looks at it. */
export const ABORT: usize = 192;
/** Workers asleep between runs; threads asleep inside one; workers inside one. */
export const SLEEPERS: usize = 256;
export const WAITERS: usize = 320;
export const ACTIVE: usize = 384;

/** An index taken from data is out of range; the value is the index. */
export const BAD_INDEX: i32 = 1;
/** A number is NaN or infinite; the value is the element's position. */
export const NOT_FINITE: i32 = 2;

let scratchAddress: usize = 0;
let currentRecord: i32 = 0;

/** This thread's scratch, 64-byte aligned. */
// @ts-ignore: decorator
@inline
export function scratch(): usize {
  return scratchAddress;
}

/** Points this instance at its scratch. Called once by the interpreter, for each run. */
export function setScratch(address: usize): void {
  scratchAddress = address;
}

/** The record that this instance is working on, for `fail`. */
export function setRecord(record: i32): void {
  currentRecord = record;
}

/** Stops the run at the end of this record. The first failure wins. */
export function fail(code: i32, value: i32): void {
  if (ASC_FEATURE_THREADS ? atomic.cmpxchg<i32>(STATUS, 0, code) == 0 : load<i32>(STATUS) == 0) {
    store<i32>(STATUS_RECORD, currentRecord);
    store<i32>(STATUS_VALUE, value);
    store<i32>(STATUS, code);
  }
}
