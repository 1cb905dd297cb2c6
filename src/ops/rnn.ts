/**
 * Recurrent layers on sequences [batch, time, features]. `lstm` and `gru` are one op for all steps, after one matmul for
 * their inputs; `rnn` records any cell step by step, for a fixed number of steps, and may be differentiated twice.
 */
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import { type Dim, printShape, sameShape } from '../core/shape.js';
import { add, mul, sub } from './binary.js';
import { cast } from './cast.js';
import { where } from './compare.js';
import { sigmoid, tanh } from './elementwise.js';
import { gather } from './gather.js';
import { matmul } from './linear.js';
import { broadcastTo, reshape } from './move.js';
import { requireDType, requireRank } from './rules.js';
import { none } from './schema.js';
import { concat, slice } from './slice.js';
import { constant, iota, size } from './source.js';
import { bindAll, type Tensor } from './tensor.js';

/** What a recurrent layer makes of a sequence. */
export interface Recurred {
  /** The output of every step: [batch, time, units]. */
  readonly sequences: Tensor;
  /** What the step after the last would start from, each [batch, units]: the output, and for an LSTM the cells. */
  readonly state: readonly Tensor[];
}

/** The weights of a recurrent layer, with as many gates side by side as it has. */
export interface RecurrentWeights {
  /** [features, gates * units] */
  readonly kernel: Tensor;
  /** [units, gates * units] */
  readonly recurrentKernel: Tensor;
  /** [gates * units], or for a GRU [2, gates * units]: of the inputs and of the recurrent products. */
  readonly bias?: Tensor | undefined;
}

export interface RecurrentOptions {
  /** The state before the first step, each [batch, units]; zeros unless said. */
  readonly initialState?: readonly Tensor[];
  /** Whether the last step comes first, in the output too. */
  readonly goBackwards?: boolean;
}

/** The number of the last step, an i32 scalar. */
function lastStep(x: Tensor): Tensor {
  const [, t] = x.shape;
  return typeof t === 'number' ? constant(x.recorder, t - 1, 'i32') : sub(cast(size(x, [1]), 'i32'), 1);
}

/** x [batch, time, ...] from the last step to the first. */
export function reverseTime(x: Tensor): Tensor {
  const [, t = 0] = x.shape;
  return gather(x, sub(lastStep(x), iota(x.recorder, [t])), 1);
}

/** x [batch, ...] of the last step of x [batch, time, ...]. */
function atLastStep(x: Tensor): Tensor {
  const [b = 0, t, ...rest] = x.shape;
  if (typeof t !== 'number') return gather(x, lastStep(x), 1);
  return stepOf(x, t - 1, b, rest);
}

const stepOf = (x: Tensor, step: number, b: Dim, rest: readonly Dim[]): Tensor =>
  reshape(slice(x, [0, step, ...rest.map(() => 0)], [b, 1, ...rest]), [b, ...rest]);

function requireSequence(op: string, x: Tensor): void {
  requireDType(op, x, ['f32']);
  requireRank(op, 'x', x, 3);
}

/** `count` states [batch, units]: those that were given, or zeros. */
function startOf(op: string, x: Tensor, units: Dim, count: number, given?: readonly Tensor[]): readonly Tensor[] {
  const shape = [x.shape[0] ?? 0, units];
  if (!given) return Array.from({ length: count }, () => broadcastTo(constant(x.recorder, 0), shape));
  if (given.length !== count || given.some((state) => !sameShape(state.shape, shape))) {
    const received = given.map((state) => printShape(state.shape)).join(', ');
    throw new ShapeError(op, `initialState: ${count} of ${printShape(shape)} are required. Received ${received}.`);
  }
  return given;
}

/** What the inputs of all steps add to the gates: one product. */
function projected(x: Tensor, kernel: Tensor, bias: Tensor | undefined): Tensor {
  const product = matmul(x, kernel);
  return bias ? add(product, bias) : product;
}

const ordered = (x: Tensor, { goBackwards = false }: RecurrentOptions): Tensor => (goBackwards ? reverseTime(x) : x);

/**
 * Long short-term memory: gates i, f, o = sigmoid, g = tanh of x kernel + h recurrentKernel + bias, side by side as i, f, g,
 * o; c = f c + i g; h = o tanh(c).
 */
export function lstm(x: Tensor, weights: RecurrentWeights, options: RecurrentOptions = {}): Recurred {
  const { kernel, recurrentKernel, bias } = weights;
  requireSequence('lstm', x);
  const start = startOf('lstm', x, recurrentKernel.shape[0] ?? 0, 2, options.initialState);
  const gates = projected(ordered(x, options), kernel, bias);
  const [sequences, cells] = bindAll('lstm', none, gates, recurrentKernel, ...start) as [Tensor, Tensor, Tensor];
  return { sequences, state: [atLastStep(sequences), atLastStep(cells)] };
}

/** The biases [2, gates] of a GRU, of the inputs and of the recurrent products; none without. */
function biasesOf(bias: Tensor | undefined, width: Dim): readonly [Tensor, Tensor] | undefined {
  if (!bias) return undefined;
  if (!sameShape(bias.shape, [2, width])) {
    throw new ShapeError('gru', `a bias of [2, ${width}] is required. Received ${printShape(bias.shape)}.`);
  }
  const row = (i: number): Tensor => reshape(slice(bias, [i, 0], [1, width]), [width]);
  return [row(0), row(1)];
}

/**
 * Gated recurrent unit: z, r = sigmoid of x kernel + h recurrentKernel + both biases; g = tanh(x kernel + bias + r (h
 * recurrentKernel + recurrent bias)), side by side as z, r, g; h = z h + (1 - z) g.
 */
