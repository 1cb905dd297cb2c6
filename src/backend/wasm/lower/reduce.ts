/**
 * Reductions. Neighbouring axes that are both reduced, or both kept, are one; the reduced ones are folded from the last
 * to the first, each as [outer, axis, inner]. A long axis is cut into chunks that are folded again.
 */
import { bytesPerElement } from '../../../core/dtype.js';
import { ceilDivDim, type Dim, mulDims, type Shape, sizeOfShape } from '../../../core/shape.js';
import { one } from '../../../ops/rules.js';
import type { OpAttrs } from '../../../ops/schema.js';
import type { Address, Emitter, LoweredNode, LoweringFacet, Operand } from '../lowering.js';
import { narrowed, widened } from './elementwise.js';

/** Elements that a unit reads, about. */
const UNIT = 1 << 15;
/** Elements of a chunk of a row. */
const ROW_CHUNK = 1 << 14;
/** Columns of a block, as in assembly/kernels/reduce.ts. */
const COLUMNS = 256;
const FEWEST_ROWS = 128;
const MOST_ROWS = 1024;

type Reduce = 'sum' | 'mean' | 'prod' | 'max' | 'min';

/** What a kernel folds with. */
type Fold = 'sum' | 'prod' | 'maxF32' | 'maxI32' | 'minF32' | 'minI32';

/** A run of axes that are all reduced or all kept. */
interface Group {
  readonly extent: Dim;
  readonly reduced: boolean;
}

function groupsOf(shape: Shape, axes: readonly number[]): Group[] {
  const groups: Group[] = [];
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const reduced = axes.includes(axis);
    const last = groups.at(-1);
    if (last?.reduced === reduced) {
      groups[groups.length - 1] = { extent: mulDims(last.extent, extent), reduced };
    } else {
      groups.push({ extent, reduced });
    }
  });
  return groups;
}

const extentOf = (groups: readonly Group[]): Dim => sizeOfShape(groups.map((group) => group.extent));

/** x as [outer, axis, inner]. */
interface Folded {
  readonly outer: Dim;
  readonly axis: Dim;
  readonly inner: Dim;
}

const rowKernels = { prod: 'prodRows', maxF32: 'maxRowsF32', minF32: 'minRowsF32' } as const;

/** Folds of i32 have no kernel of their own for rows: a row is a column of one. */
type RowFold = 'sum' | keyof typeof rowKernels;

const hasRows = (fold: Fold): fold is RowFold => fold === 'sum' || Object.hasOwn(rowKernels, fold);

function foldRows(fold: RowFold, y: Address, x: Address, { outer, axis }: Folded, divisor: Dim, emit: Emitter): void {
  const longest = Math.max(1, emit.bound(axis));
  const cut = longest > 2 * ROW_CHUNK;
  const chunk = cut ? ROW_CHUNK : longest;
  const chunks = cut ? ceilDivDim(axis, chunk) : 1;
  const items = mulDims(outer, chunks);
  const perUnit = Math.max(1, Math.floor(UNIT / chunk));
  const to = cut ? emit.scratch(mulDims(items, 4)) : y;
  const args = { y: to, x, items, axis, chunk, chunks, perUnit };
  if (fold === 'sum') emit.record('sumRows', ceilDivDim(items, perUnit), { ...args, divisor: cut ? 1 : divisor });
  else emit.record(rowKernels[fold], ceilDivDim(items, perUnit), args);
  if (cut) foldRows(fold, y, to, { outer, axis: chunks, inner: 1 }, divisor, emit);
}

const columnKernels = {
  prod: 'prodColumns',
  maxF32: 'maxColumnsF32',
  maxI32: 'maxColumnsI32',
  minF32: 'minColumnsF32',
  minI32: 'minColumnsI32',
} as const;

function foldColumns(fold: Fold, y: Address, x: Address, folded: Folded, divisor: Dim, emit: Emitter): void {
  const { outer, axis, inner } = folded;
  const longest = Math.max(1, emit.bound(axis));
  const width = Math.max(1, Math.min(emit.bound(inner), COLUMNS));
  const most = Math.min(MOST_ROWS, Math.max(FEWEST_ROWS, Math.floor(UNIT / width / 8) * 8));
  const cut = longest > 2 * most;
  const chunk = cut ? most : longest;
  const chunks = cut ? ceilDivDim(axis, chunk) : 1;
  const items = mulDims(mulDims(outer, chunks), ceilDivDim(inner, COLUMNS));
  const perUnit = Math.max(1, Math.floor(UNIT / (chunk * width)));
  const units = ceilDivDim(items, perUnit);
  const to = cut ? emit.scratch(mulDims(mulDims(outer, chunks), mulDims(inner, 4))) : y;
  const args = { y: to, x, items, axis, inner, chunk, chunks, perUnit };
  if (fold === 'sum') emit.record('sumColumns', units, { ...args, divisor: cut ? 1 : divisor });
  else emit.record(columnKernels[fold], units, args);
  if (cut) foldColumns(fold, y, to, { outer, axis: chunks, inner }, divisor, emit);
}

/** Folds all reduced groups; the last record also divides by the number of elements, where `mean` asks for it. */
function foldAll(fold: Fold, mean: boolean, y: Address, x: Address, groups: readonly Group[], emit: Emitter): void {
  const at = groups.findLastIndex((group) => group.reduced);
  const count = mean ? extentOf(groups.filter((group) => group.reduced)) : 1;
  foldGroup(fold, count, y, x, groups, at, emit);
}

