// Matrix products: y[b] = A[b] * B[b] + bias, with an activation. A unit is a block of rows by columns of one matrix.
// `batch` is 0 or a table: the number of batch axes, then for each {extent, bytes of A, bytes of B} to step along it.
import { fourDots } from '../dots';
import { packPanel, packRows } from '../pack';
import { scratch } from '../runtime';
import { storeLanes } from '../lanes';
import { biasBlock, columnsOfPanel, rowsOfPanel, wideRows } from '../tile';

/** The numbers of k that are summed before the next block of A and B is taken: what the second cache holds. */
const DEPTH = 1024;

/** Scratch: the bias of a unit's columns, at most 1024, then its table of rows or of columns. */
const BIAS_BYTES = 4096;

/** Where matrix number `index` of an operand lies; `field` is 4 for A, 8 for B. */
function batchOffset(batch: usize, index: i32, field: usize): usize {
  let offset: usize = 0;
  if (!batch) return 0;
  for (let axis = load<i32>(batch) - 1; axis >= 0; axis--) {
    const entry = batch + 4 + axis * 12;
    const extent = load<i32>(entry);
    offset += <usize>(index % extent) * load<usize>(entry + field);
    index /= extent;
  }
  return offset;
}

/** Numbers of k in each of the equal blocks that `k` is cut into. */
// @ts-ignore: decorator
@inline
function depthOf(k: i32): i32 {
  const blocks = max(1, (k + DEPTH - 1) / DEPTH);
  return ((k + blocks - 1) / blocks + 3) & ~3;
}

/** A is [m, k]. B's numbers of one k lie `bStep` bytes apart, its panels `bPanel`: packed, or as it is. */
export function gemm(
  begin: i32, end: i32, a: usize, b: usize, bStep: i32, bPanel: i32, bias: usize, y: usize, m: i32, n: i32, k: i32,
  unitRows: i32, unitColumns: i32, batch: usize, low: f32,
): void {
  const columnBlocks = (n + unitColumns - 1) / unitColumns;
  const rowBlocks = (m + unitRows - 1) / unitRows;
  const biases = scratch();
  const table = biases + BIAS_BYTES;
  const depth = depthOf(k);
  for (let unit = begin; unit < end; unit++) {
    const column = (unit % columnBlocks) * unitColumns;
    const columns = min(unitColumns, n - column);
    const rest = unit / columnBlocks;
    const row = (rest % rowBlocks) * unitRows;
    const rows = min(unitRows, m - row);
    const matrix = rest / rowBlocks;
    const from = a + batchOffset(batch, matrix, 4) + (row * k << 2);
    const right = b + batchOffset(batch, matrix, 8) + <usize>(column >> 3) * bPanel;
    const to = y + ((<usize>matrix * m + row) * n + column << 2);
    biasBlock(biases, bias, column, columns);
    if (rows <= 2) {
      wideRows(from, k << 2, rows, right, bStep, bPanel, k, to, n << 2, columns, biases, low);
      continue;
    }
    let at = 0;
    do {
      const length = min(depth, k - at);
      const last = at + length >= k;
      for (let i = 0; i < rows; i++) {
        store<usize>(table + (i << 3), from + (i * k + at << 2));
        store<usize>(table + (i << 3), to + (i * n << 2), 4);
      }
      for (let j = 0; j < columns; j += 8) {
        const panel = right + <usize>(j >> 3) * bPanel + <usize>at * bStep;
        const start: usize = at ? 0 : biases + (j << 2);
        rowsOfPanel(table, rows, panel, 1, length, 0, 0, j << 2, columns - j, start, last ? low : -Infinity, bStep);
      }
      at += depth;
    } while (at < k);
  }
}

