// Convolution of u8 images by windows of 3 x 3 i8 at stride 1 in fewer products, and the 2x2 max pool of it: see
// assembly/winograd-integer.ts for why it is exact. Sums, scales and zero points are those of qgemm.ts.
import { PANEL_BYTES, poolSums, preparePanel, storeFloats, storeQuantized } from '../results';
import { scratch } from '../runtime';
import { wordsOfPanel } from '../tile';
import { BUFFER, copyTile, planeOf } from '../winograd';
import { evaluateBytes, evaluateOctets, interpolateSums, MOST_CHANNELS } from '../winograd-integer';

/**
 * The kernel is packed by `packWinogradInteger`. Tiles of 4 x 4 results, of which a pool leaves 2 x 2, are counted over all
 * images; `outHeight` and `outWidth` are those of what is left. A unit is `unitTiles` of them by `unitColumns` filters.
 *
 * Scratch: a panel's parameters, the transforms' buffer, {, its place} for each result, a place for results outside of the
 * image, a tile, the images' values, a panel's products and sums.
 */
export function winogradInteger(
  begin: i32, end: i32, x: usize, kernel: usize, bias: usize, y: usize, tiles: i32, height: i32, width: i32, channels: i32,
  outHeight: i32, outWidth: i32, filters: i32, top: i32, left: i32, isPooled: i32, xScale: usize, xZero: usize,
  weightScale: usize, weightStep: i32, yScale: usize, yZero: usize, unitTiles: i32, unitColumns: i32, low: f32,
): void {
  const columnBlocks = (filters + unitColumns - 1) / unitColumns;
  const shift = isPooled ? 1 : 2;
  const side = 1 << shift;
  const tileRows = (outHeight + side - 1) >> shift;
  const tileColumns = (outWidth + side - 1) >> shift;
  const pixel = <usize>channels;
  const line = <usize>width * pixel;
  const resultBytes = yScale ? 1 : 4;
  const values16 = <usize>((channels + 1) & ~1) << 1;
  const panelBytes: usize = 36 * (values16 << 3);
  const columnSums = kernel + <usize>((filters + 7) >> 3) * panelBytes;
  const valuePlane = planeOf(<usize>unitTiles * values16);
  const productPlane = planeOf(<usize>unitTiles << 5);
  const panel = scratch();
  const buffer = panel + PANEL_BYTES;
  const table = buffer + BUFFER;
  const outside = table + (<usize>unitTiles << 7);
  const patch = outside + (<usize>unitColumns << 2);
  const values = patch + 36 * pixel + 79 & ~63;
  const products = values + 36 * valuePlane;
  const sums = products + 36 * productPlane;
  const zeroPoint = <i32>load<u8>(xZero);
  const fill = i8x16.splat(<i8>zeroPoint);
  const by: f32 = yScale ? load<f32>(yScale) : 1;
  const yZeroPoint = yScale ? <i32>load<u8>(yZero) : 0;
  let evaluated = -1;
  for (let unit = begin; unit < end; unit++) {
    const column = (unit % columnBlocks) * unitColumns;
    const columns = min(unitColumns, filters - column);
    const first = unit / columnBlocks * unitTiles;
    const count = min(unitTiles, tiles - first);
    const block = <usize>count << 7;
    for (let i = 0; i < count; i++) {
      const tile = first + i;
      const rest = tile / tileColumns;
      const image = rest / tileRows;
      const row = rest % tileRows << shift;
      const pixels = tile % tileColumns << shift;
      if (first != evaluated) {
        const above = (rest % tileRows << 2) - top;
        const before = (tile % tileColumns << 2) - left;
        const from = x + <usize>image * height * line;
        const to = values + <usize>i * values16;
        if (above >= 0 && above + 6 <= height && before >= 0 && before + 6 <= width) {
          evaluateBytes(to, valuePlane, from + <usize>above * line + <usize>before * pixel, line, pixel, channels, buffer);
        } else {
          copyTile(patch, from, above, before, height, width, pixel, fill);
          evaluateBytes(to, valuePlane, patch, 6 * pixel, pixel, channels, buffer);
        }
      }
      for (let at = 0; at < side << shift; at++) {
        // The place within a block, and the block where nothing is pooled: see `interpolateSums`.
        const place = at & 3;
        const tap = at >> 2;
        const r = row + (place >> 1 << (shift - 1)) + (tap >> 1);
        const c = pixels + ((place & 1) << (shift - 1)) + (tap & 1);
        const to = y + ((<usize>(image * outHeight + r) * outWidth + c) * filters + column) * resultBytes;
        store<usize>(table + ((tap * count + i << 2) + place << 3), r < outHeight && c < outWidth ? to : outside, 4);
      }
    }
    evaluated = first;

    for (let j = 0; j < columns; j += 8) {
      const at = column + j;
      preparePanel(panel, at, columns - j, bias, columnSums, load<f32>(xScale), zeroPoint - 128, weightScale, weightStep, by);
      for (let i: usize = 0; i < 4 * block; i += 32) {
        v128.store(sums + i, v128.load(panel, 64));
        v128.store(sums + i, v128.load(panel, 80), 16);
      }
      for (let channel = 0; channel < channels; channel += MOST_CHANNELS) {
        const pairs = (min(MOST_CHANNELS, channels - channel) + 1) >> 1;
        let b = kernel + <usize>(at >> 3) * panelBytes + (channel << 4);
        let from = values + (channel << 1);
        let product = products;
        for (let point = 0; point < 36; point++) {
          wordsOfPanel(from, values16, count, b, pairs, product);
          b += values16 << 3;
          from += valuePlane;
          product += productPlane;
        }
        for (let i: usize = 0; i < <usize>count << 5; i += 32) {
          interpolateSums(sums + (i << 2), block, products + i, productPlane, buffer);
        }
      }
      if (isPooled) poolSums(sums, count << 2, 4, panel);
      const results = count << (2 * shift);
      if (yScale) storeQuantized(panel, table, sums, results, j, columns - j, low, yZeroPoint);
      else storeFloats(panel, table, sums, results, j << 2, columns - j, low);
    }
  }
}