function foldGroup(
  fold: Fold,
  divisor: Dim,
  y: Address,
  x: Address,
  groups: readonly Group[],
  at: number,
  emit: Emitter,
): void {
  const before = groups.slice(0, at);
  const after = groups.slice(at + 1);
  const folded = { outer: extentOf(before), axis: groups[at]?.extent ?? 1, inner: extentOf(after) };
  const next = before.findLastIndex((group) => group.reduced);
  const to = next < 0 ? y : emit.scratch(mulDims(mulDims(folded.outer, folded.inner), 4));
  const by = next < 0 ? divisor : 1;
  if (folded.inner === 1 && hasRows(fold)) foldRows(fold, to, x, folded, by, emit);
  else foldColumns(fold, to, x, folded, by, emit);
  if (next >= 0) foldGroup(fold, divisor, y, to, [...before, ...after], next, emit);
}

function reduce(fold: Fold, mean: boolean, node: LoweredNode<Reduce>, emit: Emitter): void {
  const x = one('reduce', node.inputs);
  const y = one('reduce', node.outputs);
  const groups = groupsOf(x.shape, node.attrs.axes);
  if (!groups.some((group) => group.reduced)) emit.alias(y, x);
  else foldAll(fold, mean, y.at, x.at, groups, emit);
}

/** The maximum or minimum of bytes, by way of i32. */
function foldBytes(fold: Fold, attrs: OpAttrs['max'], x: Operand, y: Operand, emit: Emitter): void {
  const groups = groupsOf(x.shape, attrs.axes);
  if (!groups.some((group) => group.reduced)) {
    emit.alias(y, x);
    return;
  }
  const wide: Operand = { dtype: 'i32', shape: y.shape, at: emit.scratch(sizeOfShape([...y.shape, 4])) };
  foldAll(fold, false, wide.at, widened(x, emit).at, groups, emit);
  narrowed(y, wide, emit);
}

function extreme(fold: Fold, integerFold: Fold, node: LoweredNode<'max' | 'min'>, emit: Emitter): void {
  const x = one('reduce', node.inputs);
  if (bytesPerElement[x.dtype] === 1) foldBytes(integerFold, node.attrs, x, one('reduce', node.outputs), emit);
  else reduce(x.dtype === 'f32' ? fold : integerFold, false, node, emit);
}

export const lower = {
  sum: (node, emit) => reduce('sum', false, node, emit),
  mean: (node, emit) => reduce('sum', true, node, emit),
  prod: (node, emit) => reduce('prod', false, node, emit),
  max: (node, emit) => extreme('maxF32', 'maxI32', node, emit),
  min: (node, emit) => extreme('minF32', 'minI32', node, emit),
  argmax: ({ attrs: { axis }, inputs, outputs }, emit) => {
    const given = one('argmax', inputs);
    const y = one('argmax', outputs);
    const x = bytesPerElement[given.dtype] === 1 ? widened(given, emit) : given;
    const outer = sizeOfShape(x.shape.slice(0, axis));
    const extent = x.shape[axis] ?? 1;
    const inner = sizeOfShape(x.shape.slice(axis + 1));
    const longest = Math.max(1, emit.bound(extent));
    if (inner === 1 && x.dtype === 'f32') {
      const perUnit = Math.max(1, Math.floor(UNIT / longest));
      const args = { y: y.at, x: x.at, rows: outer, axis: extent, perUnit };
      emit.record('argmaxRowsF32', ceilDivDim(outer, perUnit), args);
      return;
    }
    emit.threadScratch(4 * COLUMNS);
    const width = Math.max(1, Math.min(emit.bound(inner), COLUMNS));
    const perUnit = Math.max(1, Math.floor(UNIT / (longest * width)));
    const items = mulDims(outer, ceilDivDim(inner, COLUMNS));
    const kernel = x.dtype === 'f32' ? 'argmaxColumnsF32' : 'argmaxColumnsI32';
    const args = { y: y.at, x: x.at, items, axis: extent, inner, perUnit };
    emit.record(kernel, ceilDivDim(items, perUnit), args);
  },
  cumsum: ({ attrs: { axis, exclusive, reverse }, inputs, outputs }, emit) => {
    const x = one('cumsum', inputs);
    const y = one('cumsum', outputs);
    const outer = sizeOfShape(x.shape.slice(0, axis));
    const extent = x.shape[axis] ?? 1;
    const inner = sizeOfShape(x.shape.slice(axis + 1));
    const width = Math.max(1, Math.min(emit.bound(inner), COLUMNS));
    const perUnit = Math.max(1, Math.floor(UNIT / (Math.max(1, emit.bound(extent)) * width)));
    const items = mulDims(outer, ceilDivDim(inner, COLUMNS));
    const flags = { exclusive: Number(exclusive), reverse: Number(reverse) };
    emit.threadScratch(4 * COLUMNS);
    emit.inPlace(y, x);
    emit.record('cumsumF32', ceilDivDim(items, perUnit), {
      y: y.at,
      x: x.at,
      items,
      axis: extent,
      inner,
      ...flags,
      perUnit,
    });
  },
} satisfies LoweringFacet<Reduce | 'argmax' | 'cumsum'>;
