/**
 * What the facets of many ops share: walking over strided arrays for the reference, undoing a broadcast for gradients,
 * counting bytes for costs. None of it ships to the edge.
 */
import { bytesPerElement, type DType } from '../core/dtype.js';
import { GraphError } from '../core/errors.js';
import { sizeOf } from '../core/ndarray.js';
import { sameShape, type Shape } from '../core/shape.js';
import type { Cost, ReferenceArray } from './definition.js';
import { one, three, two } from './rules.js';
import { bind, type Tensor } from './tensor.js';

type Arrays = readonly ReferenceArray[];
type Sized = readonly { readonly dtype: DType; readonly shape: readonly number[] }[];

// Reference

/** The elements to skip for a step along each axis of a row-major array. */
export function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** The strides with which an array of `shape` is read along `outer`, to which it broadcasts. */
export function broadcastStrides(shape: readonly number[], outer: readonly number[]): number[] {
  const strides = stridesOf(shape);
  return outer.map((_, i) => {
    const axis = i - outer.length + shape.length;
    return shape[axis] === undefined || shape[axis] === 1 ? 0 : (strides[axis] ?? 0);
  });
}

/** The sum of `index[i] * strides[i]`. */
export function offsetOf(index: ArrayLike<number>, strides: readonly number[]): number {
  return strides.reduce((offset, stride, axis) => offset + (index[axis] ?? 0) * stride, 0);
}

/**
 * Visits the positions of `shape` in row-major order: `at` counts them; `a`, `b` and `c` are their offsets under the
 * first, second and third strides.
 */
export function walk(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (at: number, a: number, b: number, c: number) => void,
): void {
  const size = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  const [first = [], second = [], third = []] = strides;
  let a = 0;
  let b = 0;
  let c = 0;
  for (let at = 0; at < size; at++) {
    visit(at, a, b, c);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      const extent = shape[axis] ?? 0;
      const step = next === extent ? 1 - extent : 1;
      index[axis] = next === extent ? 0 : next;
      a += step * (first[axis] ?? 0);
      b += step * (second[axis] ?? 0);
      c += step * (third[axis] ?? 0);
      if (step === 1) break;
    }
  }
}

/** y = fn(x), element by element. */
export function map(inputs: Arrays, outputs: Arrays, fn: (x: number) => number): void {
  const x = one('reference', inputs);
  const y = one('reference', outputs);
  for (let i = 0; i < y.data.length; i++) y.data[i] = fn(x.data[i] ?? NaN);
}

/** y = fn(a, b), element by element, with broadcasting. */
export function zip(inputs: Arrays, outputs: Arrays, fn: (a: number, b: number) => number): void {
  const [a, b] = two('reference', inputs);
  const y = one('reference', outputs);
  walk(y.shape, [broadcastStrides(a.shape, y.shape), broadcastStrides(b.shape, y.shape)], (at, i, j) => {
    y.data[at] = fn(a.data[i] ?? NaN, b.data[j] ?? NaN);
  });
}

/** y = fn(a, b, c), element by element, with broadcasting. */
export function zip3(inputs: Arrays, outputs: Arrays, fn: (a: number, b: number, c: number) => number): void {
  const [a, b, c] = three('reference', inputs);
  const y = one('reference', outputs);
  const strides = [a, b, c].map((operand) => broadcastStrides(operand.shape, y.shape));
  walk(y.shape, strides, (at, i, j, k) => {
    y.data[at] = fn(a.data[i] ?? NaN, b.data[j] ?? NaN, c.data[k] ?? NaN);
  });
}

// Gradients

/** The gradient of the only output. */
export function only(gradients: readonly (Tensor | null)[]): Tensor {
  const [gradient] = gradients;
  if (!gradient) throw new GraphError('gradient', 'a gradient for the output is required. Received none.');
  return gradient;
}

/** The gradient of an operand of `shape` that was broadcast: the sum over the axes along which it was repeated. */
export function sumTo(gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const added = gradient.rank - shape.length;
  const axes = gradient.shape.flatMap((dim, axis) => (axis < added || shape[axis - added] !== dim ? [axis] : []));
  const summed = axes.length === 0 ? gradient : bind('sum', { axes, keepDims: false }, gradient);
  return sameShape(summed.shape, shape) ? summed : bind('reshape', { shape }, summed);
}

// Costs

export const bytesOf = (arrays: Sized): number =>
  arrays.reduce((bytes, { dtype, shape }) => bytes + sizeOf(shape) * bytesPerElement[dtype], 0);

/** Every operand read once, the result written once, one operation for each element of the result. */
export const elementwiseCost = (_attrs: unknown, inputs: Sized, outputs: Sized): Cost => ({
  multiplyAdds: outputs[0] ? sizeOf(outputs[0].shape) : 0,
  bytes: bytesOf(inputs) + bytesOf(outputs),
});

/** Every operand read once, the result written once, one operation for each element of the first operand. */
export const reductionCost = (_attrs: unknown, inputs: Sized, outputs: Sized): Cost => ({
  multiplyAdds: inputs[0] ? sizeOf(inputs[0].shape) : 0,
  bytes: bytesOf(inputs) + bytesOf(outputs),
});

/** The result written once. */
export const sourceCost = (_attrs: unknown, _inputs: Sized, outputs: Sized): Cost => ({
  multiplyAdds: 0,
  bytes: bytesOf(outputs),
});

/** Each element of the result read once and written once. */
export const movementCost = (_attrs: unknown, _inputs: Sized, outputs: Sized): Cost => ({
  multiplyAdds: 0,
  bytes: 2 * bytesOf(outputs),
});
