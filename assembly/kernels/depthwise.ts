// Depthwise convolution of NHWC images: channels are the lanes of vectors, a unit is a row of the result.
import { scratch } from '../runtime';
import { fma } from '../simd';
import { fourProducts, products } from '../taps';

/** Bytes of an image row, about, that a strip of neighbouring windows spans: three such rows stay in the first cache. */
const STRIP_BYTES: i32 = 1 << 13;
/** Rows of the result that a strip is followed through: rows of the image that two of them meet are in the first cache. */
const BAND: i32 = 16;

/**
 * The results of `count` neighbouring windows of 3 x 3, whose first pixels in their three image rows are at a, b and c.
 * Nine taps and the sums that a pixel adds to stay in registers while the pixels go by. A row outside the image has a step
 * of 0. `before`: the first column is outside. `behind`: the last one is.
 */
export function slide3x3(
  to: usize, count: i32, a: usize, b: usize, c: usize, aStep: usize, bStep: usize, cStep: usize, kernel: usize, tapStep: usize,
  bias: usize, channels: i32, before: bool, behind: bool, least: v128,
): void {
  const pixel = <usize>channels << 2;
  for (let channel = 0; channel < channels; channel += 4) {
    // The last four channels may overlap those before them.
    const at = <usize>min(channel, channels - 4) << 2;
    let tap = kernel + at;
    const k0 = v128.load(tap);
    const k1 = v128.load((tap += tapStep));
    const k2 = v128.load((tap += tapStep));
    const k3 = v128.load((tap += tapStep));
    const k4 = v128.load((tap += tapStep));
    const k5 = v128.load((tap += tapStep));
    const k6 = v128.load((tap += tapStep));
    const k7 = v128.load((tap += tapStep));
    const k8 = v128.load((tap += tapStep));
    const start = bias + at;
    let p = a + at;
    let q = b + at;
    let r = c + at;
    let y = to + at;
    let s = v128.load(start);
    if (!before) {
      s = fma(v128.load(p), k0, s);
      s = fma(v128.load(q), k3, s);
      s = fma(v128.load(r), k6, s);
      p += aStep;
      q += bStep;
      r += cStep;
    }
    let u = v128.load(p);
    s = fma(u, k1, s);
    let t = fma(u, k0, v128.load(start));
    u = v128.load(q);
    s = fma(u, k4, s);
    t = fma(u, k3, t);
    u = v128.load(r);
    s = fma(u, k7, s);
    t = fma(u, k6, t);
    for (let i = count - i32(behind); i > 0; i--) {
      p += aStep;
      q += bStep;
      r += cStep;
      u = v128.load(p);
      s = fma(u, k2, s);
      t = fma(u, k1, t);
      let next = fma(u, k0, v128.load(start));
      u = v128.load(q);
      s = fma(u, k5, s);
      t = fma(u, k4, t);
      next = fma(u, k3, next);
      u = v128.load(r);
      s = fma(u, k8, s);
      v128.store(y, f32x4.pmax(s, least));
      s = fma(u, k7, t);
      t = fma(u, k6, next);
      y += pixel;
    }
    if (behind) v128.store(y, f32x4.pmax(s, least));
  }
}

/**
 * Windows of 3 x 3 that go one pixel on at a time, of four channels or more. Tap (i, j) is `tapStep * (3 * i + j)` bytes
 * from `kernel`: from the last tap backwards this is the gradient for the image. What lies outside the image is zero. The
 * last rows are made first: those are what the caches still have of an image that was just written, and of the result they
 * keep the rows that are read next.
 */
