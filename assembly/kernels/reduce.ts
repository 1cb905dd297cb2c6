// Reductions of x [outer, axis, inner] along the axis. It is cut into chunks, by shape alone: a record folds each chunk,
// another one folds the results in order. An item is one chunk of one row, or of one block of columns; a unit is
// `perUnit` items. The sum of a chunk of a row is that of sixteen interleaved sums; columns add eight rows at a time.

import { lanesBelow, loadLanes, storeLanes } from '../lanes';
import { largestOf } from '../rows';
import { scratch } from '../runtime';
import { hsum, largest } from '../simd';

/** Columns of a block: what is added up in place stays in the first cache. */
const COLUMNS: i32 = 256;
/** Rows that are passed over together where none has a new maximum: as many as `foldEight` folds. */
const ROWS: i32 = 8;
/** Rows after which eight more are more likely to have none. */
const LIKELY: i32 = 32;

@unmanaged
class Sum {
  @inline
  identity(): v128 {
    return i32x4.splat(0);
  }

  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.add(a, b);
  }

  @inline
  across(x: v128): f32 {
    return hsum(x);
  }
}

@unmanaged
class Max {
  @inline
  identity(): v128 {
    return f32x4.splat(-Infinity);
  }

  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.max(a, b);
  }

  @inline
  across(x: v128): f32 {
    const pairs = f32x4.max(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
    return f32x4.extract_lane(f32x4.max(pairs, v128.shuffle<i32>(pairs, pairs, 1, 0, 3, 2)), 0);
  }
}

@unmanaged
class MaxInteger {
  @inline
  identity(): v128 {
    return i32x4.splat(i32.MIN_VALUE);
  }

  @inline
  apply(a: v128, b: v128): v128 {
    return i32x4.max_s(a, b);
  }
}

@unmanaged
class Min {
  @inline
  identity(): v128 {
    return f32x4.splat(Infinity);
  }

  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.min(a, b);
  }

  @inline
  across(x: v128): f32 {
    const pairs = f32x4.min(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
    return f32x4.extract_lane(f32x4.min(pairs, v128.shuffle<i32>(pairs, pairs, 1, 0, 3, 2)), 0);
  }
}

@unmanaged
class MinInteger {
  @inline
  identity(): v128 {
    return i32x4.splat(i32.MAX_VALUE);
  }

  @inline
  apply(a: v128, b: v128): v128 {
    return i32x4.min_s(a, b);
  }
}

@unmanaged
class Product {
  @inline
  identity(): v128 {
    return f32x4.splat(1);
  }

  @inline
  apply(a: v128, b: v128): v128 {
    return f32x4.mul(a, b);
  }

  @inline
  across(x: v128): f32 {
    const pairs = f32x4.mul(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
    return f32x4.extract_lane(pairs, 0) * f32x4.extract_lane(pairs, 1);
  }
}

/** What a row of `n` elements folds to, by sixteen interleaved lanes. */
// @ts-ignore: decorator
@inline
function foldRow<Op>(from: usize, n: i32): f32 {
  const op = changetype<Op>(0);
  const identity = op.identity();
  let a = identity;
  let b = identity;
  let c = identity;
  let d = identity;
  for (; n >= 16; n -= 16) {
    a = op.apply(a, v128.load(from));
    b = op.apply(b, v128.load(from, 16));
    c = op.apply(c, v128.load(from, 32));
    d = op.apply(d, v128.load(from, 48));
    from += 64;
  }
  for (; n >= 4; n -= 4) {
    a = op.apply(a, v128.load(from));
    from += 16;
  }
  if (n > 0) a = op.apply(a, v128.bitselect(loadLanes(from, n), identity, lanesBelow(n)));
  return op.across(op.apply(op.apply(a, b), op.apply(c, d)));
}

// @ts-ignore: decorator
@inline
function foldRows<Op>(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
  divisor: i32,
): void {
  const last = min(end * perUnit, items);
  for (let item = begin * perUnit; item < last; ++item) {
    const row = item / chunks;
    const start = (item - row * chunks) * chunk;
    const from = x + (<usize>(row * axis + start) << 2);
    store<f32>(y + (<usize>item << 2), foldRow<Op>(from, min(chunk, axis - start)) / <f32>divisor);
  }
}

/** The sum of each row [rows, axis], divided by `divisor`; items are rows times chunks. */
export function sumRows(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
  divisor: i32,
): void {
  foldRows<Sum>(begin, end, y, x, items, axis, chunk, chunks, perUnit, divisor);
}

/** The maximum of each row. */
export function maxRowsF32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
): void {
  foldRows<Max>(begin, end, y, x, items, axis, chunk, chunks, perUnit, 1);
}

/** The minimum of each row. */
export function minRowsF32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
): void {
  foldRows<Min>(begin, end, y, x, items, axis, chunk, chunks, perUnit, 1);
}

