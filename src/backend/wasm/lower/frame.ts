/** The frame of zeros, or of a zero point, that a padded convolution slides over. */
import { addDims, type Dim, mulDims } from '../../../core/shape.js';
import { slides } from '../../../ops/conv.js';
import type { Convolution, Pair } from '../../../ops/schema.js';
import type { Address, Emitter, Operand } from '../lowering.js';

/** How a kernel slides over images, and what a pixel is. */
export interface Sliding extends Convolution {
  readonly kernelSize: Pair;
  readonly bytesPerChannel: number;
  /** Where the byte lies that fills the frame; 0 for zeros. */
  readonly fill: Address | 0;
}

/** Images that a valid convolution slides over. */
export interface Images {
  readonly at: Address;
  readonly height: Dim;
  readonly width: Dim;
}

/** The images of x, in the frame that the padding asks for. */
export function padded(op: string, x: Operand, sliding: Sliding, emit: Emitter): Images {
  const { kernelSize, bytesPerChannel, fill } = sliding;
  const [n = 0, height = 0, width = 0, channels = 0] = x.shape;
  const [rows, columns] = slides(op, height, width, kernelSize, sliding);
  if (rows.low === 0 && rows.high === 0 && columns.low === 0 && columns.high === 0) return { at: x.at, height, width };
  const paddedHeight = addDims(addDims(height, rows.low), rows.high);
  const paddedWidth = addDims(addDims(width, columns.low), columns.high);
  const pixelBytes = mulDims(channels, bytesPerChannel);
  const units = mulDims(n, paddedHeight);
  const to = emit.scratch(mulDims(mulDims(units, paddedWidth), pixelBytes));
  const place = { height, width, pixelBytes, top: rows.low, left: columns.low, paddedHeight, paddedWidth };
  emit.record('padImages', units, { to, from: x.at, fill, ...place });
  return { at: to, height: paddedHeight, width: paddedWidth };
}
