/**
 * What models are measured by: a loss and metrics for each output. Logs are named as in Keras: `loss` and `accuracy` of
 * a model of one output; of several `loss`, the weighted sum, and `sexLoss`, `sexAccuracy` for an output `sex`.
 */
import { ArgumentError } from '../core/errors.js';
import type { Named } from '../core/tree.js';
import { type Labels, type Loss, type LossName, lossOf } from '../nn/losses.js';
import { weighed, weightedMean } from '../nn/metric.js';
import { type Metric, type MetricName, metricOf, type TotalMetric } from '../nn/metrics.js';
import { add, mul } from '../ops/binary.js';
import { mean } from '../ops/reduce.js';
import type { Tensor, TensorType } from '../ops/tensor.js';

/** What a model is measured by: losses and metrics, one for all outputs or by output. */
export interface Measures {
  /** One for every output, or by output; an output without a loss takes no labels. */
  readonly loss: Loss | LossName | Named<Loss | LossName>;
  /** What each output's loss is multiplied by in the sum that is trained; 1 unless said. */
  readonly lossWeights?: Named<number>;
  /** For every output that has a loss, or by output; none unless said. */
  readonly metrics?: Metrics;
  /** Metrics in which examples count as much as their weights say, where `fit` or `evaluate` is given weights. */
  readonly weightedMetrics?: Metrics;
}

type MetricList = readonly (Metric | MetricName)[];

type Metrics = MetricList | Named<MetricList>;

/** A metric by its name among the logs. */
export interface NamedMetric {
  readonly name: string;
  readonly metric: Metric;
  readonly isWeighted: boolean;
}

/** What is measured of one output. */
export interface OutputMeasures {
  readonly output: string;
  readonly loss: Loss;
  readonly weight: number;
  /** The loss among the logs; undefined where it is the only one, `loss`. */
  readonly lossName: string | undefined;
  readonly metrics: readonly NamedMetric[];
}

const where = 'compile';

const isOneLoss = (loss: Measures['loss']): loss is Loss | LossName =>
  typeof loss === 'string' || typeof loss.call === 'function';

const isList = (value: Metrics): value is MetricList => Array.isArray(value);

function requireOutputs(what: string, outputs: readonly string[], given: Named<unknown>): void {
  for (const name of Object.keys(given)) {
    if (outputs.includes(name)) continue;
    throw new ArgumentError(where, `${what} for outputs among ${outputs.join(', ')} is required. Received '${name}'.`);
  }
}

/** `sexLoss` for the output `sex` and the name `loss`. */
const logName = (output: string, name: string): string => `${output}${name.charAt(0).toUpperCase()}${name.slice(1)}`;

/** What is measured of a model with these outputs. Throws `ArgumentError` for names that it has not. */
export function measuresOf(outputs: readonly string[], { loss, lossWeights = {}, ...asked }: Measures) {
  const losses = isOneLoss(loss) ? Object.fromEntries(outputs.map((output) => [output, loss])) : loss;
  requireOutputs('a loss', outputs, losses);
  const measured = outputs.filter((output) => Object.hasOwn(losses, output));
  if (measured.length === 0) throw new ArgumentError(where, 'a loss for an output is required. Received none.');
  requireOutputs('a loss weight', measured, lossWeights);
  for (const [output, weight] of Object.entries(lossWeights)) {
    if (Number.isFinite(weight) && weight >= 0) continue;
    throw new ArgumentError(where, `a loss weight from 0 is required for '${output}'. Received ${weight}.`);
  }
  const nameOf = (output: string, name: string): string => (outputs.length === 1 ? name : logName(output, name));
  const namer = (metrics: Metrics = [], isWeighted: boolean): ((output: string) => NamedMetric[]) => {
    const by = isList(metrics) ? Object.fromEntries(measured.map((output) => [output, metrics])) : metrics;
    requireOutputs('metrics (where there is a loss)', measured, by);
    return (output) =>
      (by[output] ?? []).map(metricOf).map((metric) => ({ name: nameOf(output, metric.name), metric, isWeighted }));
  };
  const [plain, weighted] = [namer(asked.metrics, false), namer(asked.weightedMetrics, true)];
  const measures = measured.map((output): OutputMeasures => ({
    output,
    loss: lossOf(losses[output] as Loss | LossName),
    weight: lossWeights[output] ?? 1,
    lossName: outputs.length === 1 ? undefined : nameOf(output, 'loss'),
    metrics: [...plain(output), ...weighted(output)],
  }));
  requireDifferent(['loss', ...measures.flatMap(({ lossName, metrics }) => [lossName, ...metrics.map((m) => m.name)])]);
  return measures;
}

function requireDifferent(given: readonly (string | undefined)[]): void {
  const names = given.filter((name) => name !== undefined);
  if (new Set(names).size === names.length) return;
  throw new ArgumentError(where, `metrics of different names are required. Received ${names.join(', ')}.`);
}

/** The labels of every output that has a loss. */
export const labelsOf = (measures: readonly OutputMeasures[], outputs: Named<TensorType>): Record<string, Labels> =>
  Object.fromEntries(measures.map(({ output, loss }) => [output, loss.labels(outputs[output] as TensorType)]));

/** How metrics that are no means over examples add up, by their names among the logs. */
export const totalsOf = (measures: readonly OutputMeasures[], hasWeights: boolean): ReadonlyMap<string, TotalMetric> =>
  new Map(
    measures.flatMap(({ metrics }) =>
      metrics.flatMap((each) => {
        const total = totalOf(each, hasWeights);
        return total ? [[each.name, total] as const] : [];
      }),
    ),
  );

/** Undefined for a mean over examples. */
function totalOf({ metric, isWeighted }: NamedMetric, hasWeights: boolean): TotalMetric | undefined {
  if ('totals' in metric) return metric;
  return isWeighted && hasWeights ? weightedMean(metric) : undefined;
}

/**
 * Records the losses and the metrics of predictions by their names, `loss` first: means of a batch as scalars, and totals
 * as vectors. Losses are means of what examples lose times their weights.
 */
export function measure(
  measures: readonly OutputMeasures[],
  labels: Named<Tensor>,
  predictions: Named<Tensor>,
  weights: Named<Tensor> = {},
): Record<string, Tensor> {
  const logs: Record<string, Tensor> = {};
  const terms = measures.map(({ output, loss, weight, lossName, metrics }) => {
    const [label, prediction] = [labels[output] as Tensor, predictions[output] as Tensor];
    const exampleWeights = weights[output];
    const own = mean(weighed(loss.call(label, prediction), exampleWeights));
    if (lossName !== undefined) logs[lossName] = own;
    for (const each of metrics) {
      const { name, metric, isWeighted } = each;
      const total = totalOf(each, exampleWeights !== undefined);
      if (total) logs[name] = total.totals(label, prediction, isWeighted ? exampleWeights : undefined);
      else if ('call' in metric) logs[name] = mean(metric.call(label, prediction));
    }
    return weight === 1 ? own : mul(own, weight);
  });
  return { loss: terms.reduce((sum, term) => add(sum, term)), ...logs };
}
