// Elements by an index of their own: read along an axis, and written there.

import { BAD_INDEX, fail } from '../runtime';

/** What is made of an element and the update for its place, by its place in `scatterReductions` of src/ops/schema.ts. */
const ADD: i32 = 1;
const MUL: i32 = 2;
const MAX: i32 = 3;
const MIN: i32 = 4;

/** Columns that one item of a scattering takes. */
const COLUMNS: i32 = 256;

/** `count` elements of y from those `indices` of `pitch` bytes that begin at x and go on by `step` with each. */
function pick<T>(y: usize, x: usize, indices: usize, count: i32, extent: i32, pitch: usize, step: usize): void {
  for (; count > 0; --count) {
    const index = load<i32>(indices);
    if (<u32>index >= <u32>extent) fail(BAD_INDEX, index);
    else store<T>(y, load<T>(x + <usize>index * pitch));
    x += step;
    y += sizeof<T>();
    indices += 4;
  }
}

// @ts-ignore: decorator
@inline
function gather<T>(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  indices: usize,
  rows: i32,
  count: i32,
  extent: i32,
  inner: i32,
  perUnit: i32,
): void {
  const pitch = <usize>inner * sizeof<T>();
  const last = min(end * perUnit, rows);
  for (let row = begin * perUnit; row < last; ) {
    const outer = row / count;
    const from = x + <usize>(outer * extent) * pitch;
    const at = <usize>row * inner;
    // Neighbours along the columns, along the axis, or one from each of the outer ones.
    let length = inner;
    let step: usize = sizeof<T>();
    let taken = 1;
    if (inner == 1) {
      taken = count == 1 ? last - row : min(last, (outer + 1) * count) - row;
      length = taken;
      step = count == 1 ? <usize>extent * sizeof<T>() : 0;
    }
    pick<T>(y + at * sizeof<T>(), from, indices + (at << 2), length, extent, pitch, step);
    row += taken;
  }
}

/**
 * y [outer, count, inner] = x [outer, extent, inner] at `indices` [outer, count, inner] of the middle axis. A row is one
 * of outer times count; a unit is `perUnit` rows. An index out of range stops the run.
 */
export function gatherElements32(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  indices: usize,
  rows: i32,
  count: i32,
  extent: i32,
  inner: i32,
  perUnit: i32,
): void {
  gather<i32>(begin, end, y, x, indices, rows, count, extent, inner, perUnit);
}

/** The same for bytes. */
export function gatherElements8(
  begin: i32,
  end: i32,
  y: usize,
  x: usize,
  indices: usize,
  rows: i32,
  count: i32,
  extent: i32,
  inner: i32,
  perUnit: i32,
): void {
  gather<u8>(begin, end, y, x, indices, rows, count, extent, inner, perUnit);
}

// @ts-ignore: decorator
@inline
function combine<T>(reduction: i32, old: T, update: T): T {
  if (reduction == ADD) return (old + update) as T;
  if (reduction == MUL) return (old * update) as T;
  if (reduction == MAX) return max<T>(old, update);
  if (reduction == MIN) return min<T>(old, update);
  return update;
}

// @ts-ignore: decorator
@inline
function scatter<T>(
  begin: i32,
  end: i32,
  y: usize,
  indices: usize,
  updates: usize,
  items: i32,
  count: i32,
  extent: i32,
  inner: i32,
  reduction: i32,
  perUnit: i32,
): void {
  const blocks = (inner + COLUMNS - 1) / COLUMNS;
  const last = min(end * perUnit, items);
  for (let item = begin * perUnit; item < last; ++item) {
    const outer = item / blocks;
    const first = (item - outer * blocks) * COLUMNS;
    const width = min(COLUMNS, inner - first);
    const to = y + (<usize>(outer * extent * inner + first) << 2);
    let at = <usize>(outer * count * inner + first) << 2;
    for (let i = 0; i < count; ++i) {
      for (let c = 0; c < width; ++c) {
        const offset = at + (<usize>c << 2);
        const index = load<i32>(indices + offset);
        if (<u32>index >= <u32>extent) {
          fail(BAD_INDEX, index);
          continue;
        }
        const place = to + (<usize>(index * inner + c) << 2);
        store<T>(place, combine<T>(reduction, load<T>(place), load<T>(updates + offset)));
      }
      at += <usize>inner << 2;
    }
  }
}

/**
 * Writes `updates` [outer, count, inner] into y [outer, extent, inner] at `indices` of the middle axis, or combines them
 * with what is there. Items are outer and blocks of columns, each done by one thread in the order of the axis, so that
 * the sums do not depend on who adds them; a unit is `perUnit` items.
 */
export function scatterElementsF32(
  begin: i32,
  end: i32,
  y: usize,
  indices: usize,
  updates: usize,
  items: i32,
  count: i32,
  extent: i32,
  inner: i32,
  reduction: i32,
  perUnit: i32,
): void {
  scatter<f32>(begin, end, y, indices, updates, items, count, extent, inner, reduction, perUnit);
}

/** The same for integers. */
export function scatterElementsI32(
  begin: i32,
  end: i32,
  y: usize,
  indices: usize,
  updates: usize,
  items: i32,
  count: i32,
  extent: i32,
  inner: i32,
  reduction: i32,
  perUnit: i32,
): void {
  scatter<i32>(begin, end, y, indices, updates, items, count, extent, inner, reduction, perUnit);
}
