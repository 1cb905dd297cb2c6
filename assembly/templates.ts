// The loops, written once. An `Op` is a class without fields whose methods inline: `changetype<Op>(0).apply(...)`.
//
// A unit is BLOCK elements of the result. Operands that are broadcast are described by a *table* of 32-bit words:
//   +0 elements of the result   +4 elements of a row, the innermost dimension   +8 number of the outer dimensions
//   +12 +16 +20 for each of up to three operands 1, or 0 where one element serves the whole row
//   +24 for each outer dimension, innermost first: its extent, and the operands' strides along it in bytes
// A row's element that is repeated is written sixteen times to the thread's scratch, so that one loop serves all cases.

import { loadOctets, loadLanes, storeOctets, storeLanes } from './lanes';
import { scratch } from './runtime';

/** Elements of a unit: a few operands of a group's records stay in the first cache. */
export const BLOCK: i32 = 1 << 12;

/** Elements of the result that units before `unit` make. */
// @ts-ignore: decorator
@inline
export function elementsBefore(unit: i32, count: i32): i32 {
  return <i32>min<i64>(<i64>unit * BLOCK, count);
}

/** y = f(x) for contiguous 32-bit elements. `apply` takes a vector. */
// @ts-ignore: decorator
@inline
export function map<Op>(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  const op = changetype<Op>(0);
  const first = elementsBefore(begin, count);
  let n = elementsBefore(end, count) - first;
  x += <usize>first << 2;
  y += <usize>first << 2;
  for (; n >= 16; n -= 16) {
    v128.store(y, op.apply(v128.load(x)));
    v128.store(y, op.apply(v128.load(x, 16)), 16);
    v128.store(y, op.apply(v128.load(x, 32)), 32);
    v128.store(y, op.apply(v128.load(x, 48)), 48);
    x += 64;
    y += 64;
  }
  for (; n > 0; n -= 4) {
    storeLanes(y, op.apply(loadLanes(x, n)), n);
    x += 16;
    y += 16;
  }
}

/** The offset in bytes of a row of operand `k`. */
export function rowOffset(table: usize, row: u32, k: usize): usize {
  let offset: usize = 0;
  let dims = load<i32>(table, 8);
  for (table += 24; dims > 1; --dims) {
    const extent = load<u32>(table);
    const next = row / extent;
    offset += <usize>(row - next * extent) * load<usize>(table + (k << 2), 4);
    row = next;
    table += 16;
  }
  return dims > 0 ? offset + <usize>row * load<usize>(table + (k << 2), 4) : offset;
}

/**
 * Calls `op.row(y, a, b, c, n, steps)` for the pieces of rows that make up the units: addresses of the piece in the
 * result and the operands, its elements. `Y`, `A`, `B`, `C` are the element types; an operand that is not there is 0.
 */
// @ts-ignore: decorator
@inline
export function eachRow<Op, Y, A, B, C>(
  begin: i32,
  end: i32,
  y: usize,
  a: usize,
  b: usize,
  c: usize,
  table: usize,
): void {
  const count = load<i32>(table);
  const width = load<i32>(table, 4);
  const outer = load<i32>(table, 8) > 0;
  const stepA = <usize>load<i32>(table, 12) * sizeof<A>();
  const stepB = <usize>load<i32>(table, 16) * sizeof<B>();
  const stepC = <usize>load<i32>(table, 20) * sizeof<C>();
  let at = elementsBefore(begin, count);
  const last = elementsBefore(end, count);
  let row = at / width;
  let column = at - row * width;
  while (at < last) {
    let pa = a + rowOffset(table, row, 0);
    let pb = b + rowOffset(table, row, 1);
    let pc = c + rowOffset(table, row, 2);
    // Up to the next carry of the innermost outer dimension, its strides are all there is to add.
    const extent = outer ? load<i32>(table, 24) : 1;
    let rows = extent - (row % extent);
    for (; rows > 0 && at < last; --rows) {
      const n = min(width - column, last - at);
      changetype<Op>(0).row(
        y + <usize>at * sizeof<Y>(),
        pa + <usize>column * stepA,
        pb + <usize>column * stepB,
        pc + <usize>column * stepC,
        n,
        stepA,
        stepB,
        stepC,
      );
      at += n;
      column = 0;
      ++row;
      if (outer) {
        pa += load<usize>(table, 28);
        pb += load<usize>(table, 32);
        pc += load<usize>(table, 36);
      }
    }
  }
}

