// The gradients of pooling. Of a maximum, each output's gradient goes to the first maximum of its window; of a mean, it
// is shared by the elements of its window.

import { loadLanes, storeLanes } from '../lanes';

/** One window of a maximum, `n` channels of at most four. `from` and `to` are its first rows of x and dx. */
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

/** A unit is one image. */
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

/** A unit is one row of dx, to which the windows across it add. */
export function averagePoolGrad(
  begin: i32,
  end: i32,
  dx: usize,
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
  const outLine = <usize>outWidth * pixel;
  for (let unit = begin; unit < end; unit++) {
    const to = dx + <usize>unit * line;
    memory.fill(to, 0, line);
    const image = unit / height;
    const iy = unit - image * height;
    const first = max(iy + top - windowHeight + strideHeight, 0) / strideHeight;
    const last = min((iy + top) / strideHeight, outHeight - 1);
    for (let oy = first; oy <= last; oy++) {
      const y0 = oy * strideHeight - top;
      const rows = min(y0 + windowHeight, height) - max(y0, 0);
      let from = dy + <usize>(image * outHeight + oy) * outLine;
      for (let ox = 0; ox < outWidth; ox++) {
        const ix = ox * strideWidth - left;
        const x0 = max(ix, 0);
        const columns = min(ix + windowWidth, width) - x0;
        const share = f32x4.splat(1 / <f32>(rows * columns));
        const across = <usize>columns * pixel;
        let corner = to + <usize>x0 * pixel;
        for (let n = channels; n > 0; n -= 4) {
          const given = f32x4.mul(loadLanes(from, n), share);
          for (let at = corner, stop = corner + across; at < stop; at += pixel) {
            storeLanes(at, f32x4.add(loadLanes(at, n), given), n);
          }
          corner += 16;
          from += <usize>min(n, 4) << 2;
        }
      }
    }
  }
}
