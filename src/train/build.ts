/** From layers to a program: the graphs `predict`, `trainStep` and `evaluate` over one store of variables. */
import type { NDArray } from '../core/ndarray.js';
import type { Shape } from '../core/shape.js';
import { gradients } from '../graph/autodiff.js';
import { ProgramBuilder, type Scope } from '../graph/builder.js';
import type { Program } from '../graph/program.js';
import type { Input } from '../nn/input.js';
import type { Mode } from '../nn/layer.js';
import { applyStack, type Stack } from '../nn/stack.js';
import { add } from '../ops/binary.js';
import { checkNumerics } from '../ops/elementwise.js';
import { reshape } from '../ops/move.js';
import { concat } from '../ops/slice.js';
import type { Tensor, TensorType } from '../ops/tensor.js';
import { signatureOf, withEvaluation } from './evaluation.js';
import { feedsOf, fromFeeds } from './examples.js';
import { labelsOf, measure, type OutputMeasures } from './measures.js';
import type { Optimizer } from './optimizers.js';
import { batchSymbol } from './runtime.js';

/** What a model is trained with. */
export interface Training {
  readonly optimizer: Optimizer;
  readonly measures: readonly OutputMeasures[];
}

export interface LayerSummary {
  readonly name: string;
  readonly kind: string;
  readonly shape: Shape;
}

export interface Built {
  readonly program: Program;
  /** Drawn from the seed; variables without one start at zero. */
  readonly initial: ReadonlyMap<string, NDArray>;
  readonly layers: readonly LayerSummary[];
}

/** The variable that keys random numbers; training sets it. */
export const seedVariable = 'random/seed';

const scalar = { shape: [], dtype: 'i32' } as const;

/** The key of the step's random numbers: (seed, how many steps came before). Recorded when a layer first asks for it. */
function keyOf(scope: Scope): () => Tensor {
  let key: Tensor | undefined;
  return () => {
    key ??= scope.trace.at('', () => {
      const [seed, step] = [scope.variable(seedVariable, scalar), scope.variable('random/step', scalar)];
      scope.assign(step, add(step, 1));
      return concat([reshape(seed, [1]), reshape(step, [1])]);
    });
    return key;
  };
}

/** Builds the graphs of a stack for examples of a type; `training` adds those that train and evaluate. */
export function build(stack: Stack, input: Input, seed: number, training: Training | undefined): Built {
  const builder = new ProgramBuilder({ symbols: { [batchSymbol]: 1 }, seed });
  const x: TensorType = { dtype: input.options.dtype, shape: [batchSymbol, ...input.options.shape] };
  const inference: Mode = { training: false };
  const layers: LayerSummary[] = [];
  builder.trace('predict', { [input.name]: x }, (inputs, scope) => {
    const output = applyStack(stack, inputs[input.name] as Tensor, scope, inference, ({ name, kind }, { shape }) =>
      layers.push({ name, kind, shape }),
    );
    return { output };
  });
  const predicting = builder.program();
  if (!training) return { program: predicting, initial: builder.initialValues(), layers };

  const { optimizer, measures } = training;
  const { inputs, outputs } = signatureOf(predicting);
  const fed = feedsOf<TensorType>({ inputs, labels: labelsOf(measures, outputs) });
  builder.trace('trainStep', fed, (feeds, scope) => {
    const given = fromFeeds(feeds);
    const x = given.inputs[input.name] as Tensor;
    const output = applyStack(stack, x, scope, { training: true, key: keyOf(scope) });
    const measured = measure(measures, given.labels, { output });
    // The check stands before the updates: a loss that is not finite leaves the weights as they were.
    const checked = checkNumerics(
      scope.penalties().reduce((sum, penalty) => add(sum, penalty), measured['loss'] as Tensor),
    );
    const parameters = scope.trainables();
    optimizer.update(scope, parameters, gradients(checked, Object.values(parameters)));
    return { ...measured, loss: checked };
  });
  return { program: withEvaluation(builder.program(), measures), initial: builder.initialValues(), layers };
}
