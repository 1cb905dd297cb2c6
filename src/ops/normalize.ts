/** Normalisation along the last axis: softmax, its logarithm, and layer normalisation (Ba, Kiros, Hinton 2016). */
import { ShapeError } from '../core/errors.js';
import { normalizeAxis, printShape } from '../core/shape.js';
import { add, div, mul, sub } from './binary.js';
import type {
  Case,
  CasesFacet,
  CostFacet,
  GradientFacet,
  ReferenceArray,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { exp, rsqrt, square } from './elementwise.js';
import { elementwiseCost, only, sumTo } from './facets.js';
import { transpose } from './move.js';
import { max, mean, sum } from './reduce.js';
import { like, one, requireDType, requireNumber, three } from './rules.js';
import { normal, type PlainCase, uniform } from './samples.js';
import { none } from './schema.js';
import { logSumExp as logSumExpOver } from './statistics.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

type Normalize = 'softmax' | 'logSoftmax' | 'layerNormalization';

/** Throws unless the operand has a last axis. */
export function requireLastAxis(op: string, x: TensorType): void {
  if (x.shape.length === 0) throw new ShapeError(op, 'at least one axis is required. Received a scalar.');
}

function rows(op: string, inputs: readonly TensorType[]): readonly TensorType[] {
  requireLastAxis(op, one(op, inputs));
  return like(op, inputs, ['f32']);
}

export const shape = {
  softmax: (_, inputs) => rows('softmax', inputs),
  logSoftmax: (_, inputs) => rows('logSoftmax', inputs),
  layerNormalization: ({ epsilon }, inputs) => {
    const [x, gamma, beta] = three('layerNormalization', inputs);
    requireNumber('layerNormalization', 'epsilon', epsilon, 0);
    for (const input of inputs) requireDType('layerNormalization', input, ['f32']);
    requireLastAxis('layerNormalization', x);
    const [width] = x.shape.slice(-1);
    for (const parameter of [gamma, beta]) {
      if (parameter.shape.length !== 1 || parameter.shape[0] !== width) {
        const received = `${printShape(gamma.shape)}, ${printShape(beta.shape)}`;
        throw new ShapeError('layerNormalization', `gamma and beta of [${width}] are required. Received ${received}.`);
      }
    }
    return [{ dtype: 'f32', shape: x.shape }];
  },
} satisfies ShapeFacet<Normalize>;

const sumLast = (x: Tensor): Tensor => sum(x, { axes: [x.rank - 1], keepDims: true });
const meanLast = (x: Tensor): Tensor => mean(x, { axes: [x.rank - 1], keepDims: true });

export const gradient = {
  // dx = y (g - sum(g y))
  softmax: ({ outputs, gradients }) => {
    const g = only(gradients);
    const y = one('softmax', outputs);
    return [mul(y, sub(g, sumLast(mul(g, y))))];
  },
  // dx = g - exp(y) sum(g)
  logSoftmax: ({ outputs, gradients }) => {
    const g = only(gradients);
    return [sub(g, mul(exp(one('logSoftmax', outputs)), sumLast(g)))];
  },
  // With z = (x - mean) r, r = 1 / sqrt(variance + epsilon) and d = g gamma: dx = r (d - mean(d) - z mean(d z))
  layerNormalization: ({ attrs, inputs, gradients }) => {
    const [x, gamma, beta] = three('layerNormalization', inputs);
    const g = only(gradients);
    const centered = sub(x, meanLast(x));
    const r = rsqrt(add(meanLast(square(centered)), attrs.epsilon));
    const z = mul(centered, r);
    const d = mul(g, gamma);
    const dx = mul(r, sub(sub(d, meanLast(d)), mul(z, meanLast(mul(d, z)))));
    return [dx, sumTo(mul(g, z), gamma.shape), sumTo(g, beta.shape)];
  },
} satisfies GradientFacet<Normalize>;

/** Calls `fill` with every row along the last axis and the offset at which it starts. */
export function eachRow(x: ReferenceArray, fill: (row: number[], start: number) => void): void {
  const width = x.shape.at(-1) ?? 1;
  for (let start = 0; start < x.data.length; start += width) fill([...x.data.subarray(start, start + width)], start);
}

/** log(sum(exp(row))), without overflow. */
export function logSumExp(row: readonly number[]): number {
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  return largest + Math.log(row.reduce((total, x) => total + Math.exp(x - largest), 0));
}

const average = (row: readonly number[]): number => row.reduce((total, x) => total + x, 0) / row.length;

export const reference = {
  softmax: (_, inputs, outputs) => {
    const y = one('softmax', outputs);
    eachRow(one('softmax', inputs), (row, start) => {
      const total = logSumExp(row);
      row.forEach((x, i) => (y.data[start + i] = Math.exp(x - total)));
    });
  },
  logSoftmax: (_, inputs, outputs) => {
    const y = one('logSoftmax', outputs);
    eachRow(one('logSoftmax', inputs), (row, start) => {
      const total = logSumExp(row);
      row.forEach((x, i) => (y.data[start + i] = x - total));
    });
  },
  layerNormalization: ({ epsilon }, inputs, outputs) => {
    const [x, gamma, beta] = three('layerNormalization', inputs);
    const y = one('layerNormalization', outputs);
    eachRow(x, (row, start) => {
      const middle = average(row);
      const deviation = Math.sqrt(average(row.map((value) => (value - middle) ** 2)) + epsilon);
      row.forEach((value, i) => {
        y.data[start + i] = ((value - middle) / deviation) * (gamma.data[i] ?? NaN) + (beta.data[i] ?? NaN);
      });
    });
  },
} satisfies ReferenceFacet<Normalize>;

export const cost = {
  softmax: elementwiseCost,
  logSoftmax: elementwiseCost,
  layerNormalization: elementwiseCost,
} satisfies CostFacet<Normalize>;

/** Widths of rows: around the vector width, classes of digits, classes of ImageNet. */
export const widths: readonly number[] = [1, 3, 4, 5, 10, 16, 17, 33, 1000];

/** Probabilities may be as small as float32 goes; a difference of 160, raised, has lost 1e-5. */
const probability = { absolute: 1e-37, relative: 3e-5 };

/** Logarithms of sums may be near zero. */
const logarithm = { absolute: 1e-6, relative: 2e-6 };

export const cases = {
  softmax: () => softmaxCases(probability),
  logSoftmax: () => softmaxCases(logarithm),
  layerNormalization: layerCases,
} satisfies CasesFacet<Normalize>;

function softmaxCases(tolerance: typeof probability): PlainCase[] {
  return [
    ...widths.flatMap((width) =>
      [1, 2, 7].map((count) => ({
        attrs: none,
        inputs: [normal([count, width])],
        tolerance,
        ...(count * width > 40 ? { differentiate: [] } : {}),
      })),
    ),
    ...[[0, 5], [3, 0], [5], [2, 3, 4], [2, 1, 3, 17]].map((shape) => ({
      attrs: none,
      inputs: [normal(shape)],
      tolerance,
    })),
    ...[10, 33].map((width) => ({
      attrs: none,
      inputs: [uniform([5, width], -80, 80)],
      tolerance,
      differentiate: [],
    })),
    ...[
      [64, 10],
      [1024, 128],
      [256, 1000],
    ].map((shape) => ({
      attrs: none,
      inputs: [normal(shape)],
      tolerance,
      differentiate: [],
      bench: true,
    })),
  ];
}

function layerCases(): Case<'layerNormalization'>[] {
  const layer = (shape: readonly number[], epsilon: number): Case<'layerNormalization'> => ({
    attrs: { epsilon },
    inputs: [normal(shape), normal(shape.slice(-1)), normal(shape.slice(-1))],
    tolerance: { absolute: 1e-5, relative: 1e-5 },
  });
  const untested = { differentiate: [] };
  return [
    ...widths.flatMap((width) =>
      [1, 3].map((count) => ({ ...layer([count, width], 1e-3), ...(width > 20 ? untested : {}) })),
    ),
    ...[[0, 5], [3, 0], [5], [2, 3, 4]].map((shape) => layer(shape, 1e-3)),
    layer([3, 8], 1e-6),
    // A mean that is large beside the deviation: its rounding, 1e-4, is divided by a deviation of 0.3.
    {
      attrs: { epsilon: 1e-3 },
      inputs: [uniform([4, 64], 1000, 1001), normal([64]), normal([64])],
      tolerance: { absolute: 4e-3, relative: 1e-5 },
      ...untested,
    },
    { ...layer([1024, 128], 1e-3), ...untested, bench: true },
    { ...layer([256, 768], 1e-3), ...untested, bench: true },
  ];
}

/** `op` along `axis`, which becomes the last one for as long as it takes. */
function along(op: 'softmax' | 'logSoftmax', x: Tensor, axis: number): Tensor {
  const at = normalizeAxis(op, axis, x.rank);
  const last = x.rank - 1;
  if (at === last) return bind(op, none, x);
  const swapped = x.shape.map((_, i) => (i === at ? last : i === last ? at : i));
  return transpose(bind(op, none, transpose(x, swapped)), swapped);
}

/** exp(x) / sum(exp(x)) along `axis` (default the last), or over several axes together. */
export function softmax(x: Tensor, axis: number | readonly number[] = -1): Tensor {
  if (typeof axis === 'number') return along('softmax', x, axis);
  const over = { axes: axis, keepDims: true };
  const powers = exp(sub(x, max(x, over)));
  return div(powers, sum(powers, over));
}

/** log(softmax(x)) along `axis` (default the last), or over several axes together. */
export function logSoftmax(x: Tensor, axis: number | readonly number[] = -1): Tensor {
  if (typeof axis === 'number') return along('logSoftmax', x, axis);
  return sub(x, logSumExpOver(x, { axes: axis, keepDims: true }));
}

/** (x - mean) / sqrt(variance + epsilon) * gamma + beta along the last axis. */
export function layerNormalization(x: Tensor, gamma: Tensor, beta: Tensor, { epsilon = 1e-3 } = {}): Tensor {
  return bind('layerNormalization', { epsilon }, x, gamma, beta);
}
