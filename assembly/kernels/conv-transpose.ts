// The gradient of a convolution for its images, which is also the transposed convolution that inference needs: matrix
// products in place, no im2col buffer, and no products with padding.
import { packRows } from '../pack';
import { scratch } from '../runtime';
import { biasBlock, rowsOfPanel } from '../tile';

/** Scratch: eight zeros, then the table of rows. */
const ZERO_BYTES = 64;
/** Pixels that share their taps and are multiplied together, at most. */
const MOST_ROWS = 480;

/** Taps of a kernel of `size` that meet an input pixel of residue class `residue`: residue, residue + stride ... */
// @ts-ignore: decorator
@inline
function tapsOf(residue: i32, size: i32, stride: i32): i32 {
  return (size - residue + stride - 1) / stride;
}

/** Taps of the classes before `residue`. */
function tapsBefore(residue: i32, size: i32, stride: i32): i32 {
  let taps = 0;
  for (let each = 0; each < residue; each++) taps += tapsOf(each, size, stride);
  return taps;
}

/**
 * Packs a kernel [KH, KW, C, F] for the input gradient: for each residue class of rows and of columns its taps, last to
 * first, as a matrix [taps * F, C], by panels. A unit is a tap.
 */
export function packFlipped(
  begin: i32, end: i32, to: usize, from: usize, kernelHeight: i32, kernelWidth: i32, channels: i32, filters: i32,
  strideHeight: i32, strideWidth: i32,
): void {
  const panels = (channels + 7) >> 3;
  const tapBytes = filters << 5;
  for (let unit = begin; unit < end; unit++) {
    const row = unit / kernelWidth;
    const column = unit % kernelWidth;
    const rowClass = row % strideHeight;
    const columnClass = column % strideWidth;
    const rows = tapsOf(rowClass, kernelHeight, strideHeight);
    const columns = tapsOf(columnClass, kernelWidth, strideWidth);
    const before =
      tapsBefore(rowClass, kernelHeight, strideHeight) * kernelWidth + rows * tapsBefore(columnClass, kernelWidth, strideWidth);
    const place = (rows - 1 - row / strideHeight) * columns + (columns - 1 - column / strideWidth);
    for (let panel = 0; panel < panels; panel++) {
      const target = to + <usize>(before * panels + panel * rows * columns + place) * tapBytes;
      packRows(target, from + ((unit * channels + (panel << 3)) * filters << 2), filters << 2, filters, channels - (panel << 3));
    }
  }
}

/**
 * dx from dy [images, OH, OW, F] and the flipped kernel. The pixels of a row that meet the same taps, over `unitImages`
 * images, are the rows of one matrix product: a window of dy, cut where dy ends. A unit is a row of pixels by channels.
 */
export function conv2dInputGrad(
  begin: i32, end: i32, dy: usize, kernel: usize, dx: usize, images: i32, height: i32, width: i32, channels: i32, outHeight: i32,
  outWidth: i32, filters: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
  unitImages: i32, unitColumns: i32,
): void {
  const columnBlocks = (channels + unitColumns - 1) / unitColumns;
  const panels = (channels + 7) >> 3;
  const tapBytes = filters << 5;
  const zeros = scratch();
  const table = zeros + ZERO_BYTES;
  const mostColumns = MOST_ROWS / unitImages;
  biasBlock(zeros, 0, 0, 8);
  for (let unit = begin; unit < end; unit++) {
    const channel = (unit % columnBlocks) * unitColumns;
    const columns = min(unitColumns, channels - channel);
    const rest = unit / columnBlocks;
    const row = rest % height;
    const image = rest / height * unitImages;
    const count = min(unitImages, images - image);

    const rowClass = (row + top) % strideHeight;
    const rowTaps = tapsOf(rowClass, kernelHeight, strideHeight);
    const reach = (row + top) / strideHeight - rowTaps + 1;
    const firstRow = max(0, -reach);
    const segments = max(0, min(rowTaps, outHeight - reach) - firstRow);
    const rowsBefore = tapsBefore(rowClass, kernelHeight, strideHeight) * kernelWidth;
    const source = dy + <usize>((image * outHeight + reach + firstRow) * outWidth) * (filters << 2);

    for (let columnClass = 0; columnClass < strideWidth; columnClass++) {
      const taps = tapsOf(columnClass, kernelWidth, strideWidth);
      const before = rowsBefore + rowTaps * tapsBefore(columnClass, kernelWidth, strideWidth);
      const matrix = kernel + <usize>(before * panels + (channel >> 3) * rowTaps * taps) * tapBytes;
      let column = (columnClass + strideWidth - left % strideWidth) % strideWidth;
      let start = (column + left) / strideWidth - taps + 1;
      while (column < width) {
        const firstTap = max(0, -start);
        const length = max(0, min(taps, outWidth - start) - firstTap);
        let same = 1;
        while (
          same < mostColumns && column + same * strideWidth < width && max(0, -start - same) == firstTap &&
          max(0, min(taps, outWidth - start - same) - firstTap) == length
        ) same++;
        let entry = table;
        for (let i = 0; i < count; i++) {
          let from = source + <usize>(i * outHeight * outWidth + start + firstTap) * (filters << 2);
          let to = dx + (((<usize>(image + i) * height + row) * width + column) * channels + channel << 2);
          for (let j = 0; j < same; j++) {
            store<usize>(entry, from);
            store<usize>(entry, to, 4);
            entry += 8;
            from += filters << 2;
            to += strideWidth * channels << 2;
          }
        }
        const gap = (outWidth - length) * filters << 2;
        const skip = (taps - length) * tapBytes;
        const used = length ? segments : 0;
        for (let j = 0; j < columns; j += 8) {
          const panel = matrix + <usize>((j >> 3) * rowTaps * taps + firstRow * taps + firstTap) * tapBytes;
          rowsOfPanel(table, count * same, panel, used, length * filters, gap, skip, j << 2, columns - j, zeros, -Infinity);
        }
        column += same * strideWidth;
        start += same;
      }
    }
  }
}
