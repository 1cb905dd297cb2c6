/**
 * What shape rules require of inputs and attributes. Graphs are read from files, so a rule trusts neither. This is the
 * part of an op that ships to the edge: it imports no facet but its own.
 */
import type { DType } from '../core/dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import { broadcastShapes, canonical, type Dim, printShape, sameShape, type Shape, subDims } from '../core/shape.js';
import type { TensorType } from './tensor.js';

type Types = readonly TensorType[];

/** The element types of arithmetic. */
export const numeric: readonly DType[] = ['f32', 'i32'];

function counted(op: string, count: number, received: number): ArgumentError {
  return new ArgumentError(op, `${count} operand${count === 1 ? '' : 's'} required. Received ${received}.`);
}

/** The only operand. */
export function one<T>(op: string, items: readonly T[]): T {
  const [a] = items;
  if (items.length !== 1 || a === undefined) throw counted(op, 1, items.length);
  return a;
}

/** The two operands. */
export function two<T>(op: string, items: readonly T[]): readonly [T, T] {
  const [a, b] = items;
  if (items.length !== 2 || a === undefined || b === undefined) throw counted(op, 2, items.length);
  return [a, b];
}

/** The three operands. */
export function three<T>(op: string, items: readonly T[]): readonly [T, T, T] {
  const [a, b, c] = items;
  if (items.length !== 3 || a === undefined || b === undefined || c === undefined) throw counted(op, 3, items.length);
  return [a, b, c];
}

export function requireNone(op: string, inputs: Types): void {
  if (inputs.length !== 0) throw counted(op, 0, inputs.length);
}

export function requireDType(op: string, input: TensorType, allowed: readonly DType[]): void {
  if (!allowed.includes(input.dtype)) {
    throw new DTypeError(op, `elements of ${allowed.join(' or ')} are required. Received ${input.dtype}.`);
  }
}

export function requireSameDType(op: string, inputs: Types): void {
  if (inputs.some((input) => input.dtype !== inputs[0]?.dtype)) {
    const received = inputs.map((input) => input.dtype).join(', ');
    throw new DTypeError(op, `operands of one dtype are required. Received ${received}. Use cast.`);
  }
}

export function requireSameShape(op: string, a: TensorType, b: TensorType): void {
  if (!sameShape(a.shape, b.shape)) {
    throw new ShapeError(op, `equal shapes are required. Received ${printShape(a.shape)}, ${printShape(b.shape)}.`);
  }
}

/** `count` integers in [low, high]; `what` names them in the error. */
export function requireIntegers(
  op: string,
  what: string,
  values: readonly number[],
  count: number,
  low = 0,
  high = Number.MAX_SAFE_INTEGER,
): void {
  if (values.length !== count || values.some((value) => !Number.isInteger(value) || value < low || value > high)) {
    const range = high === Number.MAX_SAFE_INTEGER ? `integers from ${low}` : `integers in [${low}, ${high}]`;
    throw new ArgumentError(op, `${what}: ${count} ${range} are required. Received [${values.join(', ')}].`);
  }
}

export function requireAxis(op: string, axis: number, rank: number): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= rank) {
    throw new ArgumentError(op, `an axis below the rank ${rank} is required. Received ${axis}.`);
  }
}

/** Axes of a reduction: ascending, each below the rank. */
export function requireAxes(op: string, axes: readonly number[], rank: number): void {
  axes.forEach((axis, i) => {
    requireAxis(op, axis, rank);
    if (i > 0 && axis <= (axes[i - 1] ?? 0)) {
      throw new ArgumentError(op, `different axes in ascending order are required. Received [${axes.join(', ')}].`);
    }
  });
}

/** A shape from attributes: every dimension a non-negative integer or canonical text. */
export function requireShape(op: string, shape: Shape): void {
  for (const dim of shape) {
    if (typeof dim === 'string' ? canonical(dim) !== dim : !Number.isSafeInteger(dim) || dim < 0) {
      throw new ShapeError(op, `non-negative integers or symbols are required. Received ${printShape(shape)}.`);
    }
  }
}

/** Whether `small <= large` for every extent of the symbols: their difference has no negative term. */
export function fits(small: Dim, large: Dim): boolean {
  const rest = subDims(large, small);
  return typeof rest === 'number' ? rest >= 0 : !rest.includes('-');
}

/** The output of an elementwise op of one operand. */
export function like(op: string, inputs: Types, allowed: readonly DType[], dtype?: DType): Types {
  const x = one(op, inputs);
  requireDType(op, x, allowed);
  return [{ dtype: dtype ?? x.dtype, shape: x.shape }];
}

/** The output of an elementwise op of two operands of one dtype, with NumPy broadcasting. */
export function broadcast(op: string, inputs: Types, allowed: readonly DType[], dtype?: DType): Types {
  const [a, b] = two(op, inputs);
  requireDType(op, a, allowed);
  requireSameDType(op, inputs);
  return [{ dtype: dtype ?? a.dtype, shape: broadcastShapes(op, a.shape, b.shape) }];
}

/** Two operands and perhaps a third. */
export function twoOrThree<T>(op: string, items: readonly T[]): readonly [T, T, T | undefined] {
  const [a, b, c] = items;
  if (items.length > 3 || a === undefined || b === undefined) {
    throw new ArgumentError(op, `2 or 3 operands required. Received ${items.length}.`);
  }
  return [a, b, c];
}

export function requireRank(op: string, what: string, input: TensorType, rank: number): void {
  if (input.shape.length !== rank) {
    throw new ShapeError(op, `${what}: a tensor of rank ${rank} is required. Received ${printShape(input.shape)}.`);
  }
}

/** A finite number in [low, high). */
export function requireNumber(op: string, what: string, value: number, low: number, high = Infinity): void {
  if (!(value >= low && value < high)) {
    throw new ArgumentError(op, `${what}: a number in [${low}, ${high}) is required. Received ${value}.`);
  }
}
