// Recurrent layers, walked step by step. A unit is up to sixteen rows of the batch, which do not depend on others: no
// thread waits for another between steps. The products with the recurrent weights are those of gemm; the gates of a step
// are made while they are in the first cache.
//
// h, c: [batch, steps, units]; gates and x: [batch, steps, gates * units], one gate after another; gates may be x.

import { loadLanes, storeLanes } from '../lanes';
import { sigmoid, tanh } from '../math';
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
  const start = startOf(0, units << 2);
  const sums = rowsBehind(start, units << 2);
  for (let unit = begin; unit < end; unit++) {
    const row = unit * unitRows;
    const rows = min(unitRows, batch - row);
    for (let t = 0; t < steps; t++) {
      const from = t > 0 ? h + <usize>(row * steps + t - 1) * width : h0 + <usize>row * width;
      const step = t > 0 ? <usize>steps * width : width;
      if (stream) streamRow(from, kernel, units, sums, units << 2, start);
      else multiplyRows(sums, width << 2, from, step, rows, units, kernel, units << 2, start);
      for (let i = 0; i < rows; i++) {
        const at = <usize>((row + i) * steps + t);
        const before = t > 0 ? c + (at - 1) * width : c0 + <usize>(row + i) * width;
        const four = at * width << 2;
        lstmGates(h + at * width, c + at * width, gates + four, x + four, sums + (<usize>i * width << 2), before, units);
      }
    }
  }
}

/** The cells first, then the states: two short chains, of which the processor has more at work at once than of a long one. */
function lstmGates(h: usize, c: usize, gates: usize, x: usize, sums: usize, before: usize, units: i32): void {
  const width = <usize>units << 2;
  let cells = c;
  for (let n = units; n > 0; n -= 4) {
    const input = sigmoid(f32x4.add(v128.load(x), v128.load(sums)));
    const forget = sigmoid(f32x4.add(v128.load(x + width), v128.load(sums + width)));
    const candidate = tanh(f32x4.add(v128.load(x + width * 2), v128.load(sums + width * 2)));
    const output = sigmoid(f32x4.add(v128.load(x + width * 3), v128.load(sums + width * 3)));
    storeLanes(gates, input, n);
    storeLanes(gates + width, forget, n);
    storeLanes(gates + width * 2, candidate, n);
    storeLanes(gates + width * 3, output, n);
    storeLanes(cells, fma(forget, v128.load(before), f32x4.mul(input, candidate)), n);
    x += 16;
    sums += 16;
    before += 16;
    gates += 16;
    cells += 16;
  }
  let shown = gates - ((width + 15) & ~15) + width * 3;
  for (let n = units; n > 0; n -= 4) {
    storeLanes(h, f32x4.mul(v128.load(shown), tanh(v128.load(c))), n);
    shown += 16;
    c += 16;
    h += 16;
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
  for (let n = units; n > 0; n -= 4) {
    const update = sigmoid(f32x4.add(v128.load(x), v128.load(sums)));
    const reset = sigmoid(f32x4.add(v128.load(x + width), v128.load(sums + width)));
    const candidate = tanh(fma(reset, v128.load(sums + width * 2), v128.load(x + width * 2)));
    storeLanes(gates, update, n);
    storeLanes(gates + width, reset, n);
    storeLanes(gates + width * 2, candidate, n);
    storeLanes(h, fma(update, f32x4.sub(v128.load(before), candidate), candidate), n);
    x += 16;
    sums += 16;
    before += 16;
    gates += 16;
    h += 16;
  }
}
