/** Recurrent layers. A unit is a block of the batch's rows over all steps: rows do not depend on each other. */
import { ceilDivDim, type Dim } from '../../../core/shape.js';
import type { Address, Emitter, LoweringFacet, Operand } from '../lowering.js';
import { packB } from './matmul.js';

/** Rows of a unit, which two tiles fill; the table of assembly/steps.ts has room for sixteen. */
const MOST_ROWS = 12;
const TABLE_BYTES = 128;
/** Columns of a block of `packStream`. */
const STREAM = 32;

interface Steps {
  readonly batch: Dim;
  readonly steps: Dim;
  readonly units: number;
  readonly unitRows: number;
}

/** The extents of a sequence [b, t, u], and its rows in blocks that are about even at the bound. */
function stepsOf(sequence: Operand, emit: Emitter): Steps & { readonly blocks: Dim } {
  const [batch = 0, steps = 0, units = 0] = sequence.shape;
  const rows = Math.max(1, emit.bound(batch));
  const unitRows = Math.ceil(rows / Math.ceil(rows / MOST_ROWS));
  return { batch, steps, units: emit.bound(units), unitRows, blocks: ceilDivDim(batch, unitRows) };
}

/** Recurrent weights as the forward kernels read them: by columns, or as one stream where a unit has one row. */
function packWeights(
  weights: Operand,
  width: number,
  { units, unitRows }: Steps,
  emit: Emitter,
): { readonly kernel: Address; readonly stream: number } {
  if (unitRows > 1) return { kernel: packB(weights, false, 1, width, units, emit).at, stream: 0 };
  const blocks = Math.ceil(width / STREAM);
  const kernel = emit.packed(weights, `stream ${width} ${units}`, 4 * blocks * STREAM * units, (to) => {
    emit.record('packStream', blocks, { to, from: weights.at, n: width, k: units });
  });
  return { kernel, stream: 1 };
}

/** A thread's table, the numbers that rows start from, and `rows` rows of sums. */
function reserve(width: number, rows: number, emit: Emitter): void {
  const padded = Math.ceil(width / STREAM) * STREAM;
  emit.threadScratch(TABLE_BYTES + 4 * (padded + rows * width) + 16);
}

/** The addresses of operands that the shape rule has counted; 0 for one that was left out. */
const placesOf =
  (operands: readonly Operand[]) =>
  (i: number): Address | 0 =>
    operands[i]?.at ?? 0;

export const lower = {
  lstm: ({ inputs, outputs }, emit) => {
    const [x, weights] = inputs;
    const [h, c, gates] = outputs;
    if (!x || !weights || !h || !c || !gates) return;
    const at = placesOf(inputs);
    const { blocks, ...steps } = stepsOf(h, emit);
    const packed = packWeights(weights, 4 * steps.units, steps, emit);
    reserve(0, 0, emit);
    emit.inPlace(gates, x);
    emit.record('lstm', blocks, {
      h: h.at,
      c: c.at,
      gates: gates.at,
      x: x.at,
      ...packed,
      h0: at(2),
      c0: at(3),
      ...steps,
    });
  },
  gru: ({ inputs, outputs }, emit) => {
    const [x, weights] = inputs;
    const [h, gates] = outputs;
    if (!x || !weights || !h || !gates) return;
    const at = placesOf(inputs);
    const { blocks, ...steps } = stepsOf(h, emit);
    const { units, unitRows } = steps;
    const packed = packWeights(weights, 3 * units, steps, emit);
    reserve(3 * units, unitRows, emit);
    emit.inPlace(gates, x);
    emit.record('gru', blocks, {
      h: h.at,
      gates: gates.at,
      x: x.at,
      ...packed,
      bias: at(2),
      h0: at(3),
      ...steps,
    });
  },
} satisfies LoweringFacet<'lstm' | 'gru'>;

/** What only training modules have kernels for. */
export const lowerTraining = {
  lstmGrad: ({ inputs, outputs }, emit) => {
    const [gates, c, weights] = inputs;
    const [dx, dh0, dc0] = outputs;
    if (!gates || !c || !weights || !dx || !dh0 || !dc0) return;
    const at = placesOf(inputs);
    const { blocks, ...steps } = stepsOf(c, emit);
    const kernel = packB(weights, true, 1, steps.units, 4 * steps.units, emit).at;
    reserve(steps.units, 0, emit);
    emit.inPlace(dx, gates);
    const made = { dx: dx.at, dh0: dh0.at, dc0: dc0.at };
    const given = { gates: gates.at, c: c.at, c0: at(3), dh: at(4), dc: at(5), dgates: at(6) };
    emit.record('lstmGrad', blocks, { ...made, ...given, kernel, ...steps });
  },
  gruGrad: ({ inputs, outputs }, emit) => {
    const [gates, part, h, weights] = inputs;
    const [dx, dsums, dh0] = outputs;
    if (!gates || !part || !h || !weights || !dx || !dsums || !dh0) return;
    const at = placesOf(inputs);
    const { blocks, ...steps } = stepsOf(h, emit);
    const kernel = packB(weights, true, 1, steps.units, 3 * steps.units, emit).at;
    reserve(steps.units, 0, emit);
    emit.inPlace(dx, gates);
    const made = { dx: dx.at, dsums: dsums.at, dh0: dh0.at };
    const given = { gates: gates.at, part: part.at, h: h.at, h0: at(4), dh: at(5), dgates: at(6) };
    emit.record('gruGrad', blocks, { ...made, ...given, kernel, ...steps });
  },
} satisfies LoweringFacet<'lstmGrad' | 'gruGrad'>;
