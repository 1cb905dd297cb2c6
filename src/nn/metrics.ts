/** Metrics, by their Keras names: means over examples here; counts, curves and roots beside them. */
import { ArgumentError, DTypeError } from '../core/errors.js';
import { cast } from '../ops/cast.js';
import { equal, greater, less, lessEqual, logicalNot, where } from '../ops/compare.js';
import { reshape } from '../ops/move.js';
import { argmax, sum } from '../ops/reduce.js';
import { iota } from '../ops/source.js';
import type { Tensor } from '../ops/tensor.js';
import { f1Score, precision, recall } from './counts.js';
import { auc, r2Score, rootMeanSquaredError } from './curves.js';
import { meanAbsoluteError, meanSquaredError } from './distance.js';
import type { MeanMetric, Metric } from './metric.js';

export type { MeanMetric, Metric, TotalMetric } from './metric.js';
export { f1Score, precision, recall, type ThresholdOptions } from './counts.js';
export { auc, type AucOptions, r2Score, rootMeanSquaredError } from './curves.js';

/** How often the largest of predictions [batch, ..., classes] is the one that labels i32 [batch, ...] name. */
export const sparseCategoricalAccuracy = ({ name = 'sparseCategoricalAccuracy' } = {}): MeanMetric => ({
  name,
  call: (labels, prediction) => {
    if (labels.dtype !== 'i32') {
      throw new DTypeError(name, `labels of i32 are required. Received ${labels.dtype}. Is binaryAccuracy meant?`);
    }
    return cast(equal(argmax(prediction), labels), 'f32');
  },
});

/** `sparseCategoricalAccuracy` by its short name. */
export const accuracy = (): MeanMetric => sparseCategoricalAccuracy({ name: 'accuracy' });

/** How often predictions are on the label's side of the threshold: labels f32, 0 or 1, of the predictions' shape. */
export const binaryAccuracy = ({ threshold = 0.5 } = {}): MeanMetric => ({
  name: 'binaryAccuracy',
  call: (labels, prediction) => cast(equal(cast(greater(prediction, threshold), 'f32'), labels), 'f32'),
});

/** How often labels f32 [batch, ..., classes], one-hot, name the class with the largest prediction. */
export const categoricalAccuracy = (): MeanMetric => ({
  name: 'categoricalAccuracy',
  call: (labels, prediction) => cast(equal(argmax(prediction), argmax(labels)), 'f32'),
});

/** Whether fewer than k predictions are larger than that of the class that `indices` i32 [batch, ...] name. */
function isAmongLargest(indices: Tensor, prediction: Tensor, k: number): Tensor {
  const classes = iota(prediction.recorder, prediction.shape, -1);
  const isNamed = equal(classes, reshape(indices, [...indices.shape, 1]));
  const named = sum(where(isNamed, prediction, 0), { axes: -1, keepDims: true });
  const larger = sum(cast(logicalNot(lessEqual(prediction, named)), 'f32'), { axes: -1 });
  return cast(less(larger, k), 'f32');
}

function requireK(name: string, k: number): void {
  if (Number.isSafeInteger(k) && k > 0) return;
  throw new ArgumentError(name, `a positive integer k is required. Received ${k}.`);
}

/** How often the class that labels f32 [batch, ..., classes], one-hot, name is among the k largest (default 5). */
export function topKCategoricalAccuracy({ k = 5 } = {}): MeanMetric {
  requireK('topKCategoricalAccuracy', k);
  return {
    name: 'topKCategoricalAccuracy',
    call: (labels, prediction) => isAmongLargest(argmax(labels), prediction, k),
  };
}

/** How often the class that labels i32 [batch, ...] name is among the k largest (default 5). */
export function sparseTopKCategoricalAccuracy({ k = 5 } = {}): MeanMetric {
  requireK('sparseTopKCategoricalAccuracy', k);
  return {
    name: 'sparseTopKCategoricalAccuracy',
    call: (labels, prediction) => isAmongLargest(labels, prediction, k),
  };
}

const metrics = {
  accuracy,
  auc,
  binaryAccuracy,
  categoricalAccuracy,
  f1Score,
  meanAbsoluteError,
  meanSquaredError,
  precision,
  r2Score,
  recall,
  rootMeanSquaredError,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
};

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
