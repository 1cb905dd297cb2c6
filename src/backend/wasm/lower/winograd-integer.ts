/**
 * Windows of 3 x 3 at stride 1 over bytes by Winograd's products, where bytes are widened anyway: see
 * assembly/winograd-integer.ts. The four-byte dot product is as fast without.
 *
 * The rule of `isFaster` was measured on V8 13.6 (x64, 2 MB of second cache) over 8 to 256 channels and filters, images of 3
 * to 28 pixels a side, pooled and not. Where it says yes int8 took 0.27 to 1.1 of the time of its plain products, and 0.36
 * to 0.8 of float32's.
 */
import { ceilDivDim, type Dim, mulDims, sizeOfShape } from '../../../core/shape.js';
import { slides } from '../../../ops/conv.js';
import type { ValueId } from '../../../graph/program.js';
import type { IntegerCluster } from '../integer.js';
import type { Address, Emitter, Operand } from '../lowering.js';
import { clamp, lowOf, roundUp } from './blocks.js';
import { lower as lowerPool } from './pool.js';
import { planeOf, POINTS } from './winograd.js';

/** What a unit's tiles hold, which bounds a thread's scratch, and what the packed kernels hold, at most. */
const MOST_CHANNELS = 512;
const MOST_PAIRS = 2 ** 16;
/** What reading the packed kernels costs, in the time of the products of so many tiles; one more where they are largest. */
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

/** What tiles do of a cluster: all but a pool of other than 2 x 2 pixels. */
function tiled(cluster: IntegerCluster): IntegerCluster {
  const { pool, output } = cluster;
  if (!pool || typeof output === 'number') return cluster;
  const { poolSize, strides } = pool.attrs;
  if ([...poolSize, ...strides].every((extent) => extent === 2)) return cluster;
  return { ...cluster, pool: null, output: { ...output, value: pool.inputs[0] ?? output.value } };
}

const resultOf = ({ output }: IntegerCluster, operand: (value: ValueId) => Operand): Operand =>
  operand(typeof output === 'number' ? output : output.value);

function tilesOf({ pool }: IntegerCluster, { shape: [n = 0, height = 0, width = 0] }: Operand): Dim {
  const side = pool ? 2 : 4;
  return mulDims(mulDims(n, ceilDivDim(height, side)), ceilDivDim(width, side));
}

/** Whether it takes less time than multiplying the whole kernel for each pixel; at the bounds. */
export function isFaster(cluster: IntegerCluster, operand: (value: ValueId) => Operand, emit: Emitter): boolean {
  const { root, pool, weight } = cluster;
  if (root.op !== 'conv2d' || emit.flavour.int8 === 'dot') return false;
  const [kernelHeight, kernelWidth, channels = 0, filters = 0] = operand(weight.value).shape.map(emit.bound, emit);
  if (kernelHeight !== 3 || kernelWidth !== 3 || root.attrs.strides.some((stride) => stride !== 1)) return false;
  const pairs = channels * roundUp(filters, 8);
  if (channels < 8 || channels > MOST_CHANNELS || pairs > MOST_PAIRS) return false;
  const made = tiled(cluster);
  const tiles = emit.bound(tilesOf(made, resultOf(made, operand))) + READ_TILES + pairs / MOST_PAIRS;
  const [poolHeight, poolWidth] = pool?.attrs.poolSize ?? [1, 1];
  const pixels = emit.bound(sizeOfShape(resultOf(cluster, operand).shape.slice(0, 3))) * poolHeight * poolWidth;
  const plain = pixels * 9 * (pairs + WINDOW * (channels + filters));
  return tiles * POINTS * (pairs + EVALUATE * channels + INTERPOLATE * filters) < plain;
}

export function emitWinogradInteger(
  cluster: IntegerCluster,
  operand: (value: ValueId) => Operand,
  emit: Emitter,
): void {
  const made = tiled(cluster);
  const { root, x, weight, bias, pool, output } = made;
  if (root.op !== 'conv2d') return;
  const y = resultOf(made, operand);
  const images = operand(x.value);
  const kernel = operand(weight.value);
  const [, height = 0, width = 0] = images.shape;
  const [, outHeight = 0, outWidth = 0] = y.shape;
  const [channels = 0, filters = 0] = kernel.shape.slice(2).map(emit.bound, emit);
  const [rows, columns] = slides('conv2d', height, width, [3, 3], root.attrs);
  const tiles = tilesOf(made, y);
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
  if (made === cluster || !cluster.pool) return;
  lowerPool.maxPool2d({ attrs: cluster.pool.attrs, inputs: [y], outputs: [resultOf(cluster, operand)] }, emit);
}

/** The kernel's values at the points by panels of eight filters, with the sums of its columns behind. */
function packWinograd(kernel: Operand, channels: number, filters: number, emit: Emitter): Address {
  const panels = Math.ceil(filters / 8);
  const bytes = panels * (POINTS * 16 * roundUp(channels, 2) + 32);
  return emit.packed(kernel, `integer winograd ${kernel.shape}`, bytes, (to) => {
    emit.record('packWinogradInteger', panels, { to, from: kernel.at, channels, filters });
  });
}
