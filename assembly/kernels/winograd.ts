// Convolution by windows of 3 x 3 at stride 1 in fewer products: see assembly/winograd.ts. The images' and the products'
// values at the points are held for some tiles at a time, in the thread's scratch, which the second cache should hold.
import { scratch } from '../runtime';
import { biasBlock, rowsOfPanel } from '../tile';
import { BUFFER, copyTile, evaluateKernels, evaluateTile, interpolateTile, planeOf } from '../winograd';

/** Scratch: eight zeros, the transforms' buffer, the bias of a unit's filters, its table of tiles, a tile, its values. */
const ZERO_BYTES: usize = 64;

/**
 * y = windows of x * kernel + bias; the kernel is packed by `packWinograd`. Tiles of 4 x 4 results are counted over all
 * images. A unit is `unitTiles` of them by `unitColumns` filters.
 */
export function winograd(
  begin: i32, end: i32, x: usize, kernel: usize, bias: usize, y: usize, tiles: i32, height: i32, width: i32, channels: i32,
  outHeight: i32, outWidth: i32, filters: i32, top: i32, left: i32, unitTiles: i32, unitColumns: i32, low: f32,
): void {
  const columnBlocks = (filters + unitColumns - 1) / unitColumns;
  const tileRows = (outHeight + 3) >> 2;
  const tileColumns = (outWidth + 3) >> 2;
  const pixel = <usize>channels << 2;
  const line = <usize>width * pixel;
  const outPixel = <usize>filters << 2;
  const outLine = <usize>outWidth * outPixel;
  const valuePlane = planeOf(<usize>(unitTiles * channels) << 2);
  const productPlane = planeOf(<usize>(unitTiles * unitColumns) << 2);
  const panel = <usize>channels << 5;
  const kernelPlane = planeOf(<usize>((filters + 7) >> 3) * panel);
  const zeros = scratch();
  const buffer = zeros + ZERO_BYTES;
  const biases = buffer + BUFFER;
  const table = biases + (<usize>unitColumns << 2);
  const patch = table + (<usize>unitTiles << 3);
  const values = patch + 36 * pixel + 79 & ~63;
  const products = values + 36 * valuePlane;
  let evaluated = -1;
  biasBlock(zeros, 0, 0, 8);
  for (let unit = begin; unit < end; unit++) {
    const column = (unit % columnBlocks) * unitColumns;
    const columns = min(unitColumns, filters - column);
    const first = unit / columnBlocks * unitTiles;
    const count = min(unitTiles, tiles - first);
    if (first != evaluated) {
      evaluated = first;
      for (let i = 0; i < count; i++) {
        const tile = first + i;
        const rest = tile / tileColumns;
        const row = (rest % tileRows << 2) - top;
        const pixels = (tile % tileColumns << 2) - left;
        const image = x + <usize>(rest / tileRows) * height * line;
        const to = values + <usize>i * pixel;
        if (row >= 0 && row + 6 <= height && pixels >= 0 && pixels + 6 <= width) {
          evaluateTile(to, valuePlane, image + <usize>row * line + <usize>pixels * pixel, line, pixel, channels, buffer);
        } else {
          copyTile(patch, image, row, pixels, height, width, pixel, i32x4.splat(0));
          evaluateTile(to, valuePlane, patch, 6 * pixel, pixel, channels, buffer);
        }
      }
    }

    biasBlock(biases, bias, column, columns);
    let b = kernel + <usize>(column >> 3) * panel;
    let from = values;
    let product = products;
    for (let point = 0; point < 36; point++) {
      for (let i = 0; i < count; i++) {
        store<usize>(table + (<usize>i << 3), from + <usize>i * pixel);
        store<usize>(table + (<usize>i << 3), product + (<usize>(i * unitColumns) << 2), 4);
      }
      for (let j = 0; j < columns; j += 8) {
        rowsOfPanel(table, count, b + <usize>(j >> 3) * panel, 1, channels, 0, 0, j << 2, 8, zeros, -Infinity);
      }
      b += kernelPlane;
      from += valuePlane;
      product += productPlane;
    }

    for (let i = 0; i < count; i++) {
      const tile = first + i;
      const rest = tile / tileColumns;
      const row = rest % tileRows << 2;
      const pixels = tile % tileColumns << 2;
      const to = y + (<usize>(rest / tileRows) * outHeight + row) * outLine + <usize>pixels * outPixel + (column << 2);
      interpolateTile(
        to, outLine, outPixel, min(4, outHeight - row), min(4, outWidth - pixels), products + (<usize>(i * unitColumns) << 2),
        productPlane, biases, columns, low, buffer,
      );
    }
  }
}

/**
 * [36][panels of eight filters][channels][8] = the values at the points of kernels of 3 x 3, whose taps, channels and
 * filters lie so many bytes apart. A unit is a panel.
 */
export function packWinograd(
  begin: i32, end: i32, to: usize, from: usize, tapStep: i32, channels: i32, channelStep: i32, filters: i32, filterStep: i32,
): void {
  const panel = <usize>channels << 5;
  const plane = planeOf(<usize>((filters + 7) >> 3) * panel);
  for (let unit = begin; unit < end; unit++) {
    for (let half = 0; half < 8; half += 4) {
      const filter = (unit << 3) + half;
      let source = from + <usize>filter * filterStep;
      let target = to + <usize>unit * panel + (half << 2);
      const count = filters - filter;
      if (count <= 0) {
        for (let point = 0; point < 36; point++) {
          for (let channel = 0; channel < channels; channel++) v128.store(target + (<usize>channel << 5), i32x4.splat(0));
          target += plane;
        }
        continue;
      }
      for (let channel = 0; channel < channels; channel++) {
        evaluateKernels(target, plane, source, tapStep, filterStep, count, scratch());
        source += channelStep;
        target += 32;
      }
    }
  }
}