/** The product of each row. */
export function prodRows(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
): void {
  foldRows<Product>(begin, end, y, x, items, axis, chunk, chunks, perUnit, 1);
}

/** Eight rows folded, `count` lanes of each. */
// @ts-ignore: decorator
@inline
function foldEight<Op>(from: usize, pitch: usize, count: i32): v128 {
  const op = changetype<Op>(0);
  const far = from + (pitch << 2);
  const pitch3 = pitch * 3;
  const a = op.apply(loadLanes(from, count), loadLanes(from + pitch, count));
  const b = op.apply(loadLanes(from + (pitch << 1), count), loadLanes(from + pitch3, count));
  const c = op.apply(loadLanes(far, count), loadLanes(far + pitch, count));
  const d = op.apply(loadLanes(far + (pitch << 1), count), loadLanes(far + pitch3, count));
  return op.apply(op.apply(a, b), op.apply(c, d));
}

// @ts-ignore: decorator
@inline
function foldColumns<Op>(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  inner: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
  divisor: i32,
): void {
  const op = changetype<Op>(0);
  const blocks = (inner + COLUMNS - 1) / COLUMNS;
  const pitch = <usize>inner << 2;
  const last = min(end * perUnit, items);
  for (let item = begin * perUnit; item < last; ++item) {
    const piece = item / blocks;
    const column = (item - piece * blocks) * COLUMNS;
    const outer = piece / chunks;
    const start = (piece - outer * chunks) * chunk;
    const width = min(COLUMNS, inner - column);
    const whole = width & ~3;
    let rows = min(chunk, axis - start);
    let from = x + (<usize>(outer * axis + start) * inner + column << 2);
    const to = y + (<usize>piece * inner + column << 2);
    for (let i = 0; i < width; i += 4) storeLanes(to + (<usize>i << 2), op.identity(), width - i);
    for (; rows >= 8; rows -= 8) {
      let at = to;
      let p = from;
      for (const stop = to + (<usize>whole << 2); at < stop; at += 16) {
        v128.store(at, op.apply(v128.load(at), foldEight<Op>(p, pitch, 4)));
        p += 16;
      }
      if (width > whole) {
        const n = width - whole;
        storeLanes(at, op.apply(loadLanes(at, n), foldEight<Op>(p, pitch, n)), n);
      }
      from += pitch << 3;
    }
    for (; rows > 0; --rows) {
      for (let i = 0; i < width; i += 4) {
        const at = to + (<usize>i << 2);
        storeLanes(at, op.apply(loadLanes(at, width - i), loadLanes(from + (<usize>i << 2), width - i)), width - i);
      }
      from += pitch;
    }
    if (divisor != 1) {
      const by = f32x4.splat(<f32>divisor);
      for (let i = 0; i < width; i += 4) {
        const at = to + (<usize>i << 2);
        storeLanes(at, f32x4.div(loadLanes(at, width - i), by), width - i);
      }
    }
  }
}

/** The sums over the axis of [outer, axis, inner], divided by `divisor`; items are outer, chunks, blocks of columns. */
export function sumColumns(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  inner: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
  divisor: i32,
): void {
  foldColumns<Sum>(begin, end, y, x, items, axis, inner, chunk, chunks, perUnit, divisor);
}

/** The maxima over the axis. */
export function maxColumnsF32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  inner: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
): void {
  foldColumns<Max>(begin, end, y, x, items, axis, inner, chunk, chunks, perUnit, 1);
}

/** The maxima over the axis of i32. */
export function maxColumnsI32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  inner: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
): void {
  foldColumns<MaxInteger>(begin, end, y, x, items, axis, inner, chunk, chunks, perUnit, 1);
}

/** The minima over the axis. */
export function minColumnsF32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  inner: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
): void {
  foldColumns<Min>(begin, end, y, x, items, axis, inner, chunk, chunks, perUnit, 1);
}

/** The minima over the axis of i32. */
export function minColumnsI32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  inner: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
): void {
  foldColumns<MinInteger>(begin, end, y, x, items, axis, inner, chunk, chunks, perUnit, 1);
}

/** The products over the axis. */
export function prodColumns(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  inner: i32,
  chunk: i32,
  chunks: i32,
  perUnit: i32,
): void {
  foldColumns<Product>(begin, end, y, x, items, axis, inner, chunk, chunks, perUnit, 1);
}

@unmanaged
class Larger {
  @inline
  lowest(): v128 {
    return f32x4.splat(-Infinity);
  }

  @inline
  apply(a: v128, b: v128): v128 {
    return largest(a, b);
  }

  /** Where x is larger than a best that is not NaN, or NaN itself. */
  @inline
  wins(x: v128, best: v128): v128 {
    return v128.andnot(f32x4.eq(best, best), f32x4.le(x, best));
  }
}

