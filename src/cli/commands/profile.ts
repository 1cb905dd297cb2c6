/** `quern profile`: where the time of a model file's run goes, by record, layer and op. */
import { wasmBackend } from '../../backend/wasm/backend.js';
import { ArgumentError } from '../../core/errors.js';
import { mapNamed } from '../../core/tree.js';
import { loadFrozenModel } from '../../train/frozen.js';
import { loadModel } from '../../train/model.js';
import { type Profilable, type Profile, profile, type Total, type Work } from '../../train/profile.js';
import { batchSymbol } from '../../train/runtime.js';
import { integer, jsonOption, threadsOption } from '../options.js';
import { bytes, columns, milliseconds, outputOf, percent, table } from '../output.js';
import type { Command } from '../vendor.js';

interface ProfileOptions {
  readonly graph: string;
  readonly batch: number;
  readonly threads: number;
  readonly runs: number;
  readonly checkFinite?: boolean;
  readonly json?: boolean;
}

export function addProfile(program: Command): void {
  program
    .command('profile')
    .description('time a model file record by record, and map the time to layers and ops')
    .argument('<file>', 'a model file')
    .option('--graph <name>', 'the graph to run: predict, trainStep, or another of the file', 'predict')
    .option('--batch <n>', 'examples in one run', integer(1), 1)
    .addOption(threadsOption())
    .option('--runs <n>', 'runs that are timed', integer(1, 1_000_000), 20)
    .option('--check-finite', 'first run once with every value checked, to name the first node that makes a NaN')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nA file with layers trains with adam; its loss is sparseCategoricalCrossentropy where the output has several columns,\n' +
        'else meanSquaredError.',
    )
    .action(run);
}

async function run(path: string, { json, batch, graph, runs, threads, checkFinite = false }: ProfileOptions) {
  const model = await open(path, graph, threads, batch);
  const result = await profile(model, { graph, batchSize: batch, runs, checkFinite });
  outputOf(json).result(result, describe(result));
}

/** The model of a file; one that is to train and whose file has no graph for it is made from its layers. */
async function open(path: string, graph: string, threads: number, batch: number): Promise<Profilable> {
  const backend = wasmBackend({ training: graph !== 'predict', threads });
  const frozen = await loadFrozenModel(path, { backend });
  const { symbols, graphs } = frozen.program;
  const bound = symbols[batchSymbol]?.max ?? Infinity;
  if (batch > bound) {
    throw new ArgumentError(
      'profile',
      `a batch of at most ${bound}, the file's bound, is required. Received ${batch}.`,
    );
  }
  if (graph !== 'trainStep' || Object.hasOwn(graphs, graph)) return frozen;
  const model = await loadModel(path, { backend });
  const loss = mapNamed(frozen.signature.outputs, ({ shape }) =>
    Number(shape.at(-1)) > 1 ? ('sparseCategoricalCrossentropy' as const) : ('meanSquaredError' as const),
  );
  model.compile({ optimizer: 'adam', loss });
  return model;
}

const gflops = ({ gflops: rate }: Pick<Work, 'gflops'>): string => (rate === 0 ? '' : rate.toFixed(rate < 10 ? 2 : 1));

const time = (ms: number): string => (ms < 10 ? `${(1000 * ms).toFixed(ms < 0.1 ? 1 : 0)} µs` : milliseconds(ms));

function describe({ nodes, layers, ops, msOfRecords, ...whole }: Profile): string {
  const share = (ms: number): string => percent(msOfRecords === 0 ? 0 : ms / msOfRecords);
  const figures = (work: Work): string[] => [time(work.ms), share(work.ms), gflops(work), bytes(work.bytes)];
  const names = ['time', 'share', 'GFLOP/s', 'bytes'];
  const totals = (title: string, rows: readonly Total[]): string =>
    columns(
      [title, ...names],
      rows.map((row) => [row.name, ...figures(row)]),
    );
  const records = nodes.flatMap((node) => {
    const [only, ...more] = node.records;
    const fused = node.fused.length > 0 ? `, with ${node.fused.join(', ')}` : '';
    const kernel = more.length === 0 ? (only?.kernel ?? '') : `${node.records.length} records`;
    const parts = more.length === 0 ? [] : node.records;
    return [
      [node.layers.join(' + '), `${node.name}${fused}`, kernel, ...figures(node)],
      ...parts.map((part) => ['', '', `  ${part.kernel}`, time(part.ms), share(part.ms), '', '']),
    ];
  });
  return [
    columns(['layer', 'node', 'kernel', ...names], records, 3),
    totals('layer', layers),
    totals('op', ops),
    table([
      ['graph', whole.graph],
      ['batch', String(whole.batchSize)],
      ['engine', whole.engine],
      ['peak memory', bytes(whole.peakBytes)],
      [`one run, median of ${whole.runs}`, milliseconds(whole.ms)],
      ['sum of the records', milliseconds(msOfRecords)],
      ['multiply-adds', whole.multiplyAdds.toLocaleString('en-US')],
      ['GFLOP/s', gflops(whole) || '0'],
    ]),
  ].join('\n\n');
}
