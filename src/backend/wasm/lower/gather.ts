/** Rows by their index, and the sum of rows by their index. */
import { bytesPerElement } from '../../../core/dtype.js';
import { ceilDivDim, mulDims, sizeOfShape } from '../../../core/shape.js';
import { one, two } from '../../../ops/rules.js';
import type { LoweringFacet } from '../lowering.js';

/** Bytes that a unit moves. */
const UNIT_BYTES = 65536;
/** Elements of the sum that a unit owns: each unit looks at all indices. */
const UNIT_TARGETS = 65536;

export const lower = {
  gather: ({ attrs: { axis }, inputs, outputs }, emit) => {
    const [x, indices] = two('gather', inputs);
    const y = one('gather', outputs);
    const count = sizeOfShape(indices.shape);
    const rows = mulDims(sizeOfShape(x.shape.slice(0, axis)), count);
    const bytes = mulDims(sizeOfShape(x.shape.slice(axis + 1)), bytesPerElement[x.dtype]);
    const perUnit = Math.max(1, Math.floor(UNIT_BYTES / Math.max(emit.bound(bytes), 4)));
    emit.record('gather', ceilDivDim(rows, perUnit), {
      y: y.at,
      x: x.at,
      indices: indices.at,
      rows,
      count,
      extent: x.shape[axis] ?? 0,
      bytes,
      perUnit,
    });
  },
  gatherGrad: ({ attrs: { axis, size }, inputs, outputs }, emit) => {
    const [dy, indices] = two('gatherGrad', inputs);
    const dx = one('gatherGrad', outputs);
    const outer = sizeOfShape(dx.shape.slice(0, axis));
    const inner = sizeOfShape(dx.shape.slice(axis + 1));
    const targets = Math.max(1, Math.floor(UNIT_TARGETS / Math.max(emit.bound(inner), 1)));
    emit.record('gatherGrad', mulDims(outer, ceilDivDim(size, targets)), {
      dx: dx.at,
      dy: dy.at,
      indices: indices.at,
      count: sizeOfShape(indices.shape),
      extent: size,
      inner,
      targets,
    });
  },
} satisfies LoweringFacet<'gather' | 'gatherGrad'>;
