/** The process of the suite `ops`: checks each case against the reference, then times it record by record. */
import { executeOp, fromHost } from '../../src/backend/reference/execute.js';
import { wasmBackend } from '../../src/backend/wasm/backend.js';
import { chooseModule } from '../../src/backend/wasm/modules-node.js';
import type { NDArray } from '../../src/core/ndarray.js';
import { printType } from '../../src/graph/names.js';
import type { Case } from '../../src/ops/definition.js';
import type { OpName } from '../../src/ops/schema.js';
import { casesTable } from '../../src/ops/tables/cases.js';
import { costTable } from '../../src/ops/tables/cost.js';
import { inputsOf, isVariable, programOf } from '../../tests/support/cases.js';
import { differences } from '../../tests/support/compare.js';
import { bandwidth } from '../measure/bandwidth.js';
import { peakOf } from '../measure/peak-node.js';
import { spreadOf } from '../measure/statistics.js';
import type { OpsAnswer, OpsRequest } from './messages.js';
import type { OpResult } from './rows.js';

const module = chooseModule('train');
const backend = wasmBackend({ module });
const peak = peakOf(module === 'train-relaxed' ? 'relaxed' : 'simd');

const say = (answer: OpsAnswer): boolean | undefined => process.send?.(answer);

/** Runs of a case until the engine's better compiler had its turn, and as many as fit into the time. */
async function measure<N extends OpName>(op: N, each: Case<N>, index: number, seconds: number) {
  const inputs = inputsOf(each, index);
  const executable = await backend.compile(programOf(op, [each], 'weights'));
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
    const runs = Math.max(5, Math.min(200, Math.floor((seconds * 1000 * calls) / (performance.now() - begin))));
    const before = peak.measure('float');
    const { records } = await executable.time('case0', feeds, { runs });
    const all = Array.from({ length: runs }, (_, run) => records.reduce((sum, { ms }) => sum + (ms[run] ?? NaN), 0));
    const { multiplyAdds, bytes } = costTable[op](each.attrs, given, expected);
    return {
      time: spreadOf(all.map((ms) => ms / 1000)),
      multiplyAdds,
      bytes,
      peak: Math.max(before, peak.measure('float')),
      bandwidth: bandwidth(bytes),
    } satisfies OpResult;
  } finally {
    executable.close();
  }
}

async function measureOp<N extends OpName>(op: N, seconds: number): Promise<void> {
  const cases: readonly Case<N>[] = casesTable[op]();
  for (const [index, each] of cases.entries()) {
    if (!each.bench) continue;
    const inputs = each.inputs.map(printType).join(', ');
    const attrs = JSON.stringify(each.attrs);
    const title = [op, attrs === '{}' || attrs.length > 90 ? '' : attrs, inputs]
      .filter((part) => part !== '')
      .join(' ');
    const result = await measure(op, each, index, seconds).catch((error: unknown) => {
      return { reason: `failed: ${error instanceof Error ? error.message : String(error)}` };
    });
    say({ row: { id: `${op}/${index}`, title, result } });
  }
}

process.on('message', ({ ops, seconds }: OpsRequest) => {
  void (async () => {
    for (const op of ops) await measureOp(op, seconds);
    say({ done: backend.name.replace('wasm train-', 'Quern, ') });
    process.disconnect();
  })();
});
