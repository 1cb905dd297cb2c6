/** Layers that make one tensor of several, by their Keras names. Elementwise ones broadcast, as ops do. */
import { ShapeError } from '../core/errors.js';
import { normalizeAxis, printShape, sizeOfShape } from '../core/shape.js';
import type { Scope } from '../graph/builder.js';
import { add as plus, div, maximum as larger, minimum as smaller, mul, sub } from '../ops/binary.js';
import { sqrt, square } from '../ops/elementwise.js';
import { matmul } from '../ops/linear.js';
import { reshape, transpose } from '../ops/move.js';
import { sum } from '../ops/reduce.js';
import { concat } from '../ops/slice.js';
import type { Tensor } from '../ops/tensor.js';
import { makeMerge, type MergeKind, type MergeLayer, type Naming } from './layer.js';
import { type Field, flag, integer, optional, refuse } from './options.js';

/** Calls `fn`; what it refuses is said to be the layer's, with all shapes. */
function merged(xs: readonly Tensor[], scope: Scope, required: string, fn: () => Tensor): Tensor {
  try {
    return fn();
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    const shapes = xs.map(({ shape }) => printShape(shape)).join(', ');
    throw new ShapeError(scope.path, `${required} are required. Received ${shapes}.`);
  }
}

const elementwise = (kind: string, combine: (xs: readonly Tensor[]) => Tensor): MergeKind<object> => ({
  kind,
  fields: {},
  call: (_, xs, scope) => merged(xs, scope, 'shapes that broadcast', () => combine(xs)),
});

const fold =
  (op: (a: Tensor, b: Tensor) => Tensor) =>
  (xs: readonly Tensor[]): Tensor =>
    xs.reduce((a, b) => op(a, b));

export const addKind = elementwise('add', fold(plus));
export const averageKind = elementwise('average', (xs) => mul(fold(plus)(xs), 1 / xs.length));
export const maximumKind = elementwise('maximum', fold(larger));
export const minimumKind = elementwise('minimum', fold(smaller));
export const multiplyKind = elementwise('multiply', fold(mul));

export const subtractKind: MergeKind<object> = {
  kind: 'subtract',
  fields: {},
  call: (_, xs, scope) => {
    const [a, b] = pairOf(xs, scope);
    return merged(xs, scope, 'shapes that broadcast', () => sub(a, b));
  },
};

function pairOf(xs: readonly Tensor[], scope: Scope): readonly [Tensor, Tensor] {
  const [a, b] = xs;
  if (a && b && xs.length === 2) return [a, b];
  throw new ShapeError(scope.path, `two inputs are required. Received ${xs.length}.`);
}

export interface ConcatenateOptions {
  /** Counted from the batch, 0, or from the end; -1 unless said. */
  readonly axis?: number;
}

export const concatenateKind: MergeKind<ConcatenateOptions> = {
  kind: 'concatenate',
  fields: { axis: optional(integer, -1) },
  call: ({ axis }, xs, scope) => {
    const required = `shapes that are alike but for axis ${axis}`;
    return merged(xs, scope, required, () => concat(xs, normalizeAxis(scope.path, axis, xs[0]?.rank ?? 0)));
  },
};

export interface DotOptions {
  /** The axis along which products are summed, not the batch; one for both inputs or one for each. */
  readonly axes: number | readonly [number, number];
  /** Whether both are first scaled to length 1 along it, for the cosine of their angle; false unless said. */
  readonly normalize?: boolean;
}

const axes: Field<number | readonly [number, number]> = (value, where, name) => {
  if (!Array.isArray(value)) return integer(value, where, name);
  const [first, second]: readonly unknown[] = value;
  if (value.length !== 2) refuse(where, name, 'one integer or two', value);
  return [integer(first, where, name), integer(second, where, name)];
};

/** Keeps a length of 0 from being divided by. */
const epsilon = 1e-12;

/** x [batch, ...] with `axis` last and the axes between made one: [batch, others, axis]. */
function asRows(x: Tensor, axis: number): Tensor {
  const others = x.shape.flatMap((_, at) => (at === 0 || at === axis ? [] : [at]));
  const moved = transpose(x, [0, ...others, axis]);
  const [batch = 0, ...inner] = moved.shape;
  return reshape(moved, [batch, sizeOfShape(inner.slice(0, -1)), ...inner.slice(-1)]);
}

function axisOf(x: Tensor, axis: number, scope: Scope): number {
  const at = normalizeAxis(scope.path, axis, x.rank);
  if (at > 0) return at;
  throw new ShapeError(scope.path, `axes behind the batch are required. Received ${axis} of ${printShape(x.shape)}.`);
}

const scaled = (rows: Tensor): Tensor =>
  div(rows, sqrt(larger(sum(square(rows), { axes: -1, keepDims: true }), epsilon)));

export const dotKind: MergeKind<DotOptions> = {
  kind: 'dot',
  fields: { axes, normalize: optional(flag, false) },
  call: (options, xs, scope) => {
    const [a, b] = pairOf(xs, scope);
    const [first, second] = typeof options.axes === 'number' ? [options.axes, options.axes] : options.axes;
    const [left, right] = [axisOf(a, first, scope), axisOf(b, second, scope)];
    const rest = [a.shape.filter((_, at) => at !== left), b.shape.filter((_, at) => at !== 0 && at !== right)].flat();
    return merged(xs, scope, `as many elements along axes ${first} and ${second}`, () => {
      const [rows, columns] = [asRows(a, left), asRows(b, right)].map((x) => (options.normalize ? scaled(x) : x));
      const products = matmul(rows as Tensor, columns as Tensor, { transposeB: true });
      return reshape(products, rest.length === 1 ? [...rest, 1] : rest);
    });
  },
};

/** a + b + ... */
export const add = (options: Naming = {}): MergeLayer => makeMerge(addKind, options);

/** The mean of all. */
export const average = (options: Naming = {}): MergeLayer => makeMerge(averageKind, options);

/** One behind another along an axis: [batch, 2], [batch, 3] -> [batch, 5]. */
export const concatenate = (options: ConcatenateOptions & Naming = {}): MergeLayer =>
  makeMerge(concatenateKind, options);

/**
 * Sums of products along an axis, example by example, for two inputs: [batch, n], [batch, n] -> [batch, 1];
 * [batch, a, n], [batch, b, n] -> [batch, a, b].
 */
export const dot = (options: DotOptions & Naming): MergeLayer => makeMerge(dotKind, options);

/** The largest of all, element by element. */
export const maximum = (options: Naming = {}): MergeLayer => makeMerge(maximumKind, options);

/** The smallest of all, element by element. */
export const minimum = (options: Naming = {}): MergeLayer => makeMerge(minimumKind, options);

/** a * b * ... */
export const multiply = (options: Naming = {}): MergeLayer => makeMerge(multiplyKind, options);

/** a - b, of two inputs. */
export const subtract = (options: Naming = {}): MergeLayer => makeMerge(subtractKind, options);
