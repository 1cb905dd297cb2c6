// Convolution of u8 images with few channels, and the 2x2 max pool of its quantized result. A channel of an image row is a
// plane, in which the neighbouring taps of a kernel row are neighbours: a group of them is one load, for every pixel, and
// columns of the kernel beyond its width are zeros. An image of one channel lies so already, if
// its bytes need no flip.
//
// A unit is a row of the result. Groups, sums and `flavour` are those of qgemm.ts.
import { pooledDots, pooledPairs } from '../generated/integer-tiles';
import { PANEL_BYTES, preparePanel, storeQuantized } from '../results';
import { scratch } from '../runtime';
import { dotFlip, markPanel, splitPanel } from '../signed';
import { HAS_DOT } from '../simd';

/**
 * Packs weights [KH, KW, C, F] by panels of eight filters, [KH][ceil(KW / group)][C][8][group], with zeros around; behind
 * the panels, the sum of each filter, then for each panel whether it has neighbours of -128. A unit is a panel.
 */
export function packIntegerPlanes(
  begin: i32, end: i32, to: usize, from: usize, filters: i32, kernelHeight: i32, kernelWidth: i32, channels: i32, group: i32,
): void {
  const across = (kernelWidth + group - 1) / group;
  const panelBytes = kernelHeight * across * channels * (group << 3);
  const allSums = to + <usize>((filters + 7) >> 3) * panelBytes;
  for (let unit = begin; unit < end; unit++) {
    const panel = to + <usize>unit * panelBytes;
    let target = panel;
    const sums = allSums + (unit << 5);
    memory.fill(sums, 0, 32);
    for (let ky = 0; ky < kernelHeight; ky++) {
      for (let first = 0; first < kernelWidth; first += group) {
        for (let c = 0; c < channels; c++) {
          for (let j = 0; j < 8; j++) {
            const filter = (unit << 3) + j;
            for (let kx = first; kx < first + group; kx++) {
              const known = kx < kernelWidth && filter < filters;
              const value: i32 = known ? load<i8>(from + ((ky * kernelWidth + kx) * channels + c) * filters + filter) : 0;
              store<i8>(target++, value);
              store<i32>(sums + (j << 2), load<i32>(sums + (j << 2)) + value);
            }
          }
        }
      }
    }
    markPanel(allSums + (<usize>((filters + 7) >> 3) << 5) + (unit << 2), panel, panelBytes);
  }
}

/** Planes of a row of an image, of bytes flipped with `flip`, or each to 16 bits. */
function spreadBytes(to: usize, from: usize, width: i32, channels: i32, planeBytes: usize, wide: bool, flip: i32): void {
  for (let c = 0; c < channels; c++) {
    let x = from + c;
    for (let i = 0; i < width; i++) {
      const value: i32 = load<u8>(x) ^ flip;
      if (wide) store<u16>(to + (i << 1), value);
      else store<u8>(to + i, value);
      x += channels;
    }
    to += planeBytes;
  }
}

/** Scratch: parameters of all panels | table, twice | a split panel | places of results | sums | planes of the rows under the windows of a unit. */
export function convPlanesInteger(
  begin: i32, end: i32, x: usize, kernel: usize, bias: usize, y: usize, height: i32, width: i32, channels: i32, outHeight: i32,
  outWidth: i32, filters: i32, kernelHeight: i32, kernelWidth: i32, xScale: usize, xZero: usize, weightScale: usize,
  weightStep: i32, yScale: usize, yZero: usize, flavour: i32, low: f32,
): void {
  const group = flavour ? 2 : 4;
  const across = (kernelWidth + group - 1) / group;
  const groups = kernelHeight * across * channels;
  const panels = (filters + 7) >> 3;
  const panelBytes = groups * (group << 3);
  const columnSums = kernel + <usize>panels * panelBytes;
  const marks = columnSums + (panels << 5);
  const flip = HAS_DOT && !flavour ? dotFlip() : 0;
  const inPlace = flavour == 0 && flip == 0 && channels == 1;
  const shift = flavour ? 1 : 0;
  const planeBytes = <usize>(width + group) << shift;
  const slotBytes = planeBytes * channels;
  const slots = kernelHeight + 1;
  const parameters = scratch();
  const table = parameters + <usize>panels * PANEL_BYTES;
  const split = table + (<usize>groups << 4);
  const results = split + (panelBytes << 1);
  const sums = results + (<usize>outWidth << 3);
  const planes = sums + (<usize>outWidth << 5);
  const by = load<f32>(yScale);
  const zeroPoint = <i32>load<u8>(yZero);
  for (let j = 0; j < panels; j++) {
    const panel = parameters + j * PANEL_BYTES;
    preparePanel(panel, j << 3, filters - (j << 3), bias, columnSums, load<f32>(xScale), <i32>load<u8>(xZero) - flip, weightScale, weightStep, by);
  }
  let image = -1;
  let spread = 0;
  for (let unit = begin; unit < end; unit++) {
    if (unit / outHeight != image) {
      image = unit / outHeight;
      spread = 0;
    }
    const pixels = x + <usize>image * height * width * channels;
    const top = (unit % outHeight) << 1;
    if (!inPlace) {
      for (spread = max(spread, top); spread < top + slots; spread++) {
        const from = pixels + <usize>spread * width * channels;
        spreadBytes(planes + <usize>(spread % slots) * slotBytes, from, width, channels, planeBytes, flavour != 0, flip);
      }
    }
    let entry = table;
    for (let row = top; row < top + kernelHeight; row++) {
      const upper = inPlace ? pixels + <usize>row * width : planes + <usize>(row % slots) * slotBytes;
      const lower = inPlace ? upper + width : planes + <usize>((row + 1) % slots) * slotBytes;
      for (let i = 0; i < across; i++) {
        let from = <usize>(i * group) << shift;
        for (let c = 0; c < channels; c++) {
          store<usize>(entry, upper + from);
          store<usize>(entry, lower + from, 4);
          from += planeBytes;
          entry += 8;
        }
      }
    }
    for (let i = 0; i < outWidth; i++) store<usize>(results + (i << 3), y + (<usize>unit * outWidth + i) * filters, 4);
    for (let j = 0; j < panels; j++) {
      const panel = parameters + j * PANEL_BYTES;
      let packed = kernel + <usize>j * panelBytes;
      let length = groups;
      if (flip && load<i32>(marks + (j << 2))) {
        splitPanel(split, packed, panelBytes);
        memory.copy(entry, table, groups << 3);
        packed = split;
        length <<= 1;
      }
      if (flavour) pooledPairs(table, packed, length, sums, outWidth, panel);
      else pooledDots(table, packed, length, sums, outWidth, panel);
      storeQuantized(panel, results, sums, outWidth, j << 3, filters - (j << 3), low, zeroPoint);
    }
  }
}
