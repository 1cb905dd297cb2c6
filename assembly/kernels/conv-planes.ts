// Convolution of images with few channels. A window has too few neighbours in memory for the tiles that read rows, so each
// channel of an image row becomes a plane of its own, one for each phase of the stride: then number k of the windows of
// neighbouring pixels is a run of contiguous floats. An image of one channel without strides lies so already.
//
// A unit is a row of the result. A 2x2 pool takes the largest of four pixels while they are in registers.
import { pooled } from '../generated/tiles';
import { scratch } from '../runtime';
import { biasBlock, columnsOfPanel } from '../tile';

/** The planes of a row of an image: plane (channel, phase) holds every `stride`th pixel. */
function spreadRow(to: usize, from: usize, width: i32, channels: i32, stride: i32, planeBytes: usize): void {
  const step = <usize>channels * stride << 2;
  for (let phase = 0; phase < stride; phase++) {
    const count = (width - phase + stride - 1) / stride;
    for (let channel = 0; channel < channels; channel++) {
      let x = from + <usize>(phase * channels + channel << 2);
      for (let i = 0; i < count; i++) {
        store<f32>(to + (i << 2), load<f32>(x));
        x += step;
      }
      to += planeBytes;
    }
  }
}

/**
 * y = windows of x * kernel + bias, or where `isPooled` the 2x2 max pool of that; the kernel [KH * KW * C, F] is packed.
 * Scratch: bias | table | planes of the rows under the windows of a unit.
 */
export function convPlanes(
  begin: i32, end: i32, x: usize, kernel: usize, bias: usize, y: usize, height: i32, width: i32, channels: i32, outHeight: i32,
  outWidth: i32, filters: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, isPooled: i32, low: f32,
): void {
  const depth = kernelHeight * kernelWidth * channels;
  const rowBytes = <usize>(width * channels) << 2;
  const inPlace = channels * strideWidth == 1;
  const planeBytes = <usize>((width + strideWidth - 1) / strideWidth) << 2;
  const slotBytes = planeBytes * channels * strideWidth;
  const biases = scratch();
  const table = biases + (<usize>((filters + 7) & ~7) << 2);
  const planes = table + (<usize>depth << 3);
  const below = isPooled ? strideHeight : 0;
  const slots = kernelHeight + below;
  const step = isPooled ? 2 * strideHeight : strideHeight;
  biasBlock(biases, bias, 0, filters);
  let image = -1;
  let spread = 0;
  for (let unit = begin; unit < end; unit++) {
    if (unit / outHeight != image) {
      image = unit / outHeight;
      spread = 0;
    }
    const pixels = x + <usize>image * height * rowBytes;
    const top = (unit % outHeight) * step;
    if (!inPlace) {
      for (spread = max(spread, top); spread < top + slots; spread++) {
        const slot = planes + <usize>(spread % slots) * slotBytes;
        spreadRow(slot, pixels + <usize>spread * rowBytes, width, channels, strideWidth, planeBytes);
      }
    }
    let entry = table;
    for (let row = top; row < top + kernelHeight; row++) {
      const upper = inPlace ? pixels + <usize>row * rowBytes : planes + <usize>(row % slots) * slotBytes;
      const lower = inPlace ? upper + <usize>below * rowBytes : planes + <usize>((row + below) % slots) * slotBytes;
      for (let kx = 0; kx < kernelWidth; kx++) {
        let from = <usize>(kx % strideWidth * channels) * planeBytes + (kx / strideWidth << 2);
        for (let c = 0; c < channels; c++) {
          store<usize>(entry, upper + from);
          store<usize>(entry, lower + from, 4);
          from += planeBytes;
          entry += 8;
        }
      }
    }
    const to = y + <usize>unit * outWidth * (filters << 2);
    for (let j = 0; j < filters; j += 8) {
      const panel = kernel + <usize>(j >> 3) * (depth << 5);
      const start = biases + (j << 2);
      if (isPooled) pooled(table, panel, depth, to + (j << 2), filters << 2, outWidth, filters - j, start, low);
      else columnsOfPanel(table, 0, outWidth, panel, 32, depth, to + (j << 2), filters << 2, filters - j, start, low);
    }
  }
}
