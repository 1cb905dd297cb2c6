/**
 * Programs of random ops, for properties that must hold of any: passes keep results, memory plans never let two living
 * values share bytes. A recipe is a list of choices that fast-check makes, and shrinks.
 */
import fc from 'fast-check';
import { type NDArray, ndarray, sizeOf } from '../../src/core/ndarray.js';
import { normal } from '../../src/core/random.js';
import { gradients } from '../../src/graph/autodiff.js';
import { ProgramBuilder, type Scope } from '../../src/graph/builder.js';
import { add, div, maximum, mul, sub } from '../../src/ops/binary.js';
import { cast } from '../../src/ops/cast.js';
import { greater, where } from '../../src/ops/compare.js';
import { conv2d } from '../../src/ops/conv.js';
import { abs, neg, relu, sigmoid, tanh } from '../../src/ops/elementwise.js';
import { gather } from '../../src/ops/gather.js';
import { matmul } from '../../src/ops/linear.js';
import { broadcastTo, reshape, transpose } from '../../src/ops/move.js';
import { softmax } from '../../src/ops/normalize.js';
import { sgd } from '../../src/ops/optimizer.js';
import { maxPool2d } from '../../src/ops/pool.js';
import { dequantize, quantize } from '../../src/ops/quantize.js';
import { argmax, mean, sum } from '../../src/ops/reduce.js';
import { concat, slice } from '../../src/ops/slice.js';
import { constant, size } from '../../src/ops/source.js';
import type { Tensor, TensorType } from '../../src/ops/tensor.js';
import { gaussian } from './initial.js';

const batch = 'batch';
const rowShape = [batch, 6];
const imageShape = [batch, 5, 5, 2];

export const randomInputs = {
  rows: { dtype: 'f32', shape: rowShape },
  image: { dtype: 'f32', shape: imageShape },
} as const satisfies Record<string, TensorType>;

/** Takes tensors of the two shapes out of what has been made so far, or the inputs. */
interface Source {
  rows(): Tensor;
  image(): Tensor;
  /** For ops with jumps: no rounding on the way can carry an input across one. */
  readonly inputs: { readonly rows: Tensor; readonly image: Tensor };
  variable(name: string, ...shape: number[]): Tensor;
}

/** Ops that give rows or images again. */
const steps: readonly ((from: Source) => Tensor)[] = [
  ({ rows }) => add(rows(), rows()),
  ({ rows }) => mul(rows(), sigmoid(rows())),
  ({ rows }) => sub(neg(rows()), rows()),
  ({ rows }) => maximum(rows(), rows()),
  ({ rows }) => tanh(rows()),
  ({ rows }) => relu(rows()),
  ({ rows }) => softmax(rows()),
  ({ rows, variable }) => add(rows(), variable('bias', 6)),
  ({ rows, variable }) => matmul(rows(), variable('square', 6, 6)),
  ({ rows, variable }) =>
    relu(add(variable('bias', 6), matmul(rows(), variable('square', 6, 6), { transposeB: true }))),
  ({ rows }) => mul(rows(), 1),
  ({ rows }) => div(sub(rows(), 0), 1),
  ({ rows }) => reshape(relu(reshape(rows(), ['6*batch'])), rowShape),
  ({ rows }) => reshape(rows(), rowShape),
  ({ rows }) => transpose(tanh(transpose(rows()))),
  ({ rows }) => broadcastTo(mean(rows(), { axes: [0], keepDims: true }), rowShape),
  ({ rows }) => div(rows(), add(size(rows()), size(rows(), [1]))),
  ({ rows }) => slice(concat([rows(), rows()], 1), [0, 3], rowShape),
  ({ rows, inputs }) => where(greater(inputs.rows, 0), rows(), rows()),
  ({ inputs, variable }) => gather(variable('square', 6, 6), argmax(inputs.rows)),
  ({ rows, inputs }) => mul(rows(), reshape(cast(argmax(inputs.rows), 'f32'), [batch, 1])),
  ({ image }) => relu(image()),
  ({ image, variable }) => conv2d(image(), variable('kernel', 3, 3, 2, 2), { padding: 'same' }),
  ({ image, variable }) => {
    const convolved = conv2d(image(), variable('kernel', 3, 3, 2, 2), { padding: 'same' });
    return relu(add(convolved, variable('channels', 2)));
  },
  ({ image }) => maxPool2d(image(), { poolSize: 3, strides: 1, padding: 'same' }),
  ({ image }) => add(abs(image()), image()),
  ({ image, variable }) => matmul(reshape(maxPool2d(image()), [batch, 8]), variable('dense', 8, 6)),
  ({ rows, variable }) => reshape(matmul(rows(), variable('spread', 6, 50)), imageShape),
];

