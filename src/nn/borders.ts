/** Layers that put zeros around sequences, images and volumes, or take their borders away, with Keras's defaults. */
import { ShapeError } from '../core/errors.js';
import { type Dim, printShape, subDims } from '../core/shape.js';
import type { Scope } from '../graph/builder.js';
import { fits } from '../ops/rules.js';
import type { Pair } from '../ops/schema.js';
import { pad, slice } from '../ops/slice.js';
import type { Tensor } from '../ops/tensor.js';
import { either, natural, pair, triple } from './axis-options.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { type Field, optional } from './options.js';

/** How much before and after an axis; one number for both. */
type Sides = number | Pair;

/** One number for all sides, or how much for each axis. */
type Sides2d = number | readonly [Sides, Sides];
type Sides3d = number | readonly [Sides, Sides, Sides];

export interface ZeroPadding1dOptions {
  /** Before and after the sequence, or one number for both; 1 unless said. */
  readonly padding?: Sides;
}

export interface ZeroPadding2dOptions {
  /** `[[top, bottom], [left, right]]`, `[above and below, left and right]`, or one number for all sides; 1 unless said. */
  readonly padding?: Sides2d;
}

export interface ZeroPadding3dOptions {
  /** Before and after depth, height and width: for each two numbers, or one; or one number for all sides. 1 unless said. */
  readonly padding?: Sides3d;
}

export interface Cropping1dOptions {
  /** From the beginning and from the end, or one number for both; 1 unless said. */
  readonly cropping?: Sides;
}

export interface Cropping2dOptions {
  /** `[[top, bottom], [left, right]]`, `[above and below, left and right]`, or one number for all sides; 0 unless said. */
  readonly cropping?: Sides2d;
}

export interface Cropping3dOptions {
  /** From both ends of depth, height and width: for each two numbers, or one; or one number for all sides. 1 unless said. */
  readonly cropping?: Sides3d;
}

const required = 'an integer from 0 or a list for the axes';
const sides: Field<Sides> = either(natural, pair(natural, 'one integer from 0 or two'));
const sides2d: Field<Sides2d> = either(natural, pair(sides, required));
const sides3d: Field<Sides3d> = either(natural, triple(sides, required));

const pairOfSides = (given: Sides): Pair => (typeof given === 'number' ? [given, given] : given);

/** For every axis of x, batch and channels included, how much before and after. */
function everySide(scope: Scope, x: Tensor, rank: number, given: number | readonly Sides[]): readonly Pair[] {
  if (x.rank !== rank + 2) {
    const wanted = `x of rank ${rank + 2}, [batch, ..., channels]`;
    throw new ShapeError(scope.path, `${wanted}, is required. Received ${printShape(x.shape)}.`);
  }
  const axes = typeof given === 'number' ? Array.from({ length: rank }, () => given) : given;
  return [[0, 0], ...axes.map(pairOfSides), [0, 0]];
}

function padded(scope: Scope, x: Tensor, rank: number, given: number | readonly Sides[]): Tensor {
  return pad(x, everySide(scope, x, rank, given));
}

function cropped(scope: Scope, x: Tensor, rank: number, given: number | readonly Sides[]): Tensor {
  const cuts = everySide(scope, x, rank, given);
  const sizes = x.shape.map((dim, axis): Dim => {
    const [low = 0, high = 0] = cuts[axis] ?? [];
    if (!fits(low + high, dim)) {
      const received = `${low} and ${high} from ${printShape(x.shape)}`;
      throw new ShapeError(scope.path, `cropping of at most the whole is required. Received ${received}.`);
    }
    return subDims(dim, low + high);
  });
  const starts = cuts.map(([low]) => low);
  return slice(x, starts, sizes);
}

export const zeroPadding1dKind: LayerKind<ZeroPadding1dOptions> = {
  kind: 'zeroPadding1d',
  fields: { padding: optional(sides, 1) },
  call: ({ padding }, x, scope) => padded(scope, x, 1, [padding]),
};

export const zeroPadding2dKind: LayerKind<ZeroPadding2dOptions> = {
  kind: 'zeroPadding2d',
  fields: { padding: optional(sides2d, 1) },
  call: ({ padding }, x, scope) => padded(scope, x, 2, padding),
};

export const zeroPadding3dKind: LayerKind<ZeroPadding3dOptions> = {
  kind: 'zeroPadding3d',
  fields: { padding: optional(sides3d, 1) },
  call: ({ padding }, x, scope) => padded(scope, x, 3, padding),
};

export const cropping1dKind: LayerKind<Cropping1dOptions> = {
  kind: 'cropping1d',
  fields: { cropping: optional(sides, 1) },
  call: ({ cropping }, x, scope) => cropped(scope, x, 1, [cropping]),
};

export const cropping2dKind: LayerKind<Cropping2dOptions> = {
  kind: 'cropping2d',
  fields: { cropping: optional(sides2d, 0) },
  call: ({ cropping }, x, scope) => cropped(scope, x, 2, cropping),
};

export const cropping3dKind: LayerKind<Cropping3dOptions> = {
  kind: 'cropping3d',
  fields: { cropping: optional(sides3d, 1) },
  call: ({ cropping }, x, scope) => cropped(scope, x, 3, cropping),
};

/** Zeros before and after sequences [batch, length, channels]. */
export const zeroPadding1d = (options: ZeroPadding1dOptions & Naming = {}): Layer =>
  makeLayer(zeroPadding1dKind, options);

/** Zeros around images [batch, height, width, channels]. */
export const zeroPadding2d = (options: ZeroPadding2dOptions & Naming = {}): Layer =>
  makeLayer(zeroPadding2dKind, options);

/** Zeros around volumes [batch, depth, height, width, channels]. */
export const zeroPadding3d = (options: ZeroPadding3dOptions & Naming = {}): Layer =>
  makeLayer(zeroPadding3dKind, options);

/** Sequences [batch, length, channels] without their ends. */
export const cropping1d = (options: Cropping1dOptions & Naming = {}): Layer => makeLayer(cropping1dKind, options);

/** Images [batch, height, width, channels] without their borders. */
export const cropping2d = (options: Cropping2dOptions & Naming = {}): Layer => makeLayer(cropping2dKind, options);

/** Volumes [batch, depth, height, width, channels] without their borders. */
export const cropping3d = (options: Cropping3dOptions & Naming = {}): Layer => makeLayer(cropping3dKind, options);
