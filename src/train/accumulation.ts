/**
 * Gradient accumulation: one update from several smaller runs. `accumulateStep` adds the gradients of its examples to
 * variables, and `applyStep` lets the optimizer see their mean over all examples, as one run of all would have; so a batch
 * trains that does not fit the memory at once. Between updates the variables hold zeros.
 */
import type { NDArray } from '../core/ndarray.js';
import { ndarray } from '../core/ndarray.js';
import type { Named } from '../core/tree.js';
import { gradients } from '../graph/autodiff.js';
import type { ProgramBuilder, Scope } from '../graph/builder.js';
import type { Program } from '../graph/program.js';
import { add, div, mul } from '../ops/binary.js';
import { broadcastTo } from '../ops/move.js';
import { size } from '../ops/source.js';
import type { Tensor, TensorType } from '../ops/tensor.js';
import type { Optimizer } from './optimizer.js';

const path = 'accumulated';

const sumOf = (scope: Scope, name: string, shape: Tensor['shape']): Tensor =>
  scope.variable(`${path}/${name}`, { shape, trainable: false });

/** Whether a variable holds what is accumulated. */
export const isAccumulated = (variable: string): boolean => variable.startsWith(`${path}/`);

/** The variables that hold what is accumulated, as they are before the first run. */
export const emptied = ({ variables }: Program): [name: string, value: NDArray][] =>
  Object.entries(variables).flatMap(([name, { dtype, shape }]) =>
    isAccumulated(name) ? [[name, ndarray(dtype, shape)]] : [],
  );

/**
 * Traces `accumulateStep`, which takes `feeds`, rows of examples, and returns what `forward` does, and `applyStep`, which
 * takes nothing. `forward` records the loss of the examples: f32, a mean over them.
 */
export function traceAccumulation(
  builder: ProgramBuilder,
  feeds: Named<TensorType>,
  optimizer: Optimizer,
  forward: (feeds: Named<Tensor>, scope: Scope) => Record<string, Tensor> & { readonly loss: Tensor },
): void {
  const shapes = new Map<string, Tensor['shape']>();
  builder.trace('accumulateStep', feeds, (given, scope) => {
    const logs = forward(given, scope);
    const parameters = Object.entries(scope.trainables());
    const [rows] = Object.values(given);
    const count = rows ? size(rows, [0]) : scope.constant(1);
    const found = gradients(
      logs.loss,
      parameters.map(([, parameter]) => parameter),
    );
    parameters.forEach(([name, { shape }], i) => {
      const sum = sumOf(scope, name, shape);
      scope.assign(sum, add(sum, mul(found[i] as Tensor, count)));
      shapes.set(name, shape);
    });
    const total = sumOf(scope, 'count', []);
    scope.assign(total, add(total, count));
    return logs;
  });
  builder.trace('applyStep', {}, (_, scope) => {
    const total = sumOf(scope, 'count', []);
    const zero = scope.constant(0);
    const parameters = Object.fromEntries([...shapes.keys()].map((name) => [name, scope.variable(name)]));
    const means = [...shapes].map(([name, shape]) => {
      const sum = sumOf(scope, name, shape);
      scope.assign(sum, broadcastTo(zero, shape));
      return div(sum, total);
    });
    scope.assign(total, zero);
    optimizer.update(scope, parameters, means);
    return {};
  });
}
