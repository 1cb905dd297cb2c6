/**
 * Matrix products and convolutions of 8-bit integers: one kernel for both, because a product of matrices is a convolution
 * of images of one pixel. Zero points and scales are read where they lie, when the kernel runs.
 */
import { ceilDivDim, type Dim, mulDims, sizeOfShape } from '../../../core/shape.js';
import type { Convolution, Pair } from '../../../ops/schema.js';
import type { ValueId } from '../../../graph/program.js';
import type { IntegerCluster } from '../integer.js';
import type { Address, Emitter, Operand } from '../lowering.js';
import { clamp, lowOf, roundUp } from './blocks.js';
import { type Images, padded } from './frame.js';
import { emitWinogradInteger, isFaster } from './winograd-integer.js';

/** Multiply-adds of a unit. */
const TARGET = { dot: 2 ** 21, widen: 2 ** 19 } as const;
const MOST_ROWS = 480;
const MOST_COLUMNS = 256;
/** What a thread's scratch may hold of a convolution of few channels. */
const MOST_PLANES = 2 ** 16;

interface Window extends Convolution {
  readonly kernelSize: Pair;
  readonly channels: number;
  readonly filters: number;
  readonly transposed: boolean;
}

/** Emits one integer matmul or convolution. `operand` gives the place of a value of the graph. */
export function lowerCluster(cluster: IntegerCluster, operand: (value: ValueId) => Operand, emit: Emitter): void {
  const { root, x, weight, bias, pool, output } = cluster;
  const y = operand(typeof output === 'number' ? output : output.value);
  const input = operand(x.value);
  const kernel = operand(weight.value);
  if (isFaster(cluster, operand, emit)) return emitWinogradInteger(cluster, operand, emit);
  const window = windowOf(root, kernel, emit);
  const { kernelSize, strides, channels, filters } = window;
  const isConvolution = root.op === 'conv2d';
  const fill = operand(x.zeroPoint).at;
  const images: Images = isConvolution
    ? padded('conv2d', input, { ...window, bytesPerChannel: 1, fill }, emit)
    : { at: input.at, height: 1, width: 1 };
  const [outHeight, outWidth]: readonly Dim[] = isConvolution ? y.shape.slice(1, 3) : [1, 1];
  const pixels = sizeOfShape(y.shape.slice(0, -1));

  if (isPlanar(cluster, window, y, emit)) return emitPlanes(cluster, window, images, operand, emit);
  const { int8 } = emit.flavour;
  const depth = kernelSize[0] * kernelSize[1] * channels;
  const groups = Math.ceil(depth / (int8 === 'dot' ? 4 : 2));
  const unitColumns = Math.min(roundUp(Math.max(filters, 1), 8), MOST_COLUMNS);
  const [poolHeight, poolWidth] = pool?.attrs.poolSize ?? [1, 1];
  const [poolStrideHeight, poolStrideWidth] = pool?.attrs.strides ?? [1, 1];
  const taps = poolHeight * poolWidth;
  const most = Math.min(roundUp(emit.bound(pixels), 12), roundUp(MOST_ROWS / taps, 12));
  const wanted = roundUp(TARGET[int8] / (unitColumns * Math.max(depth, 1) * taps), 12);
  const unitRows = clamp(wanted, 12, Math.max(most, 12));
  // A panel's parameters; for each row two addresses, eight sums, and its window of four bytes for each group; a split panel.
  emit.threadScratch(128 + unitRows * taps * (8 + 32 + 4 * groups) + 16 + 64 * groups);
  emit.record('convInteger', mulDims(ceilDivDim(pixels, unitRows), Math.ceil(filters / unitColumns)), {
    x: images.at,
    kernel: packIntegers(kernel, filters, depth, window.transposed, emit),
    bias: bias === null ? 0 : operand(bias).at,
    y: y.at,
    pixels,
    height: images.height,
    width: images.width,
    channels,
    outHeight: outHeight ?? 0,
    outWidth: outWidth ?? 0,
    filters,
    kernelHeight: kernelSize[0],
    kernelWidth: kernelSize[1],
    strideHeight: strides[0],
    strideWidth: strides[1],
    poolHeight,
    poolWidth,
    poolStrideHeight,
    poolStrideWidth,
    xScale: operand(x.scale).at,
    xZero: operand(x.zeroPoint).at,
    weightScale: operand(weight.scale).at,
    weightStep: weight.perChannel ? 4 : 0,
    yScale: typeof output === 'number' ? 0 : operand(output.scale).at,
    yZero: typeof output === 'number' ? 0 : operand(output.zeroPoint).at,
    unitRows,
    unitColumns,
    flavour: int8 === 'dot' ? 0 : 1,
    low: lowOf(root.attrs.activation),
  });
}

