// The sum of rows by their index.

import { loadLanes, storeLanes } from '../lanes';
import { BAD_INDEX, fail } from '../runtime';

/**
 * dx [outer, extent, inner] = the sums of the rows of dy [outer, count, inner] at `indices` [count]. A unit is `targets`
 * rows of dx: it looks at every index and adds in their order, so that the sums do not depend on who adds them.
 */
export function gatherGrad(
  begin: i32,
  end: i32,
  dx: usize,
  dy: usize,
  indices: usize,
  count: i32,
  extent: i32,
  inner: i32,
  targets: i32,
): void {
  const units = (extent + targets - 1) / targets;
  const pitch = <usize>inner << 2;
  for (let unit = begin; unit < end; ++unit) {
    const outer = unit / units;
    const first = (unit - outer * units) * targets;
    const rows = min(targets, extent - first);
    const to = dx + <usize>(outer * extent + first) * pitch;
    memory.fill(to, 0, <usize>rows * pitch);
    let from = dy + <usize>(outer * count) * pitch;
    for (let i = 0; i < count; ++i) {
      const index = load<i32>(indices + (<usize>i << 2));
      if (<u32>index >= <u32>extent) {
        fail(BAD_INDEX, index);
      } else if (<u32>(index - first) < <u32>rows) {
        let at = to + <usize>(index - first) * pitch;
        let p = from;
        for (let n = inner; n > 0; n -= 4) {
          storeLanes(at, f32x4.add(loadLanes(at, n), loadLanes(p, n)), n);
          at += 16;
          p += 16;
        }
      }
      from += pitch;
    }
  }
}
