/** Movement of elements: views where that is all, otherwise rows, or blocks of matrices that are transposed. */
import { bytesPerElement } from '../../../core/dtype.js';
import {
  addDims,
  ceilDivDim,
  type Dim,
  floorDivDim,
  mulDims,
  type Shape,
  sizeOfShape,
  subDims,
} from '../../../core/shape.js';
import { one, three } from '../../../ops/rules.js';
import type { Address, Emitter, LoweringFacet, Operand } from '../lowering.js';
import { BLOCK, broadcastDims, collapse, denseStrides, tableOf, unitsOf, type Walked } from './rows.js';
import { fill } from './source.js';

/** Side of the blocks of a transposition, as in assembly/kernels/move.ts, and how many make a unit. */
const SIDE = 64;
const MOST_BLOCKS = 4;
const COPY_BYTES = 65536;

/** The address so many bytes further on. */
export const beyond = ({ buffer, offset }: Address, bytes: Dim): Address => ({
  buffer,
  offset: addDims(offset, bytes),
});

/** The offset of the element at `index`. */
const offsetOf = (index: readonly Dim[], strides: readonly Dim[]): Dim =>
  index.reduce<Dim>((offset, position, axis) => addDims(offset, mulDims(position, strides[axis] ?? 0)), 0);

/** Dimensions of `shape` from two lists of strides, the destination's first. */
const between = (shape: Shape, to: readonly Dim[], from: readonly Dim[]): Walked[] =>
  shape.map((extent, axis) => ({ extent, strides: [to[axis] ?? 0, from[axis] ?? 0] }));

export function copyAll(destination: Address, source: Address, x: Operand, emit: Emitter): void {
  const bytes = mulDims(sizeOfShape(x.shape), bytesPerElement[x.dtype]);
  emit.record('copy', ceilDivDim(bytes, COPY_BYTES), { destination, source, bytes });
}

/** One element. */
const unit: Walked = { extent: 1, strides: [0, 0] };

/** Copies what the dimensions say: rows that are dense on both sides, or blocks of matrices that are transposed. */
function copyDims(destination: Address, source: Address, dims: readonly Walked[], bytes: number, emit: Emitter): void {
  const joined = collapse(dims);
  const row = joined.at(-1) ?? unit;
  if (row.strides.every((stride) => stride === bytes) || row === unit) {
    const count = sizeOfShape(joined.map((dim) => dim.extent));
    const table = emit.table(tableOf(joined, 2));
    emit.record(bytes === 4 ? 'copyRows32' : 'copyRows8', unitsOf(count), { destination, source, table });
    return;
  }
  // The destination's dense dimension runs across its matrix, the source's down; either may be a single element.
  const across = row.strides[0] === bytes ? row : unit;
  const down = joined.find((dim) => dim !== across && dim.strides[1] === bytes) ?? unit;
  const others = joined.filter((dim) => dim !== across && dim !== down);
  const squares = mulDims(ceilDivDim(down.extent, SIDE), ceilDivDim(across.extent, SIDE));
  const blocks = mulDims(sizeOfShape(others.map((dim) => dim.extent)), squares);
  const elements = Math.min(emit.bound(down.extent), SIDE) * Math.min(emit.bound(across.extent), SIDE);
  const perUnit = Math.max(MOST_BLOCKS, Math.floor((MOST_BLOCKS * SIDE * SIDE) / Math.max(elements, 1)));
  emit.record(bytes === 4 ? 'transpose32' : 'transpose8', ceilDivDim(blocks, perUnit), {
    destination,
    source,
    blocks,
    p: down.extent,
    q: across.extent,
    toPitch: down.strides[0] ?? 0,
    fromPitch: across.strides[1] ?? 0,
    // Only the outer dimensions count.
    table: emit.table(tableOf([...others, unit], 2)),
    perUnit,
  });
}

type Move =
  | 'reshape'
  | 'transpose'
  | 'broadcastTo'
  | 'slice'
  | 'stridedSlice'
  | 'stridedSliceGrad'
  | 'pad'
  | 'concat'
  | 'dynamicUpdateSlice';

/** The strides of every `steps`-th element. */
const stepped = (strides: readonly Dim[], steps: readonly number[]): Dim[] =>
  strides.map((stride, axis) => mulDims(stride, steps[axis] ?? 1));

