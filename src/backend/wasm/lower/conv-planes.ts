/** Convolutions of images with few channels, and the 2x2 max pool of the result where one follows: assembly/kernels/conv-planes.ts. */
import { addDims, mulDims } from '../../../core/shape.js';
import { slides } from '../../../ops/conv.js';
import type { Activation, Convolution } from '../../../ops/schema.js';
import type { Emitter, Operand } from '../lowering.js';
import { lowOf, roundUp } from './blocks.js';
import { padded } from './frame.js';
import { packB } from './matmul.js';

/** From here on a window's row is long enough for the tiles that read rows. */
const MOST_CHANNELS = 3;
/** Pixels that a tile takes from one row of the result, and filters from one pixel. */
const TILE_PIXELS = 6;
const TILE_FILTERS = 8;
/** What a thread's scratch may hold. */
const MOST_BYTES = 2 ** 16;

/** A convolution with its result y, or where `isPooled` the 2x2 max pool of it. */
export interface Planar {
  readonly x: Operand;
  readonly kernel: Operand;
  readonly bias: Operand | undefined;
  readonly y: Operand;
  readonly attrs: Convolution & { readonly activation: Activation };
  readonly isPooled: boolean;
}

/** The thread's scratch: biases, the table, planes of the rows under a unit's windows. */
function scratchOf({ x, kernel, attrs, isPooled }: Planar, emit: Emitter): number {
  const { strides } = attrs;
  const [kernelHeight = 0, kernelWidth = 0, channels = 0, filters = 0] = kernel.shape.map(emit.bound, emit);
  const [, height = 0, inner = 0] = x.shape;
  const [, columns] = slides('conv2d', height, inner, [kernelHeight, kernelWidth], attrs);
  const width = emit.bound(addDims(addDims(inner, columns.low), columns.high));
  const slotBytes = 4 * channels * (width + strides[1]);
  const rows = kernelHeight + (isPooled ? strides[0] : 0);
  return 4 * roundUp(filters, 8) + 8 * kernelHeight * kernelWidth * channels + rows * slotBytes;
}

export function isPlanar(planar: Planar, emit: Emitter): boolean {
  const [, , channels = 0, filters = 0] = planar.kernel.shape.map(emit.bound, emit);
  const pixels = emit.bound(planar.y.shape[2] ?? 0) * (planar.isPooled ? 2 : 1);
  if (channels === 0 || channels > MOST_CHANNELS || filters < TILE_FILTERS || pixels < TILE_PIXELS) return false;
  return scratchOf(planar, emit) <= MOST_BYTES;
}

export function emitPlanes(planar: Planar, emit: Emitter): void {
  const { x, kernel, bias, y, attrs, isPooled } = planar;
  const [kernelHeight = 0, kernelWidth = 0, channels = 0, filters = 0] = kernel.shape.map(emit.bound, emit);
  const sliding = { ...attrs, kernelSize: [kernelHeight, kernelWidth] as const, bytesPerChannel: 4, fill: 0 } as const;
  const images = padded('conv2d', x, sliding, emit);
  const [batch = 0, outHeight = 0, outWidth = 0] = y.shape;
  emit.threadScratch(scratchOf(planar, emit));
  emit.record('convPlanes', mulDims(batch, outHeight), {
    x: images.at,
    kernel: packB(kernel, false, 1, filters, kernelHeight * kernelWidth * channels, emit).at,
    bias: bias?.at ?? 0,
    y: y.at,
    height: images.height,
    width: images.width,
    channels,
    outHeight,
    outWidth,
    filters,
    kernelHeight,
    kernelWidth,
    strideHeight: attrs.strides[0],
    strideWidth: attrs.strides[1],
    isPooled: isPooled ? 1 : 0,
    low: lowOf(attrs.activation),
  });
}