/** A is [k, m]; B as in `gemm`. */
export function gemmColumns(
  begin: i32, end: i32, a: usize, b: usize, bStep: i32, bPanel: i32, bias: usize, y: usize, m: i32, n: i32, k: i32,
  unitRows: i32, unitColumns: i32, batch: usize, low: f32,
): void {
  const columnBlocks = (n + unitColumns - 1) / unitColumns;
  const rowBlocks = (m + unitRows - 1) / unitRows;
  const biases = scratch();
  const table = biases + BIAS_BYTES;
  const depth = depthOf(k);
  for (let unit = begin; unit < end; unit++) {
    const column = (unit % columnBlocks) * unitColumns;
    const columns = min(unitColumns, n - column);
    const rest = unit / columnBlocks;
    const row = (rest % rowBlocks) * unitRows;
    const rows = min(unitRows, m - row);
    const matrix = rest / rowBlocks;
    const from = a + batchOffset(batch, matrix, 4) + (row << 2);
    const right = b + batchOffset(batch, matrix, 8) + <usize>(column >> 3) * bPanel;
    const to = y + ((<usize>matrix * m + row) * n + column << 2);
    biasBlock(biases, bias, column, columns);
    let at = 0;
    do {
      const length = min(depth, k - at);
      const last = at + length >= k;
      for (let i = 0; i < length; i++) store<usize>(table + (i << 3), from + ((at + i) * m << 2));
      for (let j = 0; j < columns; j += 8) {
        const start: usize = at ? 0 : biases + (j << 2);
        const panel = right + <usize>(j >> 3) * bPanel + <usize>at * bStep;
        columnsOfPanel(table, 0, rows, panel, bStep, length, to + (j << 2), n << 2, columns - j, start, last ? low : -Infinity);
      }
      at += depth;
    } while (at < k);
  }
}

/** At most four rows of A times B as it is, [k, n] with n a multiple of 8: B is read once, so packing it would cost more. */
export function gemv(
  begin: i32, end: i32, a: usize, b: usize, bias: usize, y: usize, m: i32, n: i32, k: i32, unitColumns: i32, batch: usize,
  low: f32,
): void {
  const columnBlocks = (n + unitColumns - 1) / unitColumns;
  const biases = scratch();
  for (let unit = begin; unit < end; unit++) {
    const column = (unit % columnBlocks) * unitColumns;
    const columns = min(unitColumns, n - column);
    const matrix = unit / columnBlocks;
    const from = a + batchOffset(batch, matrix, 4);
    const right = b + batchOffset(batch, matrix, 8) + (column << 2);
    const to = y + (<usize>matrix * m * n + column << 2);
    biasBlock(biases, bias, column, columns);
    for (let i = 0; i < m; i += 2) {
      const rows = min(2, m - i);
      wideRows(from + (i * k << 2), k << 2, rows, right, n << 2, 32, k, to + (i * n << 2), n << 2, columns, biases, low);
    }
  }
}

/** At most four rows of A times the transpose of B as it is, [n, k]: dot products, four columns at a time. */
export function gemvTransposed(
  begin: i32, end: i32, a: usize, b: usize, bias: usize, y: usize, m: i32, n: i32, k: i32, unitColumns: i32, batch: usize,
  low: f32,
): void {
  const columnBlocks = (n + unitColumns - 1) / unitColumns;
  const biases = scratch();
  const least = f32x4.splat(low);
  const step = <usize>k << 2;
  for (let unit = begin; unit < end; unit++) {
    const column = (unit % columnBlocks) * unitColumns;
    const columns = min(unitColumns, n - column);
    const matrix = unit / columnBlocks;
    const from = a + batchOffset(batch, matrix, 4);
    const right = b + batchOffset(batch, matrix, 8) + <usize>column * step;
    const to = y + (<usize>matrix * m * n + column << 2);
    biasBlock(biases, bias, column, columns);
    for (let j = 0; j < columns; j += 4) {
      const b0 = right + <usize>j * step;
      const b1 = j + 1 < columns ? b0 + step : b0;
      const b2 = j + 2 < columns ? b1 + step : b0;
      const b3 = j + 3 < columns ? b2 + step : b0;
      for (let i = 0; i < m; i++) {
        const sums = fourDots(from + <usize>i * step, b0, b1, b2, b3, k);
        const value = f32x4.add(v128.load(biases + (j << 2)), sums);
        storeLanes(to + (i * n + j << 2), f32x4.pmax(value, least), columns - j);
      }
    }
  }
}

/** Packs matrices [k, n] by columns; a unit is a panel. */
export function packColumns(begin: i32, end: i32, to: usize, from: usize, n: i32, k: i32): void {
  const panels = (n + 7) >> 3;
  for (let unit = begin; unit < end; unit++) {
    const matrix = <usize>(unit / panels);
    const column = (unit % panels) << 3;
    packPanel(to + (<usize>unit * k << 5), from + (matrix * n * k + column << 2), n << 2, k, n - column);
  }
}

/** Packs matrices [n, k], transposed, by columns; a unit is a panel. */
export function packTransposed(begin: i32, end: i32, to: usize, from: usize, n: i32, k: i32): void {
  const panels = (n + 7) >> 3;
  for (let unit = begin; unit < end; unit++) {
    const matrix = <usize>(unit / panels);
    const column = (unit % panels) << 3;
    packRows(to + (<usize>unit * k << 5), from + ((matrix * n + column) * k << 2), k << 2, k, n - column);
  }
}
