/** The suites of the report: what is measured, and who takes part unless the command says. */
import { coldStarts } from './edge/cold.js';
import type { Figure } from './edge/figure.js';
import { sizes } from './edge/sizes.js';
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

/** Contenders that take minutes for a row, by suite. */
export const slowContendersOf: Readonly<Partial<Record<Suite, readonly string[]>>> = { training: ['tfjs-cpu'] };

export const suiteNames: readonly SuiteName[] = [...new Set(works.map(({ suite }) => suite)), 'edge'];

/** Measures rows with contenders in fresh places; `seen` hears of each row as it is done. */
export const measureSuite = (
  suite: Suite,
  rows: readonly Work[],
  labels: readonly string[],
  pace: Pace,
  seen: (row: Row) => void,
): Promise<Measured> => measureWith(suite, rows, labels.map(playerOf), pace, seen, { keepBusy });

export const measureEdge = async (rounds: number): Promise<readonly Figure[]> => [
  ...(await coldStarts(rounds)),
  ...(await sizes()),
];
