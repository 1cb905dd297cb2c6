// Panels of eight columns, [k][8]: the layout in which the tiles read B.
import { loadLanes } from './lanes';

/** [depth][8] = `columns` columns of a matrix whose rows are `step` bytes long, with zeros to the right. */
export function packPanel(to: usize, from: usize, step: usize, depth: i32, columns: i32): void {
  if (columns >= 8) {
    for (let k = depth; k > 0; k--) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      from += step;
      to += 32;
    }
    return;
  }
  for (let k = depth; k > 0; k--) {
    v128.store(to, loadLanes(from, columns));
    v128.store(to, loadLanes(from + 16, columns - 4), 16);
    from += step;
    to += 32;
  }
}

/** [depth][8] = the transpose of `rows` rows of `depth` numbers; what stands to the right is never used. */
export function packRows(to: usize, from: usize, step: usize, depth: i32, rows: i32): void {
  for (let i = 0; i < 8; i += 4) {
    const count = rows - i;
    const r0 = from + <usize>i * step;
    const r1 = count > 1 ? r0 + step : r0;
    const r2 = count > 2 ? r1 + step : r0;
    const r3 = count > 3 ? r2 + step : r0;
    let target = to + (i << 2);
    let k = 0;
    if (count > 0) {
      for (; k + 4 <= depth; k += 4) {
        const at = <usize>k << 2;
        const x0 = v128.load(r0 + at);
        const x1 = v128.load(r1 + at);
        const x2 = v128.load(r2 + at);
        const x3 = v128.load(r3 + at);
        const low01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
        const high01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
        const low23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
        const high23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
        v128.store(target, v128.shuffle<i64>(low01, low23, 0, 2));
        v128.store(target, v128.shuffle<i64>(low01, low23, 1, 3), 32);
        v128.store(target, v128.shuffle<i64>(high01, high23, 0, 2), 64);
        v128.store(target, v128.shuffle<i64>(high01, high23, 1, 3), 96);
        target += 128;
      }
    }
    for (; k < depth; k++) {
      const at = <usize>k << 2;
      store<f32>(target, count > 0 ? load<f32>(r0 + at) : 0);
      store<f32>(target, count > 1 ? load<f32>(r1 + at) : 0, 4);
      store<f32>(target, count > 2 ? load<f32>(r2 + at) : 0, 8);
      store<f32>(target, count > 3 ? load<f32>(r3 + at) : 0, 12);
      target += 32;
    }
  }
}

/**
 * The transpose of `packRows`: `rows` rows of `depth` numbers, `step` bytes apart, from a panel [depth][8], each row times its
 * number of `scales` [8].
 */
export function unpackRows(to: usize, step: usize, from: usize, depth: i32, rows: i32, scales: usize): void {
  for (let i = 0; i < rows; i += 4) {
    const count = rows - i;
    const scale = v128.load(scales + (i << 2));
    // Rows that are not there are the first, which is written last.
    let r0 = to + <usize>i * step;
    let r1 = count > 1 ? r0 + step : r0;
    let r2 = count > 2 ? r1 + step : r0;
    let r3 = count > 3 ? r2 + step : r0;
    let source = from + (i << 2);
    let k = depth;
    for (; k >= 4; k -= 4) {
      const x0 = f32x4.mul(v128.load(source), scale);
      const x1 = f32x4.mul(v128.load(source, 32), scale);
      const x2 = f32x4.mul(v128.load(source, 64), scale);
      const x3 = f32x4.mul(v128.load(source, 96), scale);
      const low01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
      const high01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
      const low23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
      const high23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
      v128.store(r3, v128.shuffle<i64>(high01, high23, 1, 3));
      v128.store(r2, v128.shuffle<i64>(high01, high23, 0, 2));
      v128.store(r1, v128.shuffle<i64>(low01, low23, 1, 3));
      v128.store(r0, v128.shuffle<i64>(low01, low23, 0, 2));
      r0 += 16;
      r1 += 16;
      r2 += 16;
      r3 += 16;
      source += 128;
    }
    for (; k > 0; k--) {
      const x = f32x4.mul(v128.load(source), scale);
      v128.store32_lane(r3, x, 3);
      v128.store32_lane(r2, x, 2);
      v128.store32_lane(r1, x, 1);
      v128.store32_lane(r0, x, 0);
      r0 += 4;
      r1 += 4;
      r2 += 4;
      r3 += 4;
      source += 32;
    }
  }
}
