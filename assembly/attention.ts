// What the attention kernels share. Forward, eight queries at a time meet blocks of keys: scores are [keys][8], so that
// neither keys nor values need another layout. Few queries, and the gradients, walk a block of rows of one matrix over
// blocks of columns of another: queries over keys, or keys over queries. Blocks of scores live in the thread's scratch only.
//
// `mask` is 0, or a table: where the mask lies, 1 for bytes (0 hides) or 4 for floats (which are added), and the bytes to
// step along the batch, the heads, the rows and the columns.

import { packRows } from './pack';
import { scaleRow } from './rows';
import { rowsOfPanel } from './tile';

/** Rows and columns of a block of scores. */
export const ROWS: i32 = 24;
export const COLUMNS: i32 = 128;

/** Scratch: two addresses for each row, eight zeros, two numbers for each row, and then what the kernel needs. */
export const ZEROS: usize = 192;
export const STATE: usize = 256;
export const BLOCKS: usize = 448;

/** c[rows][width] = a[rows][depth] * B, added to what c holds where `start` is 0. A panel of B is `panel` bytes long. */
export function product(
  table: usize, c: usize, cStep: usize, a: usize, aStep: usize, rows: i32, depth: i32, b: usize, panel: usize, width: i32,
  start: usize,
): void {
  for (let i = 0; i < rows; i++) {
    store<usize>(table + (i << 3), a + <usize>i * aStep);
    store<usize>(table + (i << 3), c + <usize>i * cStep, 4);
  }
  for (let j = 0; j < width; j += 8) {
    rowsOfPanel(table, rows, b, 1, depth, 0, 0, j << 2, width - j, start, -Infinity);
    b += panel;
  }
}

/** to[rows] = from[rows] * scale, `toStep` bytes a row, a multiple of sixteen that holds `width` numbers. */
export function scaledRows(to: usize, toStep: usize, from: usize, fromStep: usize, rows: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  for (; rows > 0; rows--) {
    for (let at: usize = 0; at < toStep; at += 16) v128.store(to + at, f32x4.mul(v128.load(from + at), factor));
    to += toStep;
    from += fromStep;
  }
}

/** Where the mask's row begins, at the given column. */
export function maskAt(mask: usize, batch: i32, head: i32, row: i32, column: i32): usize {
  return (
    load<usize>(mask) +
    <usize>batch * load<usize>(mask, 8) +
    <usize>head * load<usize>(mask, 12) +
    <usize>row * load<usize>(mask, 16) +
    <usize>column * load<usize>(mask, 20)
  );
}

/** Adds the mask to `count` scores, or makes those -Infinity that it hides. `at` is where its row begins. */
export function maskRow(scores: usize, count: i32, mask: usize, at: usize): void {
  const step = load<usize>(mask, 20);
  const bytes = load<i32>(mask, 4) == 1;
  const hidden = f32x4.splat(-Infinity);
  if (step == 1) {
    for (; count >= 4; count -= 4) {
      const flags = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)));
      v128.store(scores, v128.bitselect(hidden, v128.load(scores), i32x4.eq(flags, i32x4.splat(0))));
      scores += 16;
      at += 4;
    }
  } else if (step == 4 && !bytes) {
    for (; count >= 4; count -= 4) {
      v128.store(scores, f32x4.add(v128.load(scores), v128.load(at)));
      scores += 16;
      at += 16;
    }
  }
  for (; count > 0; count--) {
    if (!bytes) store<f32>(scores, load<f32>(scores) + load<f32>(at));
    else if (!load<u8>(at)) store<f32>(scores, -Infinity);
    scores += 4;
    at += step;
  }
}

/** A panel [d][8] of `rows` queries, `step` bytes apart, times `scale`; zeros for queries that are not there. */
export function queryPanel(to: usize, from: usize, step: usize, d: i32, rows: i32, scale: f32): void {
  if (rows < 8) memory.fill(to, 0, <usize>d << 5);
  packRows(to, from, step, d, rows);
  scaleRow(to, d << 3, f32x4.splat(scale));
}

/** Raises `largest` [8] to the largest score of each query. */
export function raiseToScores(largest: usize, scores: usize, count: i32): void {
  let x0 = v128.load(largest);
  let x1 = v128.load(largest, 16);
  for (; count > 0; count--) {
    x0 = f32x4.pmax(x0, v128.load(scores));
    x1 = f32x4.pmax(x1, v128.load(scores, 16));
    scores += 32;
  }
  v128.store(largest, x0);
  v128.store(largest, x1, 16);
}

/** Makes the scores [count][8] of keys -Infinity that come after the query: query i sees the first `seen` + i. */
export function hideAfter(scores: usize, seen: i32, count: i32): void {
  const hidden = f32x4.splat(-Infinity);
  for (let j = max(seen, 0); j < count; j++) {
    const after = i32x4.splat(j - seen);
    const at = scores + (<usize>j << 5);
    v128.store(at, v128.bitselect(hidden, v128.load(at), i32x4.ge_s(after, i32x4(0, 1, 2, 3))));
    v128.store(at, v128.bitselect(hidden, v128.load(at, 16), i32x4.ge_s(after, i32x4(4, 5, 6, 7))), 16);
  }
}

/** scores = (scores - shift) * factor, for `count` rows of eight. */
export function shiftPanel(scores: usize, count: i32, shift0: v128, shift1: v128, factor: v128): void {
  for (; count > 0; count--) {
    v128.store(scores, f32x4.mul(f32x4.sub(v128.load(scores), shift0), factor));
    v128.store(scores, f32x4.mul(f32x4.sub(v128.load(scores, 16), shift1), factor), 16);
    scores += 32;
  }
}

/** `maskRow` for the scores [count][8] of `rows` queries; `at` is where the mask of the first begins. */
export function maskPanel(scores: usize, count: i32, rows: i32, mask: usize, at: usize): void {
  const down = load<usize>(mask, 16);
  const step = load<usize>(mask, 20);
  const bytes = load<i32>(mask, 4) == 1;
  const hidden = f32x4.splat(-Infinity);
  for (let i = 0; i < rows; i += 4) {
    let m0 = at + <usize>i * down;
    let m1 = i + 1 < rows ? m0 + down : m0;
    let m2 = i + 2 < rows ? m1 + down : m0;
    let m3 = i + 3 < rows ? m2 + down : m0;
    let to = scores + (i << 2);
    for (let j = count; j > 0; j--) {
      const x = v128.load(to);
      if (bytes) {
        const flags = i32x4.replace_lane(
          i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(load<u8>(m0)), 1, load<u8>(m1)), 2, load<u8>(m2)), 3, load<u8>(m3),
        );
        v128.store(to, v128.bitselect(hidden, x, i32x4.eq(flags, i32x4.splat(0))));
      } else {
        const pair = v128.load32_lane(m1, v128.load32_zero(m0), 1);
        const added = v128.load32_lane(m3, v128.load32_lane(m2, pair, 2), 3);
        v128.store(to, f32x4.add(x, added));
      }
      m0 += step;
      m1 += step;
      m2 += step;
      m3 += step;
      to += 32;
    }
  }
}
