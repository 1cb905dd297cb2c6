// Convolution windows as rows of a matrix: a window is a run of contiguous numbers in each of its image rows.

/**
 * table[i] = {where the window of output pixel `first + i` begins, where its result goes}, for `count` pixels counted
 * over all images. Sizes of pixels are in bytes.
 */
export function windowRows(
  table: usize, x: usize, y: usize, first: i32, count: i32, height: i32, width: i32, pixelBytes: i32, outHeight: i32,
  outWidth: i32, strideHeight: i32, strideWidth: i32, resultBytes: i32,
): void {
  let column = first % outWidth;
  const rest = first / outWidth;
  let row = rest % outHeight;
  let image = x + <usize>(rest / outHeight) * height * width * pixelBytes;
  const rowBytes = strideHeight * width * pixelBytes;
  const step = strideWidth * pixelBytes;
  let from = image + row * rowBytes + column * step;
  let to = y + <usize>first * resultBytes;
  for (let i = 0; i < count; i++) {
    store<usize>(table, from);
    store<usize>(table, to, 4);
    table += 8;
    to += resultBytes;
    from += step;
    if (++column == outWidth) {
      column = 0;
      if (++row == outHeight) {
        row = 0;
        image += <usize>height * width * pixelBytes;
      }
      from = image + row * rowBytes;
    }
  }
}
