/** Random ops. */
import { ceilDivDim, sizeOfShape } from '../../../core/shape.js';
import type { LoweringFacet } from '../lowering.js';

export const lower = {
  dropout: ({ attrs: { rate, stream }, inputs: [x, key], outputs: [y] }, emit) => {
    if (!x || !key || !y) return;
    emit.inPlace(y, x);
    const length = sizeOfShape(x.shape);
    const threshold = Math.ceil(rate * 2 ** 24);
    const scale = 1 / (1 - rate);
    emit.record('dropout', ceilDivDim(length, 4096), {
      y: y.at,
      x: x.at,
      key: key.at,
      length,
      stream,
      threshold,
      scale,
    });
  },
} satisfies LoweringFacet<'dropout'>;
