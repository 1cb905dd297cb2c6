/** Holds an array against the reference's. */
import type { NDArray } from '../../src/core/ndarray.js';
import type { ReferenceArray } from '../../src/ops/definition.js';

interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** What differs, if anything does: one line, with the worst element. NaN equals NaN, and infinities of a sign are equal. */
export function differences(
  expected: ReferenceArray,
  actual: NDArray,
  tolerance: Tolerance = expected.dtype === 'f32' ? { absolute: 1e-6, relative: 1e-5 } : { absolute: 0, relative: 0 },
): string[] {
  if (expected.dtype !== actual.dtype || expected.shape.join() !== actual.shape.join()) {
    const typed = ({ dtype, shape }: Pick<NDArray, 'dtype' | 'shape'>) => `${dtype} [${shape.join(', ')}]`;
    return [`: ${typed(expected)} is required, ${typed(actual)} received`];
  }
  let count = 0;
  let worst = { at: -1, excess: 0 };
  for (let at = 0; at < expected.data.length; at++) {
    const excess = excessOf(
      expected.data[at] as number,
      actual.data[at] as number,
      expected.dtype === 'f32',
      tolerance,
    );
    if (excess <= 1) continue;
    count++;
    if (excess > worst.excess) worst = { at, excess };
  }
  if (count === 0) return [];
  const { at, excess } = worst;
  const { absolute, relative } = tolerance;
  return [
    `[${at}]: ${expected.data[at]} is required, ${actual.data[at]} received; ${excess.toPrecision(3)} times the ` +
      `tolerance (${absolute} + ${relative} |required|); ${count} of ${expected.data.length} elements differ`,
  ];
}

/** The difference in units of the tolerance; infinite where there can be none. */
function excessOf(required: number, received: number, isFloat: boolean, { absolute, relative }: Tolerance): number {
  const rounded = isFloat ? Math.fround(required) : required;
  if (Object.is(rounded, received) || rounded === received) return 0;
  if (!Number.isFinite(rounded) || !Number.isFinite(received)) return Infinity;
  const difference = Math.abs(received - required);
  return difference === 0 ? 0 : difference / (absolute + relative * Math.abs(required));
}
