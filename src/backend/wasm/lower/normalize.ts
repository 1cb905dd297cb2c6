/** Softmax, its logarithm and layer normalisation, along the last axis. */
import { ceilDivDim, type Dim, sizeOfShape } from '../../../core/shape.js';
import { one, three } from '../../../ops/rules.js';
import type { Emitter, LoweringFacet, Operand } from '../lowering.js';

/** Elements that a unit normalises, about. */
const UNIT = 1 << 13;
/** Scratch of a thread for a piece of a row's exponentials, as in assembly/rows.ts. */
export const ROW_SCRATCH = 1024;

export interface Rows {
  readonly rows: Dim;
  readonly width: Dim;
  readonly perUnit: number;
  readonly units: Dim;
}

/** The rows of x along its last axis, and how many make a unit. */
export function rowsOf(x: Operand, emit: Emitter): Rows {
  const rows = sizeOfShape(x.shape.slice(0, -1));
  const width = x.shape.at(-1) ?? 1;
  const perUnit = Math.max(1, Math.floor(UNIT / Math.max(1, emit.bound(width))));
  return { rows, width, perUnit, units: ceilDivDim(rows, perUnit) };
}

export const lower = {
  softmax: ({ inputs, outputs }, emit) => {
    const x = one('softmax', inputs);
    const y = one('softmax', outputs);
    const { units, ...rows } = rowsOf(x, emit);
    emit.inPlace(y, x);
    emit.record('softmax', units, { y: y.at, x: x.at, ...rows });
  },
  logSoftmax: ({ inputs, outputs }, emit) => {
    const x = one('logSoftmax', inputs);
    const y = one('logSoftmax', outputs);
    const { units, ...rows } = rowsOf(x, emit);
    emit.threadScratch(ROW_SCRATCH);
    emit.inPlace(y, x);
    emit.record('logSoftmax', units, { y: y.at, x: x.at, ...rows });
  },
  layerNormalization: ({ attrs: { epsilon }, inputs, outputs }, emit) => {
    const [x, gamma, beta] = three('layerNormalization', inputs);
    const y = one('layerNormalization', outputs);
    const { units, ...rows } = rowsOf(x, emit);
    emit.inPlace(y, x);
    const args = { y: y.at, x: x.at, gamma: gamma.at, beta: beta.at, ...rows, epsilon };
    emit.record('layerNormalization', units, args);
  },
} satisfies LoweringFacet<'softmax' | 'logSoftmax' | 'layerNormalization'>;
