/**
 * From a drawing to what a network trained on MNIST expects: 28 x 28 intensities from 0 to 1, the digit scaled so that
 * its longer side is 20 and moved so that its centre of mass lies in pixel (14, 14), which is how MNIST was made
 * (LeCun et al., "Gradient-based learning applied to document recognition", 1998; yann.lecun.com/exdb/mnist).
 *
 * The canvas is 280 x 280: a block of 10 x 10 for each MNIST pixel. A drawing that is already normalised, as every
 * MNIST digit drawn block by block is, passes through exactly, without resampling.
 */

/** Pixels of the canvas along a side. */
export const canvasSide = 280;

/** Pixels of the network's input along a side. */
export const gridSide = 28;

const block = canvasSide / gridSide;
const digitSide = 20;
const centre = 14.5;

/** Where the ink lies, in pixels: a box [x0, x1) x [y0, y1), and its centre of mass (pixel i spans [i, i + 1)). */
interface Extent {
  readonly x0: number;
  readonly x1: number;
  readonly y0: number;
  readonly y1: number;
  readonly massX: number;
  readonly massY: number;
}

/** The extent of what is inkier than `threshold`; null when nothing is. */
function extentOf(ink: Float32Array, side: number, threshold: number): Extent | null {
  let [x0, x1, y0, y1, mass, momentX, momentY] = [side, 0, side, 0, 0, 0, 0];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const value = ink[y * side + x] ?? 0;
      if (value <= threshold) continue;
      x0 = Math.min(x0, x);
      x1 = Math.max(x1, x + 1);
      y0 = Math.min(y0, y);
      y1 = Math.max(y1, y + 1);
      mass += value;
      momentX += value * (x + 0.5);
      momentY += value * (y + 0.5);
    }
  }
  return mass === 0 ? null : { x0, x1, y0, y1, massX: momentX / mass, massY: momentY / mass };
}

/** The ink of each canvas pixel, 0 to 255, from RGBA: white on nothing and white on black read the same. */
function inkOf(rgba: Uint8ClampedArray): Float32Array {
  const ink = new Float32Array(rgba.length / 4);
  for (let i = 0; i < ink.length; i++) ink[i] = ((rgba[4 * i] ?? 0) * (rgba[4 * i + 3] ?? 0)) / 255;
  return ink;
}

/** The mean of each block of the canvas. */
function blocksOf(ink: Float32Array): Float32Array {
  const grid = new Float32Array(gridSide * gridSide);
  for (let y = 0; y < canvasSide; y++) {
    const row = Math.floor(y / block) * gridSide;
    for (let x = 0; x < canvasSide; x++) {
      const cell = row + Math.floor(x / block);
      grid[cell] = (grid[cell] ?? 0) + (ink[y * canvasSide + x] ?? 0);
    }
  }
  return grid.map((sum) => sum / (block * block));
}

/** Whether a grid is scaled and centred as MNIST is: all 70,000 digits measure 19 or 20 and lie within half a pixel. */
function isNormalised(grid: Float32Array): boolean {
  const extent = extentOf(grid, gridSide, 0);
  if (!extent) return false;
  const longer = Math.max(extent.x1 - extent.x0, extent.y1 - extent.y0);
  const offset = Math.max(Math.abs(extent.massX - centre), Math.abs(extent.massY - centre));
  return (longer === digitSide || longer === digitSide - 1) && offset <= 0.501;
}

/**
 * Resamples rows by area: [lines, side] becomes [lines, 28], where position p of a row goes to `origin + p * scale`.
 */
function resample(input: Float32Array, lines: number, side: number, scale: number, origin: number): Float32Array {
  const output = new Float32Array(lines * gridSide);
  for (let cell = 0; cell < gridSide; cell++) {
    const from = Math.max(0, (cell - origin) / scale);
    const to = Math.min(side, (cell + 1 - origin) / scale);
    for (let pixel = Math.floor(from); pixel < to; pixel++) {
      const weight = (Math.min(to, pixel + 1) - Math.max(from, pixel)) * scale;
      for (let line = 0; line < lines; line++) {
        const at = line * gridSide + cell;
        output[at] = (output[at] ?? 0) + weight * (input[line * side + pixel] ?? 0);
      }
    }
  }
  return output;
}

function transpose(input: Float32Array, rows: number, columns: number): Float32Array {
  return input.map((_, i) => input[(i % rows) * columns + Math.floor(i / rows)] ?? 0);
}

/**
 * Scales the digit to fit 20 x 20 and moves it, by whole cells as MNIST did, until its centre of mass is nearest to the
 * middle, without letting it leave the grid.
 */
function normalise(ink: Float32Array, extent: Extent): Float32Array {
  const scale = digitSide / Math.max(extent.x1 - extent.x0, extent.y1 - extent.y0);
  const originOf = (low: number, high: number, mass: number): number => {
    const room = gridSide - Math.ceil((high - low) * scale);
    const start = Math.round(centre - (mass - low) * scale);
    return Math.min(room, Math.max(0, start)) - low * scale;
  };
  const originX = originOf(extent.x0, extent.x1, extent.massX);
  const originY = originOf(extent.y0, extent.y1, extent.massY);
  const wide = resample(ink, canvasSide, canvasSide, scale, originX);
  const tall = resample(transpose(wide, canvasSide, gridSide), gridSide, canvasSide, scale, originY);
  return transpose(tall, gridSide, gridSide);
}

/** The network's input for a canvas, 28 x 28 from 0 to 1, or null when nothing is drawn. */
export function digitOf(rgba: Uint8ClampedArray): Float32Array | null {
  const ink = inkOf(rgba);
  const extent = extentOf(ink, canvasSide, 8);
  if (!extent) return null;
  const grid = blocksOf(ink);
  const digit = isNormalised(grid) ? grid : normalise(ink, extent);
  return digit.map((value) => Math.min(1, value / 255));
}
