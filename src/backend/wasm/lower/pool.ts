/** Max and average pooling and their gradients. */
import { mulDims } from '../../../core/shape.js';
import { slide } from '../../../ops/conv.js';
import type { Window } from '../../../ops/schema.js';
import type { KernelName, LoweringFacet, Operand } from '../lowering.js';

const poolKernels = {
  f32: 'maxPoolF32',
  i32: 'maxPoolI32',
  u8: 'maxPoolU8',
  i8: 'maxPoolI8',
  bool: 'maxPoolU8',
} as const satisfies Readonly<Record<Operand['dtype'], KernelName>>;

/** The arguments that say how the window slides. */
function geometry(op: string, { poolSize, strides, padding }: Window, x: Operand, y: Operand) {
  const [, height = 0, width = 0, channels = 0] = x.shape;
  const [, outHeight = 0, outWidth = 0] = y.shape;
  return {
    height,
    width,
    channels,
    outHeight,
    outWidth,
    windowHeight: poolSize[0],
    windowWidth: poolSize[1],
    strideHeight: strides[0],
    strideWidth: strides[1],
    top: slide(op, height, poolSize[0], strides[0], padding).low,
    left: slide(op, width, poolSize[1], strides[1], padding).low,
  };
}

export const lower = {
  maxPool2d: ({ attrs, inputs: [x], outputs: [y] }, emit) => {
    if (!x || !y) return;
    const [batch = 0, rows = 0] = y.shape;
    const units = mulDims(batch, rows);
    emit.record(poolKernels[x.dtype], units, { y: y.at, x: x.at, ...geometry('maxPool2d', attrs, x, y) });
  },
  avgPool2d: ({ attrs, inputs: [x], outputs: [y] }, emit) => {
    if (!x || !y) return;
    const [batch = 0, rows = 0] = y.shape;
    emit.record('averagePool', mulDims(batch, rows), { y: y.at, x: x.at, ...geometry('avgPool2d', attrs, x, y) });
  },
} satisfies LoweringFacet<'maxPool2d' | 'avgPool2d'>;

/** What only training modules have kernels for. */
export const lowerTraining = {
  maxPool2dGrad: ({ attrs, inputs: [x, y, dy], outputs: [dx] }, emit) => {
    if (!x || !y || !dy || !dx) return;
    const shape = geometry('maxPool2dGrad', attrs, x, y);
    emit.record('maxPoolGrad', x.shape[0] ?? 0, { dx: dx.at, x: x.at, y: y.at, dy: dy.at, ...shape });
  },
  avgPool2dGrad: ({ attrs, inputs: [dy], outputs: [dx] }, emit) => {
    if (!dy || !dx) return;
    const [batch = 0, rows = 0] = dx.shape;
    const shape = geometry('avgPool2dGrad', attrs, dx, dy);
    emit.record('averagePoolGrad', mulDims(batch, rows), { dx: dx.at, dy: dy.at, ...shape });
  },
} satisfies LoweringFacet<'maxPool2dGrad' | 'avgPool2dGrad'>;
