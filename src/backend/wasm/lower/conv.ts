/** Convolutions: padding becomes a padded copy of the images, everything else is one kernel. */
import { ceilDivDim, mulDims, sizeOfShape, subDims } from '../../../core/shape.js';
import { slides } from '../../../ops/conv.js';
import type { LoweringFacet } from '../lowering.js';
import { BLOCK_SCRATCH, blockOf, clamp, LONG_ROW, lowOf, roundUp } from './blocks.js';
import { emitPlanes, isPlanar } from './conv-planes.js';
import { padded } from './frame.js';
import { packB } from './matmul.js';
import { emitWinograd, isFaster } from './winograd.js';

/** Multiply-adds of a unit of the input gradient, and of the filter gradient. */
const IMAGE_UNIT = 2 ** 21;
const FILTER_UNIT = 2 ** 20;
/** The least number of pixels whose products a chunk of the filter gradient adds up: fewer cost more to combine. */
const FILTER_PIXELS = 1024;
/** Rows of a unit of the filter gradient. */
const FILTER_ROWS = 48;

const floats = { bytesPerChannel: 4, fill: 0 } as const;

export const lower = {
  conv2d: ({ attrs, inputs: [x, kernel, bias], outputs: [y] }, emit) => {
    if (!x || !kernel || !y) return;
    const { strides, padding, activation } = attrs;
    const planar = { x, kernel, bias, y, attrs, isPooled: false };
    if (isPlanar(planar, emit)) return emitPlanes(planar, emit);
    const [kernelHeight = 0, kernelWidth = 0, channels = 0, filters = 0] = kernel.shape.map(emit.bound, emit);
    const [, outHeight = 0, outWidth = 0] = y.shape;
    const kernelSize = [kernelHeight, kernelWidth] as const;
    if (isFaster({ strides, padding }, y, kernel, y, emit)) {
      const [, height = 0, width = 0] = x.shape;
      const [rows, columns] = slides('conv2d', height, width, kernelSize, { strides, padding });
      emitWinograd({ x, kernel, bias, y, top: rows.low, left: columns.low, activation, flipped: false }, emit);
      return;
    }
    const images = padded('conv2d', x, { kernelSize, strides, padding, ...floats }, emit);
    const depth = kernelHeight * kernelWidth * channels;
    const pixels = sizeOfShape(y.shape.slice(0, 3));
    const { unitRows, unitColumns } = blockOf(emit.bound(pixels), filters, depth);
    emit.threadScratch(BLOCK_SCRATCH);
    emit.record('conv2d', mulDims(ceilDivDim(pixels, unitRows), ceilDivDim(filters, unitColumns)), {
      x: images.at,
      kernel: packB(kernel, false, 1, filters, depth, emit).at,
      bias: bias?.at ?? 0,
      y: y.at,
      pixels,
      height: images.height,
      width: images.width,
      channels,
      outHeight,
      outWidth,
      filters,
      kernelHeight,
      kernelWidth,
      strideHeight: strides[0],
      strideWidth: strides[1],
      unitRows,
      unitColumns,
      low: lowOf(activation),
    });
  },
  conv2dInputGrad: ({ attrs: { strides, padding }, inputs: [dy, kernel], outputs: [dx] }, emit) => {
    if (!dy || !kernel || !dx) return;
    const [kernelHeight = 0, kernelWidth = 0, channels = 0, filters = 0] = kernel.shape.map(emit.bound, emit);
    const [images = 0, height = 0, width = 0] = dx.shape;
    const [, outHeight = 0, outWidth = 0] = dy.shape;
    const [strideHeight, strideWidth] = strides;
    const taps = kernelHeight * kernelWidth;
    const sliding = { strides, padding };
    const [rows, columns] = slides('conv2dInputGrad', height, width, [kernelHeight, kernelWidth], sliding);
    if (isFaster(sliding, dy, kernel, dx, emit)) {
      const [top, left] = [subDims(2, rows.low), subDims(2, columns.low)];
      emitWinograd({ x: dy, kernel, bias: undefined, y: dx, top, left, activation: 'linear', flipped: true }, emit);
      return;
    }
    const bytes = taps * filters * roundUp(channels, 8) * 4;
    const flipped = emit.packed(kernel, `flipped ${kernel.shape} ${strides}`, bytes, (to) => {
      const shape = { kernelHeight, kernelWidth, channels, filters, strideHeight, strideWidth };
      emit.record('packFlipped', taps, { to, from: kernel.at, ...shape });
    });
    // Several images, because at the left and right edge only their pixels meet the same taps.
    const perColumn = (emit.bound(width) * taps * filters) / (strideHeight * strideWidth);
    const unitColumns = clamp(roundUp(IMAGE_UNIT / (4 * Math.max(perColumn, 1)), 8), 32, 64);
    const unitImages = clamp(Math.round(IMAGE_UNIT / Math.max(perColumn * Math.min(unitColumns, channels), 1)), 4, 12);
    emit.threadScratch(BLOCK_SCRATCH);
    const units = mulDims(mulDims(ceilDivDim(images, unitImages), height), Math.ceil(channels / unitColumns));
    emit.record('conv2dInputGrad', units, {
      dy: dy.at,
      kernel: flipped,
      dx: dx.at,
      images,
      height,
      width,
      channels,
      outHeight,
      outWidth,
      filters,
      kernelHeight,
      kernelWidth,
      strideHeight,
      strideWidth,
      top: rows.low,
      left: columns.low,
      unitImages,
      unitColumns,
    });
  },
} satisfies LoweringFacet<'conv2d' | 'conv2dInputGrad'>;

