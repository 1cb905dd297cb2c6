/**
 * Losses, by their Keras names. A loss says what labels it takes for a model's output and records one number for each
 * example (or position); the trainer takes their mean.
 */
import { ArgumentError } from '../core/errors.js';
import {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  categoricalCrossentropy,
  klDivergence,
  sparseCategoricalCrossentropy,
} from './crossentropy.js';
import { cosineSimilarity, hinge, huber, meanAbsoluteError, meanSquaredError } from './distance.js';
import type { Loss } from './loss.js';

export type { Labels, Loss } from './loss.js';
export {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  type BinaryFocalCrossentropyOptions,
  categoricalCrossentropy,
  type CrossentropyOptions,
  klDivergence,
  sparseCategoricalCrossentropy,
} from './crossentropy.js';
export { cosineSimilarity, hinge, huber, meanAbsoluteError, meanSquaredError } from './distance.js';

const losses = {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  categoricalCrossentropy,
  cosineSimilarity,
  hinge,
  huber,
  klDivergence,
  meanAbsoluteError,
  meanSquaredError,
  sparseCategoricalCrossentropy,
};

/** Names stand for the loss with its defaults. */
export type LossName = keyof typeof losses;

export function lossOf(loss: Loss | LossName): Loss {
  if (typeof loss !== 'string') return loss;
  if (Object.hasOwn(losses, loss)) return losses[loss]();
  throw new ArgumentError('compile', `a loss among ${Object.keys(losses).join(', ')} is required. Received '${loss}'.`);
}
