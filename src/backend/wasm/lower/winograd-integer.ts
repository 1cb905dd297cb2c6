/**
 * Windows of 3 x 3 at stride 1 over bytes by Winograd's products, where bytes are widened anyway: see
 * assembly/winograd-integer.ts. The four-byte dot product is as fast without.
 */
import { ceilDivDim, type Dim, mulDims, sizeOfShape } from '../../../core/shape.js';
import { slides } from '../../../ops/conv.js';
import type { ValueId } from '../../../graph/program.js';
import type { IntegerCluster } from '../integer.js';
import type { Address, Emitter, Operand } from '../lowering.js';
import { clamp, lowOf, roundUp } from './blocks.js';
import { planeOf, POINTS } from './winograd.js';

/** What a unit's tiles hold, which bounds a thread's scratch, and what the packed kernels hold, at most. */
const MOST_CHANNELS = 512;
const MOST_PAIRS = 2 ** 16;
/** What reading the packed kernels costs, in the time of the products of so many tiles; as much again where they are largest, twice. */
const READ_TILES = 0.5;
/** What the transforms of a tile cost for a channel and for a filter, in multiply-adds for each point. */
const EVALUATE = 4;
const INTERPOLATE = 16;
/** What a pixel costs without, for a channel and for a filter, in multiply-adds for each tap. */
const WINDOW = 1.5;
/** Bytes of the values and products of a unit's tiles: half of the second cache. */
const UNIT_BYTES = 2 ** 19;
const MOST_COLUMNS = 64;
const FEW_COLUMNS = 32;
const MANY_TILES = 128;
const MOST_TILES = 40;

/** The side of what a tile leaves: a pool of 2 x 2 takes every second pixel. */
const sideOf = (cluster: IntegerCluster): number => (cluster.pool ? 2 : 4);

const tilesOf = (cluster: IntegerCluster, [n = 0, height = 0, width = 0]: readonly Dim[]): Dim => {
  const side = sideOf(cluster);
  return mulDims(mulDims(n, ceilDivDim(height, side)), ceilDivDim(width, side));
};

/** Whether it takes less time than multiplying the whole kernel for each pixel; at the bounds. */
export function isFaster(cluster: IntegerCluster, kernel: Operand, y: Operand, emit: Emitter): boolean {
  const { root, pool } = cluster;
  if (root.op !== 'conv2d' || emit.flavour.int8 === 'dot') return false;
  const [kernelHeight = 0, kernelWidth = 0, channels = 0, filters = 0] = kernel.shape.map(emit.bound, emit);
  if ([kernelHeight, kernelWidth].some((size) => size !== 3)) return false;
  if (root.attrs.strides.some((stride) => stride !== 1)) return false;
  if (pool && [...pool.attrs.poolSize, ...pool.attrs.strides].some((extent) => extent !== 2)) return false;
  const pairs = channels * roundUp(filters, 8);
  if (channels < 8 || channels > MOST_CHANNELS || pairs > MOST_PAIRS) return false;
  const products = (emit.bound(tilesOf(cluster, y.shape)) + READ_TILES + pairs / MOST_PAIRS) * POINTS;
  const pixels = emit.bound(sizeOfShape(y.shape.slice(0, 3))) * (pool ? 4 : 1);
  const plain = pixels * 9 * (pairs + WINDOW * (channels + filters));
  return products * (pairs + EVALUATE * channels + INTERPOLATE * filters) < plain;
}

export function emitWinogradInteger(
  cluster: IntegerCluster,
  operand: (value: ValueId) => Operand,
  emit: Emitter,
): void {
  const { root, x, weight, bias, pool, output } = cluster;
  if (root.op !== 'conv2d') return;
  const y = operand(typeof output === 'number' ? output : output.value);
  const images = operand(x.value);
  const kernel = operand(weight.value);
  const [, height = 0, width = 0] = images.shape;
  const [, outHeight = 0, outWidth = 0] = y.shape;
  const [channels = 0, filters = 0] = kernel.shape.slice(2).map(emit.bound, emit);
  const [rows, columns] = slides('conv2d', height, width, [3, 3], root.attrs);
  const tiles = tilesOf(cluster, y.shape);
  const unitColumns = Math.min(roundUp(filters, 8), emit.bound(tiles) < MANY_TILES ? FEW_COLUMNS : MOST_COLUMNS);
  const valueBytes = 2 * roundUp(channels, 2);
  const perTile = POINTS * (valueBytes + 32) + 512;
  const unitTiles = clamp(Math.floor(UNIT_BYTES / perTile / 5) * 5, 10, MOST_TILES);
  const places = 96 + 16 * POINTS + 128 * unitTiles + 4 * unitColumns + POINTS * channels + 80;
  emit.threadScratch(places + POINTS * (planeOf(unitTiles * valueBytes) + planeOf(32 * unitTiles)) + 512 * unitTiles);
  emit.record('winogradInteger', mulDims(ceilDivDim(tiles, unitTiles), Math.ceil(filters / unitColumns)), {
    x: images.at,
    kernel: packWinograd(kernel, channels, filters, emit),
    bias: bias === null ? 0 : operand(bias).at,
    y: y.at,
    tiles,
    height,
    width,
    channels,
    outHeight,
    outWidth,
    filters,
    top: rows.low,
    left: columns.low,
    isPooled: pool ? 1 : 0,
    xScale: operand(x.scale).at,
    xZero: operand(x.zeroPoint).at,
    weightScale: operand(weight.scale).at,
    weightStep: weight.perChannel ? 4 : 0,
    yScale: typeof output === 'number' ? 0 : operand(output.scale).at,
    yZero: typeof output === 'number' ? 0 : operand(output.zeroPoint).at,
    unitTiles,
    unitColumns,
    low: lowOf(root.attrs.activation),
  });
}

/** The kernel's values at the points by panels of eight filters, with the sums of its columns behind. */
function packWinograd(kernel: Operand, channels: number, filters: number, emit: Emitter): Address {
  const panels = Math.ceil(filters / 8);
  const bytes = panels * (POINTS * 16 * roundUp(channels, 2) + 32);
  return emit.packed(kernel, `integer winograd ${kernel.shape}`, bytes, (to) => {
    emit.record('packWinogradInteger', panels, { to, from: kernel.at, channels, filters });
  });
}
