/** The control block's words, as assembly/runtime.ts lays them out. */

export const STATUS = 64;
export const STATUS_RECORD = 68;
export const STATUS_VALUE = 72;
export const GENERATION = 128;
export const SYNC = 140;
export const RUNNING_THREADS = 144;
export const MAY_WAIT = 148;
export const STOP = 152;
export const ABORT = 192;

/** Codes of STATUS. */
export const BAD_INDEX = 1;
export const NOT_FINITE = 2;
