// The gradient of max pooling: each output's gradient goes to the first maximum of its window. A unit is one image.
import { loadPart, storePart } from '../simd';

export function maxPoolGrad(
  begin: i32, end: i32, dx: usize, x: usize, y: usize, dy: usize, height: i32, width: i32, channels: i32, outHeight: i32,
  outWidth: i32, windowHeight: i32, windowWidth: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
): void {
  const pixel = <usize>channels << 2;
  const line = <usize>width * pixel;
  const image = <usize>height * line;
  const outImage = <usize>outHeight * outWidth * pixel;
  for (let unit = begin; unit < end; unit++) {
    const first = <usize>unit * image;
    memory.fill(dx + first, 0, image);
    let out = <usize>unit * outImage;
    for (let oy = 0; oy < outHeight; oy++) {
      const iy = oy * strideHeight - top;
      const y0 = max(iy, 0);
      const y1 = min(iy + windowHeight, height);
      for (let ox = 0; ox < outWidth; ox++) {
        const ix = ox * strideWidth - left;
        const x0 = max(ix, 0);
        const x1 = min(ix + windowWidth, width);
        const corner = first + <usize>y0 * line + <usize>x0 * pixel;
        for (let channel = 0; channel < channels; channel += 4) {
          const lanes = channels - channel;
          const bytes = <usize>channel << 2;
          const largest = v128.load(y + out + bytes);
          let rest = v128.load(dy + out + bytes);
          for (let row = y0; row < y1; row++) {
            let at = corner + <usize>(row - y0) * line + bytes;
            for (let column = x0; column < x1; column++) {
              const here = v128.load(x + at);
              const hit = v128.or(f32x4.eq(here, largest), f32x4.ne(here, here));
              const given = f32x4.add(loadPart(dx + at, lanes), v128.and(rest, hit));
              storePart(dx + at, given, lanes);
              rest = v128.andnot(rest, hit);
              at += pixel;
            }
          }
        }
        out += pixel;
      }
    }
  }
}
