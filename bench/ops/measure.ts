/** The suite `ops`, in a fresh process. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { OpName } from '../../src/ops/schema.js';
import { casesTable } from '../../src/ops/tables/cases.js';
import { engineFlags } from '../process/node.js';
import type { OpsAnswer } from './messages.js';
import type { OpRow } from './rows.js';

export interface MeasuredOps {
  /** The module that ran, or how its process ended before all rows were done. */
  readonly version: string;
  readonly rows: readonly OpRow[];
}

/** Ops that have kernels: the others only name what is there in another way. */
export const timedOps: readonly OpName[] = (Object.keys(casesTable) as OpName[]).filter((op) =>
  casesTable[op]().some(({ bench }) => bench),
);

/** Measures the ops' cases that are worth timing, `seconds` each; `seen` hears of each row as it is done. */
export function measureOps(ops: readonly OpName[], seconds: number, seen: (row: OpRow) => void): Promise<MeasuredOps> {
  return new Promise((resolve) => {
    const rows: OpRow[] = [];
    let version: string | undefined;
    const process = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [], {
      execArgv: engineFlags,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    process.on('message', (answer: OpsAnswer) => {
      if ('done' in answer) version = answer.done;
      else {
        rows.push(answer.row);
        seen(answer.row);
      }
    });
    process.on('exit', (code, signal) =>
      resolve({ version: version ?? `its process ended with ${signal ?? code}`, rows }),
    );
    process.send({ ops, seconds });
  });
}
