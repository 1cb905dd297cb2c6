/** Between floats and 8-bit integers, where no integer kernel takes the nodes in. */
import { one, three } from '../../../ops/rules.js';
import type { Emitter, LoweringFacet, Operand } from '../lowering.js';
import { widened } from './elementwise.js';
import { broadcastTable, emitElements } from './rows.js';

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
    const q = one('quantize', outputs);
    const args = { q: q.at, x: x.at, ...parameters(x, scale, zeroPoint, axis, emit) };
    emitElements(dtype === 'i8' ? 'quantizeI8' : 'quantizeU8', q, [x], args, emit);
  },
  dequantize: ({ attrs: { axis }, inputs, outputs }, emit) => {
    const [q, scale, zeroPoint] = three('dequantize', inputs);
    const x = one('dequantize', outputs);
    const args = { x: x.at, q: q.at, ...parameters(q, scale, zeroPoint, axis, emit) };
    emitElements(q.dtype === 'i8' ? 'dequantizeI8' : 'dequantizeU8', x, [q], args, emit);
  },
} satisfies LoweringFacet<'quantize' | 'dequantize'>;