/** Where to read a row of 32-bit elements: itself, or its only element sixteen times in slot `k` of the scratch. */
// @ts-ignore: decorator
@inline
export function spread(at: usize, step: usize, k: usize): usize {
  if (step) return at;
  const copies = scratch() + (k << 6);
  const x = v128.load32_splat(at);
  v128.store(copies, x);
  v128.store(copies, x, 16);
  v128.store(copies, x, 32);
  v128.store(copies, x, 48);
  return copies;
}

/** The same for rows of bytes. */
// @ts-ignore: decorator
@inline
export function spreadByte(at: usize, step: usize, k: usize): usize {
  if (step) return at;
  const copies = scratch() + (k << 6);
  v128.store(copies, v128.load8_splat(at));
  return copies;
}

@unmanaged
class ZipRow<Op> {
  @inline
  row(y: usize, a: usize, b: usize, _c: usize, n: i32, stepA: usize, stepB: usize, _stepC: usize): void {
    const op = changetype<Op>(0);
    a = spread(a, stepA, 0);
    b = spread(b, stepB, 1);
    if (!op.heavy()) {
      for (; n >= 16; n -= 16) {
        v128.store(y, op.apply(v128.load(a), v128.load(b)));
        v128.store(y, op.apply(v128.load(a, 16), v128.load(b, 16)), 16);
        v128.store(y, op.apply(v128.load(a, 32), v128.load(b, 32)), 32);
        v128.store(y, op.apply(v128.load(a, 48), v128.load(b, 48)), 48);
        a += stepA << 4;
        b += stepB << 4;
        y += 64;
      }
    }
    for (; n > 0; n -= 4) {
      storeLanes(y, op.apply(loadLanes(a, n), loadLanes(b, n)), n);
      a += stepA << 2;
      b += stepB << 2;
      y += 16;
    }
  }
}

/** y = f(a, b) for 32-bit elements, with broadcasting. `heavy` ops are not unrolled. */
// @ts-ignore: decorator
@inline
export function zip<Op>(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  eachRow<ZipRow<Op>, i32, i32, i32, i32>(begin, end, y, a, b, 0, table);
}

@unmanaged
class ZipByteRow<Op> {
  @inline
  row(y: usize, a: usize, b: usize, _c: usize, n: i32, stepA: usize, stepB: usize, _stepC: usize): void {
    a = spreadByte(a, stepA, 0);
    b = spreadByte(b, stepB, 1);
    for (; n > 0; n -= 16) {
      storeOctets(y, changetype<Op>(0).apply(loadOctets(a, n), loadOctets(b, n)), n);
      a += stepA << 4;
      b += stepB << 4;
      y += 16;
    }
  }
}

/** y = f(a, b) for bytes, with broadcasting. */
// @ts-ignore: decorator
@inline
export function zipBytes<Op>(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  eachRow<ZipByteRow<Op>, u8, u8, u8, u8>(begin, end, y, a, b, 0, table);
}

/** Sixteen bytes from four vectors of integers in [0, 255]. */
// @ts-ignore: decorator
@inline
export function narrow(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

@unmanaged
class CompareRow<Op> {
  @inline
  row(y: usize, a: usize, b: usize, _c: usize, n: i32, stepA: usize, stepB: usize, _stepC: usize): void {
    const op = changetype<Op>(0);
    const one = i8x16.splat(1);
    a = spread(a, stepA, 0);
    b = spread(b, stepB, 1);
    for (; n >= 16; n -= 16) {
      const low = i16x8.narrow_i32x4_s(
        op.apply(v128.load(a), v128.load(b)),
        op.apply(v128.load(a, 16), v128.load(b, 16)),
      );
      const high = i16x8.narrow_i32x4_s(
        op.apply(v128.load(a, 32), v128.load(b, 32)),
        op.apply(v128.load(a, 48), v128.load(b, 48)),
      );
      v128.store(y, v128.and(i8x16.narrow_i16x8_s(low, high), one));
      a += stepA << 4;
      b += stepB << 4;
      y += 16;
    }
    for (; n > 0; n -= 4) {
      const mask = i16x8.narrow_i32x4_s(op.apply(loadLanes(a, n), loadLanes(b, n)), one);
      storeOctets(y, v128.and(i8x16.narrow_i16x8_s(mask, mask), one), min(n, 4));
      a += stepA << 2;
      b += stepB << 2;
      y += 4;
    }
  }
}

/** The bytes y = f(a, b), 0 or 1, of 32-bit operands with broadcasting. */
// @ts-ignore: decorator
@inline
export function compare<Op>(begin: i32, end: i32, y: usize, a: usize, b: usize, table: usize): void {
  eachRow<CompareRow<Op>, u8, i32, i32, u8>(begin, end, y, a, b, 0, table);
}
