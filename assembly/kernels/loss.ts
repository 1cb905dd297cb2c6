// Sparse categorical cross-entropy from logits [rows, width] and one label for each row. A unit is `perUnit` rows. A
// label out of range stops the run.

import { expRow, log } from '../math';
import { largestOf, scaleRow, sumOfExp } from '../rows';
import { BAD_INDEX, fail } from '../runtime';
import { hsum } from '../simd';

/** loss = log(sum(exp(logits))) - logits[label] */
export function crossentropy(
  begin: i32,
  end: i32,
  loss: usize,
  logits: usize,
  labels: usize,
  rows: i32,
  width: i32,
  perUnit: i32,
): void {
  const last = min(end * perUnit, rows);
  for (let row = begin * perUnit; row < last; ++row) {
    const label = load<i32>(labels + (<usize>row << 2));
    if (<u32>label >= <u32>width) {
      fail(BAD_INDEX, label);
      continue;
    }
    const from = logits + (<usize>(row * width) << 2);
    const largest = largestOf(from, width);
    const rest = f32x4.extract_lane(log(f32x4.splat(sumOfExp(from, width, largest))), 0);
    store<f32>(loss + (<usize>row << 2), rest + (largest - load<f32>(from + (<usize>label << 2))));
  }
}

/** dlogits = (softmax(logits) - oneHot(label)) * dloss; dlogits may be logits. */
export function crossentropyGrad(
  begin: i32,
  end: i32,
  dlogits: usize,
  logits: usize,
  labels: usize,
  dloss: usize,
  rows: i32,
  width: i32,
  perUnit: i32,
): void {
  const last = min(end * perUnit, rows);
  for (let row = begin * perUnit; row < last; ++row) {
    const label = load<i32>(labels + (<usize>row << 2));
    if (<u32>label >= <u32>width) {
      fail(BAD_INDEX, label);
      continue;
    }
    const from = logits + (<usize>(row * width) << 2);
    const to = dlogits + (<usize>(row * width) << 2);
    const sum = hsum(expRow(to, from, width, f32x4.splat(-largestOf(from, width))));
    const g = load<f32>(dloss + (<usize>row << 2));
    // The label's own entry is (p - 1) g: exact to the last place where p is near 1.
    const atLabel = to + (<usize>label << 2);
    const own = (load<f32>(atLabel) / sum - 1) * g;
    scaleRow(to, width, f32x4.splat(g / sum));
    store<f32>(atLabel, own);
  }
}
