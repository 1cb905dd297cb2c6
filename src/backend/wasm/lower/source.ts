/** Values that come from shapes and attributes alone. */
import { bytesPerElement, type DType } from '../../../core/dtype.js';
import { type Dim, type Shape, sizeOfShape } from '../../../core/shape.js';
import { one } from '../../../ops/rules.js';
import type { Address, Emitter, LoweringFacet } from '../lowering.js';
import { floatBits, unitsOf } from './rows.js';

/** Up to so many equal elements lie in the plan; more are filled at each run. */
const MOST_REPEATED = 1024;

/** The words that hold the elements. */
function wordsOf(dtype: DType, data: readonly number[]): number[] {
  if (dtype === 'f32') return data.map(floatBits);
  if (dtype === 'i32') return [...data];
  const bytes = Uint8Array.from(data);
  return Array.from({ length: Math.ceil(bytes.length / 4) }, (_, i) =>
    [0, 1, 2, 3].reduce((word, k) => word | ((bytes[i * 4 + k] ?? 0) << (8 * k)), 0),
  );
}

/** Fills `count` elements with the one whose bits are given. */
export function fill(dtype: DType, y: Address, count: Dim, value: number, emit: Emitter): void {
  emit.record(bytesPerElement[dtype] === 4 ? 'fill32' : 'fill8', unitsOf(count), { y, count, value });
}

export const lower = {
  constant: ({ attrs: { dtype, shape, data }, outputs }, emit) => {
    const y = one('constant', outputs);
    const count = shape.reduce((size, extent) => size * extent, 1);
    const [first = 0] = data;
    if (data.length === 1 && count > MOST_REPEATED) {
      fill(dtype, y.at, count, wordsOf(dtype, [first])[0] ?? 0, emit);
      return;
    }
    const elements = data.length === 1 ? new Array<number>(count).fill(first) : data;
    emit.alias(y, { ...y, at: emit.table(wordsOf(dtype, elements)) });
  },
  iota: ({ attrs: { shape, axis }, outputs }, emit) => {
    const y = one('iota', outputs);
    const count = sizeOfShape(shape);
    const inner = sizeOfShape(shape.slice(axis + 1));
    emit.record('iota', unitsOf(count), { y: y.at, count, extent: shape[axis] ?? 1, inner });
  },
  size: ({ attrs: { axes }, inputs, outputs }, emit) => {
    const y = one('size', outputs);
    const x = one('size', inputs);
    const counted: Shape = axes.map((axis) => x.shape[axis] ?? 1);
    emit.record('size', 1, { y: y.at, value: sizeOfShape(counted) });
  },
} satisfies LoweringFacet<'constant' | 'iota' | 'size'>;
