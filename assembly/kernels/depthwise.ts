// Depthwise convolution of NHWC images: channels are the lanes of vectors, a unit is a row of the result.
import { scratch } from '../runtime';
import { fma } from '../simd';
import { products } from '../taps';

/**
 * Windows of 3 x 3 at stride 1, of four channels or more. Nine taps and the sums of three neighbouring pixels stay in
 * registers while the columns of the image go by, three pixels each. Tap (i, j) is `tapStep * (3 * i + j)` bytes from
 * `kernel`: from the last tap backwards this is the gradient for the image. What lies outside the image is zero.
 */
export function depthwise3x3(
  begin: i32, end: i32, x: usize, kernel: usize, bias: usize, y: usize, tapStep: i32, height: i32, width: i32, channels: i32,
  outHeight: i32, outWidth: i32, top: i32, left: i32, low: f32,
): void {
  const zeros = scratch();
  const pixel = <usize>channels << 2;
  const line = <usize>width * pixel;
  const least = f32x4.splat(low);
  v128.store(zeros, i32x4.splat(0));
  for (let unit = begin; unit < end; unit++) {
    const row = unit % outHeight - top;
    const image = x + <usize>(unit / outHeight) * height * line;
    const first = <usize>max(-left, 0) * pixel;
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
      let a = zeros;
      let b = zeros;
      let c = zeros;
      let aStep: usize = 0;
      let bStep: usize = 0;
      let cStep: usize = 0;
      if (<u32>row < <u32>height) {
        a = image + <usize>row * line + first + at;
        aStep = pixel;
      }
      if (<u32>(row + 1) < <u32>height) {
        b = image + <usize>(row + 1) * line + first + at;
        bStep = pixel;
      }
      if (<u32>(row + 2) < <u32>height) {
        c = image + <usize>(row + 2) * line + first + at;
        cStep = pixel;
      }
      const start = bias ? v128.load(bias + at) : i32x4.splat(0);
      let s0 = start;
      let s1 = start;
      let s2 = start;
      let to = y + <usize>unit * outWidth * pixel + at;
      for (let i = 0; i < outWidth + 2; i++) {
        if (<u32>(i - left) < <u32>width) {
          const p = v128.load(a);
          s0 = fma(p, k2, s0);
          s1 = fma(p, k1, s1);
          s2 = fma(p, k0, s2);
          const q = v128.load(b);
          s0 = fma(q, k5, s0);
          s1 = fma(q, k4, s1);
          s2 = fma(q, k3, s2);
          const r = v128.load(c);
          s0 = fma(r, k8, s0);
          s1 = fma(r, k7, s1);
          s2 = fma(r, k6, s2);
          a += aStep;
          b += bStep;
          c += cStep;
        }
        if (i >= 2) {
          v128.store(to, f32x4.pmax(s0, least));
          to += pixel;
        }
        s0 = s1;
        s1 = s2;
        s2 = start;
      }
    }
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
      const first = max(-column, 0);
      const columns = min(kernelWidth, width - column) - first;
      const from = source + <usize>(column + first) * pixel;
      products(to, from, taps + <usize>first * pixel, bias, channels, rows, columns, line, pixel, kernelLine, pixel, least);
      to += pixel;
    }
  }
}