/** What only training modules have kernels for. */
export const lowerTraining = {
  conv2dFilterGrad: ({ attrs: { kernelSize, strides, padding }, inputs: [x, dy], outputs: [dkernel] }, emit) => {
    if (!x || !dy || !dkernel) return;
    const [kernelHeight, kernelWidth] = kernelSize;
    const [, , channels = 0, filters = 0] = dkernel.shape.map(emit.bound, emit);
    const [, outHeight = 0, outWidth = 0] = dy.shape;
    const images = padded('conv2dFilterGrad', x, { kernelSize, strides, padding, ...floats }, emit);
    const pixels = sizeOfShape(dy.shape.slice(0, 3));
    const depth = kernelWidth * channels;
    const direct = filters % 8 === 0 && filters * 4 < LONG_ROW;
    const right = direct ? { at: dy.at, step: filters * 4, panel: 32 } : packB(dy, false, 1, filters, pixels, emit);
    const unitKernelRows = depth * kernelHeight <= FILTER_ROWS ? kernelHeight : 1;
    const unitRows = roundUp(depth / Math.ceil(Math.max(depth, 1) / FILTER_ROWS), 12);
    const unitColumns = 64;
    const perPixel = unitKernelRows * Math.min(unitRows, depth) * Math.min(unitColumns, filters);
    const unitPixels = Math.max(FILTER_PIXELS, Math.ceil(FILTER_UNIT / Math.max(perPixel, 1)));
    const chunks = emit.bound(pixels) <= unitPixels ? 1 : ceilDivDim(pixels, unitPixels);
    const size = kernelHeight * depth * filters;
    const to = chunks === 1 ? dkernel.at : emit.scratch(mulDims(chunks, size * 4));
    emit.threadScratch(BLOCK_SCRATCH);
    const blocks = Math.ceil(kernelHeight / unitKernelRows) * Math.ceil(depth / Math.max(unitRows, 1));
    emit.record('conv2dFilterGrad', mulDims(chunks, blocks * Math.ceil(filters / unitColumns)), {
      x: images.at,
      dy: right.at,
      bStep: right.step,
      bPanel: right.panel,
      to,
      pixels,
      height: images.height,
      width: images.width,
      channels,
      outHeight,
      outWidth,
      filters,
      kernelHeight,
      kernelWidth,
      strideHeight: strides[0],
      strideWidth: strides[1],
      unitPixels,
      unitKernelRows,
      unitRows,
      unitColumns,
    });
    if (chunks === 1) return;
    emit.record('addChunks', Math.ceil(size / 4096), { to: dkernel.at, from: to, size, chunks });
  },
} satisfies LoweringFacet<'conv2dFilterGrad'>;
