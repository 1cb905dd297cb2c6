/** Random ops. */
import { sizeOfShape } from '../../../core/shape.js';
import type { LoweringFacet } from '../lowering.js';
import { emitElements } from './rows.js';

/** Only training modules have kernels for these. */
export const lowerTraining = {
  dropout: ({ attrs: { rate, stream }, inputs: [x, key], outputs: [y] }, emit) => {
    if (!x || !key || !y) return;
    emit.inPlace(y, x);
    const count = sizeOfShape(x.shape);
    const threshold = Math.ceil(rate * 2 ** 24);
    const scale = 1 / (1 - rate);
    const args = { y: y.at, x: x.at, key: key.at, count, stream, threshold, scale };
    emitElements('dropout', y, [x], args, emit);
  },
  randomUniform: ({ attrs: { shape, stream }, inputs: [key], outputs: [y] }, emit) => {
    if (!key || !y) return;
    const count = sizeOfShape(shape);
    emitElements('randomUniform', y, [], { y: y.at, key: key.at, count, stream }, emit);
  },
} satisfies LoweringFacet<'dropout' | 'randomUniform'>;
