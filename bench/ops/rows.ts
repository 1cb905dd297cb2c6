/**
 * The rows of the suite `ops`: the cases of the op table that are worth timing, each kernel alone, without the copies of
 * inputs and outputs. A row is held against the roofline: the time that its multiply-adds take at this core's register peak,
 * or its bytes at the rate of a copy as large, whichever is longer.
 */
import type { Spread } from '../measure/statistics.js';

export interface OpRow {
  /** The op and the number of its case: `matmul/12`. */
  readonly id: string;
  /** `matmul f32 [64, 64], f32 [64, 64]` */
  readonly title: string;
  readonly result: OpResult | { readonly reason: string };
}

export interface OpResult {
  /** Seconds of the op's records. */
  readonly time: Spread;
  /** By the op's facet `cost`. */
  readonly multiplyAdds: number;
  readonly bytes: number;
  /** Multiply-adds a second, and bytes a second, that this core gave beside it. */
  readonly peak: number;
  readonly bandwidth: number;
}

/** Shorter rows are mostly the call into the module: they have a time and no share. */
const shortest = 20e-6;

/** What bounds a row, and what share of that bound it reaches; undefined where it is too short, or does not work. */
export function boundOf(
  result: OpResult,
): { readonly by: 'arithmetic' | 'memory'; readonly share: number } | undefined {
  const { time, multiplyAdds, bytes, peak, bandwidth } = result;
  const [arithmetic, memory] = [multiplyAdds / peak, bytes / bandwidth];
  if (time.median < shortest) return undefined;
  return { by: arithmetic > memory ? 'arithmetic' : 'memory', share: Math.max(arithmetic, memory) / time.median };
}
