// Functions of one operand that take rows, and rounding. A unit is BLOCK elements.

import { loadLanes, storeLanes } from '../lanes';
import { log1pRow, logRow, tanhRow } from '../math';
import { scratch } from '../runtime';
import { erfRow, expm1Row, waveRow } from '../special';
import { elementsBefore, map } from '../templates';

@unmanaged
class Ceil {
  @inline
  apply(x: v128): v128 {
    return f32x4.ceil(x);
  }
}

export function ceilF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<Ceil>(begin, end, y, x, count);
}

@unmanaged
class Nearest {
  @inline
  apply(x: v128): v128 {
    return f32x4.nearest(x);
  }
}

/** To the nearest integer, halves to the even one. */
export function roundF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  map<Nearest>(begin, end, y, x, count);
}

const ERF: i32 = 0;
const SIN: i32 = 1;
const COS: i32 = 2;
const LOG: i32 = 3;
const LOG1P: i32 = 4;
const EXPM1: i32 = 5;
const TANH: i32 = 6;

/** y = f(x) for `count` floats, a multiple of eight; y may be x. */
function row(f: i32, y: usize, x: usize, count: i32): void {
  if (f == ERF) erfRow(y, x, count);
  else if (f == LOG) logRow(y, x, count);
  else if (f == LOG1P) log1pRow(y, x, count);
  else if (f == EXPM1) expm1Row(y, x, count);
  else if (f == TANH) tanhRow(y, x, count);
  else waveRow(y, x, count, f == COS ? 1 : 0);
}

/** y = f(x): whole vectors in place, the last ones through the scratch. */
function each(f: i32, begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  const first = elementsBefore(begin, count);
  const n = elementsBefore(end, count) - first;
  const rest = n & 7;
  x += <usize>first << 2;
  y += <usize>first << 2;
  row(f, y, x, n - rest);
  if (rest) {
    const last = scratch();
    x += <usize>(n - rest) << 2;
    y += <usize>(n - rest) << 2;
    v128.store(last, loadLanes(x, rest));
    v128.store(last, loadLanes(x + 16, rest - 4), 16);
    row(f, last, last, 8);
    storeLanes(y, v128.load(last), rest);
    storeLanes(y + 16, v128.load(last, 16), rest - 4);
  }
}

export function erfF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each(ERF, begin, end, y, x, count);
}

export function sinF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each(SIN, begin, end, y, x, count);
}

export function cosF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each(COS, begin, end, y, x, count);
}

export function logF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each(LOG, begin, end, y, x, count);
}

export function log1pF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each(LOG1P, begin, end, y, x, count);
}

export function expm1F32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each(EXPM1, begin, end, y, x, count);
}

export function tanhF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each(TANH, begin, end, y, x, count);
}
