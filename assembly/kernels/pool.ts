// Max and average pooling of images [n, height, width, channels]: a unit is one row of the output. Channels are the
// vector's lanes.

import { loadOctets, storeOctets } from '../lanes';

@unmanaged
class MaxFloat {
  @inline
  start(): v128 {
    return f32x4.splat(-Infinity);
  }

  /** Leaves NaN out. */
  @inline
  apply(x: v128, y: v128): v128 {
    return f32x4.pmax(x, y);
  }

  /** All ones, which is a NaN, in the lanes that have met one. */
  @inline
  watch(seen: v128, x: v128): v128 {
    return v128.or(seen, f32x4.ne(x, x));
  }

  @inline
  share(_count: i32): v128 {
    return i32x4.splat(0);
  }

  @inline
  finish(x: v128, seen: v128, _share: v128): v128 {
    return v128.or(x, seen);
  }
}

@unmanaged
class MeanFloat {
  @inline
  start(): v128 {
    return f32x4.splat(0);
  }

  @inline
  apply(x: v128, y: v128): v128 {
    return f32x4.add(x, y);
  }

  @inline
  watch(seen: v128, _x: v128): v128 {
    return seen;
  }

  /** What each of the window's elements counts. */
  @inline
  share(count: i32): v128 {
    return f32x4.splat(1 / <f32>count);
  }

  @inline
  finish(x: v128, _seen: v128, share: v128): v128 {
    return f32x4.mul(x, share);
  }
}

@unmanaged
class MaxWhole {
  @inline
  watch(seen: v128, _x: v128): v128 {
    return seen;
  }

  @inline
  share(_count: i32): v128 {
    return i32x4.splat(0);
  }

  @inline
  finish(x: v128, _seen: v128, _share: v128): v128 {
    return x;
  }
}

@unmanaged
class MaxI32 extends MaxWhole {
  @inline
  start(): v128 {
    return i32x4.splat(i32.MIN_VALUE);
  }

  @inline
  apply(x: v128, y: v128): v128 {
    return i32x4.max_s(x, y);
  }
}

@unmanaged
class MaxU8 extends MaxWhole {
  @inline
  start(): v128 {
    return i8x16.splat(0);
  }

  @inline
  apply(x: v128, y: v128): v128 {
    return i8x16.max_u(x, y);
  }
}

@unmanaged
class MaxI8 extends MaxWhole {
  @inline
  start(): v128 {
    return i8x16.splat(i8.MIN_VALUE);
  }

  @inline
  apply(x: v128, y: v128): v128 {
    return i8x16.max_s(x, y);
  }
}

/** The windows are clipped to the image; `pixel` is the bytes of a pixel's channels. */
// @ts-ignore: decorator
@inline
function pool<Op>(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  height: i32,
  width: i32,
  pixel: i32,
  outHeight: i32,
  outWidth: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
): void {
  const op = changetype<Op>(0);
  const line = <usize>width * pixel;
  for (let unit = begin; unit < end; unit++) {
    const image = x + <usize>(unit / outHeight) * height * line;
    const iy = (unit % outHeight) * strideHeight - top;
    const y0 = max(iy, 0);
    const y1 = min(iy + windowHeight, height);
    const rows = image + <usize>y0 * line;
    let to = y + <usize>unit * outWidth * pixel;
    for (let ox = 0; ox < outWidth; ox++) {
      const ix = ox * strideWidth - left;
      const x0 = max(ix, 0);
      const columns = min(ix + windowWidth, width) - x0;
      const across = <usize>columns * pixel;
      const share = op.share((y1 - y0) * columns);
      let corner = rows + <usize>x0 * pixel;
      let n = pixel;
      for (; n >= 32; n -= 32) {
        let a = op.start();
        let b = a;
        let seenA = i32x4.splat(0);
        let seenB = seenA;
        let row = corner;
        for (let left = y1 - y0; left > 0; --left) {
          for (let from = row, stop = row + across; from < stop; from += pixel) {
            const p = v128.load(from);
            const q = v128.load(from, 16);
            a = op.apply(a, p);
            b = op.apply(b, q);
            seenA = op.watch(seenA, p);
            seenB = op.watch(seenB, q);
          }
          row += line;
        }
        v128.store(to, op.finish(a, seenA, share));
        v128.store(to, op.finish(b, seenB, share), 16);
        corner += 32;
        to += 32;
      }
      for (; n > 0; n -= 16) {
        let a = op.start();
        let seen = i32x4.splat(0);
        let row = corner;
        for (let left = y1 - y0; left > 0; --left) {
          for (let from = row, stop = row + across; from < stop; from += pixel) {
            const p = loadOctets(from, n);
            a = op.apply(a, p);
            seen = op.watch(seen, p);
          }
          row += line;
        }
        storeOctets(to, op.finish(a, seen, share), n);
        corner += 16;
        to += min(n, 16);
      }
    }
  }
}

/** f32; NaN wins, as in Math.max. */
export function maxPoolF32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
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
  pool<MaxFloat>(
    begin,
    end,
    y,
    x,
    height,
    width,
    channels << 2,
    outHeight,
    outWidth,
    windowHeight,
    windowWidth,
    strideHeight,
    strideWidth,
    top,
    left,
  );
}

export function maxPoolI32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
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
  pool<MaxI32>(
    begin,
    end,
    y,
    x,
    height,
    width,
    channels << 2,
    outHeight,
    outWidth,
    windowHeight,
    windowWidth,
    strideHeight,
    strideWidth,
    top,
    left,
  );
}

export function maxPoolU8(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
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
  pool<MaxU8>(
    begin,
    end,
    y,
    x,
    height,
    width,
    channels,
    outHeight,
    outWidth,
    windowHeight,
    windowWidth,
    strideHeight,
    strideWidth,
    top,
    left,
  );
}

export function maxPoolI8(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
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
  pool<MaxI8>(
    begin,
    end,
    y,
    x,
    height,
    width,
    channels,
    outHeight,
    outWidth,
    windowHeight,
    windowWidth,
    strideHeight,
    strideWidth,
    top,
    left,
  );
}

/** f32; the mean of the elements within the image. */
export function averagePool(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
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
  pool<MeanFloat>(
    begin,
    end,
    y,
    x,
    height,
    width,
    channels << 2,
    outHeight,
    outWidth,
    windowHeight,
    windowWidth,
    strideHeight,
    strideWidth,
    top,
    left,
  );
}
