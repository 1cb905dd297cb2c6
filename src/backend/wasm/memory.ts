/** Where buffers lie in an arena: buffers whose lives overlap never share bytes. */

/** A buffer that is needed from group `first` to group `last` of a plan's records, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export const ALIGNMENT = 64;

export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/**
 * An offset for each buffer, and the bytes that all of them need. The largest is placed first, each at the lowest
 * place that is free for its whole life (greedy by size: Pisarchyk and Lee, "Efficient Memory Management for Deep
 * Neural Net Inference", 2020).
 */
export function layOut(buffers: readonly Lifetime[]): { readonly offsets: readonly number[]; readonly bytes: number } {
  const offsets = new Array<number>(buffers.length).fill(0);
  const order = buffers.map((_, index) => index).sort((a, b) => sizeAt(buffers, b) - sizeAt(buffers, a) || a - b);
  const placed: { readonly start: number; readonly end: number; readonly first: number; readonly last: number }[] = [];
  let bytes = 0;
  for (const index of order) {
    const buffer = buffers[index] as Lifetime;
    const size = aligned(buffer.bytes);
    if (size === 0) continue;
    let start = 0;
    for (const other of placed) {
      if (other.last < buffer.first || other.first > buffer.last) continue;
      if (other.start >= start + size) break;
      start = Math.max(start, other.end);
    }
    const at = placed.findIndex((other) => other.start > start);
    placed.splice(at < 0 ? placed.length : at, 0, { start, end: start + size, first: buffer.first, last: buffer.last });
    offsets[index] = start;
    bytes = Math.max(bytes, start + size);
  }
  return { offsets, bytes };
}

const sizeAt = (buffers: readonly Lifetime[], index: number): number => buffers[index]?.bytes ?? 0;
