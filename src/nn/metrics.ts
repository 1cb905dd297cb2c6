/** Metrics, by their Keras names: one number for each example (or position), of which the mean is reported. */
import { ArgumentError, DTypeError } from '../core/errors.js';
import { sub } from '../ops/binary.js';
import { cast } from '../ops/cast.js';
import { equal, greater } from '../ops/compare.js';
import { abs } from '../ops/elementwise.js';
import { argmax, mean } from '../ops/reduce.js';
import type { Tensor } from '../ops/tensor.js';

export interface Metric {
  readonly name: string;
  /** f32, of any shape; labels are of the loss's type. */
  readonly call: (labels: Tensor, prediction: Tensor) => Tensor;
}

/** How often the largest of predictions [batch, ..., classes] is the one that labels i32 [batch, ...] name. */
export const sparseCategoricalAccuracy = ({ name = 'sparseCategoricalAccuracy' } = {}): Metric => ({
  name,
  call: (labels, prediction) => {
    if (labels.dtype !== 'i32') {
      throw new DTypeError(name, `labels of i32 are required. Received ${labels.dtype}. Is binaryAccuracy meant?`);
    }
    return cast(equal(argmax(prediction), labels), 'f32');
  },
});

/** `sparseCategoricalAccuracy` by its short name. */
export const accuracy = (): Metric => sparseCategoricalAccuracy({ name: 'accuracy' });

/** How often predictions are on the label's side of the threshold: labels f32, 0 or 1, of the predictions' shape. */
export const binaryAccuracy = ({ threshold = 0.5 } = {}): Metric => ({
  name: 'binaryAccuracy',
  call: (labels, prediction) => cast(equal(cast(greater(prediction, threshold), 'f32'), labels), 'f32'),
});

/** |label - prediction|, its mean along the last axis. */
export const meanAbsoluteError = (): Metric => ({
  name: 'meanAbsoluteError',
  call: (labels, prediction) => mean(abs(sub(labels, prediction)), { axes: -1 }),
});

const metrics = { accuracy, binaryAccuracy, meanAbsoluteError, sparseCategoricalAccuracy };

/** Names stand for the metric with its defaults. */
export type MetricName = keyof typeof metrics;

export function metricOf(metric: Metric | MetricName): Metric {
  if (typeof metric !== 'string') return metric;
  if (Object.hasOwn(metrics, metric)) return metrics[metric]();
  throw new ArgumentError(
    'compile',
    `a metric among ${Object.keys(metrics).join(', ')} is required. Received '${metric}'.`,
  );
}
