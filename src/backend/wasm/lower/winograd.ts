/**
 * Windows of 3 x 3 at stride 1 by Winograd's products: fewer multiply-adds, for transforms before and after them.
 *
 * The rule of `isFaster` was measured on V8 13.6 (x64, 2 MB of second cache) over 8 to 256 channels, images of 5 to 56 pixels a
 * side and batches of 1 and 64. Where it says yes both modules took 0.28 to 0.95 of a plain convolution's time.
 *
 * A tile's results share its products: a NaN or an infinity in one of its pixels makes NaNs of all 4 x 4, also of those
 * whose windows do not see it.
 */
import { ceilDivDim, type Dim, mulDims, sizeOfShape } from '../../../core/shape.js';
import type { Activation, Convolution } from '../../../ops/schema.js';
import type { Address, Emitter, Operand } from '../lowering.js';
import { clamp, lowOf, roundUp } from './blocks.js';
import { beyond } from './move.js';

/** A convolution [n, h, w, channels] -> [n, oh, ow, filters] with windows of 3 x 3. */
export interface Tiled {
  readonly x: Operand;
  readonly kernel: Operand;
  readonly bias: Operand | undefined;
  readonly y: Operand;
  /** Zeros above and to the left of the images. */
  readonly top: Dim;
  readonly left: Dim;
  readonly activation: Activation;
  /** The kernel's last two axes are filters and channels, and its taps go from the last to the first. */
  readonly flipped: boolean;
}

/** Points at which a tile's values are multiplied. */
export const POINTS = 36;
/** What a unit's tiles hold, which bounds a thread's scratch, and what the packed kernels hold, at most. */
const MOST_CHANNELS = 512;
const MOST_PAIRS = 2 ** 16;
/** What reading the packed kernels costs, and what making them costs, in the time of the products of so many tiles. */
const READ_TILES = 1;
const PACK_TILES = 8;
/** What the transforms of a tile's channel cost, in multiply-adds for each point. */
const TRANSFORM = 10;
/** Bytes of the values and products of a unit's tiles: half of the second cache. */
const UNIT_BYTES = 2 ** 19;
/** Filters of a unit: where there are few tiles fewer, so that there are several units. */
const MOST_COLUMNS = 64;
const FEW_COLUMNS = 32;
const MANY_TILES = 128;
const MOST_TILES = 48;

/** Bytes from one point's numbers to the next one's: an odd multiple of what a line of the cache holds. */
export const planeOf = (bytes: number): number => {
  const lines = Math.ceil(bytes / 64);
  return 64 * (lines + 1 - (lines % 2));
};

const tilesOf = ([n = 0, height = 0, width = 0]: readonly Dim[]): Dim =>
  mulDims(mulDims(n, ceilDivDim(height, 4)), ceilDivDim(width, 4));

/** Whether it takes less time than multiplying, for each pixel that windows begin at, the whole kernel; at the bounds. */
export function isFaster({ strides }: Convolution, windows: Operand, kernel: Operand, result: Operand, emit: Emitter) {
  const [kernelHeight = 0, kernelWidth = 0] = kernel.shape;
  if (kernelHeight !== 3 || kernelWidth !== 3 || strides[0] !== 1 || strides[1] !== 1) return false;
  const channels = emit.bound(windows === result ? (kernel.shape[2] ?? 0) : (kernel.shape[3] ?? 0));
  const filters = emit.bound(result.shape[3] ?? 0);
  const pairs = channels * roundUp(filters, 8);
  if (channels < 4 || channels > MOST_CHANNELS || pairs > MOST_PAIRS) return false;
  const tiles = emit.bound(tilesOf(result.shape)) + READ_TILES + (emit.kept(kernel) ? 0 : PACK_TILES);
  const plain = emit.bound(sizeOfShape(windows.shape.slice(0, 3))) * 9 * pairs;
  return tiles * POINTS * (pairs + TRANSFORM * (channels + filters)) < plain;
}

export function emitWinograd({ x, kernel, bias, y, top, left, activation, flipped }: Tiled, emit: Emitter): void {
  const [, height = 0, width = 0] = x.shape;
  const [, outHeight = 0, outWidth = 0] = y.shape;
  const [channels = 0, filters = 0] = [x.shape[3] ?? 0, y.shape[3] ?? 0].map(emit.bound, emit);
  const tiles = tilesOf(y.shape);
  const unitColumns = Math.min(roundUp(filters, 8), emit.bound(tiles) < MANY_TILES ? FEW_COLUMNS : MOST_COLUMNS);
  const perTile = 4 * POINTS * (channels + unitColumns);
  const unitTiles = clamp(Math.floor(UNIT_BYTES / perTile / 6) * 6, 12, MOST_TILES);
  const scratch = 64 + 16 * POINTS + 4 * unitColumns + 8 * unitTiles + 4 * POINTS * channels + 80;
  emit.threadScratch(scratch + POINTS * (planeOf(4 * unitTiles * channels) + planeOf(4 * unitTiles * unitColumns)));
  emit.record('winograd', mulDims(ceilDivDim(tiles, unitTiles), Math.ceil(filters / unitColumns)), {
    x: x.at,
    kernel: packWinograd(kernel, flipped, channels, filters, emit),
    bias: bias?.at ?? 0,
    y: y.at,
    tiles,
    height,
    width,
    channels,
    outHeight,
    outWidth,
    filters,
    top,
    left,
    unitTiles,
    unitColumns,
    low: lowOf(activation),
  });
}

/** The kernel's values at the points; from its last tap backwards, and by its other axis, for the gradient. */
function packWinograd(kernel: Operand, flipped: boolean, channels: number, filters: number, emit: Emitter): Address {
  const panels = Math.ceil(filters / 8);
  const layout = `winograd ${flipped ? 'flipped ' : ''}${kernel.shape}`;
  const tap = 4 * channels * filters;
  return emit.packed(kernel, layout, POINTS * planeOf(32 * panels * channels), (to) => {
    const from = flipped ? beyond(kernel.at, 8 * tap) : kernel.at;
    const steps = flipped
      ? { tapStep: -tap, channelStep: 4, filterStep: 4 * channels }
      : { tapStep: tap, channelStep: 4 * filters, filterStep: 4 };
    emit.record('packWinograd', panels, { to, from, channels, filters, ...steps });
  });
}
