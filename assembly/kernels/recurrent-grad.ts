// The gradients of recurrent layers, walked from the last step to the first; units and shapes as in recurrent.ts.
// `dh` [batch, steps, units] is the gradient of h; dh0 and dc0 [batch, units] carry what flows to the step before.

import { storeLanes } from '../lanes';
import { ONE, tanh } from '../math';
import { fma, fnma } from '../simd';
import { multiplyRows, startOf } from '../steps';

/** s (1 - s), the slope of the sigmoid at its value. */
// @ts-ignore: decorator
@inline
function slope(s: v128): v128 {
  return fnma(s, s, s);
}

/** x plus the four floats at `from`, if there are any. */
// @ts-ignore: decorator
@inline
function plus(x: v128, from: usize, offset: usize): v128 {
  return from ? f32x4.add(x, v128.load(from + offset)) : x;
}

/**
 * dx of the gates' sums from the gates and cells; dx may be gates. `kernel` is the transpose of the recurrent weights,
 * packed. dc and dgates, the gradients of the cells and of the gates, may be 0.
 */
export function lstmGrad(
  begin: i32, end: i32, dx: usize, dh0: usize, dc0: usize, gates: usize, c: usize, kernel: usize, c0: usize, dh: usize, dc: usize,
  dgates: usize, batch: i32, steps: i32, units: i32, unitRows: i32,
): void {
  const width = <usize>units << 2;
  const zeros = startOf(0, units);
  for (let unit = begin; unit < end; unit++) {
    const row = unit * unitRows;
    const rows = min(unitRows, batch - row);
    const carry = dh0 + <usize>row * width;
    memory.fill(carry, 0, <usize>rows * width);
    memory.fill(dc0 + <usize>row * width, 0, <usize>rows * width);
    for (let t = steps - 1; t >= 0; t--) {
      for (let i = 0; i < rows; i++) {
        const at = <usize>((row + i) * steps + t);
        const one = at * width;
        const four = one << 2;
        const state = <usize>(row + i) * width;
        lstmGatesGrad(
          dx + four, carry + <usize>i * width, dc0 + state, gates + four, c + one, t > 0 ? c + one - width : c0 + state, dh + one,
          dc ? dc + one : 0, dgates ? dgates + four : 0, units,
        );
      }
      const sums = dx + (<usize>(row * steps + t) * width << 2);
      multiplyRows(carry, width, sums, <usize>steps * width << 2, rows, units << 2, kernel, units, zeros);
    }
  }
}

function lstmGatesGrad(
  dx: usize, dh0: usize, dc0: usize, gates: usize, c: usize, before: usize, dh: usize, dc: usize, dgates: usize, units: i32,
): void {
  const width = <usize>units << 2;
  const one = v128.load(ONE);
  let at: usize = 0;
  for (let n = units; n > 0; n -= 4) {
    const input = v128.load(gates + at);
    const forget = v128.load(gates + at + width);
    const candidate = v128.load(gates + at + width * 2);
    const output = v128.load(gates + at + width * 3);
    const shown = tanh(v128.load(c + at));
    const g = f32x4.add(v128.load(dh + at), v128.load(dh0 + at));
    const cell = fma(f32x4.mul(g, output), fnma(shown, shown, one), plus(v128.load(dc0 + at), dc, at));
    const toInput = plus(f32x4.mul(cell, candidate), dgates, at);
    const toForget = plus(f32x4.mul(cell, v128.load(before + at)), dgates, at + width);
    const toCandidate = plus(f32x4.mul(cell, input), dgates, at + width * 2);
    const toOutput = plus(f32x4.mul(g, shown), dgates, at + width * 3);
    storeLanes(dx + at, f32x4.mul(toInput, slope(input)), n);
    storeLanes(dx + at + width, f32x4.mul(toForget, slope(forget)), n);
    storeLanes(dx + at + width * 2, f32x4.mul(toCandidate, fnma(candidate, candidate, one)), n);
    storeLanes(dx + at + width * 3, f32x4.mul(toOutput, slope(output)), n);
    storeLanes(dc0 + at, f32x4.mul(cell, forget), n);
    at += 16;
  }
}

/**
 * dx and dsums of the gates' sums, the inputs' and the recurrent ones, which differ in the candidate: `part` [batch, steps,
 * units] is what the reset gate multiplies there. dx may be gates. dgates may be 0.
 */
export function gruGrad(
  begin: i32, end: i32, dx: usize, dsums: usize, dh0: usize, gates: usize, part: usize, h: usize, kernel: usize, h0: usize,
  dh: usize, dgates: usize, batch: i32, steps: i32, units: i32, unitRows: i32,
): void {
  const width = <usize>units << 2;
  for (let unit = begin; unit < end; unit++) {
    const row = unit * unitRows;
    const rows = min(unitRows, batch - row);
    const carry = dh0 + <usize>row * width;
    memory.fill(carry, 0, <usize>rows * width);
    for (let t = steps - 1; t >= 0; t--) {
      for (let i = 0; i < rows; i++) {
        const at = <usize>((row + i) * steps + t);
        const one = at * width;
        const three = one * 3;
        gruGatesGrad(
          dx + three, dsums + three, carry + <usize>i * width, gates + three, part + one,
          t > 0 ? h + one - width : h0 + <usize>(row + i) * width, dh + one, dgates ? dgates + three : 0, units,
        );
      }
      const sums = dsums + <usize>(row * steps + t) * width * 3;
      multiplyRows(carry, width, sums, <usize>steps * width * 3, rows, units * 3, kernel, units, 0);
    }
  }
}

function gruGatesGrad(
  dx: usize, dsums: usize, dh0: usize, gates: usize, part: usize, before: usize, dh: usize, dgates: usize, units: i32,
): void {
  const width = <usize>units << 2;
  const one = v128.load(ONE);
  let at: usize = 0;
  for (let n = units; n > 0; n -= 4) {
    const update = v128.load(gates + at);
    const reset = v128.load(gates + at + width);
    const candidate = v128.load(gates + at + width * 2);
    const g = f32x4.add(v128.load(dh + at), v128.load(dh0 + at));
    const toUpdate = plus(f32x4.mul(g, f32x4.sub(v128.load(before + at), candidate)), dgates, at);
    const toCandidate = plus(fnma(g, update, g), dgates, at + width * 2);
    const inner = f32x4.mul(toCandidate, fnma(candidate, candidate, one));
    const toReset = plus(f32x4.mul(inner, v128.load(part + at)), dgates, at + width);
    const first = f32x4.mul(toUpdate, slope(update));
    const second = f32x4.mul(toReset, slope(reset));
    storeLanes(dx + at, first, n);
    storeLanes(dx + at + width, second, n);
    storeLanes(dx + at + width * 2, inner, n);
    storeLanes(dsums + at, first, n);
    storeLanes(dsums + at + width, second, n);
    storeLanes(dsums + at + width * 2, f32x4.mul(inner, reset), n);
    storeLanes(dh0 + at, f32x4.mul(g, update), n);
    at += 16;
  }
}
