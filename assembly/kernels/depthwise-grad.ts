// The gradients of a depthwise convolution.
import { loadLanes, storeLanes } from '../lanes';
import { fma } from '../simd';
import { products } from '../taps';

/**
 * dx from dy: a pixel meets every stride-th tap, from the first that reaches it on, at positions that go backwards. A unit
 * is a row of dx.
 */
export function depthwiseInputGrad(
  begin: i32, end: i32, dy: usize, kernel: usize, dx: usize, height: i32, width: i32, channels: i32, outHeight: i32,
  outWidth: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
): void {
  const pixel = <usize>channels << 2;
  const line = <usize>outWidth * pixel;
  const kernelLine = <usize>kernelWidth * pixel;
  const least = f32x4.splat(-Infinity);
  for (let unit = begin; unit < end; unit++) {
    const row = unit % height + top;
    const outRow = min(row / strideHeight, outHeight - 1);
    const tapRow = row - outRow * strideHeight;
    const rows = min(outRow + 1, (kernelHeight - tapRow + strideHeight - 1) / strideHeight);
    const source = dy + (<usize>(unit / height) * outHeight + outRow) * line;
    const taps = kernel + <usize>tapRow * kernelLine;
    let to = dx + <usize>unit * width * pixel;
    for (let i = 0; i < width; i++) {
      const column = i + left;
      const outColumn = min(column / strideWidth, outWidth - 1);
      const tap = column - outColumn * strideWidth;
      const columns = min(outColumn + 1, (kernelWidth - tap + strideWidth - 1) / strideWidth);
      products(
        to, source + <usize>outColumn * pixel, taps + <usize>tap * pixel, 0, channels, rows, columns, -line, -pixel,
        <usize>strideHeight * kernelLine, <usize>strideWidth * pixel, least,
      );
      to += pixel;
    }
  }
}

/** Up to three taps of four channels, side by side: what lies in `rows` rows of dy times what their windows meet there. */
// @ts-ignore: decorator
@inline
function sumTaps(
  to: usize, x: usize, dy: usize, first: i32, last: i32, height: i32, outHeight: i32, outWidth: i32, line: usize, step: usize,
  pixel: usize, strideHeight: i32, second: usize, third: usize, channels: i32, whole: bool,
): void {
  let r = i32x4.splat(0);
  let s = r;
  let t = r;
  for (let row = first; row < last; row++) {
    let p = x + (<usize>(row / outHeight) * height + row % outHeight * strideHeight) * line;
    let q = dy + <usize>row * outWidth * pixel;
    for (let i = outWidth; i > 0; i--) {
      const g = whole ? v128.load(q) : loadLanes(q, channels);
      r = fma(whole ? v128.load(p) : loadLanes(p, channels), g, r);
      s = fma(whole ? v128.load(p + second) : loadLanes(p + second, channels), g, s);
      t = fma(whole ? v128.load(p + third) : loadLanes(p + third, channels), g, t);
      p += step;
      q += pixel;
    }
  }
  // Taps that repeat the last one repeat its sum.
  storeLanes(to, r, channels);
  storeLanes(to + second, s, channels);
  storeLanes(to + third, t, channels);
}

/**
 * dkernel [KH, KW, C] of `unitRows` rows of dy each, [chunks] of them, to be added up; the images are padded before. A unit
 * is a chunk by a row of the kernel.
 */
export function depthwiseFilterGrad(
  begin: i32, end: i32, x: usize, dy: usize, to: usize, rows: i32, height: i32, width: i32, channels: i32, outHeight: i32,
  outWidth: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, unitRows: i32,
): void {
  const pixel = <usize>channels << 2;
  const line = <usize>width * pixel;
  const step = <usize>strideWidth * pixel;
  for (let unit = begin; unit < end; unit++) {
    const kernelRow = <usize>(unit % kernelHeight);
    const first = unit / kernelHeight * unitRows;
    const last = min(rows, first + unitRows);
    for (let channel = 0; channel < channels; channel += 4) {
      // The last four channels may overlap those before them.
      const at = <usize>max(min(channel, channels - 4), 0) << 2;
      for (let tap = 0; tap < kernelWidth; tap += 3) {
        const second = <usize>min(1, kernelWidth - 1 - tap) * pixel;
        const third = <usize>min(2, kernelWidth - 1 - tap) * pixel;
        const target = to + (<usize>unit * kernelWidth + tap) * pixel + at;
        const from = x + kernelRow * line + <usize>tap * pixel + at;
        if (channels >= 4) {
          sumTaps(
            target, from, dy + at, first, last, height, outHeight, outWidth, line, step, pixel, strideHeight, second, third, 4, true,
          );
        } else {
          sumTaps(
            target, from, dy, first, last, height, outHeight, outWidth, line, step, pixel, strideHeight, second, third, channels,
            false,
          );
        }
      }
    }
  }
}
