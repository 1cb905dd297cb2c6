// Depthwise sums: a window of pixels times its taps, channels as the lanes of vectors.
import { loadLanes, storeLanes } from './lanes';
import { fma } from './simd';

/** All channels of one pixel: the sum over rows and columns of x times a tap, each a step of its own from the next. */
export function products(
  to: usize, x: usize, kernel: usize, bias: usize, channels: i32, rows: i32, columns: i32, line: usize, step: usize,
  kernelLine: usize, kernelStep: usize, least: v128,
): void {
  if (channels < 8) {
    for (; channels > 0; channels -= 4) {
      let sum = bias ? loadLanes(bias, channels) : i32x4.splat(0);
      let xRow = x;
      let kernelRow = kernel;
      for (let i = rows; i > 0; i--) {
        let p = xRow;
        let q = kernelRow;
        for (let j = columns; j > 0; j--) {
          sum = fma(loadLanes(p, channels), loadLanes(q, channels), sum);
          p += step;
          q += kernelStep;
        }
        xRow += line;
        kernelRow += kernelLine;
      }
      storeLanes(to, f32x4.pmax(sum, least), channels);
      to += 16;
      x += 16;
      kernel += 16;
      if (bias) bias += 16;
    }
    return;
  }
  for (let channel = 0; channel < channels; channel += 8) {
    const at = <usize>min(channel, channels - 8) << 2;
    let s = bias ? v128.load(bias + at) : i32x4.splat(0);
    let t = bias ? v128.load(bias + at, 16) : i32x4.splat(0);
    let xRow = x + at;
    let kernelRow = kernel + at;
    for (let i = rows; i > 0; i--) {
      let p = xRow;
      let q = kernelRow;
      for (let j = columns; j > 0; j--) {
        s = fma(v128.load(p), v128.load(q), s);
        t = fma(v128.load(p, 16), v128.load(q, 16), t);
        p += step;
        q += kernelStep;
      }
      xRow += line;
      kernelRow += kernelLine;
    }
    v128.store(to + at, f32x4.pmax(s, least));
    v128.store(to + at, f32x4.pmax(t, least), 16);
  }
}
