// Gradients of functions of one operand.

import { zip } from '../templates';

@unmanaged
class ReluGrad {
  @inline
  heavy(): bool {
    return false;
  }

  @inline
  apply(dy: v128, y: v128): v128 {
    return v128.and(dy, f32x4.gt(y, i32x4.splat(0)));
  }
}

/** dy where y > 0, otherwise 0. */
export function reluGrad(begin: i32, end: i32, dx: usize, dy: usize, y: usize, table: usize): void {
  zip<ReluGrad>(begin, end, dx, dy, y, table);
}
