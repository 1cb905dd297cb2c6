// Functions of one operand of assembly/special.ts, and rounding. A unit is BLOCK elements.

import { loadLanes, storeLanes } from '../lanes';
import { cos, erf, expm1, log1p, sin } from '../special';
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

/** y = f(x), not unrolled: these functions are long. */
// @ts-ignore: decorator
@inline
function each<Op>(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  const first = elementsBefore(begin, count);
  x += <usize>first << 2;
  y += <usize>first << 2;
  for (let n = elementsBefore(end, count) - first; n > 0; n -= 4) {
    storeLanes(y, changetype<Op>(0).apply(loadLanes(x, n)), n);
    x += 16;
    y += 16;
  }
}

@unmanaged
class Erf {
  @inline
  apply(x: v128): v128 {
    return erf(x);
  }
}

export function erfF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each<Erf>(begin, end, y, x, count);
}

@unmanaged
class Sin {
  @inline
  apply(x: v128): v128 {
    return sin(x);
  }
}

export function sinF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each<Sin>(begin, end, y, x, count);
}

@unmanaged
class Cos {
  @inline
  apply(x: v128): v128 {
    return cos(x);
  }
}

export function cosF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each<Cos>(begin, end, y, x, count);
}

@unmanaged
class Log1p {
  @inline
  apply(x: v128): v128 {
    return log1p(x);
  }
}

export function log1pF32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each<Log1p>(begin, end, y, x, count);
}

@unmanaged
class Expm1 {
  @inline
  apply(x: v128): v128 {
    return expm1(x);
  }
}

export function expm1F32(begin: i32, end: i32, y: usize, x: usize, count: i32): void {
  each<Expm1>(begin, end, y, x, count);
}
