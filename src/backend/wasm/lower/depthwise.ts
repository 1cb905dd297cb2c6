/** Depthwise convolutions. Windows of 3 x 3 at stride 1 have a kernel of their own, which is its own gradient too. */
import { ceilDivDim, type Dim, mulDims, subDims } from '../../../core/shape.js';
import { slides } from '../../../ops/conv.js';
import { one, two, twoOrThree } from '../../../ops/rules.js';
import type { Convolution, Pair } from '../../../ops/schema.js';
import type { Emitter, LoweringFacet, Operand } from '../lowering.js';
import { lowOf } from './blocks.js';
import { padded } from './frame.js';
import { beyond } from './move.js';

/** Multiply-adds of a unit of the filter gradient. */
const FILTER_UNIT = 2 ** 18;
/** The sizes of an image and of the output that windows make of it. */
function sizes(op: string, x: Operand, y: Operand, kernelSize: Pair, attrs: Convolution) {
  const [, height = 0, width = 0] = x.shape;
  const [, outHeight = 0, outWidth = 0] = y.shape;
  const [rows, columns] = slides(op, height, width, kernelSize, attrs);
  return { height, width, outHeight, outWidth, top: rows.low, left: columns.low };
}

/** The kernel's extents. */
function window({ shape }: Pick<Operand, 'shape'>, { strides }: Convolution, emit: Emitter) {
  const [kernelHeight = 0, kernelWidth = 0, channels = 0] = shape.map(emit.bound, emit);
  return { kernelHeight, kernelWidth, channels, strideHeight: strides[0], strideWidth: strides[1] };
}

type Window = ReturnType<typeof window>;

const isThree = ({ kernelHeight, kernelWidth, channels, strideHeight, strideWidth }: Window): boolean =>
  kernelHeight === 3 && kernelWidth === 3 && strideHeight === 1 && strideWidth === 1 && channels >= 4;

/** One unit for each row of an image. */
const rowsOf = ({ shape: [n = 0, rows = 0] }: Operand): Dim => mulDims(n, rows);

export const lower = {
  depthwiseConv2d: ({ attrs, inputs, outputs }, emit) => {
    const [x, kernel, bias] = twoOrThree('depthwiseConv2d', inputs);
    const y = one('depthwiseConv2d', outputs);
    const shape = window(kernel, attrs, emit);
    const { channels, kernelHeight, kernelWidth } = shape;
    const places = { x: x.at, kernel: kernel.at, bias: bias?.at ?? 0, y: y.at, low: lowOf(attrs.activation) } as const;
    const image = sizes('depthwiseConv2d', x, y, [kernelHeight, kernelWidth], attrs);
    if (isThree(shape)) {
      emit.threadScratch(4 * channels);
      emit.record('depthwise3x3', rowsOf(y), { ...places, ...image, channels, tapStep: 4 * channels });
    } else {
      emit.record('depthwise', rowsOf(y), { ...places, ...image, ...shape });
    }
  },
} satisfies LoweringFacet<'depthwiseConv2d'>;

/** What only training modules have kernels for. */
export const lowerTraining = {
  depthwiseConv2dInputGrad: ({ attrs, inputs, outputs }, emit) => {
    const [dy, kernel] = two('depthwiseConv2dInputGrad', inputs);
    const dx = one('depthwiseConv2dInputGrad', outputs);
    const shape = window(kernel, attrs, emit);
    const { channels, kernelHeight, kernelWidth } = shape;
    const image = sizes('depthwiseConv2dInputGrad', dx, dy, [kernelHeight, kernelWidth], attrs);
    if (!isThree(shape)) {
      const places = { dy: dy.at, kernel: kernel.at, dx: dx.at };
      emit.record('depthwiseInputGrad', rowsOf(dx), { ...places, ...image, ...shape });
      return;
    }
    // The same sums over dy, with the taps from the last to the first.
    const { height, width, outHeight, outWidth, top, left } = image;
    emit.threadScratch(4 * channels);
    emit.record('depthwise3x3', rowsOf(dx), {
      x: dy.at,
      kernel: beyond(kernel.at, 8 * 4 * channels),
      bias: 0,
      y: dx.at,
      tapStep: -4 * channels,
      height: outHeight,
      width: outWidth,
      channels,
      outHeight: height,
      outWidth: width,
      top: subDims(2, top),
      left: subDims(2, left),
      low: -Infinity,
    });
  },
  depthwiseConv2dFilterGrad: ({ attrs, inputs, outputs }, emit) => {
    const [x, dy] = two('depthwiseConv2dFilterGrad', inputs);
    const dkernel = one('depthwiseConv2dFilterGrad', outputs);
    const shape = window(dkernel, attrs, emit);
    const { channels, kernelHeight, kernelWidth, strideHeight, strideWidth } = shape;
    const [, outHeight = 0, outWidth = 0] = dy.shape;
    const rows = rowsOf(dy);
    const perRow = emit.bound(outWidth) * channels * kernelWidth;
    const unitRows = Math.ceil(FILTER_UNIT / Math.max(perRow, 1));
    const chunks = emit.bound(rows) <= unitRows ? 1 : ceilDivDim(rows, unitRows);
    const size = kernelHeight * kernelWidth * channels;
    const to = chunks === 1 ? dkernel.at : emit.scratch(mulDims(chunks, size * 4));
    const sums = { dy: dy.at, to, rows, outHeight, outWidth, unitRows };
    const { padding } = attrs;
    const isNarrow = typeof padding === 'string' || (padding[2] <= 1 && padding[3] <= 1);
    const isWhole = channels >= 4 && channels % 4 === 0;
    if (kernelHeight === 3 && kernelWidth === 3 && strideWidth <= 2 && isWhole && isNarrow) {
      const { height, width, top, left } = sizes('depthwiseConv2dFilterGrad', x, dy, [3, 3], attrs);
      emit.threadScratch(4 * channels);
      const place = { x: x.at, height, width, channels, strideHeight, strideWidth, top, left };
      emit.record('depthwiseFilterGrad3x3', chunks, { ...sums, ...place });
    } else {
      const images = padded('depthwiseConv2dFilterGrad', x, { ...attrs, bytesPerChannel: 4, fill: 0 }, emit);
      const place = { x: images.at, height: images.height, width: images.width };
      emit.record('depthwiseFilterGrad', mulDims(chunks, kernelHeight), { ...sums, ...place, ...shape });
    }
    if (chunks === 1) return;
    emit.record('addChunks', Math.ceil(size / 4096), { to: dkernel.at, from: to, size, chunks });
  },
} satisfies LoweringFacet<'depthwiseConv2dInputGrad' | 'depthwiseConv2dFilterGrad'>;
