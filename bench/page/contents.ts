/** What the build puts into a page beside its script: data that the browser does not run. */
import type { OpsRequest } from '../ops/messages.js';
import type { Pace } from '../process/rows.js';
import type { Expected } from './expected.js';

export interface Contents {
  /** Of Quern. */
  readonly version: string;
  readonly pace: Pace;
  /** The rows in their order, and what each must give. */
  readonly rows: readonly { readonly id: string; readonly expected: Expected }[];
  readonly ops?: OpsRequest;
  /** Why names that were asked for are not measured here. */
  readonly refused: Readonly<Record<string, string>>;
}

/** The workers' scripts: of contenders, and of the suite `ops`. */
export const workerElement = 'worker';
export const opsWorkerElement = 'ops-worker';

export const contentsElement = 'contents';
