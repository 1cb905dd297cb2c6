/**
 * The op set: every op's name and its attributes, in one list. Ops carry their NumPy or ONNX names; activations are
 * NHWC and convolution kernels HWIO. Inputs and outputs, in order, stand behind each op. `?` marks an optional input.
 */
import type { DType } from '../core/dtype.js';
import type { Shape } from '../core/shape.js';

/** Zeros before and after each spatial axis: `valid` none, `same` so that the output has ceil(input / stride). */
export type Padding = 'valid' | 'same';

/** Zeros before and after height, and before and after width. */
export type Paddings = readonly [top: number, bottom: number, left: number, right: number];

/** An activation that a kernel applies while its result is still in registers. */
export type Activation = 'linear' | 'relu';

export type Pair = readonly [number, number];

export interface Nothing {
  readonly [key: string]: never;
}

export interface Reduction {
  /** Axes to reduce, ascending, non-negative. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

export interface Window {
  readonly poolSize: Pair;
  readonly strides: Pair;
  readonly padding: Padding;
}

export interface Convolution {
  readonly strides: Pair;
  readonly padding: Padding | Paddings;
}

export interface Attention {
  /** What the products of queries and keys are multiplied by. */
  readonly scale: number;
  readonly causal: boolean;
}

/** How an update joins what is there: in its place, or by arithmetic. */
export const scatterReductions = ['none', 'add', 'mul', 'max', 'min'] as const;
export type ScatterReduction = (typeof scatterReductions)[number];

export interface OpAttrs {
  // Sources
  /** () -> y: a literal, repeated when `data` has one element. */
  constant: { readonly dtype: DType; readonly shape: readonly number[]; readonly data: readonly number[] };
  /** () -> i32 y: 0, 1, 2 ... along `axis`, constant along the others. */
  iota: { readonly shape: Shape; readonly axis: number };
  /** (x) -> f32 scalar: the number of elements of x along `axes`. */
  size: { readonly axes: readonly number[] };

  // Elementwise, one operand: (x) -> y
  neg: Nothing;
  abs: Nothing;
  sign: Nothing;
  floor: Nothing;
  ceil: Nothing;
  /** To the nearest integer, halves to the even one. */
  round: Nothing;
  exp: Nothing;
  expm1: Nothing;
  log: Nothing;
  log1p: Nothing;
  sqrt: Nothing;
  rsqrt: Nothing;
  reciprocal: Nothing;
  square: Nothing;
  sin: Nothing;
  cos: Nothing;
  tanh: Nothing;
  erf: Nothing;
  sigmoid: Nothing;
  relu: Nothing;
  logicalNot: Nothing;
  /** (x) -> y: f32 to an integer truncates and saturates (NaN gives 0), an integer wraps; to bool, all but 0 is 1. */
  cast: { readonly dtype: DType };
  /** (x) -> x, and the run stops with the name of the node where x holds a NaN or an infinity. */
  checkNumerics: Nothing;

  // Elementwise, two operands with broadcasting: (a, b) -> y
  add: Nothing;
  sub: Nothing;
  mul: Nothing;
  div: Nothing;
  pow: Nothing;
  maximum: Nothing;
  minimum: Nothing;
  /** (y, x) -> the angle of the point (x, y), from -pi to pi. */
  atan2: Nothing;
  equal: Nothing;
  notEqual: Nothing;
  less: Nothing;
  lessEqual: Nothing;
  greater: Nothing;
  greaterEqual: Nothing;
  logicalAnd: Nothing;
  logicalOr: Nothing;
  /** (condition, a, b) -> y */
  where: Nothing;
  /** (gradient, y) -> gradient where y > 0, otherwise 0; equal shapes. */
  reluGrad: Nothing;

  // Reductions: (x) -> y
  sum: Reduction;
  mean: Reduction;
  max: Reduction;
  min: Reduction;
  prod: Reduction;
  argmax: { readonly axis: number };
  /** Running sums; `exclusive` leaves out an element's own term, `reverse` starts at the end. */
  cumsum: { readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean };

