// The gradient of max pooling: each output's gradient goes to the first maximum of its window. A unit is one image.

import { loadLanes, storeLanes } from '../lanes';

/** One window, `n` channels of at most four. `from` and `to` are its first rows of x and dx. */
// @ts-ignore: decorator
@inline
function give(
  to: usize,
  from: usize,
  y: usize,
  dy: usize,
  rows: i32,
  across: usize,
  line: usize,
  pixel: usize,
  n: i32,
): void {
  const largest = loadLanes(y, n);
  let rest = loadLanes(dy, n);
  for (let left = rows; left > 0; --left) {
    for (let at: usize = 0; at < across; at += pixel) {
      const here = loadLanes(from + at, n);
      const hit = v128.or(f32x4.eq(here, largest), f32x4.ne(here, here));
      storeLanes(to + at, f32x4.add(loadLanes(to + at, n), v128.and(rest, hit)), n);
      rest = v128.andnot(rest, hit);
    }
    from += line;
    to += line;
  }
}

export function maxPoolGrad(
  begin: i32,
  end: i32,
  dx: usize,
  x: usize,
  y: usize,
  dy: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
): void {
  const pixel = <usize>channels << 2;
  const line = <usize>width * pixel;
  const image = <usize>height * line;
  let out = <usize>(begin * outHeight) * outWidth * pixel;
  for (let unit = begin; unit < end; unit++) {
    const first = <usize>unit * image;
    memory.fill(dx + first, 0, image);
    for (let oy = 0; oy < outHeight; oy++) {
      const iy = oy * strideHeight - top;
      const y0 = max(iy, 0);
      const y1 = min(iy + windowHeight, height);
      for (let ox = 0; ox < outWidth; ox++) {
        const ix = ox * strideWidth - left;
        const x0 = max(ix, 0);
        const across = <usize>(min(ix + windowWidth, width) - x0) * pixel;
        const rows = y1 - y0;
        let corner = first + <usize>y0 * line + <usize>x0 * pixel;
        let n = channels;
        for (; n >= 4; n -= 4) {
          give(dx + corner, x + corner, y + out, dy + out, rows, across, line, pixel, 4);
          corner += 16;
          out += 16;
        }
        if (n > 0) {
          give(dx + corner, x + corner, y + out, dy + out, rows, across, line, pixel, n);
          out += <usize>n << 2;
        }
      }
    }
  }
}
