/**
 * The range of an activation, from examples: which floats the integers 0 to 255 shall stand for. A range that ends before
 * the largest values clips those few and rounds all others less; the best end is the one with the least squared error
 * over a histogram of what was seen.
 */

/** x = (q - zeroPoint) * scale for q from 0 to 255. Zero is always exact. */
export interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
}

export interface Extremes {
  readonly low: number;
  readonly high: number;
}

/** The smallest range that holds zero, `range` and the data. */
export function extend({ low, high }: Extremes, data: ArrayLike<number>): Extremes {
  let [least, most] = [Math.min(low, 0), Math.max(high, 0)];
  for (let i = 0; i < data.length; i++) {
    const value = data[i] ?? 0;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { low: least, high: most };
}

/** The quantization whose integers just cover a range with zero in it. */
export function affineOf({ low, high }: Extremes): Affine {
  if (high === low) return { scale: 1, zeroPoint: 0 };
  const scale = Math.fround((high - low) / 255);
  return { scale, zeroPoint: Math.round(-low / scale) };
}

const bins = 2048;
const candidates = 100;

/** How often values fell into each of the equal parts of a range. */
export class Histogram {
  readonly #counts = new Float64Array(bins);

  constructor(readonly range: Extremes) {}

  add(data: ArrayLike<number>): void {
    const { low, high } = this.range;
    const perUnit = high > low ? bins / (high - low) : 0;
    for (let i = 0; i < data.length; i++) {
      const bin = Math.min(bins - 1, Math.max(0, Math.floor(((data[i] ?? 0) - low) * perUnit)));
      this.#counts[bin] = (this.#counts[bin] ?? 0) + 1;
    }
  }

  /** The squared error of quantizing the values seen, each taken as the middle of its part. */
  errorOf({ scale, zeroPoint }: Affine): number {
    const { low, high } = this.range;
    const width = (high - low) / bins;
    return this.#counts.reduce((total, count, bin) => {
      const value = low + (bin + 0.5) * width;
      const integer = Math.min(255, Math.max(0, Math.round(value / scale) + zeroPoint));
      return total + count * (value - (integer - zeroPoint) * scale) ** 2;
    }, 0);
  }

  /** The quantization with the least squared error among ranges from a half of the one seen to all of it. */
  best(): Affine {
    const { low, high } = this.range;
    let best = affineOf(this.range);
    let least = this.errorOf(best);
    for (let i = 1; i < candidates; i++) {
      const share = 1 - i / (2 * candidates);
      const affine = affineOf({ low: low * share, high: high * share });
      const error = this.errorOf(affine);
      if (error < least) [best, least] = [affine, error];
    }
    return best;
  }
}