  /** (x [..., n]) -> y, indices i32 [..., k]: the k smallest or largest in order, ties by their index, NaN as the largest. */
  topK: { readonly k: Shape[number]; readonly largest: boolean };

  // Linear algebra
  /** (a [..., m, k], b [..., k, n], bias? [n]) -> y [..., m, n]; a transposed operand is stored [..., k, m] or [..., n, k]. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean; readonly activation: Activation };

  // Recurrent layers and attention
  /**
   * (x [b, t, 4u], recurrentKernel [u, 4u], h0 [b, u], c0 [b, u]) -> sequences [b, t, u], cells [b, t, u], gates [b, t, 4u].
   * x is the projected input; gates are input, forget, candidate, output.
   */
  lstm: Nothing;
  /**
   * (gates, cells, recurrentKernel, c0, dsequences, dcells?, dgates?) -> dx [b, t, 4u], dh0 [b, u], dc0 [b, u]; dx is also
   * the gradient of the recurrent products.
   */
  lstmGrad: Nothing;
  /**
   * (x [b, t, 3u], recurrentKernel [u, 3u], recurrentBias [3u], h0 [b, u]) -> sequences [b, t, u], gates [b, t, 3u]. Gates are
   * update, reset, candidate; the reset gate multiplies the candidate's recurrent product and bias.
   */
  gru: Nothing;
  /**
   * (gates, part [b, t, u], sequences, recurrentKernel, h0, dsequences, dgates?) -> dx [b, t, 3u], dsums [b, t, 3u], dh0 [b, u]:
   * `part` is what the reset gate multiplies, dsums the gradient of the recurrent products.
   */
  gruGrad: Nothing;
  /**
   * (q [b, h, m, d], k [b, h, n, d], v [b, h, n, e], mask?) -> y [b, h, m, e], logSum [b, h, m]. The mask is i32 [b], how many
   * keys are there; or bool (false hides) or f32 (added), either broadcastable to [b, h, m, n]. `causal` hides keys after
   * the query. Where every key is hidden both outputs are 0.
   */
  attention: Attention;
  /** (q, k, v, dy, logSum, delta [b, h, m], mask?) -> dq, dk, dv: delta is each row's sum of dy y, less the gradient of logSum. */
  attentionGrad: Attention;

  // Convolution and pooling
  /** (x [n, h, w, c], kernel [kh, kw, c, f], bias? [f]) -> y [n, oh, ow, f] */
  conv2d: Convolution & { readonly activation: Activation };
  /** (dy [n, oh, ow, f], kernel [kh, kw, c, f]) -> dx [n, h, w, c] */
  conv2dInputGrad: Convolution & { readonly inputSize: readonly [Shape[number], Shape[number]] };
  /** (x [n, h, w, c], dy [n, oh, ow, f]) -> dkernel [kh, kw, c, f] */
  conv2dFilterGrad: Convolution & { readonly kernelSize: Pair };
  /** (x [n, h, w, c], kernel [kh, kw, c], bias? [c]) -> y [n, oh, ow, c]: each channel by itself. */
  depthwiseConv2d: Convolution & { readonly activation: Activation };
  /** (dy [n, oh, ow, c], kernel [kh, kw, c]) -> dx [n, h, w, c] */
  depthwiseConv2dInputGrad: Convolution & { readonly inputSize: readonly [Shape[number], Shape[number]] };
  /** (x [n, h, w, c], dy [n, oh, ow, c]) -> dkernel [kh, kw, c] */
  depthwiseConv2dFilterGrad: Convolution & { readonly kernelSize: Pair };
  /** (x [n, h, w, c]) -> y [n, oh, ow, c]; padding never wins. */
  maxPool2d: Window;
  /** (x, y, dy) -> dx: each gradient goes to the first maximum of its window, in row-major order. */
  maxPool2dGrad: Window;
  /** (x [n, h, w, c]) -> y [n, oh, ow, c]; padding does not count. */
  avgPool2d: Window;
  /** (dy) -> dx of spatial size `inputSize`: each gradient is shared by the elements of its window. */
  avgPool2dGrad: Window & { readonly inputSize: readonly [Shape[number], Shape[number]] };

