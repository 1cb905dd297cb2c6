/** What layers for sequences, images and volumes ask of their input. */
import { ShapeError } from '../core/errors.js';
import { printShape } from '../core/shape.js';
import type { Scope } from '../graph/builder.js';
import type { Tensor } from '../ops/tensor.js';

const required: Readonly<Record<number, string>> = {
  1: 'sequences [batch, length, channels]',
  2: 'images [batch, height, width, channels]',
  3: 'volumes [batch, depth, height, width, channels]',
};

/** Throws `ShapeError` unless x has a batch, so many axes, and channels. */
export function requireSpatial(scope: Scope, x: Tensor, axes: number): void {
  if (x.rank === axes + 2) return;
  throw new ShapeError(scope.path, `${required[axes]} are required. Received ${printShape(x.shape)}.`);
}