export function depthwise3x3(
  begin: i32, end: i32, x: usize, kernel: usize, bias: usize, y: usize, tapStep: i32, height: i32, width: i32, channels: i32,
  outHeight: i32, outWidth: i32, top: i32, left: i32, low: f32,
): void {
  const zeros = scratch();
  const pixel = <usize>channels << 2;
  const line = <usize>width * pixel;
  const least = f32x4.splat(low);
  memory.fill(zeros, 0, pixel);
  const start = bias ? bias : zeros;
  // Windows in [first, last) leave the image by no more than a column.
  const first = min(max(left - 1, 0), outWidth);
  const last = max(first, min(outWidth, width + left - 1));
  const strips = (last - first - 1) / max(4, STRIP_BYTES / <i32>pixel) + 1;
  const strip = (last - first + strips - 1) / strips;
  while (end > begin) {
    const image = (end - 1) / outHeight;
    const band = max(max(begin, end - BAND), image * outHeight);
    const source = x + <usize>image * height * line;
    const above = band - image * outHeight - top;
    for (let i = first == 0 ? last : 0; i < outWidth; i = i + 1 == first ? last : i + 1) {
      const column = i - left;
      const before = max(-column, 0);
      const columns = min(3, width - column) - before;
      for (let unit = band; unit < end; unit++) {
        const row = above + unit - band;
        const outside = max(-row, 0);
        products(
          y + <usize>(unit * outWidth + i) * pixel, source + <usize>(row + outside) * line + <usize>(column + before) * pixel,
          kernel + <usize>((3 * outside + before) * tapStep), bias, channels, min(3, height - row) - outside, columns, line,
          pixel, <usize>(3 * tapStep), tapStep, least,
        );
      }
    }
    for (let i = first; i < last; i += strip) {
      const column = i - left;
      const before = column < 0;
      const count = min(strip, last - i);
      const behind = column + count + 2 > width;
      for (let unit = end - 1; unit >= band; unit--) {
        const row = above + unit - band;
        const from = source + <usize>row * line + <usize>(column + i32(before)) * pixel;
        const isA = <u32>row < <u32>height;
        const isB = <u32>(row + 1) < <u32>height;
        const isC = <u32>(row + 2) < <u32>height;
        slide3x3(
          y + <usize>(unit * outWidth + i) * pixel, count, isA ? from : zeros, isB ? from + line : zeros,
          isC ? from + 2 * line : zeros, isA ? pixel : 0, isB ? pixel : 0, isC ? pixel : 0, kernel, tapStep, start, channels,
          before, behind, least,
        );
      }
    }
    end = band;
  }
}

/** Windows of any size at any stride, clipped to the image. */
export function depthwise(
  begin: i32, end: i32, x: usize, kernel: usize, bias: usize, y: usize, height: i32, width: i32, channels: i32, outHeight: i32,
  outWidth: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32, low: f32,
): void {
  const pixel = <usize>channels << 2;
  const line = <usize>width * pixel;
  const kernelLine = <usize>kernelWidth * pixel;
  const least = f32x4.splat(low);
  for (let unit = begin; unit < end; unit++) {
    const row = unit % outHeight * strideHeight - top;
    const firstRow = max(-row, 0);
    const rows = min(kernelHeight, height - row) - firstRow;
    const source = x + (<usize>(unit / outHeight) * height + row + firstRow) * line;
    const taps = kernel + <usize>firstRow * kernelLine;
    let to = y + <usize>unit * outWidth * pixel;
    for (let i = 0; i < outWidth; i++) {
      const column = i * strideWidth - left;
      if (channels >= 8 && column >= 0 && i + 4 <= outWidth && column + 3 * strideWidth + kernelWidth <= width) {
        fourProducts(
          to, pixel, source + <usize>column * pixel, <usize>strideWidth * pixel, taps, bias, channels, rows, kernelWidth, line, pixel,
          kernelLine, pixel, least,
        );
        to += 4 * pixel;
        i += 3;
        continue;
      }
      const first = max(-column, 0);
      const columns = min(kernelWidth, width - column) - first;
      const from = source + <usize>(column + first) * pixel;
      products(to, from, taps + <usize>first * pixel, bias, channels, rows, columns, line, pixel, kernelLine, pixel, least);
      to += pixel;
    }
  }
}
