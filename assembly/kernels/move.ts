// Elements from one place to another.

import { copyBytes, storeOctets } from '../lanes';
import { BAD_INDEX, fail } from '../runtime';
import { eachRow, elementsBefore, rowOffset } from '../templates';

const PIECE = 1 << 16;

/** destination[0, bytes) = source[0, bytes); a unit is 64 KiB. Nothing is done where both are the same. */
export function copy(begin: i32, end: i32, destination: usize, source: usize, bytes: i32): void {
  if (destination == source) return;
  const first = <usize>begin * PIECE;
  const last = min(<usize>end * PIECE, <usize>bytes);
  memory.copy(destination + first, source + first, last - first);
}

/** `count` times the same 32 bits; a unit is BLOCK elements. */
export function fill32(begin: i32, end: i32, y: usize, count: i32, value: i32): void {
  const first = elementsBefore(begin, count);
  fillWords(y + (<usize>first << 2), elementsBefore(end, count) - first, i32x4.splat(value));
}

/** `count` times the same byte. */
export function fill8(begin: i32, end: i32, y: usize, count: i32, value: i32): void {
  const first = elementsBefore(begin, count);
  memory.fill(y + <usize>first, <u8>value, <usize>(elementsBefore(end, count) - first));
}

function fillWords(y: usize, n: i32, x: v128): void {
  for (; n >= 4; n -= 4) {
    v128.store(y, x);
    y += 16;
  }
  if (n > 0) storeOctets(y, x, n << 2);
}

@unmanaged
class CopyRow<T> {
  @inline
  row(_y: usize, to: usize, from: usize, _c: usize, n: i32, _stepTo: usize, _stepFrom: usize, _stepC: usize): void {
    copyBytes(to, from, <usize>n * sizeof<T>());
  }
}

/** Copies rows of 32-bit elements. Of the table's operands the first is the destination, the second the source. */
export function copyRows32(begin: i32, end: i32, destination: usize, source: usize, table: usize): void {
  eachRow<CopyRow<i32>, u8, i32, i32, u8>(begin, end, 0, destination, source, 0, table);
}

/** Copies rows of bytes. */
export function copyRows8(begin: i32, end: i32, destination: usize, source: usize, table: usize): void {
  eachRow<CopyRow<u8>, u8, u8, u8, u8>(begin, end, 0, destination, source, 0, table);
}

@unmanaged
class RepeatRow<T> {
  @inline
  row(y: usize, from: usize, _b: usize, _c: usize, n: i32, _step: usize, _stepB: usize, _stepC: usize): void {
    if (sizeof<T>() == 4) fillWords(y, n, v128.load32_splat(from));
    else memory.fill(y, load<u8>(from), <usize>n);
  }
}

/** Fills each row of y with one 32-bit element of x. */
export function repeat32(begin: i32, end: i32, y: usize, x: usize, table: usize): void {
  eachRow<RepeatRow<i32>, i32, i32, u8, u8>(begin, end, y, x, 0, 0, table);
}

/** Fills each row of y with one byte of x. */
export function repeat8(begin: i32, end: i32, y: usize, x: usize, table: usize): void {
  eachRow<RepeatRow<u8>, u8, u8, u8, u8>(begin, end, y, x, 0, 0, table);
}

/**
 * Copies `update` into rows of `destination` at the offset that `starts` gives. `limits` holds the number of axes and
 * for each axis the largest start and the bytes of a step; a start beyond it stops the run.
 */
export function updateSlice(
  begin: i32,
  end: i32,
  destination: usize,
  update: usize,
  starts: usize,
  limits: usize,
  table: usize,
): void {
  const axes = <usize>load<i32>(limits);
  for (let axis: usize = 0; axis < axes; ++axis) {
    const start = load<i32>(starts + (axis << 2));
    const entry = limits + (axis << 3);
    if (<u32>start > load<u32>(entry, 4)) {
      fail(BAD_INDEX, start);
      return;
    }
    destination += <usize>start * load<usize>(entry, 8);
  }
  if (load<i32>(table) == 0) return;
  eachRow<CopyRow<u8>, u8, u8, u8, u8>(begin, end, 0, destination, update, 0, table);
}

/** Side of the square blocks of a transposition. */
const SIDE: i32 = 64;

