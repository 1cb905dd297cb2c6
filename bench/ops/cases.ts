/** The cases of an op that are worth timing: each is checked against the reference, then timed record by record. */
import { executeOp, fromHost } from '../../src/backend/reference/execute.js';
import type { WasmExecutable } from '../../src/backend/wasm/executable.js';
import type { NDArray } from '../../src/core/ndarray.js';
import { printType } from '../../src/graph/names.js';
import type { Program } from '../../src/graph/program.js';
import type { Case } from '../../src/ops/definition.js';
import type { OpName } from '../../src/ops/schema.js';
import { casesTable } from '../../src/ops/tables/cases.js';
import { costTable } from '../../src/ops/tables/cost.js';
import { inputsOf, isVariable, programOf } from '../../tests/support/cases.js';
import { differences } from '../../tests/support/compare.js';
import { bandwidth } from '../measure/bandwidth.js';
import { leastTicks } from '../measure/clock.js';
import type { Peak } from '../measure/peak.js';
import { spreadOf } from '../measure/statistics.js';
import type { OpResult, OpRow } from './rows.js';

/** Where the cases run. */
export interface OpsPlace {
  /** On a module that trains. */
  readonly compile: (program: Program) => WasmExecutable | Promise<WasmExecutable>;
  readonly peak: Peak;
  /** Milliseconds that its clock steps by. */
  readonly tick: number;
}

/** Runs of a case: the fewest, the most, and the most by a clock that does not tell a single one. */
const [fewest, most, mostUntold] = [5, 200, 5000];

/**
 * Milliseconds of a run, from those of many, each of which a coarse clock may round to nothing: means of as many as the
 * clock can tell.
 */
export function meansOf(runs: readonly number[], tick: number): number[] {
  const means: number[] = [];
  let [sum, count] = [0, 0];
  for (const ms of runs) {
    sum += ms;
    count++;
    if (sum < leastTicks * tick) continue;
    means.push(sum / count);
    [sum, count] = [0, 0];
  }
  return means.length > 0 ? means : [sum / count];
}

/** Runs of a case until the engine's better compiler had its turn, and as many as fit into the time. */
async function measure<N extends OpName>(op: N, each: Case<N>, index: number, seconds: number, place: OpsPlace) {
  const { peak, tick } = place;
  const inputs = inputsOf(each, index);
  const executable = await place.compile(programOf(op, [each], 'weights'));
  try {
    const feeds: Record<string, NDArray> = {};
    inputs.forEach((input, position) => {
      if (isVariable('weights', position)) executable.setVariable(`case0/x${position}`, input);
      else feeds[`x${position}`] = input;
    });
    const actual = executable.runSync('case0', feeds);
    const given = inputs.map(fromHost);
    const expected = executeOp(op, each.attrs, given);
    for (const [position, output] of expected.entries()) {
      const received = actual[`y${position}`];
      const [wrong] = received ? differences(output, received, each.tolerance) : [' is missing'];
      if (wrong !== undefined) return { reason: `another result than the reference: output ${position}${wrong}` };
    }
    const begin = performance.now();
    let calls = 0;
    while (calls < 60 && performance.now() - begin < 1000 * seconds) {
      executable.runSync('case0', feeds);
      calls++;
    }
    const once = Math.max(performance.now() - begin, tick) / calls;
    const enough = once > leastTicks * tick ? most : mostUntold;
    const runs = Math.max(fewest, Math.min(enough, Math.floor((seconds * 1000) / once)));
    const before = peak.measure('float');
    const { records } = await executable.time('case0', feeds, { runs });
    const all = Array.from({ length: runs }, (_, run) => records.reduce((sum, { ms }) => sum + (ms[run] ?? NaN), 0));
    const { multiplyAdds, bytes } = costTable[op](each.attrs, given, expected);
    return {
      time: spreadOf(meansOf(all, tick).map((ms) => ms / 1000)),
      multiplyAdds,
      bytes,
      peak: Math.max(before, peak.measure('float')),
      bandwidth: bandwidth(bytes, Math.max(1, leastTicks * tick)),
    } satisfies OpResult;
  } finally {
    executable.close();
  }
}

/** Measures those cases of an op, `seconds` each; `say` hears of each as it is done. */
export async function measureCases<N extends OpName>(
  op: N,
  seconds: number,
  place: OpsPlace,
  say: (row: OpRow) => unknown,
): Promise<void> {
  const cases: readonly Case<N>[] = casesTable[op]();
  for (const [index, each] of cases.entries()) {
    if (!each.bench) continue;
    const inputs = each.inputs.map(printType).join(', ');
    const attrs = JSON.stringify(each.attrs);
    const title = [op, attrs.length > 90 ? '' : attrs.replace(/[{}"]/g, ''), inputs]
      .filter((part) => part !== '')
      .join(' ');
    const result = await measure(op, each, index, seconds, place).catch((error: unknown) => {
      return { reason: `failed: ${error instanceof Error ? error.message : String(error)}` };
    });
    say({ id: `${op}/${index}`, title, result });
  }
}
