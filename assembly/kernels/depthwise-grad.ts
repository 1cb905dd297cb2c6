// The gradients of a depthwise convolution.
import { loadLanes, storeLanes } from '../lanes';
import { scratch } from '../runtime';
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

/** Bytes of an image row, about, that a strip of neighbouring windows spans. */
const STRIP_BYTES: i32 = 1 << 13;

/**
 * Adds to the sums [3, 3, channels] what `count` neighbouring pixels of dy make with their windows, whose first pixels in
 * their three image rows are at a, b and c. The sums stay in registers while the pixels go by. A row outside the image has
 * a step of 0. `before`: the first column is outside. `behind`: the last one is.
 */
export function slideBack3x3(
  sums: usize, count: i32, a: usize, b: usize, c: usize, aStep: usize, bStep: usize, cStep: usize, dy: usize, channels: i32,
  stride: i32, before: bool, behind: bool,
): void {
  const pixel = <usize>channels << 2;
  const zero = i32x4.splat(0);
  for (let at: usize = 0; at < pixel; at += 16) {
    let tap = sums + at;
    let s0 = v128.load(tap);
    let s1 = v128.load((tap += pixel));
    let s2 = v128.load((tap += pixel));
    let s3 = v128.load((tap += pixel));
    let s4 = v128.load((tap += pixel));
    let s5 = v128.load((tap += pixel));
    let s6 = v128.load((tap += pixel));
    let s7 = v128.load((tap += pixel));
    let s8 = v128.load((tap += pixel));
    let p = a + at;
    let q = b + at;
    let r = c + at;
    let from = dy + at;
    let i = count;
    let last = zero;
    let u: v128;
    if (stride == 1) {
      let beforeLast = zero;
      if (before) {
        last = v128.load(from);
        from += pixel;
        i--;
      }
      for (; i > 0; i--) {
        const g = v128.load(from);
        u = v128.load(p);
        s0 = fma(u, g, s0);
        s1 = fma(u, last, s1);
        s2 = fma(u, beforeLast, s2);
        u = v128.load(q);
        s3 = fma(u, g, s3);
        s4 = fma(u, last, s4);
        s5 = fma(u, beforeLast, s5);
        u = v128.load(r);
        s6 = fma(u, g, s6);
        s7 = fma(u, last, s7);
        s8 = fma(u, beforeLast, s8);
        beforeLast = last;
        last = g;
        from += pixel;
        p += aStep;
        q += bStep;
        r += cStep;
      }
      u = v128.load(p);
      s1 = fma(u, last, s1);
      s2 = fma(u, beforeLast, s2);
      u = v128.load(q);
      s4 = fma(u, last, s4);
      s5 = fma(u, beforeLast, s5);
      u = v128.load(r);
      s7 = fma(u, last, s7);
      s8 = fma(u, beforeLast, s8);
      p += aStep;
      q += bStep;
      r += cStep;
    } else {
      if (before) {
        last = v128.load(from);
        s1 = fma(v128.load(p), last, s1);
        s4 = fma(v128.load(q), last, s4);
        s7 = fma(v128.load(r), last, s7);
        from += pixel;
        p += aStep;
        q += bStep;
        r += cStep;
        i--;
      }
      for (; i > 0; i--) {
        const g = v128.load(from);
        u = v128.load(p);
        s0 = fma(u, g, s0);
        s2 = fma(u, last, s2);
        u = v128.load(q);
        s3 = fma(u, g, s3);
        s5 = fma(u, last, s5);
        u = v128.load(r);
        s6 = fma(u, g, s6);
        s8 = fma(u, last, s8);
        p += aStep;
        q += bStep;
        r += cStep;
        s1 = fma(v128.load(p), g, s1);
        s4 = fma(v128.load(q), g, s4);
        s7 = fma(v128.load(r), g, s7);
        last = g;
        from += pixel;
        p += aStep;
        q += bStep;
        r += cStep;
      }
    }
    if (!behind) {
      s2 = fma(v128.load(p), last, s2);
      s5 = fma(v128.load(q), last, s5);
      s8 = fma(v128.load(r), last, s8);
    }
    tap = sums + at;
    v128.store(tap, s0);
    v128.store((tap += pixel), s1);
    v128.store((tap += pixel), s2);
    v128.store((tap += pixel), s3);
    v128.store((tap += pixel), s4);
    v128.store((tap += pixel), s5);
    v128.store((tap += pixel), s6);
    v128.store((tap += pixel), s7);
    v128.store((tap += pixel), s8);
  }
}

/**
 * dkernel [3, 3, C] of `unitRows` rows of dy each, [chunks] of them, to be added up: of whole vectors of channels, windows
 * that go one or two columns on, and images that they leave by a column at most. A unit is a chunk.
 */
export function depthwiseFilterGrad3x3(
  begin: i32, end: i32, x: usize, dy: usize, to: usize, rows: i32, height: i32, width: i32, channels: i32, outHeight: i32,
  outWidth: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32, unitRows: i32,
): void {
  const zeros = scratch();
  const pixel = <usize>channels << 2;
  const line = <usize>width * pixel;
  const strips = (outWidth - 1) / max(4, STRIP_BYTES / (<i32>pixel * strideWidth)) + 1;
  const strip = (outWidth + strips - 1) / strips;
  memory.fill(zeros, 0, pixel);
  for (let unit = begin; unit < end; unit++) {
    const sums = to + <usize>(9 * unit) * pixel;
    memory.fill(sums, 0, 9 * pixel);
    const first = unit * unitRows;
    const last = min(rows, first + unitRows);
    for (let i = 0; i < outWidth; i += strip) {
      const column = i * strideWidth - left;
      const before = column < 0;
      const count = min(strip, outWidth - i);
      const behind = column + (count - 1) * strideWidth + 3 > width;
      for (let each = first; each < last; each++) {
        const row = each % outHeight * strideHeight - top;
        const from = x + <usize>(each / outHeight * height + row) * line + <usize>(column + i32(before)) * pixel;
        const isA = <u32>row < <u32>height;
        const isB = <u32>(row + 1) < <u32>height;
        const isC = <u32>(row + 2) < <u32>height;
        slideBack3x3(
          sums, count, isA ? from : zeros, isB ? from + line : zeros, isC ? from + 2 * line : zeros, isA ? pixel : 0,
          isB ? pixel : 0, isC ? pixel : 0, dy + <usize>(each * outWidth + i) * pixel, channels, strideWidth, before, behind,
        );
      }
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