/** Four by four elements, transposed. */
// @ts-ignore: decorator
@inline
function transposeFour(to: usize, toPitch: usize, from: usize, fromPitch: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + fromPitch);
  const c = v128.load(from + (fromPitch << 1));
  const d = v128.load(from + fromPitch * 3);
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2));
  v128.store(to + toPitch, v128.shuffle<i64>(ab, cd, 1, 3));
  v128.store(to + (toPitch << 1), v128.shuffle<i64>(abHigh, cdHigh, 0, 2));
  v128.store(to + toPitch * 3, v128.shuffle<i64>(abHigh, cdHigh, 1, 3));
}

/** Four elements of a row of the source, down a column. */
// @ts-ignore: decorator
@inline
function spreadFour(to: usize, toPitch: usize, from: usize): void {
  const x = v128.load(from);
  v128.store32_lane(to, x, 0);
  v128.store32_lane(to + toPitch, x, 1);
  v128.store32_lane(to + (toPitch << 1), x, 2);
  v128.store32_lane(to + toPitch * 3, x, 3);
}

/** to[p, q] = from[q, p]. Eight columns of the source at a time: few passes over its lines, which may share a cache set. */
// @ts-ignore: decorator
@inline
function transposeBlock<T>(to: usize, toPitch: usize, from: usize, fromPitch: usize, p: i32, q: i32): void {
  let i = 0;
  if (sizeof<T>() == 4) {
    while (i + 4 <= p) {
      const wide = i + 8 <= p;
      let toRow = to + <usize>i * toPitch;
      let fromRow = from + (<usize>i << 2);
      let j = 0;
      for (; j + 4 <= q; j += 4) {
        transposeFour(toRow, toPitch, fromRow, fromPitch);
        if (wide) transposeFour(toRow + (toPitch << 2), toPitch, fromRow + 16, fromPitch);
        toRow += 16;
        fromRow += fromPitch << 2;
      }
      for (; j < q; ++j) {
        spreadFour(toRow, toPitch, fromRow);
        if (wide) spreadFour(toRow + (toPitch << 2), toPitch, fromRow + 16);
        toRow += 4;
        fromRow += fromPitch;
      }
      i += wide ? 8 : 4;
    }
  }
  for (; i < p; ++i) {
    let toElement = to + <usize>i * toPitch;
    let fromElement = from + <usize>i * sizeof<T>();
    for (let j = 0; j < q; ++j) {
      store<T>(toElement, load<T>(fromElement));
      toElement += sizeof<T>();
      fromElement += fromPitch;
    }
  }
}

// @ts-ignore: decorator
@inline
function transposeBlocks<T>(
  begin: i32,
  end: i32,
  destination: usize,
  source: usize,
  blocks: i32,
  p: i32,
  q: i32,
  toPitch: usize,
  fromPitch: usize,
  table: usize,
  perUnit: i32,
): void {
  const down = (p + SIDE - 1) / SIDE;
  const across = (q + SIDE - 1) / SIDE;
  const last = min(end * perUnit, blocks);
  for (let block = begin * perUnit; block < last; ++block) {
    const line = block / across;
    const j = (block - line * across) * SIDE;
    const outer = line / down;
    const i = (line - outer * down) * SIDE;
    transposeBlock<T>(
      destination + rowOffset(table, outer, 0) + <usize>i * toPitch + <usize>j * sizeof<T>(),
      toPitch,
      source + rowOffset(table, outer, 1) + <usize>j * fromPitch + <usize>i * sizeof<T>(),
      fromPitch,
      min(SIDE, p - i),
      min(SIDE, q - j),
    );
  }
}

/**
 * Transposes matrices of 32-bit elements: destination[p, q] = source[q, p], with pitches in bytes and the outer
 * dimensions in the table, whose first operand is the destination and the second the source. `blocks` counts squares.
 */
export function transpose32(
  begin: i32,
  end: i32,
  destination: usize,
  source: usize,
  blocks: i32,
  p: i32,
  q: i32,
  toPitch: i32,
  fromPitch: i32,
  table: usize,
  perUnit: i32,
): void {
  transposeBlocks<i32>(begin, end, destination, source, blocks, p, q, toPitch, fromPitch, table, perUnit);
}

/** The same for bytes. */
export function transpose8(
  begin: i32,
  end: i32,
  destination: usize,
  source: usize,
  blocks: i32,
  p: i32,
  q: i32,
  toPitch: i32,
  fromPitch: i32,
  table: usize,
  perUnit: i32,
): void {
  transposeBlocks<u8>(begin, end, destination, source, blocks, p, q, toPitch, fromPitch, table, perUnit);
}
