/** One step of an optimizer on one parameter, as in Keras 3. */
import { ArgumentError } from '../core/errors.js';
import type {
  Case,
  CaseInput,
  CasesFacet,
  CostFacet,
  GradientFacet,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { elementwiseCost } from './facets.js';
import { requireDType, requireNumber, requireRank, requireSameShape, three } from './rules.js';
import { benchLength, lengths, normal, uniform, values } from './samples.js';
import { type Operand, tensorsOf } from './source.js';
import { bindAll, type Tensor, type TensorType } from './tensor.js';

type Optimizer = 'sgd' | 'adam';

/** Throws unless all are f32 and of the parameter's shape. */
function requireLike(op: string, parameter: TensorType, others: readonly TensorType[]): void {
  requireDType(op, parameter, ['f32']);
  for (const other of others) {
    requireDType(op, other, ['f32']);
    requireSameShape(op, parameter, other);
  }
}

export const shape = {
  sgd: ({ momentum }, inputs) => {
    const [parameter, gradient, learningRate] = three('sgd', inputs.slice(0, 3));
    const velocity = inputs.slice(3);
    requireNumber('sgd', 'momentum', momentum, 0, 1);
    if (velocity.length !== (momentum > 0 ? 1 : 0)) {
      throw new ArgumentError('sgd', `a velocity is required with momentum only. Received ${inputs.length} operands.`);
    }
    requireLike('sgd', parameter, [gradient, ...velocity]);
    requireDType('sgd', learningRate, ['f32']);
    requireRank('sgd', 'learningRate', learningRate, 0);
    return [parameter, ...velocity].map(({ dtype, shape }) => ({ dtype, shape }));
  },
  adam: ({ beta1, beta2, epsilon }, inputs) => {
    const [parameter, gradient, learningRate] = three('adam', inputs.slice(0, 3));
    const [m, v, step] = three('adam', inputs.slice(3));
    requireNumber('adam', 'beta1', beta1, 0, 1);
    requireNumber('adam', 'beta2', beta2, 0, 1);
    requireNumber('adam', 'epsilon', epsilon, 0);
    requireLike('adam', parameter, [gradient, m, v]);
    requireDType('adam', learningRate, ['f32']);
    requireRank('adam', 'learningRate', learningRate, 0);
    requireDType('adam', step, ['i32']);
    requireRank('adam', 'step', step, 0);
    return [parameter, m, v].map(({ dtype, shape }) => ({ dtype, shape }));
  },
} satisfies ShapeFacet<Optimizer>;

export const gradient = { sgd: null, adam: null } satisfies GradientFacet<Optimizer>;

export const reference = {
  sgd: ({ momentum, nesterov }, inputs, outputs) => {
    const [parameter, gradient, learningRate] = three('sgd', inputs.slice(0, 3));
    const [velocity] = inputs.slice(3);
    const [nextParameter, nextVelocity] = outputs;
    const rate = learningRate.data[0] ?? NaN;
    parameter.data.forEach((p, i) => {
      const descent = -rate * (gradient.data[i] ?? NaN);
      const speed = momentum * (velocity?.data[i] ?? 0) + descent;
      if (nextVelocity) nextVelocity.data[i] = speed;
      if (nextParameter) nextParameter.data[i] = p + (nesterov ? momentum * speed + descent : speed);
    });
  },
  adam: ({ beta1, beta2, epsilon }, inputs, outputs) => {
    const [parameter, gradient, learningRate] = three('adam', inputs.slice(0, 3));
    const [m, v, step] = three('adam', inputs.slice(3));
    const [nextParameter, nextM, nextV] = three('adam', outputs);
    const t = step.data[0] ?? NaN;
    const alpha = ((learningRate.data[0] ?? NaN) * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
    parameter.data.forEach((p, i) => {
      const g = gradient.data[i] ?? NaN;
      const first = beta1 * (m.data[i] ?? NaN) + (1 - beta1) * g;
      const second = beta2 * (v.data[i] ?? NaN) + (1 - beta2) * g * g;
      nextM.data[i] = first;
      nextV.data[i] = second;
      nextParameter.data[i] = p - (alpha * first) / (Math.sqrt(second) + epsilon);
    });
  },
} satisfies ReferenceFacet<Optimizer>;

export const cost = { sgd: elementwiseCost, adam: elementwiseCost } satisfies CostFacet<Optimizer>;

/** Steps are small beside parameters; 1 - beta2 is known to 1e-5 when beta2 is a float32. */
const stepped = { absolute: 1e-6, relative: 1e-5 };

export const cases = {
  sgd: sgdCases,
  adam: adamCases,
} satisfies CasesFacet<Optimizer>;

function sgdCases(): Case<'sgd'>[] {
  const step = (shape: readonly number[], momentum: number, nesterov: boolean, rate = 0.01): Case<'sgd'> => ({
    attrs: { momentum, nesterov },
    inputs: [normal(shape), normal(shape), values('f32', [], [rate]), ...(momentum > 0 ? [normal(shape)] : [])],
    tolerance: stepped,
    differentiate: [],
  });
  return [
    ...lengths.flatMap((length) => [step([length], 0, false), step([length], 0.9, false), step([length], 0.9, true)]),
    step([], 0.5, true, 1),
    step([3, 3, 8, 5], 0.9, false, 0),
    { ...step([benchLength], 0, false), bench: true },
    { ...step([benchLength], 0.9, true), bench: true },
  ];
}

function adamCases(): Case<'adam'>[] {
  const step = (shape: readonly number[], t: number, moments = 1, beta1 = 0.9, beta2 = 0.999): Case<'adam'> => {
    const m: CaseInput = uniform(shape, -moments, moments);
    const v: CaseInput = uniform(shape, 0, moments);
    return {
      attrs: { beta1, beta2, epsilon: 1e-7 },
      inputs: [normal(shape), normal(shape), values('f32', [], [0.001]), m, v, values('i32', [], [t])],
      tolerance: stepped,
      differentiate: [],
    };
  };
  return [
    ...lengths.flatMap((length) => [step([length], 1, 0), step([length], 100)]),
    ...[1, 2, 3, 10, 1000, 100000].map((t) => step([7], t)),
    step([], 5),
    step([3, 3, 8, 5], 17),
    step([9], 4, 1, 0, 0.9),
    { ...step([benchLength], 10), bench: true },
  ];
}

export interface SgdOptions {
  /** In [0, 1), default 0. */
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

/** A step of gradient descent: the new parameter and, with momentum, the new velocity (null without). */
export function sgd(
  parameter: Tensor,
  gradient: Tensor,
  learningRate: Operand,
  velocity: Tensor | null = null,
  { momentum = 0, nesterov = false }: SgdOptions = {},
): { readonly parameter: Tensor; readonly velocity: Tensor | null } {
  const operands = tensorsOf('sgd', parameter, gradient, learningRate);
  const next = bindAll('sgd', { momentum, nesterov }, ...operands, ...(velocity ? [velocity] : []));
  return { parameter: next[0] ?? parameter, velocity: next[1] ?? null };
}

export interface AdamOptions {
  /** Decay of the mean of gradients, in [0, 1), default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of their squares, in [0, 1), default 0.999. */
  readonly beta2?: number;
  /** Added to the root, default 1e-7. */
  readonly epsilon?: number;
}

/** A step of Adam (Kingma and Ba 2015): the new parameter and moments. `step` is an i32 scalar and starts at 1. */
export function adam(
  parameter: Tensor,
  gradient: Tensor,
  learningRate: Operand,
  { m, v, step }: { readonly m: Tensor; readonly v: Tensor; readonly step: Tensor },
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 }: AdamOptions = {},
): { readonly parameter: Tensor; readonly m: Tensor; readonly v: Tensor } {
  const operands = tensorsOf('adam', parameter, gradient, learningRate);
  const next = three('adam', bindAll('adam', { beta1, beta2, epsilon }, ...operands, m, v, step));
  return { parameter: next[0], m: next[1], v: next[2] };
}
