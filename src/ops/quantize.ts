/**
 * Between floats and 8-bit integers, as in ONNX QuantizeLinear and DequantizeLinear: q = round(x / scale) + zeroPoint,
 * halves to even, saturated; x = (q - zeroPoint) * scale. Scale and zero point are scalars, or one for each channel.
 */
import { ShapeError } from '../core/errors.js';
import { sizeOf } from '../core/ndarray.js';
import { normalizeAxis, printShape } from '../core/shape.js';
import type {
  Case,
  CaseInput,
  CasesFacet,
  CostFacet,
  GradientFacet,
  ReferenceArray,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { elementwiseCost } from './facets.js';
import { one, requireAxis, requireDType, three } from './rules.js';
import { benchLength, exact, filled, integers, lengths, normal, rounded, values } from './samples.js';
import type { OpAttrs } from './schema.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

type Quantize = 'quantize' | 'dequantize';

type Quantized = OpAttrs['quantize']['dtype'];

const quantized: readonly Quantized[] = ['u8', 'i8'];

/** Throws unless scale and zero point are scalars, or have one element for each entry of the channel axis. */
function requireParameters(
  op: string,
  axis: number | null,
  x: TensorType,
  scale: TensorType,
  zeroPoint: TensorType,
): void {
  requireDType(op, scale, ['f32']);
  if (axis !== null) requireAxis(op, axis, x.shape.length);
  const expected = axis === null ? [] : x.shape.slice(axis, axis + 1);
  for (const { shape } of [scale, zeroPoint]) {
    if (shape.length !== expected.length || shape[0] !== expected[0]) {
      const received = `${printShape(scale.shape)}, ${printShape(zeroPoint.shape)}`;
      throw new ShapeError(
        op,
        `a scale and a zero point of ${printShape(expected)} are required. Received ${received}.`,
      );
    }
  }
}

export const shape = {
  quantize: ({ dtype, axis }, inputs) => {
    const [x, scale, zeroPoint] = three('quantize', inputs);
    requireDType('quantize', x, ['f32']);
    requireDType('quantize', zeroPoint, [dtype]);
    requireParameters('quantize', axis, x, scale, zeroPoint);
    return [{ dtype, shape: x.shape }];
  },
  dequantize: ({ axis }, inputs) => {
    const [q, scale, zeroPoint] = three('dequantize', inputs);
    requireDType('dequantize', q, quantized);
    requireDType('dequantize', zeroPoint, [q.dtype]);
    requireParameters('dequantize', axis, q, scale, zeroPoint);
    return [{ dtype: 'f32', shape: q.shape }];
  },
} satisfies ShapeFacet<Quantize>;

export const gradient = { quantize: null, dequantize: null } satisfies GradientFacet<Quantize>;

/** The nearest integer; a half to the even one. */
export function roundHalfEven(x: number): number {
  const nearest = Math.round(x);
  return Math.abs(nearest - x) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

export const range: { readonly [D in Quantized]: readonly [low: number, high: number] } = {
  u8: [0, 255],
  i8: [-128, 127],
};

/** The position of an element's channel. */
function channelOf(shape: readonly number[], axis: number | null): (i: number) => number {
  if (axis === null) return () => 0;
  const stride = sizeOf(shape.slice(axis + 1));
  return (i) => Math.floor(i / stride) % (shape[axis] ?? 1);
}

/** Calls `fn` with each element, its scale and its zero point. */
function apply(
  axis: number | null,
  [x, scale, zeroPoint]: readonly [ReferenceArray, ReferenceArray, ReferenceArray],
  y: ReferenceArray,
  fn: (x: number, scale: number, zeroPoint: number) => number,
): void {
  const channel = channelOf(x.shape, axis);
  x.data.forEach((element, i) => {
    y.data[i] = fn(element, scale.data[channel(i)] ?? NaN, zeroPoint.data[channel(i)] ?? NaN);
  });
}

export const reference = {
  quantize: ({ dtype, axis }, inputs, outputs) => {
    const [low, high] = range[dtype];
    apply(axis, three('quantize', inputs), one('quantize', outputs), (x, scale, zeroPoint) =>
      Math.min(Math.max(roundHalfEven(x / scale) + zeroPoint, low), high),
    );
  },
  dequantize: ({ axis }, inputs, outputs) => {
    apply(
      axis,
      three('dequantize', inputs),
      one('dequantize', outputs),
      (q, scale, zeroPoint) => (q - zeroPoint) * scale,
    );
  },
} satisfies ReferenceFacet<Quantize>;

export const cost = { quantize: elementwiseCost, dequantize: elementwiseCost } satisfies CostFacet<Quantize>;

/** Channel axes of dense and convolution kernels, and of activations. */
const channelled: readonly (readonly [shape: readonly number[], axis: number])[] = [
  [[5], 0],
  [[0, 3], 1],
  [[4, 7], 0],
  [[4, 7], 1],
  [[33, 17], 1],
  [[3, 3, 2, 5], 3],
  [[3, 3, 8, 16], 3],
  [[2, 3, 4, 2], 2],
];

/** A scale and a zero point for each of `count` channels, or scalars when null: powers of two or not. */
function parameters(dtype: Quantized, count: number | null, exactly: boolean): CaseInput[] {
  const shape = count === null ? [] : [count];
  const channels = Array.from({ length: count ?? 1 }, (_, i) => i);
  const scales = channels.map((i) => (exactly ? 2 ** ((i % 5) - 3) : 0.013 + 0.0017 * i));
  const zeroPoints = channels.map((i) => (dtype === 'u8' ? 128 - (i % 3) : -(i % 4)));
  return [values('f32', shape, scales), values(dtype, shape, zeroPoints)];
}

/** Multiples of 1/16 from -20 to 20, so that x / scale is exact for the scales that are powers of two and often a half. */
function sixteenths(shape: readonly number[]): CaseInput {
  return values(
    'f32',
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => (((i * 389) % 641) - 320) / 16),
  );
}

/** A quotient that float32 rounds may fall on the other side of a half. */
const neighbour = { absolute: 1, relative: 0 };

export const cases = {
  quantize: quantizeCases,
  dequantize: dequantizeCases,
} satisfies CasesFacet<Quantize>;

function quantizeCases(): Case<'quantize'>[] {
  const extremes = [
    0, -0, 1e9, -1e9, 3e38, -3e38, 1e-40, 31.9, 32, -32, 15.9, -16, -16.1, 0.0625, 0.1875, -0.0625, -0.1875,
  ];
  return quantized.flatMap((dtype): Case<'quantize'>[] => [
    ...[...lengths, 641].map((length) => ({
      attrs: { dtype, axis: null },
      inputs: [sixteenths([length]), ...parameters(dtype, null, true)],
    })),
    {
      attrs: { dtype, axis: null },
      inputs: [values('f32', [extremes.length], extremes), ...parameters(dtype, null, true)],
    },
    { attrs: { dtype, axis: null }, inputs: [normal([]), ...parameters(dtype, null, true)] },
    {
      attrs: { dtype, axis: null },
      inputs: [normal([7, 19]), ...parameters(dtype, null, false)],
      tolerance: neighbour,
    },
    ...channelled.map(([shape, axis]) => ({
      attrs: { dtype, axis },
      inputs: [sixteenths(shape), ...parameters(dtype, shape[axis] ?? 0, true)],
    })),
    {
      attrs: { dtype, axis: 1 },
      inputs: [normal([9, 21]), ...parameters(dtype, 21, false)],
      tolerance: neighbour,
    },
    {
      attrs: { dtype, axis: null },
      inputs: [normal([benchLength]), ...parameters(dtype, null, false)],
      tolerance: neighbour,
      bench: true,
    },
  ]);
}

function dequantizeCases(): Case<'dequantize'>[] {
  return quantized.flatMap((dtype): Case<'dequantize'>[] => [
    ...[...lengths, 256].map((length) => ({
      attrs: { axis: null },
      inputs: [filled(dtype, [length]), ...parameters(dtype, null, true)],
      tolerance: exact,
    })),
    {
      attrs: { axis: null },
      inputs: [integers(dtype, [], 3, 4), ...parameters(dtype, null, false)],
      tolerance: rounded,
    },
    ...channelled.map(([shape, axis]) => ({
      attrs: { axis },
      inputs: [filled(dtype, shape), ...parameters(dtype, shape[axis] ?? 0, false)],
      tolerance: rounded,
    })),
    {
      attrs: { axis: null },
      inputs: [filled(dtype, [benchLength]), ...parameters(dtype, null, false)],
      tolerance: rounded,
      bench: true,
    },
  ]);
}

export interface QuantizeOptions {
  /** The axis that has a scale and a zero point for each entry; null (the default) when they are scalars. */
  readonly axis?: number | null;
}

const axisOf = (op: string, axis: number | null, x: Tensor): number | null =>
  axis === null ? null : normalizeAxis(op, axis, x.rank);

/** `x` as integers of the zero point's dtype, u8 or i8. */
export function quantize(x: Tensor, scale: Tensor, zeroPoint: Tensor, { axis = null }: QuantizeOptions = {}): Tensor {
  const dtype = zeroPoint.dtype === 'u8' ? 'u8' : 'i8';
  return bind('quantize', { dtype, axis: axisOf('quantize', axis, x) }, x, scale, zeroPoint);
}

/** The floats that the integers `q` stand for. */
export function dequantize(q: Tensor, scale: Tensor, zeroPoint: Tensor, { axis = null }: QuantizeOptions = {}): Tensor {
  return bind('dequantize', { axis: axisOf('dequantize', axis, q) }, q, scale, zeroPoint);
}
