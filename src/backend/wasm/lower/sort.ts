/** The first elements of rows in order: by a heap where they are few, by their digits otherwise. */
import { bytesPerElement } from '../../../core/dtype.js';
import { ceilDivDim, sizeOfShape } from '../../../core/shape.js';
import { one, two } from '../../../ops/rules.js';
import type { LoweringFacet, Operand } from '../lowering.js';
import { narrowed, widened } from './elementwise.js';

/** Elements of a unit. */
const UNIT = 1 << 12;
/** Rows that a heap sorts as quickly, and the share of a longer row that it selects more quickly. */
const SHORT_ROW = 128;
const FEW = 16;
/** The counts of the digits, as in assembly/kernels/sort.ts. */
const COUNTS_BYTES = 4096;

export const lower = {
  topK: ({ attrs: { k, largest }, inputs, outputs }, emit) => {
    const given = one('topK', inputs);
    const [y, indices] = two('topK', outputs);
    const isByte = bytesPerElement[given.dtype] === 1;
    const x = isByte ? widened(given, emit) : given;
    const values: Operand = isByte
      ? { dtype: 'i32', shape: y.shape, at: emit.scratch(sizeOfShape([...y.shape, 4])) }
      : y;
    const n = x.shape.at(-1) ?? 1;
    const longest = Math.max(1, emit.bound(n));
    const most = emit.bound(k);
    const sorting = longest > SHORT_ROW && most * FEW > longest;
    emit.threadScratch(sorting ? COUNTS_BYTES + 16 * longest : 8 * most);
    const rows = sizeOfShape(x.shape.slice(0, -1));
    const perUnit = Math.max(1, Math.floor(UNIT / longest));
    emit.record('topK', ceilDivDim(rows, perUnit), {
      values: values.at,
      indices: indices.at,
      x: x.at,
      rows,
      n,
      k,
      isFloat: Number(x.dtype === 'f32'),
      largest: Number(largest),
      sorting: Number(sorting),
      perUnit,
    });
    if (isByte) narrowed(y, values, emit);
  },
} satisfies LoweringFacet<'topK'>;
