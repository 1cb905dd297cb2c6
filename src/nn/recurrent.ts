/**
 * Recurrent layers, with the names, layouts and defaults of Keras 3. With their usual activations `lstm` and `gru` are one
 * op for all steps; otherwise, and in `simpleRnn`, every step is recorded.
 */
import { ShapeError } from '../core/errors.js';
import { type NDArray } from '../core/ndarray.js';
import { printShape } from '../core/shape.js';
import type { Key } from '../core/random.js';
import type { Scope } from '../graph/builder.js';
import { add, mul } from '../ops/binary.js';
import { matmul } from '../ops/linear.js';
import { broadcastTo, reshape } from '../ops/move.js';
import { dropout as drop } from '../ops/random.js';
import {
  type Cell,
  type CellOptions,
  gru as gruOp,
  gruCell,
  lstm as lstmOp,
  lstmCell,
  type Recurred,
  rnn,
  simpleRnnCell,
} from '../ops/rnn.js';
import { slice } from '../ops/slice.js';
import type { Tensor } from '../ops/tensor.js';
import { type ActivationName, activate, activationName } from './activations.js';
import { type InitializerName, initializerName, initializers } from './initializers.js';
import { type Layer, type LayerKind, makeLayer, type Mode, type Naming } from './layer.js';
import { count, type Fields, flag, fraction, optional, type Resolved } from './options.js';
import { penaltyOf, type Regularizer, regularizer } from './regularizers.js';

export interface SimpleRnnOptions {
  /** The size of the output and of the state. */
  readonly units: number;
  /** `tanh` unless said. */
  readonly activation?: ActivationName;
  /** True unless said. */
  readonly useBias?: boolean;
  /** `glorotUniform` unless said. */
  readonly kernelInitializer?: InitializerName;
  /** `orthogonal` unless said. */
  readonly recurrentInitializer?: InitializerName;
  /** `zeros` unless said. */
  readonly biasInitializer?: InitializerName;
  /** Added to the loss in training; none unless said. */
  readonly kernelRegularizer?: Regularizer | null;
  /** Added to the loss in training; none unless said. */
  readonly recurrentRegularizer?: Regularizer | null;
  /** The share of the inputs that become 0 in training, the same at each step; 0 unless said. */
  readonly dropout?: number;
  /** The share of the state that becomes 0 in training, the same at each step; 0 unless said. */
  readonly recurrentDropout?: number;
  /** Whether the output is that of every step; otherwise that of the last. False unless said. */
  readonly returnSequences?: boolean;
  /** Whether the last step comes first, in the output too. False unless said. */
  readonly goBackwards?: boolean;
}

export interface GruOptions extends SimpleRnnOptions {
  /** `sigmoid` unless said. */
  readonly recurrentActivation?: ActivationName;
  /** Whether each step is recorded, for a fixed number of them: slower, but may be differentiated twice. False unless said. */
  readonly unroll?: boolean;
}

export interface LstmOptions extends GruOptions {
  /** Whether the forget gate's bias starts at 1; true unless said. */
  readonly unitForgetBias?: boolean;
}

const simpleFields: Fields<SimpleRnnOptions> = {
  units: count,
  activation: optional(activationName, 'tanh'),
  useBias: optional(flag, true),
  kernelInitializer: optional(initializerName, 'glorotUniform'),
  recurrentInitializer: optional(initializerName, 'orthogonal'),
  biasInitializer: optional(initializerName, 'zeros'),
  kernelRegularizer: regularizer,
  recurrentRegularizer: regularizer,
  dropout: optional(fraction, 0),
  recurrentDropout: optional(fraction, 0),
  returnSequences: optional(flag, false),
  goBackwards: optional(flag, false),
};

const gruFields: Fields<GruOptions> = {
  ...simpleFields,
  recurrentActivation: optional(activationName, 'sigmoid'),
  unroll: optional(flag, false),
};

type Common = Resolved<SimpleRnnOptions>;

/** The weights of `gates` gates; `bias` of the given shape. */
function weightsOf(options: Common, gates: number, x: Tensor, scope: Scope, bias: readonly number[], first?: Initial) {
  const { units, useBias, kernelInitializer, recurrentInitializer, biasInitializer } = options;
  const features = x.shape.at(-1);
  if (x.rank !== 3 || typeof features !== 'number') {
    throw new ShapeError(scope.path, `x [batch, time, features] is required. Received ${printShape(x.shape)}.`);
  }
  const kernel = scope.variable('kernel', {
    shape: [features, gates * units],
    initial: initializers[kernelInitializer],
    penalty: penaltyOf(options.kernelRegularizer),
  });
  const recurrentKernel = scope.variable('recurrentKernel', {
    shape: [units, gates * units],
    initial: initializers[recurrentInitializer],
    penalty: penaltyOf(options.recurrentRegularizer),
  });
  const initial = first ?? initializers[biasInitializer];
  return { kernel, recurrentKernel, bias: useBias ? scope.variable('bias', { shape: bias, initial }) : undefined };
}

type Initial = (shape: readonly number[], key: Key) => NDArray;

/** Ones of a shape, a share of which became 0. */
function dropped(scope: Scope, mode: Mode & { readonly training: true }, rate: number, shape: Tensor['shape']): Tensor {
  return drop(broadcastTo(scope.constant(1), shape), mode.key(), rate, scope.stream());
}

