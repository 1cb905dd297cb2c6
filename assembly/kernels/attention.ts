// Attention without the matrix of scores: blocks of keys, and for each query the largest score and the sum so far (Milakov
// and Gimelshein 2018; Dao et al., NeurIPS 2022). A unit is eight queries of one head, side by side in vectors.

import { hideAfter, maskAt, maskPanel, queryPanel, raiseToScores, shiftPanel } from '../attention';
import { storeLanes } from '../lanes';
import { log, powerOf2, powersOf2 } from '../math';
import { unpackRows } from '../pack';
import { BAD_INDEX, fail, scratch } from '../runtime';
import { scoresOfKeys, sumsOfValues } from '../tile';

/** Keys of a block. */
const KEYS: i32 = 256;

const LOG2E: f32 = 1.44269504;
const LN2: f32 = 0.693147181;

/** Scratch: of eight queries the largest scores, the sums of powers, the queries [d][8], the result [dv][8], scores [KEYS][8]. */
const SUMS: usize = 32;
const QUERIES: usize = 64;

/** What scores are lowered by: nothing where all are hidden, and a NaN stays one. */
// @ts-ignore: decorator
@inline
function shiftOf(largest: v128): v128 {
  return v128.andnot(largest, f32x4.eq(largest, f32x4.splat(-Infinity)));
}

/** Multiplies `count` rows of eight by their columns' factors. */
function scaleColumns(x: usize, count: i32, factor0: v128, factor1: v128): void {
  for (; count > 0; count--) {
    v128.store(x, f32x4.mul(v128.load(x), factor0));
    v128.store(x, f32x4.mul(v128.load(x, 16), factor1), 16);
    x += 32;
  }
}

/**
 * y = softmax(q keys^T * scale) values, and the logarithm of each row's sum of exponentials: 0, and y is 0, where every key
 * is hidden. q [matrices, m, d], keys [matrices, n, d], values [matrices, n, dv]. `lengths`, or 0, says how many of a
 * batch's keys are there.
 */
export function attention(
  begin: i32, end: i32, y: usize, logSum: usize, q: usize, keys: usize, values: usize, mask: usize, lengths: usize, heads: i32,
  m: i32, n: i32, d: i32, dv: i32, scale: f32, causal: i32,
): void {
  const panels = (m + 7) >> 3;
  const state = scratch();
  const queries = state + QUERIES;
  const result = queries + (<usize>d << 5);
  const scores = result + (<usize>dv << 5);
  // Scores are logarithms of base two, unless a mask is added: one that hides by very low numbers must not be rounded.
  const added = mask && load<i32>(mask, 4) != 1;
  const toPowers = f32x4.splat(added ? LOG2E : 1);
  const toNatural = f32x4.splat(added ? 1 : LN2);
  const zero = i32x4.splat(0);
  const lowest = f32x4.splat(-Infinity);
  for (let unit = begin; unit < end; unit++) {
    const matrix = unit / panels;
    const row = (unit - matrix * panels) << 3;
    const rows = min(8, m - row);
    const batch = matrix / heads;
    let last = n;
    if (lengths) {
      last = load<i32>(lengths + (<usize>batch << 2));
      if (<u32>last > <u32>n) {
        fail(BAD_INDEX, last);
        return;
      }
    }
    if (causal) last = min(last, row + rows);
    const first = <usize>matrix * m + row;
    queryPanel(queries, q + first * (<usize>d << 2), d << 2, d, rows, added ? scale : scale * LOG2E);
    for (let at = result; at < scores; at += 16) v128.store(at, zero);
    v128.store(state, lowest);
    v128.store(state, lowest, 16);
    v128.store(state, zero, SUMS);
    v128.store(state, zero, SUMS + 16);
    for (let column = 0; column < last; column += KEYS) {
      const columns = min(KEYS, last - column);
      const at = <usize>matrix * n + column;
      const before0 = v128.load(state);
      const before1 = v128.load(state, 16);
      scoresOfKeys(scores, keys + at * (<usize>d << 2), d << 2, columns, queries, d, state);
      const seen = causal ? row + 1 - column : columns;
      if (mask || seen < columns) {
        if (mask) maskPanel(scores, columns, rows, mask, maskAt(mask, batch, matrix % heads, row, column));
        hideAfter(scores, seen, columns);
        v128.store(state, before0);
        v128.store(state, before1, 16);
        raiseToScores(state, scores, columns);
      }
      const largest0 = v128.load(state);
      const largest1 = v128.load(state, 16);
      const shift0 = shiftOf(largest0);
      const shift1 = shiftOf(largest1);
      if (column > 0 && v128.any_true(v128.or(f32x4.ne(before0, largest0), f32x4.ne(before1, largest1)))) {
        const factor0 = powerOf2(f32x4.mul(f32x4.sub(before0, shift0), toPowers));
        const factor1 = powerOf2(f32x4.mul(f32x4.sub(before1, shift1), toPowers));
        scaleColumns(result, dv, factor0, factor1);
        scaleColumns(state + SUMS, 1, factor0, factor1);
      }
      if (added) {
        shiftPanel(scores, columns, shift0, shift1, toPowers);
        powersOf2(scores, columns, zero, zero, state + SUMS);
      } else {
        powersOf2(scores, columns, shift0, shift1, state + SUMS);
      }
      sumsOfValues(result, values + at * (<usize>dv << 2), dv, columns, scores);
    }
    for (let i = 0; i < rows; i += 4) {
      const place = state + (i << 2);
      const total = v128.load(place, SUMS);
      const empty = f32x4.eq(total, zero);
      const sum = f32x4.add(f32x4.mul(v128.load(place), toNatural), log(total));
      storeLanes(logSum + (first + i << 2), v128.andnot(sum, empty), rows - i);
      v128.store(place, v128.andnot(f32x4.div(f32x4.splat(1), total), empty));
    }
    unpackRows(y + first * (<usize>dv << 2), dv << 2, result, dv, rows, state);
  }
}
