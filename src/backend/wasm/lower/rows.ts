/**
 * Tables of rows for the kernels that walk broadcast or strided operands; the layout stands in assembly/templates.ts.
 * Neighbouring dimensions that all operands walk alike are one, so that most operands are one row or a few long ones.
 */
import { bytesPerElement } from '../../../core/dtype.js';
import { ceilDivDim, type Dim, mulDims, sameShape, type Shape, sizeOfShape } from '../../../core/shape.js';
import type { Address, Argument, ArgumentsOf, Emitter, KernelName, Operand } from '../lowering.js';

/** Elements of a unit, as in assembly/templates.ts. */
export const BLOCK = 1 << 12;
/** Scratch of a thread for the elements that are repeated along a row. */
const SPREAD_BYTES = 192;
const MOST_OPERANDS = 3;

/** A dimension of the result, and the bytes between an operand's elements along it: 0 where they are the same. */
export interface Walked {
  readonly extent: Dim;
  readonly strides: readonly Dim[];
}

export const unitsOf = (count: Dim): Dim => ceilDivDim(count, BLOCK);

/** One record of an elementwise kernel: a unit makes a block of y from the same block of all operands of y's shape. */
export function emitElements<K extends KernelName>(
  kernel: K,
  y: Operand,
  operands: readonly Operand[],
  args: ArgumentsOf<K>,
  emit: Emitter,
): void {
  const alike = operands.filter(({ shape }) => sameShape(shape, y.shape));
  emit.record(kernel, unitsOf(sizeOfShape(y.shape)), args, [y, ...alike]);
}

/** The strides in bytes of a dense array. */
export function denseStrides(shape: Shape, elementBytes: number): Dim[] {
  return shape.map((_, axis) => mulDims(sizeOfShape(shape.slice(axis + 1)), elementBytes));
}

/** Without dimensions of one element, and with those joined that every operand walks alike. */
export function collapse(dims: readonly Walked[]): Walked[] {
  const joined: Walked[] = [];
  for (const dim of dims) {
    if (dim.extent === 1) continue;
    const before = joined.at(-1);
    if (before?.strides.every((stride, k) => stride === mulDims(dim.strides[k] ?? 0, dim.extent))) {
      joined[joined.length - 1] = { extent: mulDims(before.extent, dim.extent), strides: dim.strides };
    } else {
      joined.push(dim);
    }
  }
  return joined;
}

/** The table's words. The innermost dimension, if there is one, is the row. */
export function tableOf(dims: readonly Walked[], operands: number): Argument[] {
  const row = dims.at(-1);
  const outer = dims.slice(0, -1).reverse();
  const padded = (list: readonly Argument[]): Argument[] => [...list, 0, 0, 0].slice(0, MOST_OPERANDS);
  const steps = Array.from({ length: operands }, (_, k) => (row?.strides[k] === 0 ? 0 : 1));
  return [
    sizeOfShape(dims.map((dim) => dim.extent)),
    row?.extent ?? 1,
    outer.length,
    ...padded(steps),
    ...outer.flatMap((dim) => [dim.extent, ...padded(dim.strides)]),
  ];
}

/** How operands that broadcast to `shape` are walked. */
export function broadcastDims(shape: Shape, operands: readonly Omit<Operand, 'at'>[]): Walked[] {
  const strides = operands.map((operand) => denseStrides(operand.shape, bytesPerElement[operand.dtype]));
  const dims = shape.map((extent, i) => ({
    extent,
    strides: operands.map((operand, k) => {
      const axis = i - shape.length + operand.shape.length;
      return operand.shape[axis] === extent ? (strides[k]?.[axis] ?? 0) : 0;
    }),
  }));
  return collapse(dims);
}

/** The table for operands that broadcast to `shape`. */
export function broadcastTable(shape: Shape, operands: readonly Omit<Operand, 'at'>[], emit: Emitter): Address {
  emit.threadScratch(SPREAD_BYTES);
  return emit.table(tableOf(broadcastDims(shape, operands), operands.length));
}

const bits = new DataView(new ArrayBuffer(4));

/** The bits of a float32. */
export function floatBits(value: number): number {
  bits.setFloat32(0, value);
  return bits.getInt32(0);
}

/** A scalar of its own. */
export function scalar(dtype: 'f32' | 'i32', value: number, emit: Emitter): Operand {
  return { dtype, shape: [], at: emit.table([dtype === 'f32' ? floatBits(value) : value]) };
}
