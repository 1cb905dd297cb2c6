// Products of 8-bit integers: activations u8 with one scale and zero point, weights i8 with zero point 0 and a scale for
// each column or one. Sums are exact in 32 bits, so that both flavours of the kernel, and every module, agree to the bit:
//   y = (sum - zeroPoint * columnSum) * xScale * weightScale + bias, clamped, as a float or quantized again.
//
// `flavour` 0 is the four-byte dot product of relaxed SIMD: weights by groups of four, windows read in place; where the
// engine reads them as signed bytes, they and the zero point are made 128 less, the windows in a copy: see signed.ts. 1
// works everywhere: weights by groups of two, windows widened to 16 bits in the thread's scratch.
import { scratch } from '../runtime';
import { loadOctets } from '../lanes';
import { PANEL_BYTES, poolSums, preparePanel, storeFloats, storeQuantized } from '../results';
import { dotFlip, markPanel, splitPanel } from '../signed';
import { HAS_DOT } from '../simd';
import { dotsOfPanel, pairsOfPanel } from '../tile';
import { windowRows } from '../window';

// Scratch: what a panel needs, then for each row of the unit {its window, its result}, its sums, its gathered window; a
// panel that is split.

/** Groups of rows of a panel [k][8], of which `columns` are there, and the sum of each column: see `packIntegers`. */
function packGroups(to: usize, sums: usize, from: usize, n: i32, k: i32, group: i32, columns: i32): void {
  const zero = i32x4.splat(0);
  let low = zero, high = zero;
  for (let i = 0; i < k; i += group) {
    const r0 = loadOctets(from, columns);
    const r1 = i + 1 < k ? loadOctets(from + n, columns) : zero;
    const both = i16x8.add(i16x8.extend_low_i8x16_s(r0), i16x8.extend_low_i8x16_s(r1));
    low = i32x4.add(low, i32x4.extend_low_i16x8_s(both));
    high = i32x4.add(high, i32x4.extend_high_i16x8_s(both));
    const pairs = v128.shuffle<i8>(r0, r1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    if (group == 2) {
      v128.store(to, pairs);
    } else {
      const r2 = i + 2 < k ? loadOctets(from + 2 * n, columns) : zero;
      const r3 = i + 3 < k ? loadOctets(from + 3 * n, columns) : zero;
      const more = i16x8.add(i16x8.extend_low_i8x16_s(r2), i16x8.extend_low_i8x16_s(r3));
      low = i32x4.add(low, i32x4.extend_low_i16x8_s(more));
      high = i32x4.add(high, i32x4.extend_high_i16x8_s(more));
      const others = v128.shuffle<i8>(r2, r3, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      v128.store(to, v128.shuffle<i16>(pairs, others, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(to, v128.shuffle<i16>(pairs, others, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    }
    to += group << 3;
    from += group * n;
  }
  v128.store(sums, low);
  v128.store(sums, high, 16);
}

/** The same from rows [8][k]. */
function packGroupsTransposed(to: usize, sums: usize, from: usize, k: i32, group: i32, columns: i32): void {
  for (let j = 0; j < 8; j++) {
    let sum = 0;
    for (let i = 0; i < k + group - 1 - (k + group - 1) % group; i++) {
      const value = j < columns && i < k ? load<i8>(from + i) : 0;
      sum += value;
      store<i8>(to + (((i / group) << 3) + j) * group + i % group, value);
    }
    store<i32>(sums + (j << 2), sum);
    from += k;
  }
}

/**
 * Packs weights [k, n], or [n, k] when transposed, by panels of eight columns, groups of `group` (4 or 2) numbers of k
 * together, with zeros around; behind the panels, the sum of each column, then for each panel whether it has neighbours of
 * -128. A unit is a panel.
 */
export function packIntegers(
  begin: i32, end: i32, to: usize, from: usize, n: i32, k: i32, group: i32, transposed: i32,
): void {
  const panelBytes = (k + group - 1) / group * (group << 3);
  const allSums = to + <usize>((n + 7) >> 3) * panelBytes;
  for (let unit = begin; unit < end; unit++) {
    const column = unit << 3;
    const panel = to + <usize>unit * panelBytes;
    const sums = allSums + (unit << 5);
    if (transposed) packGroupsTransposed(panel, sums, from + <usize>column * k, k, group, n - column);
    else packGroups(panel, sums, from + column, n, k, group, min(8, n - column));
    markPanel(allSums + (<usize>((n + 7) >> 3) << 5) + (unit << 2), panel, panelBytes);
  }
}

/** Copies `segments` runs of `length` bytes, `step` bytes apart, one after another. May read and write three bytes more. */
// @ts-ignore: decorator
@inline
function gather(to: usize, from: usize, segments: i32, length: i32, step: i32): void {
  for (let s = 0; s < segments; s++) {
    let i = 0;
    for (; i + 16 <= length; i += 16) v128.store(to + i, v128.load(from + i));
    for (; i < length; i += 4) store<u32>(to + i, load<u32>(from + i));
    to += length;
    from += step;
  }
}

/** The same, each byte to 16 bits. */
// @ts-ignore: decorator
@inline
function gatherWide(to: usize, from: usize, segments: i32, length: i32, step: i32): void {
  for (let s = 0; s < segments; s++) {
    let i = 0;
    for (; i + 8 <= length; i += 8) v128.store(to + (i << 1), v128.load8x8_u(from + i));
    for (; i < length; i += 4) v128.store64_lane(to + (i << 1), i16x8.extend_low_i8x16_u(v128.load32_zero(from + i)), 0);
    to += length << 1;
    from += step;
  }
}

/**
 * A convolution of u8 images and a max pool of it, or with images of one pixel a matrix product. `weightStep` is 4 where
 * every column has a scale, 0 where one serves all. `yScale` is 0 for float results; then `yZero` is not read. The pool's
 * sizes and strides are 1 where there is none; `pixels` and `outHeight`, `outWidth` are those of its result.
 */
export function convInteger(
  begin: i32, end: i32, x: usize, kernel: usize, bias: usize, y: usize, pixels: i32, height: i32, width: i32, channels: i32,
  outHeight: i32, outWidth: i32, filters: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32,
  poolHeight: i32, poolWidth: i32, poolStrideHeight: i32, poolStrideWidth: i32, xScale: usize, xZero: usize,
  weightScale: usize, weightStep: i32, yScale: usize, yZero: usize, unitRows: i32, unitColumns: i32, flavour: i32, low: f32,
): void {
  const columnBlocks = (filters + unitColumns - 1) / unitColumns;
  const group = flavour ? 2 : 4;
  const run = kernelWidth * channels;
  const depth = kernelHeight * run;
  const groups = (depth + group - 1) / group;
  const panelBytes = groups * (group << 3);
  const panels: usize = (filters + 7) >> 3;
  const columnSums = kernel + panels * panelBytes;
  const marks = columnSums + (panels << 5);
  const flip = HAS_DOT && !flavour ? dotFlip() : 0;
  const gathered = flavour != 0 || flip != 0 || (run & 3) != 0;
  const resultBytes = yScale ? 1 : 4;
  const taps = poolHeight * poolWidth;

  const panel = scratch();
  const table = panel + PANEL_BYTES;
  const sums = table + (unitRows * taps << 3);
  const windows = sums + (unitRows * taps << 5);
  const segments = gathered ? 1 : kernelHeight;
  const length = gathered ? groups : run >> 2;
  const gap = gathered ? 0 : (width - kernelWidth) * channels;
  const split = windows + (<usize>(unitRows * taps) * groups << 2) + 16;
  const zeroPoint = <i32>load<u8>(xZero) - flip;
  const by: f32 = yScale ? load<f32>(yScale) : 1;
  const yZeroPoint = yScale ? <i32>load<u8>(yZero) : 0;

  for (let unit = begin; unit < end; unit++) {
    const column = (unit % columnBlocks) * unitColumns;
    const columns = min(unitColumns, filters - column);
    const first = unit / columnBlocks * unitRows;
    const rows = min(unitRows, pixels - first);
    for (let tap = 0; tap < taps; tap++) {
      const shift = (tap / poolWidth * strideHeight * width + tap % poolWidth * strideWidth) * channels;
      windowRows(
        table + (tap * rows << 3), x + shift, y + column * resultBytes, first, rows, height, width, channels, outHeight, outWidth,
        strideHeight * poolStrideHeight, strideWidth * poolStrideWidth, filters * resultBytes,
      );
    }
    if (gathered) {
      // Both layouts take four bytes for each group.
      for (let i = 0; i < rows * taps; i++) {
        const from = load<usize>(table + (i << 3));
        const to = windows + (<usize>i * groups << 2);
        if (flavour) gatherWide(to, from, kernelHeight, run, width * channels);
        else gather(to, from, kernelHeight, run, width * channels);
        store<usize>(table + (i << 3), to);
      }
      if (flip) {
        const end = windows + (<usize>(rows * taps) * groups << 2);
        for (let at = windows; at < end; at += 16) v128.store(at, v128.xor(v128.load(at), i8x16.splat(-128)));
      }
    }
    for (let j = 0; j < columns; j += 8) {
      const at = column + j;
      preparePanel(panel, at, columns - j, bias, columnSums, load<f32>(xScale), zeroPoint, weightScale, weightStep, by);
      let packed = kernel + <usize>(at >> 3) * panelBytes;
      let walks = segments, back = gap;
      if (flip && load<i32>(marks + (at >> 1))) {
        // Each window is walked twice.
        splitPanel(split, packed, panelBytes);
        packed = split;
        walks = 2;
        back = -(groups << 2);
      }
      if (flavour) pairsOfPanel(table, rows * taps, packed, walks, length, back, panel + 64, sums);
      else dotsOfPanel(table, rows * taps, packed, walks, length, back, panel + 64, sums);
      if (taps > 1) poolSums(sums, rows, taps, panel);
      const offset = j * resultBytes;
      if (yScale) storeQuantized(panel, table, sums, rows, offset, columns - j, low, yZeroPoint);
      else storeFloats(panel, table, sums, rows, offset, columns - j, low);
    }
  }
}
