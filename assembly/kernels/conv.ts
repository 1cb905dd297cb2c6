// Convolution of NHWC images without an im2col buffer: a valid convolution is a matrix product whose rows are windows,
// KH runs of KW * C contiguous floats. Images are padded before, where they are padded at all.
import { scratch } from '../runtime';
import { biasBlock, rowsOfPanel } from '../tile';
import { windowRows } from '../window';

/** The numbers of a window that are summed before the next ones are taken. */
const DEPTH = 1024;

/** Scratch: the bias of a unit's filters, at most 1024, then its table of windows. */
const BIAS_BYTES = 4096;

/** y[pixel] = window[pixel] * kernel + bias over all pixels of all images; the kernel [KH * KW * C, F] is packed. */
export function conv2d(
  begin: i32, end: i32, x: usize, kernel: usize, bias: usize, y: usize, pixels: i32, height: i32, width: i32, channels: i32,
  outHeight: i32, outWidth: i32, filters: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32,
  unitRows: i32, unitColumns: i32, low: f32,
): void {
  const columnBlocks = (filters + unitColumns - 1) / unitColumns;
  const biases = scratch();
  const table = biases + BIAS_BYTES;
  const length = kernelWidth * channels;
  const gap = (width - kernelWidth) * channels << 2;
  const segments = max(1, DEPTH / max(1, length));
  const panelBytes = kernelHeight * length << 5;
  for (let unit = begin; unit < end; unit++) {
    const column = (unit % columnBlocks) * unitColumns;
    const columns = min(unitColumns, filters - column);
    const first = unit / columnBlocks * unitRows;
    const rows = min(unitRows, pixels - first);
    const packed = kernel + <usize>(column >> 3) * panelBytes;
    biasBlock(biases, bias, column, columns);
    for (let top = 0; top < kernelHeight; top += segments) {
      const taken = min(segments, kernelHeight - top);
      const floor: f32 = top + taken == kernelHeight ? low : -Infinity;
      windowRows(
        table, x + (top * width * channels << 2), y + (column << 2), first, rows, height, width, channels << 2, outHeight, outWidth,
        strideHeight, strideWidth, filters << 2,
      );
      for (let j = 0; j < columns; j += 8) {
        const panel = packed + <usize>(j >> 3) * panelBytes + (top * length << 5);
        const start: usize = top ? 0 : biases + (j << 2);
        rowsOfPanel(table, rows, panel, taken, length, gap, 0, j << 2, columns - j, start, floor);
      }
    }
  }
}

/**
 * Images with a frame: row `top + i`, column `left + j` of the padded image is pixel (i, j). The frame's bytes are zeros,
 * or the byte at `fill`. A unit is a row of a padded image.
 */
export function padImages(
  begin: i32, end: i32, to: usize, from: usize, fill: usize, height: i32, width: i32, pixelBytes: i32, top: i32, left: i32,
  paddedHeight: i32, paddedWidth: i32,
): void {
  const rowBytes = width * pixelBytes;
  const paddedBytes = paddedWidth * pixelBytes;
  const before = left * pixelBytes;
  const value = fill ? load<u8>(fill) : 0;
  for (let unit = begin; unit < end; unit++) {
    const row = unit % paddedHeight - top;
    const target = to + <usize>unit * paddedBytes;
    if (row < 0 || row >= height) {
      memory.fill(target, value, paddedBytes);
      continue;
    }
    memory.fill(target, value, before);
    memory.copy(target + before, from + (<usize>(unit / paddedHeight) * height + row) * rowBytes, rowBytes);
    memory.fill(target + before + rowBytes, value, paddedBytes - before - rowBytes);
  }
}