  // Movement
  /** (x) -> y with the same elements in row-major order. */
  reshape: { readonly shape: Shape };
  transpose: { readonly permutation: readonly number[] };
  broadcastTo: { readonly shape: Shape };
  /** (x) -> y: `sizes` elements of each axis from `starts`. */
  slice: { readonly starts: readonly number[]; readonly sizes: Shape };
  /** (x) -> y: `sizes` elements of each axis from `starts`, `steps` apart, which may be negative. */
  stridedSlice: { readonly starts: Shape; readonly sizes: Shape; readonly steps: readonly number[] };
  /** (dy) -> dx of `shape`: dy where `stridedSlice` took it from, zeros elsewhere. */
  stridedSliceGrad: { readonly shape: Shape; readonly starts: Shape; readonly steps: readonly number[] };
  /** (x) -> y: zeros before and after each axis. */
  pad: { readonly low: readonly number[]; readonly high: readonly number[] };
  /** (x, update, starts i32 [rank]) -> y: x with `update` written at `starts`; a start out of range stops the run. */
  dynamicUpdateSlice: Nothing;
  /** (x1, x2, ...) -> y */
  concat: { readonly axis: number };
  /** (x, indices i32) -> y [...x before axis, ...indices, ...x after axis]; an index out of range stops the run. */
  gather: { readonly axis: number };
  /** (dy, indices) -> dx whose `axis` has `size` entries: rows of dy added where their index says. */
  gatherGrad: { readonly axis: number; readonly size: Shape[number] };
  /** (x, indices i32) -> y of the indices' shape, which is x's but for `axis`: x at that index; out of range stops the run. */
  gatherElements: { readonly axis: number };
  /** (x, indices i32, updates like indices) -> x with the updates at their indices along `axis`, joined in order. */
  scatterElements: { readonly axis: number; readonly reduction: ScatterReduction };

  // Normalization and losses, along the last axis
  softmax: Nothing;
  logSoftmax: Nothing;
  /** (x [..., c], gamma [c], beta [c]) -> y */
  layerNormalization: { readonly epsilon: number };
  /** (logits [..., c], labels i32 [...]) -> loss [...]; a label out of range stops the run. */
  sparseCategoricalCrossentropy: Nothing;
  /** (logits [..., c], labels i32 [...], dloss [...]) -> dlogits */
  sparseCategoricalCrossentropyGrad: Nothing;
  /** (x, key i32 [2]) -> y: elements kept with probability 1 - rate and scaled by 1 / (1 - rate). */
  dropout: { readonly rate: number; readonly stream: number };
  /** (key i32 [2]) -> f32 y of `shape`: numbers drawn evenly from [0, 1), multiples of 2^-24. */
  randomUniform: { readonly shape: Shape; readonly stream: number };

  // Quantization, as in ONNX: x = (q - zeroPoint) * scale
  /** (x, scale f32 [] or [c], zeroPoint like scale, of dtype) -> q; `axis` is the channel axis, null per tensor. */
  quantize: { readonly dtype: 'u8' | 'i8'; readonly axis: number | null };
  /** (q, scale, zeroPoint) -> x */
  dequantize: { readonly axis: number | null };

  // Optimizer updates
  /** (parameter, gradient, learningRate [], velocity?) -> parameter, velocity? */
  sgd: { readonly momentum: number; readonly nesterov: boolean };
  /** (parameter, gradient, learningRate [], m, v, step i32 [] from 1) -> parameter, m, v */
  adam: { readonly beta1: number; readonly beta2: number; readonly epsilon: number };
}

export type OpName = keyof OpAttrs;

/** Attributes of an op without any. */
export const none: Nothing = {};
