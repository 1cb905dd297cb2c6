/** Functions of one operand, in its place where nobody else needs it. Some are arithmetic with a constant. */
import type { DType } from '../../../core/dtype.js';
import { type Dim, sizeOfShape } from '../../../core/shape.js';
import { one, two } from '../../../ops/rules.js';
import type { Emitter, LoweredNode, LoweringFacet, Operand } from '../lowering.js';
import { type BinaryKernel, zip } from './binary.js';
import { broadcastTable, emitElements, scalar, unitsOf } from './rows.js';

/** Scratch of a thread for the last elements, where they do not fill a vector, and for angles that are far from 0. */
const VECTOR_BYTES = 48;

/** Kernels of (y, x, count). */
type UnaryKernel =
  | 'absF32'
  | 'absI32'
  | 'signF32'
  | 'signI32'
  | 'floorF32'
  | 'ceilF32'
  | 'roundF32'
  | 'sqrtF32'
  | 'rsqrtF32'
  | 'reluF32'
  | 'expF32'
  | 'expm1F32'
  | 'logF32'
  | 'log1pF32'
  | 'sinF32'
  | 'cosF32'
  | 'erfF32'
  | 'tanhF32'
  | 'sigmoidF32'
  | 'toI32'
  | 'toF32'
  | 'isZero'
  | 'widenU8'
  | 'widenI8';

/** Ops that one of these kernels, or arithmetic with a constant, does. */
type Unary =
  | 'neg'
  | 'reciprocal'
  | 'abs'
  | 'sign'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'erf'
  | 'sqrt'
  | 'rsqrt'
  | 'tanh'
  | 'sigmoid'
  | 'relu'
  | 'square';

function emitMap(kernel: UnaryKernel, y: Operand, x: Operand, emit: Emitter): void {
  const count = sizeOfShape(x.shape);
  emit.threadScratch(VECTOR_BYTES);
  emitElements(kernel, y, [x], { y: y.at, x: x.at, count }, emit);
}

function map(kernel: UnaryKernel, integerKernel = kernel): (node: LoweredNode<Unary>, emit: Emitter) => void {
  return ({ inputs, outputs }, emit) => {
    const x = one(kernel, inputs);
    const y = one(kernel, outputs);
    emit.inPlace(y, x);
    emitMap(x.dtype === 'i32' ? integerKernel : kernel, y, x, emit);
  };
}

/** value (op) x */
function withScalar(
  kernel: BinaryKernel,
  value: number,
  integerKernel = kernel,
): (node: LoweredNode<Unary>, emit: Emitter) => void {
  return ({ inputs, outputs }, emit) => {
    const x = one(kernel, inputs);
    const left = x.dtype === 'i32' ? scalar('i32', 0, emit) : scalar('f32', value, emit);
    zip(x.dtype === 'i32' ? integerKernel : kernel, one(kernel, outputs), left, x, emit);
  };
}

/** y = not (x = 0), as bytes: x is what is compared. */
function toBool(y: Operand, x: Operand, emit: Emitter): void {
  if (x.dtype === 'f32' || x.dtype === 'i32') {
    const zero = scalar(x.dtype, 0, emit);
    const table = broadcastTable(y.shape, [x, zero], emit);
    const kernel = x.dtype === 'f32' ? 'equalF32' : 'equalI32';
    emitElements(kernel, y, [x, zero], { y: y.at, a: x.at, b: zero.at, table }, emit);
  } else {
    emitMap('isZero', y, x, emit);
  }
  emitMap('isZero', y, y, emit);
}

const lowest = -(2 ** 31);
const highest = 2 ** 31 - 1;

/** The low bytes of i32, clamped to the range before. */
function narrow(y: Operand, x: Operand, low: number, high: number, emit: Emitter): void {
  emitElements('narrowI32', y, [x], { y: y.at, x: x.at, count: sizeOfShape(x.shape), low, high }, emit);
}

const rangeOf = (dtype: DType): readonly [low: number, high: number] => (dtype === 'i8' ? [-128, 127] : [0, 255]);

/** i32 from bytes, in a buffer of this node. */
export function widened(x: Operand, emit: Emitter): Operand {
  const wide: Operand = { dtype: 'i32', shape: x.shape, at: emit.scratch(bytesOf(x)) };
  emitMap(x.dtype === 'i8' ? 'widenI8' : 'widenU8', wide, x, emit);
  return wide;
}

/** Bytes of y from i32 that lie in the range of its dtype, or beyond it on their own side. */
export function narrowed(y: Operand, x: Operand, emit: Emitter): void {
  narrow(y, x, ...rangeOf(y.dtype), emit);
}