export function gru(x: Tensor, weights: RecurrentWeights, options: RecurrentOptions = {}): Recurred {
  const { kernel, recurrentKernel, bias } = weights;
  requireSequence('gru', x);
  const [units = 0, width = 0] = recurrentKernel.shape;
  const [h0] = startOf('gru', x, units, 1, options.initialState) as [Tensor];
  const [inputBias, recurrentBias] = biasesOf(bias, width) ?? [];
  const gates = projected(ordered(x, options), kernel, inputBias);
  const start = recurrentBias ?? broadcastTo(constant(x.recorder, 0), [width]);
  const [sequences] = bindAll('gru', none, gates, recurrentKernel, start, h0) as [Tensor, Tensor];
  return { sequences, state: [atLastStep(sequences)] };
}

/** A step of a recurrent layer: its output and the next state, from its input [batch, features] and the state. */
export type Cell = (
  x: Tensor,
  state: readonly Tensor[],
) => { readonly output: Tensor; readonly state: readonly Tensor[] };

export interface RnnOptions {
  /** Whether the last step comes first, in the output too. */
  readonly goBackwards?: boolean;
  /** bool [batch, time]: where it is false, a step repeats the output before (at first zeros) and keeps the state. */
  readonly mask?: Tensor;
}

/** Any cell, step by step: `state` is that before the first step. The number of steps must be fixed. */
export function rnn(cell: Cell, x: Tensor, state: readonly Tensor[], options: RnnOptions = {}): Recurred {
  const { goBackwards = false, mask } = options;
  const [b = 0, t, ...rest] = x.shape;
  if (typeof t !== 'number' || t < 1) {
    throw new ArgumentError('rnn', `a fixed number of steps is required. Received ${printShape(x.shape)}.`);
  }
  if (mask && mask.dtype !== 'bool') {
    throw new DTypeError('rnn', `a mask of bool is required. Received ${mask.dtype}.`);
  }
  const outputs: Tensor[] = [];
  for (let i = 0; i < t; i++) {
    const step = goBackwards ? t - 1 - i : i;
    const next = cell(stepOf(x, step, b, rest), state);
    const shown = mask && slice(mask, [0, step], [b, 1]);
    const keep = (now: Tensor, before: Tensor): Tensor => (shown ? where(shown, now, before) : now);
    const before = outputs.at(-1) ?? (shown ? broadcastTo(constant(x.recorder, 0), next.output.shape) : next.output);
    outputs.push(keep(next.output, before));
    state = next.state.map((now, k) => keep(now, state[k] ?? now));
  }
  const sequences = concat(
    outputs.map((output) => reshape(output, [b, 1, ...output.shape.slice(1)])),
    1,
  );
  return { sequences, state };
}

/** An activation function. */
type Activate = (x: Tensor) => Tensor;

export interface CellOptions {
  /** tanh unless said. */
  readonly activation?: Activate;
  /** sigmoid unless said. */
  readonly recurrentActivation?: Activate;
  /** What is done to the state before it is multiplied, as dropout does. */
  readonly recall?: Activate;
}

/** `count` parts of equal width of x [batch, count * units]. */
function parts(x: Tensor, count: number): readonly Tensor[] {
  const [b = 0, width = 0] = x.shape;
  const units = Number(width) / count;
  return Array.from({ length: count }, (_, i) => slice(x, [0, i * units], [b, units]));
}

/** h = activation(x + h recurrentKernel), x projected. */
export function simpleRnnCell(recurrentKernel: Tensor, options: CellOptions = {}): Cell {
  const { activation = tanh, recall = (h) => h } = options;
  return (x, [h]) => {
    const output = activation(add(x, matmul(recall(h as Tensor), recurrentKernel)));
    return { output, state: [output] };
  };
}

/** The cell of `lstm`, for projected inputs and any activations. */
export function lstmCell(recurrentKernel: Tensor, options: CellOptions = {}): Cell {
  const { activation = tanh, recurrentActivation = sigmoid, recall = (h) => h } = options;
  return (x, state) => {
    const [h, c] = state as [Tensor, Tensor];
    const sums = parts(add(x, matmul(recall(h), recurrentKernel)), 4) as [Tensor, Tensor, Tensor, Tensor];
    const [input, forget, candidate, shown] = sums;
    const kept = mul(recurrentActivation(forget), c);
    const cell = add(kept, mul(recurrentActivation(input), activation(candidate)));
    const output = mul(recurrentActivation(shown), activation(cell));
    return { output, state: [output, cell] };
  };
}

/** The cell of `gru`, for projected inputs, the bias of the recurrent products and any activations. */
export function gruCell(recurrentKernel: Tensor, recurrentBias?: Tensor, options: CellOptions = {}): Cell {
  const { activation = tanh, recurrentActivation = sigmoid, recall = (h) => h } = options;
  return (x, state) => {
    const [h] = state as [Tensor];
    const product = matmul(recall(h), recurrentKernel);
    const [xz, xr, xg] = parts(x, 3) as [Tensor, Tensor, Tensor];
    const [hz, hr, hg] = parts(recurrentBias ? add(product, recurrentBias) : product, 3) as [Tensor, Tensor, Tensor];
    const update = recurrentActivation(add(xz, hz));
    const candidate = activation(add(xg, mul(recurrentActivation(add(xr, hr)), hg)));
    const output = add(candidate, mul(update, sub(h, candidate)));
    return { output, state: [output] };
  };
}