/**
 * The bytes of scratch of `convPlanesInteger`: panels' parameters, for each group its places twice and its part of a split
 * panel, two words and eight sums for each pixel, planes.
 */
function planesScratch({ kernelSize, channels, filters }: Window, width: number): number {
  const [kernelHeight, kernelWidth] = kernelSize;
  const groups = kernelHeight * Math.ceil(kernelWidth / 2) * channels;
  const rows = (kernelHeight + 1) * channels * 2 * (width + 2 * kernelWidth + 4);
  return 96 * Math.ceil(filters / 8) + 80 * groups + 40 * width + rows;
}

/** Whether a convolution of few channels and its 2x2 pool are one kernel. */
function isPlanar({ pool }: IntegerCluster, window: Window, y: Operand, emit: Emitter): boolean {
  const { strides, channels, filters } = window;
  if (!pool || channels === 0 || channels > 3 || filters < 8) return false;
  const { poolSize, strides: poolStrides } = pool.attrs;
  if ([...poolSize, ...poolStrides].some((extent) => extent !== 2) || strides.some((extent) => extent !== 1))
    return false;
  const width = 2 * emit.bound(y.shape[2] ?? 0) + window.kernelSize[1];
  return planesScratch(window, width) <= MOST_PLANES;
}

function emitPlanes(
  { root, x, weight, bias, output }: IntegerCluster,
  window: Window,
  images: Images,
  operand: (value: ValueId) => Operand,
  emit: Emitter,
): void {
  if (typeof output === 'number') return;
  const { channels, filters, kernelSize } = window;
  const [kernelHeight, kernelWidth] = kernelSize;
  const kernel = operand(weight.value);
  const y = operand(output.value);
  const [batch = 0, outHeight = 0, outWidth = 0] = y.shape;
  const { int8 } = emit.flavour;
  const group = int8 === 'dot' ? 4 : 2;
  const panels = Math.ceil(filters / 8);
  const bytes = panels * (kernelHeight * roundUp(kernelWidth, group) * channels * 8 + 36);
  const packed = emit.packed(kernel, `${int8} planes ${kernel.shape}`, bytes, (to) => {
    const shape = { filters, kernelHeight, kernelWidth, channels, group };
    emit.record('packIntegerPlanes', panels, { to, from: kernel.at, ...shape });
  });
  emit.threadScratch(planesScratch(window, emit.bound(images.width)));
  emit.record('convPlanesInteger', mulDims(batch, outHeight), {
    x: images.at,
    kernel: packed,
    bias: bias === null ? 0 : operand(bias).at,
    y: y.at,
    height: images.height,
    width: images.width,
    channels,
    outHeight,
    outWidth,
    filters,
    kernelHeight,
    kernelWidth,
    xScale: operand(x.scale).at,
    xZero: operand(x.zeroPoint).at,
    weightScale: operand(weight.scale).at,
    weightStep: weight.perChannel ? 4 : 0,
    yScale: operand(output.scale).at,
    yZero: operand(output.zeroPoint).at,
    flavour: int8 === 'dot' ? 0 : 1,
    low: lowOf(root.attrs.activation),
  });
}

function windowOf(root: IntegerCluster['root'], kernel: Operand, emit: Emitter): Window {
  const shape = kernel.shape.map(emit.bound, emit);
  if (root.op === 'conv2d') {
    const [kernelHeight = 0, kernelWidth = 0, channels = 0, filters = 0] = shape;
    const { strides, padding } = root.attrs;
    return { kernelSize: [kernelHeight, kernelWidth], strides, padding, channels, filters, transposed: false };
  }
  const transposed = root.attrs.transposeB;
  const [channels = 0, filters = 0] = transposed ? shape.toReversed() : shape;
  return { kernelSize: [1, 1], strides: [1, 1], padding: 'valid', channels, filters, transposed };
}

/** The weights in groups for the flavour of the dot product, with the sums of their columns and the marks of panels behind. */
function packIntegers(kernel: Operand, n: number, k: number, transposed: boolean, emit: Emitter): Address {
  const { int8 } = emit.flavour;
  const group = int8 === 'dot' ? 4 : 2;
  const panels = Math.ceil(n / 8);
  const bytes = panels * (roundUp(k, group) * 8 + 36);
  return emit.packed(kernel, `${int8} ${transposed ? 'transposed ' : ''}${n} ${k}`, bytes, (to) => {
    emit.record('packIntegers', panels, { to, from: kernel.at, n, k, group, transposed: transposed ? 1 : 0 });
  });
}