/** x with some of its features at 0 in training, the same ones at each step. */
function withDropout(x: Tensor, rate: number, scope: Scope, mode: Mode): Tensor {
  if (!mode.training || rate === 0) return x;
  const [b = 0, , features = 0] = x.shape;
  return mul(x, dropped(scope, mode, rate, [b, 1, features]));
}

/** What the cells do that are recorded step by step. */
function cellOptions(options: Common, x: Tensor, scope: Scope, mode: Mode): CellOptions {
  const { units, activation, recurrentDropout } = options;
  const shared = { activation: (y: Tensor) => activate(activation, y) };
  if (!mode.training || recurrentDropout === 0) return shared;
  const mask = dropped(scope, mode, recurrentDropout, [x.shape[0] ?? 0, units]);
  return { ...shared, recall: (h) => mul(h, mask) };
}

/** Each step recorded: the inputs of all steps are projected together. */
function stepByStep(
  options: Common,
  cell: Cell,
  x: Tensor,
  kernel: Tensor,
  bias: Tensor | undefined,
  states: number,
  scope: Scope,
): Recurred {
  const projected = bias ? add(matmul(x, kernel), bias) : matmul(x, kernel);
  const zeros = broadcastTo(scope.constant(0), [x.shape[0] ?? 0, options.units]);
  const start = Array.from({ length: states }, () => zeros);
  return rnn(cell, projected, start, { goBackwards: options.goBackwards });
}

/** The output that the options ask for. */
const shownOf = ({ returnSequences }: Common, { sequences, state }: Recurred): Tensor =>
  returnSequences ? sequences : (state[0] ?? sequences);

/** Whether the options are those of the op that walks all steps. */
const isUsual = (options: Resolved<GruOptions>, mode: Mode): boolean =>
  options.activation === 'tanh' &&
  options.recurrentActivation === 'sigmoid' &&
  !options.unroll &&
  (!mode.training || options.recurrentDropout === 0);

export const simpleRnnKind: LayerKind<SimpleRnnOptions> = {
  kind: 'simpleRnn',
  fields: simpleFields,
  call: (options, x, scope, mode) => {
    const { kernel, recurrentKernel, bias } = weightsOf(options, 1, x, scope, [options.units]);
    const inputs = withDropout(x, options.dropout, scope, mode);
    const cell = simpleRnnCell(recurrentKernel, cellOptions(options, x, scope, mode));
    return shownOf(options, stepByStep(options, cell, inputs, kernel, bias, 1, scope));
  },
};

export const lstmKind: LayerKind<LstmOptions> = {
  kind: 'lstm',
  fields: { ...gruFields, unitForgetBias: optional(flag, true) },
  call: (options, x, scope, mode) => {
    const { units, goBackwards, recurrentActivation, biasInitializer, unitForgetBias } = options;
    const forgetful: Initial = (shape, key) => {
      const bias = initializers[biasInitializer](shape, key);
      bias.data.fill(1, units, 2 * units);
      return bias;
    };
    const weights = weightsOf(options, 4, x, scope, [4 * units], unitForgetBias ? forgetful : undefined);
    const inputs = withDropout(x, options.dropout, scope, mode);
    if (isUsual(options, mode)) return shownOf(options, lstmOp(inputs, weights, { goBackwards }));
    const cell = lstmCell(weights.recurrentKernel, {
      ...cellOptions(options, x, scope, mode),
      recurrentActivation: (y) => activate(recurrentActivation, y),
    });
    return shownOf(options, stepByStep(options, cell, inputs, weights.kernel, weights.bias, 2, scope));
  },
};

export const gruKind: LayerKind<GruOptions> = {
  kind: 'gru',
  fields: gruFields,
  call: (options, x, scope, mode) => {
    const { units, goBackwards, recurrentActivation } = options;
    const weights = weightsOf(options, 3, x, scope, [2, 3 * units]);
    const inputs = withDropout(x, options.dropout, scope, mode);
    if (isUsual(options, mode)) return shownOf(options, gruOp(inputs, weights, { goBackwards }));
    const { kernel, recurrentKernel, bias } = weights;
    const row = (i: number): Tensor | undefined => bias && reshape(slice(bias, [i, 0], [1, 3 * units]), [3 * units]);
    const cell = gruCell(recurrentKernel, row(1), {
      ...cellOptions(options, x, scope, mode),
      recurrentActivation: (y) => activate(recurrentActivation, y),
    });
    return shownOf(options, stepByStep(options, cell, inputs, kernel, row(0), 1, scope));
  },
};

/** activation(x @ kernel + h @ recurrentKernel + bias), step by step: [batch, time, features] -> [batch, units]. */
export const simpleRnn = (options: SimpleRnnOptions & Naming): Layer => makeLayer(simpleRnnKind, options);

/** Long short-term memory: [batch, time, features] -> [batch, units], or [batch, time, units] with `returnSequences`. */
export const lstm = (options: LstmOptions & Naming): Layer => makeLayer(lstmKind, options);

/**
 * Gated recurrent unit, its reset gate behind the recurrent product (`resetAfter` in Keras): [batch, time, features] ->
 * [batch, units], or [batch, time, units] with `returnSequences`.
 */
export const gru = (options: GruOptions & Naming): Layer => makeLayer(gruKind, options);
