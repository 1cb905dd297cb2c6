/**
 * Matrix products: packs B, collapses what batch it can, and picks a kernel by shape. A B that is fed is packed for one run
 * only, which pays where packing lets the first cache hold what the tiles read again: not for few rows, nor for a matrix
 * that this cache holds as it lies.
 */
import { broadcastShapes, ceilDivDim, type Dim, mulDims, type Shape, sizeOfShape } from '../../../core/shape.js';
import type { Address, Argument, Emitter, LoweringFacet, Operand } from '../lowering.js';
import { BLOCK_SCRATCH, blockOf, LONG_ROW, lowOf } from './blocks.js';

/** Up to this many rows a B that is used once is read as it lies. */
const FEW_ROWS = 4;

/** A matrix of up to this many bytes stays in the first cache beside the rows of A, wherever its panels fall. */
const SMALL_MATRIX = 32768;

/** B as a kernel reads it: where, and the bytes between its numbers of one k, its panels and its matrices. */
interface Right {
  readonly at: Address;
  readonly step: Dim;
  readonly panel: Dim;
  readonly matrix: Dim;
}

const bytesOf = (...dims: readonly Dim[]): Dim => dims.reduce(mulDims, 4);

/** Packs `matrices` times [k, n], or [n, k] when transposed. */
export function packB(b: Operand, transposed: boolean, matrices: Dim, n: Dim, k: Dim, emit: Emitter): Right {
  const units = mulDims(matrices, ceilDivDim(n, 8));
  const layout = `${transposed ? 'transposed' : 'columns'} ${n} ${k}`;
  const at = emit.packed(b, layout, emit.bound(bytesOf(units, 8, k)), (to) => {
    emit.record(transposed ? 'packTransposed' : 'packColumns', units, { to, from: b.at, n, k });
  });
  return { at, step: 32, panel: bytesOf(8, k), matrix: bytesOf(ceilDivDim(n, 8), 8, k) };
}

/** The kernels' table of the batch: its axes' extents and strides, in the order of the result. */
function batchTable(batch: Shape, a: Shape, b: Shape, matrixA: Dim, matrixB: Dim): Argument[] {
  const strides = (shape: Shape, matrix: Dim): Dim[] =>
    batch.map((_, i) => {
      const axis = i - batch.length + shape.length;
      return (shape[axis] ?? 1) === 1 ? 0 : mulDims(sizeOfShape(shape.slice(axis + 1)), matrix);
    });
  const left = strides(a, matrixA);
  const right = strides(b, matrixB);
  return [batch.length, ...batch.flatMap((extent, i) => [extent, left[i] ?? 0, right[i] ?? 0])];
}

export const lower = {
  matmul: ({ attrs: { transposeA, transposeB, activation }, inputs: [a, b, offset], outputs: [y] }, emit) => {
    if (!a || !b || !y) return;
    const [rows = 0, n = 0] = y.shape.slice(-2);
    const k = a.shape[a.shape.length - (transposeA ? 2 : 1)] ?? 0;
    const batchA = a.shape.slice(0, -2);
    const batchB = b.shape.slice(0, -2);
    const matricesB = sizeOfShape(batchB);
    const oneB = matricesB === 1;
    // One B for every A: the rows of all of them are the rows of one matrix.
    const stacked = oneB && !transposeA;
    const batch = stacked ? [] : broadcastShapes('matmul', batchA, batchB);
    const m = stacked ? mulDims(sizeOfShape(y.shape.slice(0, -2)), rows) : rows;
    const bias: Address | 0 = offset?.at ?? 0;
    const low = lowOf(activation);
    const matrices = sizeOfShape(batch);
    const tableFor = (matrixB: Dim): Address | 0 =>
      batch.length === 0 ? 0 : emit.table(batchTable(batch, batchA, batchB, bytesOf(rows, k), matrixB));
    const asItLies: Right = { at: b.at, step: bytesOf(n), panel: 32, matrix: bytesOf(k, n) };
    const whole = typeof n === 'number' && n % 8 === 0;
    const { unitRows, unitColumns } = blockOf(emit.bound(m), emit.bound(n), emit.bound(k));
    const columnBlocks = ceilDivDim(n, unitColumns);
    const units = mulDims(mulDims(matrices, ceilDivDim(m, unitRows)), columnBlocks);
    emit.threadScratch(BLOCK_SCRATCH);

    if (!transposeA && !emit.kept(b) && typeof m === 'number' && m <= FEW_ROWS && (transposeB || whole)) {
      const kernel = transposeB ? 'gemvTransposed' : 'gemv';
      const table = tableFor(asItLies.matrix);
      const args = { a: a.at, b: b.at, bias, y: y.at, m, n, k, unitColumns, batch: table, low };
      emit.record(kernel, mulDims(matrices, columnBlocks), args);
      return;
    }
    const fits = transposeA ? emit.bound(bytesOf(n)) < LONG_ROW : emit.bound(asItLies.matrix) <= SMALL_MATRIX;
    const direct = !transposeB && !emit.kept(b) && whole && fits;
    const right = direct ? asItLies : packB(b, transposeB, matricesB, n, k, emit);
    const shared = {
      a: a.at,
      b: right.at,
      bStep: right.step,
      bPanel: right.panel,
      bias,
      y: y.at,
      m,
      n,
      k,
      unitRows,
      unitColumns,
      batch: tableFor(right.matrix),
      low,
    };
    emit.record(transposeA ? 'gemmColumns' : 'gemm', units, shared);
  },
} satisfies LoweringFacet<'matmul'>;
