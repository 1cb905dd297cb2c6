/** Functions of two and three operands, with broadcasting. */
import { bytesPerElement } from '../../../core/dtype.js';
import { sameShape, sizeOfShape } from '../../../core/shape.js';
import { one, three, two } from '../../../ops/rules.js';
import type { Emitter, LoweredNode, LoweringFacet, Operand } from '../lowering.js';
import { broadcastTable, emitElements } from './rows.js';

/** Kernels of (y, a, b, table). */
export type BinaryKernel =
  | 'addF32'
  | 'addI32'
  | 'subF32'
  | 'subI32'
  | 'mulF32'
  | 'mulI32'
  | 'divF32'
  | 'divI32'
  | 'powF32'
  | 'maxF32'
  | 'maxI32'
  | 'minF32'
  | 'minI32'
  | 'atan2F32'
  | 'andBytes'
  | 'orBytes'
  | 'equalF32'
  | 'equalI32'
  | 'lessF32'
  | 'lessI32'
  | 'lessEqualF32';

/** Lets y take the place of an operand that is walked exactly like it. */
function tryInPlace(y: Operand, operands: readonly Operand[], emit: Emitter): void {
  for (const operand of operands) {
    const alike = bytesPerElement[operand.dtype] === bytesPerElement[y.dtype] && sameShape(operand.shape, y.shape);
    if (alike) emit.inPlace(y, operand);
  }
}

export function zip(kernel: BinaryKernel, y: Operand, a: Operand, b: Operand, emit: Emitter): void {
  tryInPlace(y, [a, b], emit);
  const table = broadcastTable(y.shape, [a, b], emit);
  emitElements(kernel, y, [a, b], { y: y.at, a: a.at, b: b.at, table }, emit);
}

type Binary =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'pow'
  | 'maximum'
  | 'minimum'
  | 'atan2'
  | 'equal'
  | 'notEqual'
  | 'less'
  | 'lessEqual'
  | 'greater'
  | 'greaterEqual'
  | 'logicalAnd'
  | 'logicalOr';

function arithmetic(kernel: BinaryKernel, integerKernel = kernel): (node: LoweredNode<Binary>, emit: Emitter) => void {
  return ({ inputs, outputs }, emit) => {
    const [a, b] = two(kernel, inputs);
    zip(a.dtype === 'i32' ? integerKernel : kernel, one(kernel, outputs), a, b, emit);
  };
}

/** Turns the bytes of y round. */
function not(y: Operand, emit: Emitter): void {
  emitElements('isZero', y, [y], { y: y.at, x: y.at, count: sizeOfShape(y.shape) }, emit);
}

/** a < b or, `orEqual`, a <= b. Of integers the latter is not (b < a); of floats it is not, for NaN. */
function order(y: Operand, a: Operand, b: Operand, orEqual: boolean, emit: Emitter): void {
  if (a.dtype === 'f32') {
    zip(orEqual ? 'lessEqualF32' : 'lessF32', y, a, b, emit);
  } else if (orEqual) {
    zip('lessI32', y, b, a, emit);
    not(y, emit);
  } else {
    zip('lessI32', y, a, b, emit);
  }
}

function ordered(turned: boolean, orEqual: boolean): (node: LoweredNode<Binary>, emit: Emitter) => void {
  return ({ inputs, outputs }, emit) => {
    const [a, b] = two('compare', inputs);
    const y = one('compare', outputs);
    if (turned) order(y, b, a, orEqual, emit);
    else order(y, a, b, orEqual, emit);
  };
}

export const lower = {
  add: /* @__PURE__ */ arithmetic('addF32', 'addI32'),
  sub: /* @__PURE__ */ arithmetic('subF32', 'subI32'),
  mul: /* @__PURE__ */ arithmetic('mulF32', 'mulI32'),
  div: /* @__PURE__ */ arithmetic('divF32', 'divI32'),
  pow: /* @__PURE__ */ arithmetic('powF32'),
  maximum: /* @__PURE__ */ arithmetic('maxF32', 'maxI32'),
  minimum: /* @__PURE__ */ arithmetic('minF32', 'minI32'),
  atan2: /* @__PURE__ */ arithmetic('atan2F32'),
  equal: /* @__PURE__ */ arithmetic('equalF32', 'equalI32'),
  notEqual: ({ inputs, outputs }, emit) => {
    const [a, b] = two('notEqual', inputs);
    const y = one('notEqual', outputs);
    zip(a.dtype === 'i32' ? 'equalI32' : 'equalF32', y, a, b, emit);
    not(y, emit);
  },
  less: /* @__PURE__ */ ordered(false, false),
  lessEqual: /* @__PURE__ */ ordered(false, true),
  greater: /* @__PURE__ */ ordered(true, false),
  greaterEqual: /* @__PURE__ */ ordered(true, true),
  logicalAnd: /* @__PURE__ */ arithmetic('andBytes'),
  logicalOr: /* @__PURE__ */ arithmetic('orBytes'),
  where: ({ inputs, outputs }, emit) => {
    const [condition, a, b] = three('where', inputs);
    const y = one('where', outputs);
    tryInPlace(y, [a, b], emit);
    const table = broadcastTable(y.shape, [condition, a, b], emit);
    const kernel = bytesPerElement[y.dtype] === 4 ? 'where32' : 'where8';
    const args = { y: y.at, condition: condition.at, a: a.at, b: b.at, table };
    emitElements(kernel, y, [condition, a, b], args, emit);
  },
} satisfies LoweringFacet<Binary | 'where'>;