export const lower = {
  reshape: ({ inputs, outputs }, emit) => emit.alias(one('reshape', outputs), one('reshape', inputs)),
  transpose: ({ attrs: { permutation }, inputs, outputs }, emit) => {
    const x = one('transpose', inputs);
    const y = one('transpose', outputs);
    const bytes = bytesPerElement[x.dtype];
    const strides = denseStrides(x.shape, bytes);
    const from = permutation.map((axis) => strides[axis] ?? 0);
    const dims = between(y.shape, denseStrides(y.shape, bytes), from);
    if (collapse(dims).length <= 1) emit.alias(y, x);
    else copyDims(y.at, x.at, dims, bytes, emit);
  },
  broadcastTo: ({ inputs, outputs }, emit) => {
    const x = one('broadcastTo', inputs);
    const y = one('broadcastTo', outputs);
    const bytes = bytesPerElement[x.dtype];
    const dims = broadcastDims(y.shape, [y, x]);
    const row = dims.at(-1);
    if (dims.every((dim) => dim.strides[1] !== 0)) {
      emit.alias(y, x);
    } else if (row?.strides[1] === 0) {
      const table = emit.table(tableOf(broadcastDims(y.shape, [x, y]), 2));
      const kernel = bytes === 4 ? 'repeat32' : 'repeat8';
      emit.record(kernel, unitsOf(sizeOfShape(y.shape)), { y: y.at, x: x.at, table });
    } else {
      copyDims(y.at, x.at, dims, bytes, emit);
    }
  },
  slice: ({ attrs: { starts }, inputs, outputs }, emit) => {
    const x = one('slice', inputs);
    const y = one('slice', outputs);
    const bytes = bytesPerElement[x.dtype];
    const strides = denseStrides(x.shape, bytes);
    const dims = between(y.shape, denseStrides(y.shape, bytes), strides);
    copyDims(y.at, beyond(x.at, offsetOf(starts, strides)), dims, bytes, emit);
  },
  stridedSlice: ({ attrs: { starts, steps }, inputs, outputs }, emit) => {
    const x = one('stridedSlice', inputs);
    const y = one('stridedSlice', outputs);
    const bytes = bytesPerElement[x.dtype];
    const strides = denseStrides(x.shape, bytes);
    const dims = between(y.shape, denseStrides(y.shape, bytes), stepped(strides, steps));
    copyDims(y.at, beyond(x.at, offsetOf(starts, strides)), dims, bytes, emit);
  },
  stridedSliceGrad: ({ attrs: { starts, steps }, inputs, outputs }, emit) => {
    const dy = one('stridedSliceGrad', inputs);
    const dx = one('stridedSliceGrad', outputs);
    const bytes = bytesPerElement[dy.dtype];
    const strides = denseStrides(dx.shape, bytes);
    fill(dx.dtype, dx.at, sizeOfShape(dx.shape), 0, emit);
    const dims = between(dy.shape, stepped(strides, steps), denseStrides(dy.shape, bytes));
    copyDims(beyond(dx.at, offsetOf(starts, strides)), dy.at, dims, bytes, emit);
  },
  pad: ({ attrs: { low }, inputs, outputs }, emit) => {
    const x = one('pad', inputs);
    const y = one('pad', outputs);
    const bytes = bytesPerElement[x.dtype];
    const strides = denseStrides(y.shape, bytes);
    fill(y.dtype, y.at, sizeOfShape(y.shape), 0, emit);
    const dims = between(x.shape, strides, denseStrides(x.shape, bytes));
    copyDims(beyond(y.at, offsetOf(low, strides)), x.at, dims, bytes, emit);
  },
  concat: ({ attrs: { axis }, inputs, outputs }, emit) => {
    const y = one('concat', outputs);
    const bytes = bytesPerElement[y.dtype];
    const strides = denseStrides(y.shape, bytes);
    let start: Dim = 0;
    for (const x of inputs) {
      const dims = between(x.shape, strides, denseStrides(x.shape, bytes));
      copyDims(beyond(y.at, mulDims(start, strides[axis] ?? 0)), x.at, dims, bytes, emit);
      start = addDims(start, x.shape[axis] ?? 0);
    }
  },
  dynamicUpdateSlice: ({ inputs, outputs }, emit) => {
    const [x, update, starts] = three('dynamicUpdateSlice', inputs);
    const y = one('dynamicUpdateSlice', outputs);
    const bytes = bytesPerElement[x.dtype];
    const strides = denseStrides(y.shape, bytes);
    emit.inPlace(y, x);
    copyAll(y.at, x.at, x, emit);
    const limits = y.shape.flatMap((extent, axis) => [subDims(extent, update.shape[axis] ?? 0), strides[axis] ?? 0]);
    // Rows of bytes, whatever the elements.
    const byte: Walked = { extent: bytes, strides: [1, 1] };
    const dims = collapse([...between(update.shape, strides, denseStrides(update.shape, bytes)), byte]);
    const count = mulDims(sizeOfShape(update.shape), bytes);
    // One unit too many where the last one is full: an empty update's starts are checked too.
    emit.record('updateSlice', addDims(floorDivDim(count, BLOCK), 1), {
      destination: y.at,
      update: update.at,
      starts: starts.at,
      limits: emit.table([y.shape.length, ...limits]),
      table: emit.table(tableOf(dims, 2)),
    });
  },
} satisfies LoweringFacet<Move>;
