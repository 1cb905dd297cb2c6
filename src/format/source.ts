/**
 * Where a file's bytes come from. A parser is a generator: it asks for ranges, is handed their bytes and returns what it
 * made of them. So it is written once and runs at once over memory (a Worker's model, an open file) or with waits over a
 * network.
 */
import { FormatError } from '../core/errors.js';

export interface ByteSource {
  /** Bytes in the whole file. */
  readonly size: number;
  /** The bytes of a range within the file; a view is as good as a copy. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}

/** A source that has its bytes at hand. */
export interface SyncByteSource extends ByteSource {
  read(offset: number, length: number): Uint8Array;
}

export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** A parser that asks for ranges and returns a `T`. */
export type Reading<T> = Generator<Range, T, Uint8Array>;

/** A file that lies in memory; ranges are views of it. */
export function memorySource(bytes: Uint8Array | ArrayBuffer): SyncByteSource {
  const whole = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  return { size: whole.length, read: (offset, length) => whole.subarray(offset, offset + length) };
}

export function readSync<T>(source: SyncByteSource, reading: Reading<T>): T {
  let step = reading.next();
  while (!step.done) {
    const { offset, length } = step.value;
    step = reading.next(whole(step.value, source.read(offset, length)));
  }
  return step.value;
}

export async function readAsync<T>(source: ByteSource, reading: Reading<T>): Promise<T> {
  let step = reading.next();
  while (!step.done) {
    const { offset, length } = step.value;
    step = reading.next(whole(step.value, await source.read(offset, length)));
  }
  return step.value;
}

function whole(range: Range, bytes: Uint8Array): Uint8Array {
  if (bytes.length === range.length) return bytes;
  const { offset, length } = range;
  throw new FormatError('source', `${length} bytes at offset ${offset} are required. Received ${bytes.length}.`);
}
