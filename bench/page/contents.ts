/** What the build puts into a page beside its script: data that the browser does not run. */
import type { Pace } from '../process/rows.js';
import type { Expected } from './expected.js';

export interface Contents {
  /** Of Quern. */
  readonly version: string;
  readonly pace: Pace;
  /** The rows in their order, and what each must give. */
  readonly rows: readonly { readonly id: string; readonly expected: Expected }[];
}

/** In base64, each in an element of its name. */
export const moduleNames = ['infer-relaxed', 'infer-simd', 'peak-relaxed', 'peak-simd'] as const;

/** The worker's script. */
export const workerElement = 'worker';

export const contentsElement = 'contents';
