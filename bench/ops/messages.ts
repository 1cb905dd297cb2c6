/** What the process of the suite `ops` is asked once, and what it says for each row. */
import type { OpName } from '../../src/ops/schema.js';
import type { OpRow } from './rows.js';

export interface OpsRequest {
  readonly ops: readonly OpName[];
  /** Of each row. */
  readonly seconds: number;
}

export type OpsAnswer = { readonly row: OpRow } | { readonly done: string };