@unmanaged
class LargerInteger {
  @inline
  lowest(): v128 {
    return i32x4.splat(i32.MIN_VALUE);
  }

  @inline
  apply(a: v128, b: v128): v128 {
    return i32x4.max_s(a, b);
  }

  @inline
  wins(x: v128, best: v128): v128 {
    return i32x4.gt_s(x, best);
  }
}

/** The index of the first maximum of each row [rows, axis]: of the first NaN where there is one. */
export function argmaxRowsF32(begin: i32, end: i32, y: usize, x: usize, rows: i32, axis: i32, perUnit: i32): void {
  const four = i32x4.splat(4);
  const none = i32x4.splat(-1);
  const last = min(end * perUnit, rows);
  for (let row = begin * perUnit; row < last; ++row) {
    let from = x + (<usize>(row * axis) << 2);
    const most = f32x4.splat(largestOf(from, axis));
    // Indices as unsigned numbers, or all ones for none.
    let equal = none;
    let nan = none;
    let current = i32x4(0, 1, 2, 3);
    let n = axis;
    for (; n >= 4; n -= 4) {
      const v = v128.load(from);
      equal = i32x4.min_u(equal, v128.or(current, f32x4.ne(v, most)));
      nan = i32x4.min_u(nan, v128.or(current, f32x4.eq(v, v)));
      current = i32x4.add(current, four);
      from += 16;
    }
    if (n > 0) {
      const v = loadLanes(from, n);
      const beyond = v128.or(current, v128.not(lanesBelow(n)));
      equal = i32x4.min_u(equal, v128.or(beyond, f32x4.ne(v, most)));
      nan = i32x4.min_u(nan, v128.or(beyond, f32x4.eq(v, v)));
    }
    const firstNan = smallest(nan);
    store<u32>(y + (<usize>row << 2), firstNan != -1 ? firstNan : smallest(equal));
  }
}

/** The smallest of four unsigned numbers. */
// @ts-ignore: decorator
@inline
function smallest(x: v128): u32 {
  const pairs = i32x4.min_u(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
  return i32x4.extract_lane(i32x4.min_u(pairs, v128.shuffle<i32>(pairs, pairs, 1, 0, 3, 2)), 0);
}

/** The best values so far of a block of columns are in the thread's scratch, their indices in y. */
// @ts-ignore: decorator
@inline
function argmaxColumns<Op>(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  inner: i32,
  perUnit: i32,
): void {
  const op = changetype<Op>(0);
  const minusOne = i32x4.splat(-1);
  const best = scratch();
  const blocks = (inner + COLUMNS - 1) / COLUMNS;
  const last = min(end * perUnit, items);
  for (let item = begin * perUnit; item < last; ++item) {
    const outer = item / blocks;
    const column = (item - outer * blocks) * COLUMNS;
    const width = min(COLUMNS, inner - column);
    const to = y + (<usize>(outer * inner + column) << 2);
    for (let i = 0; i < width; i += 4) {
      v128.store(best + (<usize>i << 2), op.lowest());
      storeLanes(to + (<usize>i << 2), i32x4.splat(0), width - i);
    }
    const pitch = <usize>inner << 2;
    let from = x + <usize>(outer * axis) * pitch + (<usize>column << 2);
    for (let row = 0; row < axis; row += ROWS) {
      const rows = min(ROWS, axis - row);
      for (let i = 0; i < width; i += 4) {
        const at = <usize>i << 2;
        const n = width - i;
        let p = from + at;
        let b = v128.load(best + at);
        const whole = n >= 4 && rows == ROWS && row >= LIKELY;
        if (whole && !v128.any_true(op.wins(foldEight<Op>(p, pitch, 4), b))) continue;
        let index = loadLanes(to + at, n);
        let current = i32x4.splat(row);
        for (let r = rows; r > 0; --r) {
          const v = loadLanes(p, n);
          // Later rows have larger indices.
          index = i32x4.max_s(index, v128.and(current, op.wins(v, b)));
          b = op.apply(b, v);
          current = i32x4.sub(current, minusOne);
          p += pitch;
        }
        v128.store(best + at, b);
        storeLanes(to + at, index, n);
      }
      from += pitch * ROWS;
    }
  }
}

/** The index of the first maximum over the axis of [outer, axis, inner]; items are outer and blocks of columns. */
export function argmaxColumnsF32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  inner: i32,
  perUnit: i32,
): void {
  argmaxColumns<Larger>(begin, end, y, x, items, axis, inner, perUnit);
}

/** The same of i32. */
export function argmaxColumnsI32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  items: i32,
  axis: i32,
  inner: i32,
  perUnit: i32,
): void {
  argmaxColumns<LargerInteger>(begin, end, y, x, items, axis, inner, perUnit);
}
