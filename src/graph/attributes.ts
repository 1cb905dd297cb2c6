/**
 * The attributes of every op as a table of checks, for graphs that were read from files: shape rules say whether
 * attributes fit the operands, this says that they are attributes at all.
 */
import { isDType } from '../core/dtype.js';
import { canonical } from '../core/shape.js';
import { type OpAttrs, type OpName, scatterReductions } from '../ops/schema.js';
import { shapeTable } from '../ops/tables/shape.js';

type Check = (value: unknown) => boolean;

const number: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const natural: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const integer: Check = (value) => Number.isSafeInteger(value);
const boolean: Check = (value) => typeof value === 'boolean';
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const pair =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length === 2 && value.every(check);
const oneOf =
  (...choices: readonly unknown[]): Check =>
  (value) =>
    choices.includes(value);

function dim(value: unknown): boolean {
  if (typeof value !== 'string') return natural(value);
  try {
    return canonical(value) === value;
  } catch {
    return false;
  }
}

const reduction = { axes: list(natural), keepDims: boolean };
const padding = oneOf('valid', 'same');
const activation = oneOf('linear', 'relu');
const window = { poolSize: pair(natural), strides: pair(natural), padding };
const attention = { scale: number, causal: boolean };
const paddings: Check = (value) => list(natural)(value) && Array.isArray(value) && value.length === 4;
const convolution = { strides: pair(natural), padding: (value: unknown) => padding(value) || paddings(value) };

/** Ops that have attributes. */
type Attributed = { readonly [N in OpName]: string extends keyof OpAttrs[N] ? never : N }[OpName];

const attributeTable: { readonly [N in Attributed]: { readonly [K in keyof OpAttrs[N]]: Check } } = {
  constant: { dtype: isDType, shape: list(natural), data: list(number) },
  iota: { shape: list(dim), axis: natural },
  size: { axes: list(natural) },
  cast: { dtype: isDType },
  sum: reduction,
  mean: reduction,
  max: reduction,
  min: reduction,
  prod: reduction,
  argmax: { axis: natural },
  cumsum: { axis: natural, exclusive: boolean, reverse: boolean },
  topK: { k: dim, largest: boolean },
  matmul: { transposeA: boolean, transposeB: boolean, activation },
  attention,
  attentionGrad: attention,
  conv2d: { ...convolution, activation },
  conv2dInputGrad: { ...convolution, inputSize: pair(dim) },
  conv2dFilterGrad: { ...convolution, kernelSize: pair(natural) },
  depthwiseConv2d: { ...convolution, activation },
  depthwiseConv2dInputGrad: { ...convolution, inputSize: pair(dim) },
  depthwiseConv2dFilterGrad: { ...convolution, kernelSize: pair(natural) },
  maxPool2d: window,
  maxPool2dGrad: window,
  avgPool2d: window,
  avgPool2dGrad: { ...window, inputSize: pair(dim) },
  reshape: { shape: list(dim) },
  transpose: { permutation: list(natural) },
  broadcastTo: { shape: list(dim) },
  slice: { starts: list(natural), sizes: list(dim) },
  stridedSlice: { starts: list(dim), sizes: list(dim), steps: list(integer) },
  stridedSliceGrad: { shape: list(dim), starts: list(dim), steps: list(integer) },
  pad: { low: list(natural), high: list(natural) },
  concat: { axis: natural },
  gather: { axis: natural },
  gatherGrad: { axis: natural, size: dim },
  gatherElements: { axis: natural },
  scatterElements: { axis: natural, reduction: oneOf(...scatterReductions) },
  layerNormalization: { epsilon: number },
  dropout: { rate: number, stream: natural },
  randomUniform: { shape: list(dim), stream: natural },
  quantize: { dtype: oneOf('u8', 'i8'), axis: (value) => value === null || natural(value) },
  dequantize: { axis: (value) => value === null || natural(value) },
  sgd: { momentum: number, nesterov: boolean },
  adam: { beta1: number, beta2: number, epsilon: number },
};

export const isOpName = (op: unknown): op is OpName => typeof op === 'string' && Object.hasOwn(shapeTable, op);

const checksOf: { readonly [N in OpName]?: Readonly<Record<string, Check>> } = attributeTable;

/** What is wrong with the attributes of a node of `op`; null when nothing is. */
export function faultOf(op: OpName, attrs: unknown): string | null {
  if (typeof attrs !== 'object' || attrs === null || Array.isArray(attrs)) return 'attributes';
  const checks = checksOf[op] ?? {};
  const given = new Map<string, unknown>(Object.entries(attrs));
  const wrong = Object.entries(checks).find(([name, check]) => !check(given.get(name)));
  return wrong?.[0] ?? [...given.keys()].find((name) => !Object.hasOwn(checks, name)) ?? null;
}

export const isAttributes = <N extends OpName>(op: N, attrs: unknown): attrs is OpAttrs[N] =>
  faultOf(op, attrs) === null;