const bytesOf = (x: Operand): Dim => sizeOfShape([...x.shape, 4]);

/** Floats from bytes: what `dequantize` does with a scale of 1 and a zero point of 0. */
function bytesToFloats(y: Operand, q: Operand, emit: Emitter): void {
  const scale = scalar('f32', 1, emit);
  const zero = scalar('i32', 0, emit);
  const table = broadcastTable(q.shape, [q, scale, zero], emit);
  const args = { x: y.at, q: q.at, scale: scale.at, zero: zero.at, table };
  emitElements(q.dtype === 'i8' ? 'dequantizeI8' : 'dequantizeU8', y, [q], args, emit);
}

function convert(y: Operand, x: Operand, emit: Emitter): void {
  const fromBytes = x.dtype !== 'f32' && x.dtype !== 'i32';
  const toBytes = y.dtype !== 'f32' && y.dtype !== 'i32';
  if (x.dtype === y.dtype || (fromBytes && toBytes && y.dtype !== 'bool')) {
    emit.alias(y, x);
  } else if (y.dtype === 'bool') {
    toBool(y, x, emit);
  } else if (fromBytes) {
    if (y.dtype === 'f32') bytesToFloats(y, x, emit);
    else emitMap(x.dtype === 'i8' ? 'widenI8' : 'widenU8', y, x, emit);
  } else if (!toBytes) {
    emit.inPlace(y, x);
    emitMap(y.dtype === 'i32' ? 'toI32' : 'toF32', y, x, emit);
  } else if (x.dtype === 'i32') {
    narrow(y, x, lowest, highest, emit);
  } else {
    const whole: Operand = { dtype: 'i32', shape: x.shape, at: emit.scratch(bytesOf(x)) };
    emitMap('toI32', whole, x, emit);
    narrowed(y, whole, emit);
  }
}

export const lower = {
  neg: /* @__PURE__ */ withScalar('subF32', -0, 'subI32'),
  reciprocal: /* @__PURE__ */ withScalar('divF32', 1),
  abs: /* @__PURE__ */ map('absF32', 'absI32'),
  sign: /* @__PURE__ */ map('signF32', 'signI32'),
  floor: /* @__PURE__ */ map('floorF32'),
  ceil: /* @__PURE__ */ map('ceilF32'),
  round: /* @__PURE__ */ map('roundF32'),
  exp: /* @__PURE__ */ map('expF32'),
  expm1: /* @__PURE__ */ map('expm1F32'),
  log: /* @__PURE__ */ map('logF32'),
  log1p: /* @__PURE__ */ map('log1pF32'),
  sin: /* @__PURE__ */ map('sinF32'),
  cos: /* @__PURE__ */ map('cosF32'),
  erf: /* @__PURE__ */ map('erfF32'),
  sqrt: /* @__PURE__ */ map('sqrtF32'),
  rsqrt: /* @__PURE__ */ map('rsqrtF32'),
  tanh: /* @__PURE__ */ map('tanhF32'),
  sigmoid: /* @__PURE__ */ map('sigmoidF32'),
  relu: /* @__PURE__ */ map('reluF32'),
  square: ({ inputs, outputs }, emit) => {
    const x = one('square', inputs);
    zip(x.dtype === 'i32' ? 'mulI32' : 'mulF32', one('square', outputs), x, x, emit);
  },
  logicalNot: ({ inputs, outputs }, emit) => {
    const x = one('logicalNot', inputs);
    const y = one('logicalNot', outputs);
    emit.inPlace(y, x);
    emitMap('isZero', y, x, emit);
  },
  cast: ({ inputs, outputs }, emit) => convert(one('cast', outputs), one('cast', inputs), emit),
  checkNumerics: ({ inputs, outputs }, emit) => {
    const x = one('checkNumerics', inputs);
    const count = sizeOfShape(x.shape);
    emit.alias(one('checkNumerics', outputs), x);
    emit.record('checkFinite', unitsOf(count), { x: x.at, count });
  },
} satisfies LoweringFacet<Unary | 'logicalNot' | 'cast' | 'checkNumerics'>;

/** What only training modules have kernels for. */
export const lowerTraining = {
  reluGrad: ({ inputs, outputs }, emit) => {
    const [dy, y] = two('reluGrad', inputs);
    const dx = one('reluGrad', outputs);
    const table = broadcastTable(dx.shape, [dy, y], emit);
    emit.inPlace(dx, dy);
    emit.inPlace(dx, y);
    emitElements('reluGrad', dx, [dy, y], { dx: dx.at, dy: dy.at, y: y.at, table }, emit);
  },
} satisfies LoweringFacet<'reluGrad'>;
