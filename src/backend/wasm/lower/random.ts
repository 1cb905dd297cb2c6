/** Random ops. */
import { sizeOfShape } from '../../../core/shape.js';
import type { LoweringFacet } from '../lowering.js';
import { unitsOf } from './rows.js';

export const lower = {
  dropout: ({ attrs: { rate, stream }, inputs: [x, key], outputs: [y] }, emit) => {
    if (!x || !key || !y) return;
    emit.inPlace(y, x);
    const count = sizeOfShape(x.shape);
    const threshold = Math.ceil(rate * 2 ** 24);
    const scale = 1 / (1 - rate);
    emit.record('dropout', unitsOf(count), {
      y: y.at,
      x: x.at,
      key: key.at,
      count,
      stream,
      threshold,
      scale,
    });
  },
  randomUniform: ({ attrs: { shape, stream }, inputs: [key], outputs: [y] }, emit) => {
    if (!key || !y) return;
    const count = sizeOfShape(shape);
    emit.record('randomUniform', unitsOf(count), { y: y.at, key: key.at, count, stream });
  },
} satisfies LoweringFacet<'dropout' | 'randomUniform'>;
