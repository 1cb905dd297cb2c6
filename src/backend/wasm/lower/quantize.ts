/** Between floats and 8-bit integers, where no integer kernel takes the nodes in. */
import { sizeOfShape } from '../../../core/shape.js';
import { one, three } from '../../../ops/rules.js';
import type { Emitter, LoweringFacet, Operand } from '../lowering.js';
import { widened } from './elementwise.js';
import { broadcastTable, unitsOf } from './rows.js';

/** A parameter as an operand that broadcasts to x along its channel axis. */
function alongAxis(parameter: Operand, x: Operand, axis: number | null): Operand {
  if (axis === null) return parameter;
  return { ...parameter, shape: [...parameter.shape, ...x.shape.slice(axis + 1).map(() => 1)] };
}

/** The arguments that both directions have: how x, scale and zero point are walked. */
function parameters(x: Operand, scale: Operand, zeroPoint: Operand, axis: number | null, emit: Emitter) {
  const operands = [x, alongAxis(scale, x, axis), alongAxis(widened(zeroPoint, emit), x, axis)] as const;
  const [, { at: scaleAt }, { at: zero }] = operands;
  return { scale: scaleAt, zero, table: broadcastTable(x.shape, operands, emit) };
}

export const lower = {
  quantize: ({ attrs: { dtype, axis }, inputs, outputs }, emit) => {
    const [x, scale, zeroPoint] = three('quantize', inputs);
    const args = { q: one('quantize', outputs).at, x: x.at, ...parameters(x, scale, zeroPoint, axis, emit) };
    emit.record(dtype === 'i8' ? 'quantizeI8' : 'quantizeU8', unitsOf(sizeOfShape(x.shape)), args);
  },
  dequantize: ({ attrs: { axis }, inputs, outputs }, emit) => {
    const [q, scale, zeroPoint] = three('dequantize', inputs);
    const args = { x: one('dequantize', outputs).at, q: q.at, ...parameters(q, scale, zeroPoint, axis, emit) };
    emit.record(q.dtype === 'i8' ? 'dequantizeI8' : 'dequantizeU8', unitsOf(sizeOfShape(q.shape)), args);
  },
} satisfies LoweringFacet<'quantize' | 'dequantize'>;
