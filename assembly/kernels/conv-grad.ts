// The gradient of a convolution for its kernel, as matrix products in place: no im2col buffer.
import { scratch } from '../runtime';
import { biasBlock, columnsOfPanel } from '../tile';
import { windowRows } from '../window';

/** Scratch: eight zeros, then the table of rows. */
const ZERO_BYTES = 64;
/** Output pixels that the filter gradient sums at a time: what the first cache holds. */
const BAND = 256;

/**
 * dkernel [KH, KW * C, F] of `unitPixels` output pixels each, [chunks] of them, to be added up. For each row of the kernel
 * the windows' rows are the columns of A, KW * C contiguous floats each; dy is B, packed or as it lies. A unit is a chunk
 * by rows of the kernel by a block of the matrix of each.
 */
export function conv2dFilterGrad(
  begin: i32, end: i32, x: usize, dy: usize, bStep: i32, bPanel: i32, to: usize, pixels: i32, height: i32, width: i32,
  channels: i32, outHeight: i32, outWidth: i32, filters: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32,
  strideWidth: i32, unitPixels: i32, unitKernelRows: i32, unitRows: i32, unitColumns: i32,
): void {
  const depth = kernelWidth * channels;
  const columnBlocks = (filters + unitColumns - 1) / unitColumns;
  const rowBlocks = (depth + unitRows - 1) / unitRows;
  const kernelBlocks = (kernelHeight + unitKernelRows - 1) / unitKernelRows;
  const zeros = scratch();
  const table = zeros + ZERO_BYTES;
  biasBlock(zeros, 0, 0, 8);
  for (let unit = begin; unit < end; unit++) {
    const column = (unit % columnBlocks) * unitColumns;
    const columns = min(unitColumns, filters - column);
    let rest = unit / columnBlocks;
    const row = (rest % rowBlocks) * unitRows;
    const rows = min(unitRows, depth - row);
    rest /= rowBlocks;
    const firstKernelRow = (rest % kernelBlocks) * unitKernelRows;
    const lastKernelRow = min(kernelHeight, firstKernelRow + unitKernelRows);
    const chunk = rest / kernelBlocks;
    const last = min(pixels, (chunk + 1) * unitPixels);
    const target = to + ((<usize>chunk * kernelHeight * depth + row) * filters + column << 2);
    let start: usize = zeros;
    let pixel = chunk * unitPixels;
    do {
      const length = max(0, min(BAND, last - pixel));
      if (length) {
        windowRows(
          table, x, 0, pixel, length, height, width, channels << 2, outHeight, outWidth, strideHeight, strideWidth, 0,
        );
      }
      for (let kernelRow = firstKernelRow; kernelRow < lastKernelRow; kernelRow++) {
        const shift = (kernelRow * width * channels + row) << 2;
        for (let j = 0; j < columns; j += 8) {
          const panel = dy + <usize>pixel * bStep + <usize>(column + j >> 3) * bPanel;
          const into = target + (<usize>kernelRow * depth * filters + j << 2);
          columnsOfPanel(table, shift, rows, panel, bStep, length, into, filters << 2, columns - j, start, -Infinity);
        }
      }
      pixel += BAND;
      start = 0;
    } while (pixel < last);
  }
}

/** to[i] = the sum of from[chunk * size + i] over the chunks, in their order. A unit is 4096 elements. */
export function addChunks(begin: i32, end: i32, to: usize, from: usize, size: i32, chunks: i32): void {
  const step = <usize>size << 2;
  const last = min(end << 12, size);
  let i = begin << 12;
  for (; i + 4 <= last; i += 4) {
    let at = from + (i << 2);
    let total = f32x4.splat(0);
    for (let chunk = 0; chunk < chunks; chunk++) {
      total = f32x4.add(total, v128.load(at));
      at += step;
    }
    v128.store(to + (i << 2), total);
  }
  for (; i < last; i++) {
    let at = from + (i << 2);
    let total: f32 = 0;
    for (let chunk = 0; chunk < chunks; chunk++) {
      total += load<f32>(at);
      at += step;
    }
    store<f32>(to + (i << 2), total);
  }
}
