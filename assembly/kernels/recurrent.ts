// Recurrent layers, walked step by step. A unit is up to sixteen rows of the batch, which do not depend on others: no
// thread waits for another between steps. The products with the recurrent weights are those of gemm, and start from the
// input's; the gates of a step are made while they are in the first cache.
//
// h, c: [batch, steps, units]; gates and x: [batch, steps, gates * units], one gate after another; gates may be x.

import { copyBytes, loadLanes, storeLanes } from '../lanes';
import { gateRow, tanhRow } from '../math';
import { fma } from '../simd';
import { multiplyRows, rowsBehind, startOf } from '../steps';
import { streamRow } from '../tile';

/** Packs a matrix [k, n] by blocks of 32 columns, [k][32] with zeros to the right; a unit is a block. */
export function packStream(begin: i32, end: i32, to: usize, from: usize, n: i32, k: i32): void {
  for (let unit = begin; unit < end; unit++) {
    const columns = n - (unit << 5);
    let source = from + (<usize>unit << 7);
    let target = to + (<usize>unit * k << 7);
    for (let row = k; row > 0; row--) {
      for (let i = 0; i < 32; i += 4) v128.store(target + (i << 2), loadLanes(source + (i << 2), columns - i));
      source += <usize>n << 2;
      target += 128;
    }
  }
}

/** Gates: input, forget, candidate, output. `kernel` is packed by columns, or for one row of the batch as a stream. */
export function lstm(
  begin: i32, end: i32, h: usize, c: usize, gates: usize, x: usize, kernel: usize, h0: usize, c0: usize, batch: i32, steps: i32,
  units: i32, unitRows: i32, stream: i32,
): void {
  const width = <usize>units << 2;
  for (let unit = begin; unit < end; unit++) {
    const row = unit * unitRows;
    const rows = min(unitRows, batch - row);
    for (let t = 0; t < steps; t++) {
      const from = t > 0 ? h + <usize>(row * steps + t - 1) * width : h0 + <usize>row * width;
      const step = t > 0 ? <usize>steps * width : width;
      const first = <usize>(row * steps + t) * width << 2;
      const gap = <usize>steps * width << 2;
      if (stream) {
        streamRow(from, kernel, units, gates + first, units << 2, x + first);
      } else {
        if (gates != x) {
          for (let at = first, i = 0; i < rows; i++, at += gap) copyBytes(gates + at, x + at, width << 2);
        }
        multiplyRows(gates + first, gap, from, step, rows, units, kernel, units << 2, 0);
      }
      for (let i = 0; i < rows; i++) {
        const at = <usize>((row + i) * steps + t);
        const before = t > 0 ? c + (at - 1) * width : c0 + <usize>(row + i) * width;
        lstmGates(h + at * width, c + at * width, gates + (at * width << 2), before, units);
      }
    }
  }
}

/** `gates` holds their sums. */
function lstmGates(h: usize, c: usize, gates: usize, before: usize, units: i32): void {
  const width = <usize>units << 2;
  const forget = gates + width;
  const candidate = forget + width;
  const output = candidate + width;
  gateRow(gates, gates, units << 1);
  tanhRow(candidate, candidate, units);
  gateRow(output, output, units);
  let at: usize = 0;
  for (let n = units; n > 0; n -= 4) {
    const inner = f32x4.mul(v128.load(gates + at), v128.load(candidate + at));
    storeLanes(c + at, fma(v128.load(forget + at), v128.load(before + at), inner), n);
    at += 16;
  }
  tanhRow(h, c, units);
  at = 0;
  for (let n = units; n > 0; n -= 4) {
    storeLanes(h + at, f32x4.mul(v128.load(h + at), v128.load(output + at)), n);
    at += 16;
  }
}

/** Gates: update, reset, candidate. `kernel` is packed as for `lstm`; `bias` is added to its products. */
export function gru(
  begin: i32, end: i32, h: usize, gates: usize, x: usize, kernel: usize, bias: usize, h0: usize, batch: i32, steps: i32,
  units: i32, unitRows: i32, stream: i32,
): void {
  const width = <usize>units << 2;
  const start = startOf(bias, units * 3);
  const sums = rowsBehind(start, units * 3);
  for (let unit = begin; unit < end; unit++) {
    const row = unit * unitRows;
    const rows = min(unitRows, batch - row);
    for (let t = 0; t < steps; t++) {
      const from = t > 0 ? h + <usize>(row * steps + t - 1) * width : h0 + <usize>row * width;
      const step = t > 0 ? <usize>steps * width : width;
      if (stream) streamRow(from, kernel, units, sums, units * 3, start);
      else multiplyRows(sums, width * 3, from, step, rows, units, kernel, units * 3, start);
      for (let i = 0; i < rows; i++) {
        const at = <usize>((row + i) * steps + t);
        const three = at * width * 3;
        gruGates(h + at * width, gates + three, x + three, sums + <usize>i * width * 3, from + <usize>i * step, units);
      }
    }
  }
}

function gruGates(h: usize, gates: usize, x: usize, sums: usize, before: usize, units: i32): void {
  const width = <usize>units << 2;
  const reset = gates + width;
  const candidate = reset + width;
  let at: usize = 0;
  for (let n = units << 1; n > 0; n -= 4) {
    storeLanes(gates + at, f32x4.add(v128.load(x + at), v128.load(sums + at)), n);
    at += 16;
  }
  gateRow(gates, gates, units << 1);
  x += width * 2;
  sums += width * 2;
  at = 0;
  for (let n = units; n > 0; n -= 4) {
    storeLanes(candidate + at, fma(v128.load(reset + at), v128.load(sums + at), v128.load(x + at)), n);
    at += 16;
  }
  tanhRow(candidate, candidate, units);
  at = 0;
  for (let n = units; n > 0; n -= 4) {
    const made = v128.load(candidate + at);
    storeLanes(h + at, fma(v128.load(gates + at), f32x4.sub(v128.load(before + at), made), made), n);
    at += 16;
  }
}
