/** Elements by an index of their own along an axis. */
import { bytesPerElement } from '../../../core/dtype.js';
import { ceilDivDim, type Dim, mulDims, type Shape, sizeOfShape } from '../../../core/shape.js';
import { one, three, two } from '../../../ops/rules.js';
import { scatterReductions } from '../../../ops/schema.js';
import type { LoweringFacet } from '../lowering.js';
import { copyAll } from './move.js';

/** Elements of a unit. */
const UNIT = 1 << 14;
/** Columns of an item, as in assembly/kernels/elements.ts. */
const COLUMNS = 256;

const innerOf = (shape: Shape, axis: number): Dim => sizeOfShape(shape.slice(axis + 1));

export const lower = {
  gatherElements: ({ attrs: { axis }, inputs, outputs }, emit) => {
    const [x, indices] = two('gatherElements', inputs);
    const y = one('gatherElements', outputs);
    const inner = innerOf(y.shape, axis);
    const rows = sizeOfShape(y.shape.slice(0, axis + 1));
    const perUnit = Math.max(1, Math.floor(UNIT / Math.max(emit.bound(inner), 1)));
    emit.record(bytesPerElement[x.dtype] === 4 ? 'gatherElements32' : 'gatherElements8', ceilDivDim(rows, perUnit), {
      y: y.at,
      x: x.at,
      indices: indices.at,
      rows,
      count: y.shape[axis] ?? 0,
      extent: x.shape[axis] ?? 0,
      inner,
      perUnit,
    });
  },
  scatterElements: ({ attrs: { axis, reduction }, inputs, outputs }, emit) => {
    const [x, indices, updates] = three('scatterElements', inputs);
    const y = one('scatterElements', outputs);
    emit.inPlace(y, x);
    copyAll(y.at, x.at, x, emit);
    const inner = innerOf(y.shape, axis);
    const count = updates.shape[axis] ?? 0;
    const items = mulDims(sizeOfShape(y.shape.slice(0, axis)), ceilDivDim(inner, COLUMNS));
    const width = Math.max(1, Math.min(emit.bound(inner), COLUMNS));
    const perUnit = Math.max(1, Math.floor(UNIT / (Math.max(emit.bound(count), 1) * width)));
    emit.record(x.dtype === 'f32' ? 'scatterElementsF32' : 'scatterElementsI32', ceilDivDim(items, perUnit), {
      y: y.at,
      indices: indices.at,
      updates: updates.at,
      items,
      count,
      extent: y.shape[axis] ?? 0,
      inner,
      reduction: scatterReductions.indexOf(reduction),
      perUnit,
    });
  },
} satisfies LoweringFacet<'gatherElements' | 'scatterElements'>;