/** Ops without gradients. */
const integerSteps: readonly ((from: Source) => Tensor)[] = [
  ({ inputs }) => rounded(inputs.rows, (x) => x),
  ({ inputs }) => rounded(inputs.rows, (x) => transpose(transpose(x))),
  ({ inputs }) => rounded(inputs.image, (x) => maxPool2d(x, { poolSize: 2, strides: 1, padding: 'same' })),
  ({ inputs, variable }) => {
    const pooled = rounded(inputs.image, (x) => reshape(maxPool2d(x), [batch, 8]));
    return matmul(pooled, variable('dense', 8, 6));
  },
  ({ inputs }) => cast(cast(inputs.rows, 'i32'), 'f32'),
];

/** Quantized, moved, and back. */
function rounded(x: Tensor, move: (x: Tensor) => Tensor): Tensor {
  const scale = constant(x.recorder, 1 / 16);
  const zeroPoint = constant(x.recorder, 3, 'i8');
  return move(dequantize(quantize(x, scale, zeroPoint), scale, zeroPoint));
}

/** Numbers a quarter of a step above those that `rounded` keeps, far from where it jumps. */
export function randomFeeds(size: number): Record<keyof typeof randomInputs, NDArray> {
  const drawn = (stream: number, ...shape: number[]) =>
    ndarray(
      'f32',
      shape,
      normal([9, stream], sizeOf(shape)).map((x) => (Math.floor(x * 16) + 0.25) / 16),
    );
  return { rows: drawn(1, size, 6), image: drawn(2, size, 5, 5, 2) };
}

/** Which step, and what it takes: numbers that are reduced modulo what there is. */
export type Recipe = readonly { readonly step: number; readonly picks: readonly number[] }[];

export const recipes: fc.Arbitrary<Recipe> = fc.array(
  fc.record({ step: fc.nat(999), picks: fc.array(fc.nat(99), { minLength: 3, maxLength: 3 }) }),
  { minLength: 1, maxLength: 14 },
);

/**
 * A program with one graph `run`: the last rows, the last image and one value between are its outputs, and variable
 * `state` is updated. With `training`, its other variables take a step of gradient descent.
 */
export function randomProgram(recipe: Recipe, training: boolean, largestBatch = 4): ProgramBuilder {
  const builder = new ProgramBuilder({ symbols: { [batch]: largestBatch }, seed: 1 });
  builder.trace('run', randomInputs, (inputs, scope) => {
    const made = { rows: [inputs.rows], image: [inputs.image] };
    const available = training ? steps : [...steps, ...integerSteps];
    for (const { step, picks } of recipe) {
      const tensor = (available[step % available.length] as (typeof steps)[number])(
        sourceOf(scope, inputs, made, picks),
      );
      (tensor.rank === 2 ? made.rows : made.image).push(tensor);
    }
    const last = (tensors: readonly Tensor[]) => tensors[tensors.length - 1] as Tensor;
    const [rows, image] = [last(made.rows), last(made.image)];
    scope.assign('state', add(scope.variable('state', { shape: [6], trainable: false }), sum(rows, { axes: [0] })));
    if (training) descend(scope, add(mean(rows), mean(mul(image, image))));
    return { rows, image, middle: made.rows[made.rows.length >> 1] as Tensor };
  });
  return builder;
}

type Made = { readonly rows: readonly Tensor[]; readonly image: readonly Tensor[] };

function sourceOf(scope: Scope, inputs: Source['inputs'], made: Made, picks: readonly number[]): Source {
  const left = [...picks];
  const pick = (tensors: readonly Tensor[]) => tensors[(left.shift() ?? 0) % tensors.length] as Tensor;
  return {
    rows: () => pick(made.rows),
    image: () => pick(made.image),
    inputs,
    variable: (name, ...shape) => scope.variable(name, { shape, initial: gaussian(0.3) }),
  };
}

function descend(scope: Scope, loss: Tensor): void {
  const weights = Object.values(scope.trainables());
  const found = gradients(loss, weights);
  weights.forEach((weight, i) => scope.assign(weight, sgd(weight, found[i] as Tensor, 0.1).parameter));
}
