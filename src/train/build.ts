/** From layers to a program: the graphs `predict`, `trainStep` and `evaluate` over one store of variables. */
import type { NDArray } from '../core/ndarray.js';
import type { Shape } from '../core/shape.js';
import type { Named } from '../core/tree.js';
import { gradients } from '../graph/autodiff.js';
import { ProgramBuilder, type Scope } from '../graph/builder.js';
import type { Program } from '../graph/program.js';
import { applyArchitecture, type Architecture, layersOf } from '../nn/architecture.js';
import type { Mode } from '../nn/layer.js';
import type { LayerParts } from '../nn/signal.js';
import { add } from '../ops/binary.js';
import { checkNumerics } from '../ops/elementwise.js';
import { reshape } from '../ops/move.js';
import { concat } from '../ops/slice.js';
import type { Tensor, TensorType } from '../ops/tensor.js';
import { traceAccumulation } from './accumulation.js';
import { feedTypesOf, traceEvaluation, withPenalties } from './evaluation.js';
import { fromFeeds } from './examples.js';
import { measure, type OutputMeasures } from './measures.js';
import type { Optimizer } from './optimizers.js';
import { batchSymbol } from './runtime.js';

/** What a model is trained with. */
export interface Training {
  readonly optimizer: Optimizer;
  readonly measures: readonly OutputMeasures[];
}

/** What a run of `fit` or `evaluate` needs of the program beside. */
export interface Variant {
  /** Whether examples come with weights. */
  readonly hasWeights: boolean;
  /** Whether gradients are accumulated: `accumulateStep` and `applyStep` stand in the place of `trainStep`. */
  readonly accumulates: boolean;
}

export const plainVariant: Variant = { hasWeights: false, accumulates: false };

export interface LayerSummary {
  readonly name: string;
  readonly kind: string;
  /** Whether nothing in it is trained. */
  readonly isFrozen: boolean;
  /** Of its output, in its first call. */
  readonly shape: Shape;
  /** The layers and inputs that it is called on. */
  readonly from: readonly string[];
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
export function keyOf(scope: Scope): () => Tensor {
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

/** The inputs of the architecture's graphs; undefined where their types are not known. */
export function inputTypes({ inputs }: Architecture): Record<string, TensorType> | undefined {
  const types: Record<string, TensorType> = {};
  for (const [name, type] of Object.entries(inputs)) {
    if (!type) return undefined;
    types[name] = { dtype: type.dtype, shape: [batchSymbol, ...type.shape] };
  }
  return types;
}

/** What made each value of the architecture: an input's or a layer's name. */
function makersOf({ inputs, calls }: Architecture): string[] {
  const made = calls.flatMap(({ layer }) => Array.from({ length: layer.gives }, () => layer.name));
  return [...Object.keys(inputs), ...made];
}

const isFrozen = ({ trainable, inner }: LayerParts): boolean =>
  inner ? layersOf(inner.architecture).every(isFrozen) : !trainable;

/** Builds the graphs of an architecture whose inputs are known; `training` adds those that train and evaluate. */
export function build(
  architecture: Architecture,
  seed: number,
  training: Training | undefined,
  { hasWeights, accumulates }: Variant = plainVariant,
): Built {
  const builder = new ProgramBuilder({ symbols: { [batchSymbol]: 1 }, seed });
  const inference: Mode = { training: false };
  const shapes = new Map<string, Shape>();
  builder.trace('predict', inputTypes(architecture) ?? {}, (inputs, scope) =>
    applyArchitecture(architecture, inputs, scope, inference, ({ layer: { name } }, [first]) => {
      if (first && !shapes.has(name)) shapes.set(name, first.shape);
    }),
  );
  const makers = makersOf(architecture);
  const layers = layersOf(architecture).map((layer): LayerSummary => {
    const { name, kind } = layer;
    const calls = architecture.calls.filter((call) => call.layer === layer);
    const from = calls.flatMap(({ inputs }) => inputs.map((at) => makers[at] ?? ''));
    return { name, kind, isFrozen: isFrozen(layer), shape: shapes.get(name) ?? [], from };
  });
  const predicting = builder.program();
  if (!training) return { program: predicting, initial: builder.initialValues(), layers };

  const { optimizer, measures } = training;
  const types = feedTypesOf(predicting, measures, hasWeights);
  const forward = (feeds: Named<Tensor>, scope: Scope) => {
    const given = fromFeeds(feeds);
    const outputs = applyArchitecture(architecture, given.inputs, scope, { training: true, key: keyOf(scope) });
    const logs = withPenalties(scope, measure(measures, given.labels, outputs, given.weights));
    // The check stands before the updates: a loss that is not finite leaves the weights as they were.
    return { ...logs, loss: checkNumerics(logs.loss) };
  };
  if (accumulates) {
    traceAccumulation(builder, types, optimizer, forward);
  } else {
    builder.trace('trainStep', types, (feeds, scope) => {
      const logs = forward(feeds, scope);
      const parameters = scope.trainables();
      optimizer.update(scope, parameters, gradients(logs.loss, Object.values(parameters)));
      return logs;
    });
  }
  traceEvaluation(builder, predicting, measures, hasWeights);
  return { program: builder.program(), initial: builder.initialValues(), layers };
}
