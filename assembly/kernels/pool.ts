// Max pooling of images [n, height, width, channels]: a unit is one row of the output. Channels are the vector's lanes.
import { storeBytes } from '../simd';

@unmanaged
class MaxF32 {
  // @ts-ignore: decorator
  @inline
  start(): v128 {
    return f32x4.splat(-Infinity);
  }
  // @ts-ignore: decorator
  @inline
  apply(x: v128, y: v128): v128 {
    return f32x4.max(x, y);
  }
}

@unmanaged
class MaxI32 {
  // @ts-ignore: decorator
  @inline
  start(): v128 {
    return i32x4.splat(i32.MIN_VALUE);
  }
  // @ts-ignore: decorator
  @inline
  apply(x: v128, y: v128): v128 {
    return i32x4.max_s(x, y);
  }
}

@unmanaged
class MaxU8 {
  // @ts-ignore: decorator
  @inline
  start(): v128 {
    return i8x16.splat(0);
  }
  // @ts-ignore: decorator
  @inline
  apply(x: v128, y: v128): v128 {
    return i8x16.max_u(x, y);
  }
}

@unmanaged
class MaxI8 {
  // @ts-ignore: decorator
  @inline
  start(): v128 {
    return i8x16.splat(i8.MIN_VALUE);
  }
  // @ts-ignore: decorator
  @inline
  apply(x: v128, y: v128): v128 {
    return i8x16.max_s(x, y);
  }
}

/** `pixel` is the bytes of a pixel's channels. Reads past the channels of the last pixel stay within the buffer's padding. */
// @ts-ignore: decorator
@inline
function pool<Op>(
  begin: i32, end: i32, y: usize, x: usize, height: i32, width: i32, pixel: i32, outHeight: i32, outWidth: i32,
  windowHeight: i32, windowWidth: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
): void {
  const line = <usize>width * pixel;
  for (let unit = begin; unit < end; unit++) {
    const image = x + <usize>(unit / outHeight) * height * line;
    const iy = (unit % outHeight) * strideHeight - top;
    const y0 = max(iy, 0);
    const y1 = min(iy + windowHeight, height);
    let to = y + <usize>unit * outWidth * pixel;
    for (let ox = 0; ox < outWidth; ox++) {
      const ix = ox * strideWidth - left;
      const x0 = max(ix, 0);
      const x1 = min(ix + windowWidth, width);
      for (let at = 0; at < pixel; at += 16) {
        let best = changetype<Op>(0).start();
        for (let row = y0; row < y1; row++) {
          let from = image + <usize>row * line + <usize>x0 * pixel + at;
          for (let column = x0; column < x1; column++) {
            best = changetype<Op>(0).apply(best, v128.load(from));
            from += pixel;
          }
        }
        storeBytes(to + at, best, pixel - at);
      }
      to += pixel;
    }
  }
}

/** f32; NaN wins, as in Math.max. */
export function maxPoolF32(
  begin: i32, end: i32, y: usize, x: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  windowHeight: i32, windowWidth: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
): void {
  pool<MaxF32>(begin, end, y, x, height, width, channels << 2, outHeight, outWidth, windowHeight, windowWidth, strideHeight,
    strideWidth, top, left);
}

export function maxPoolI32(
  begin: i32, end: i32, y: usize, x: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  windowHeight: i32, windowWidth: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
): void {
  pool<MaxI32>(begin, end, y, x, height, width, channels << 2, outHeight, outWidth, windowHeight, windowWidth, strideHeight,
    strideWidth, top, left);
}

export function maxPoolU8(
  begin: i32, end: i32, y: usize, x: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  windowHeight: i32, windowWidth: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
): void {
  pool<MaxU8>(begin, end, y, x, height, width, channels, outHeight, outWidth, windowHeight, windowWidth, strideHeight,
    strideWidth, top, left);
}

export function maxPoolI8(
  begin: i32, end: i32, y: usize, x: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  windowHeight: i32, windowWidth: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
): void {
  pool<MaxI8>(begin, end, y, x, height, width, channels, outHeight, outWidth, windowHeight, windowWidth, strideHeight,
    strideWidth, top, left);
}
