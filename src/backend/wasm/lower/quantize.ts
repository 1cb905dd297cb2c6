/** Between floats and 8-bit integers, where no integer kernel takes the nodes in. */
import { ceilDivDim, type Dim, mulDims, sizeOfShape } from '../../../core/shape.js';
import type { LoweringFacet, Operand } from '../lowering.js';

const BLOCK = 4096;

/** How channels lie: one scale for each column, or for each row of `inner` elements. */
function channelsOf(x: Operand, axis: number | null): { columns: boolean; units: Dim; inner: Dim; channels: Dim } {
  if (axis !== null && axis === x.shape.length - 1 && axis > 0) {
    const channels = x.shape[axis] ?? 0;
    return { columns: true, units: sizeOfShape(x.shape.slice(0, -1)), inner: 1, channels };
  }
  const inner = axis === null ? sizeOfShape(x.shape) : sizeOfShape(x.shape.slice(axis + 1));
  const rows = axis === null ? 1 : sizeOfShape(x.shape.slice(0, axis + 1));
  const channels = axis === null ? 1 : (x.shape[axis] ?? 0);
  return { columns: false, units: mulDims(rows, ceilDivDim(inner, BLOCK)), inner, channels };
}

export const lower = {
  quantize: ({ attrs: { dtype, axis }, inputs: [x, scale, zeroPoint], outputs: [q] }, emit) => {
    if (!x || !scale || !zeroPoint || !q) return;
    const { columns, units, inner, channels } = channelsOf(x, axis);
    const signed = dtype === 'i8' ? 1 : 0;
    const args = { q: q.at, x: x.at, scale: scale.at, zeroPoint: zeroPoint.at, channels, signed };
    if (columns) emit.record('quantizeColumns', units, args);
    else emit.record('quantizeRows', units, { ...args, inner });
  },
  dequantize: ({ attrs: { axis }, inputs: [q, scale, zeroPoint], outputs: [x] }, emit) => {
    if (!q || !scale || !zeroPoint || !x) return;
    const { columns, units, inner, channels } = channelsOf(q, axis);
    const signed = q.dtype === 'i8' ? 1 : 0;
    const args = { x: x.at, q: q.at, scale: scale.at, zeroPoint: zeroPoint.at, channels, signed };
    if (columns) emit.record('dequantizeColumns', units, args);
    else emit.record('dequantizeRows', units, { ...args, inner });
  },
} satisfies LoweringFacet<'quantize' | 'dequantize'>;
