// What the attention kernels share. They walk a block of rows of one matrix over blocks of columns of another: queries over
// keys, or keys over queries. A block of scores lives in the thread's scratch only.
//
// `mask` is 0, or a table: where the mask lies, 1 for bytes (0 hides) or 4 for floats (which are added), and the bytes to
// step along the batch, the heads, the rows and the columns.

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
