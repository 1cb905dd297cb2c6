/** The suites of the report: what is measured, and who takes part unless the command says. */
import { coldStarts } from './edge/cold.js';
import type { Figure } from './edge/figure.js';
import { sizes } from './edge/sizes.js';
import { compareRow } from './compare/rows.js';
import type { Revision } from './compare/revision.js';
import { keepBusy } from './process/busy.js';
import { playerOf } from './process/places.js';
import type { Pace, Row } from './process/rows.js';
import { type Measured, measureWith } from './process/suite.js';
import { type Suite, type Work, works } from './tasks/work.js';

export type { Measured };

export type SuiteName = Suite | 'edge';

/** Engines that run in the same place and are there to be beaten. */
export const peersInNode = ['onnxruntime-web', 'tfjs-wasm', 'jax-js'];

/** The native engine is a yardstick: what this machine can do without WebAssembly. */
const everyone = ['quern', 'quern-simd', ...peersInNode, 'onnxruntime-node'];

export const contendersOf: Readonly<Record<Suite, readonly string[]>> = {
  kernels: everyone,
  models: everyone,
  training: ['quern', 'quern-simd', 'jax-js'],
  threads: ['quern', 'quern@2', 'onnxruntime-node@2'],
};

/** Who is held against the same of another revision. */
export const comparedOf: Readonly<Record<Suite, readonly string[]>> = {
  kernels: ['quern'],
  models: ['quern'],
  training: ['quern'],
  threads: ['quern', 'quern@2'],
};

/** Contenders that take minutes for a row, by suite. */
export const slowContendersOf: Readonly<Partial<Record<Suite, readonly string[]>>> = { training: ['tfjs-cpu'] };

/** The rows of `--quick` unless some are named: one of each kind. */
export const quickRows: readonly string[] = [
  ...['matmul-64', 'matmul-512', 'matvec-1024', 'int8-512', 'conv-3x3', 'conv-1x1', 'depthwise', 'softmax'],
  ...['layerNormalization', 'lstm-1', 'attention-128', 'mnist-1', 'mnist-64', 'mnist-step', 'matmul-512-threads'],
];

/** And its contenders. */
export const quickContendersOf = (suite: Suite): readonly string[] =>
  contendersOf[suite].filter((label) => label !== 'quern-simd');

export const suiteNames: readonly SuiteName[] = [...new Set(works.map(({ suite }) => suite)), 'edge'];

/** Measures rows with contenders in fresh places; `seen` hears of each row as it is done. */
export const measureSuite = (
  suite: Suite,
  rows: readonly Work[],
  labels: readonly string[],
  pace: Pace,
  seen: (row: Row) => void,
): Promise<Measured> => measureWith(suite, rows, labels.map(playerOf), pace, seen, { keepBusy });

/** Measures rows with this tree and another revision, in `passes` pairs of fresh processes for each row. */
export async function compareSuite(
  suite: Suite,
  rows: readonly Work[],
  labels: readonly string[],
  revision: Revision,
  pace: Pace,
  passes: number,
  seen: (row: Row) => void,
): Promise<Measured> {
  let versions: Measured['versions'] = {};
  const measured: Row[] = [];
  for (const work of rows) {
    const compared = await compareRow(work, labels, revision, pace, passes);
    versions = { ...versions, ...compared.versions };
    measured.push(compared.row);
    seen(compared.row);
  }
  return { suite, versions, rows: measured };
}

export const measureEdge = async (rounds: number): Promise<readonly Figure[]> => [
  ...(await coldStarts(rounds)),
  ...(await sizes()),
];
