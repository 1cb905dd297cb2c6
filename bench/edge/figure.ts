/** A figure that is not a rate: a time of a whole process, or a size. */
import type { Spread } from '../measure/statistics.js';

export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly unit: 'seconds' | 'bytes';
  /** What each contender has, or why it has none. */
  readonly cells: Readonly<Record<string, { readonly value: Spread } | { readonly reason: string }>>;
}