/**
 * [panels of eight filters][36][channels / 2][8][2] = the values at the points of weights [3, 3, channels, filters], with zeros
 * around; behind the panels, the sum of each filter. A unit is a panel.
 */
export function packWinogradInteger(begin: i32, end: i32, to: usize, from: usize, channels: i32, filters: i32): void {
  const step = <usize>((channels + 1) >> 1) << 5;
  const panelBytes: usize = 36 * step;
  const allSums = to + <usize>((filters + 7) >> 3) * panelBytes;
  const buffer = scratch();
  const even = buffer + BUFFER;
  const odd = even + BUFFER;
  for (let unit = begin; unit < end; unit++) {
    const count = min(8, filters - (unit << 3));
    let low = i32x4.splat(0), high = low;
    for (let channel = 0; channel < channels; channel += 2) {
      const source = from + <usize>channel * filters + (unit << 3);
      evaluateOctets(even, source, <usize>channels * filters, count, buffer);
      if (channel + 1 < channels) evaluateOctets(odd, source + filters, <usize>channels * filters, count, buffer);
      else memory.fill(odd, 0, BUFFER);
      // At the point (1, 1) lies the sum of a kernel's weights.
      const both = i16x8.add(v128.load(even, 112), v128.load(odd, 112));
      low = i32x4.add(low, i32x4.extend_low_i16x8_s(both));
      high = i32x4.add(high, i32x4.extend_high_i16x8_s(both));
      let target = to + <usize>unit * panelBytes + (<usize>channel << 4);
      for (let point: usize = 0; point < 36 * 16; point += 16) {
        const a = v128.load(even + point), b = v128.load(odd + point);
        v128.store(target, v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11));
        v128.store(target, v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15), 16);
        target += step;
      }
    }
    v128.store(allSums + (unit << 5), low);
    v128.store(allSums + (unit << 5), high, 16);
  }
}
