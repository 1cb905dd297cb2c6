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

/**
 * The same for four windows, `next` bytes from each to the one behind, and their results, `pixel` bytes apart, of eight
 * channels or more: a tap is loaded once for all of them.
 */
export function fourProducts(
  to: usize, pixel: usize, x: usize, next: usize, kernel: usize, bias: usize, channels: i32, rows: i32, columns: i32, line: usize,
  step: usize, kernelLine: usize, kernelStep: usize, least: v128,
): void {
  for (let channel = 0; channel < channels; channel += 8) {
    const at = <usize>min(channel, channels - 8) << 2;
    let a = bias ? v128.load(bias + at) : i32x4.splat(0);
    let s = bias ? v128.load(bias + at, 16) : i32x4.splat(0);
    let b = a;
    let t = s;
    let c = a;
    let u = s;
    let d = a;
    let v = s;
    let xRow = x + at;
    let kernelRow = kernel + at;
    for (let i = rows; i > 0; i--) {
      let p = xRow;
      let q = kernelRow;
      for (let j = columns; j > 0; j--) {
        const k = v128.load(q);
        const l = v128.load(q, 16);
        a = fma(v128.load(p), k, a);
        s = fma(v128.load(p, 16), l, s);
        let r = p + next;
        b = fma(v128.load(r), k, b);
        t = fma(v128.load(r, 16), l, t);
        r += next;
        c = fma(v128.load(r), k, c);
        u = fma(v128.load(r, 16), l, u);
        r += next;
        d = fma(v128.load(r), k, d);
        v = fma(v128.load(r, 16), l, v);
        p += step;
        q += kernelStep;
      }
      xRow += line;
      kernelRow += kernelLine;
    }
    let y = to + at;
    v128.store(y, f32x4.pmax(a, least));
    v128.store(y, f32x4.pmax(s, least), 16);
    y += pixel;
    v128.store(y, f32x4.pmax(b, least));
    v128.store(y, f32x4.pmax(t, least), 16);
    y += pixel;
    v128.store(y, f32x4.pmax(c, least));
    v128.store(y, f32x4.pmax(u, least), 16);
    y += pixel;
    v128.store(y, f32x4.pmax(d, least));
    v128.store(y, f32x4.pmax(v, least), 16);
  }
}
