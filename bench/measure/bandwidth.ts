/** What memory gives: bytes a second, read and written, of copies far larger than any cache. */

const bytes = 128 * 2 ** 20;

/** The best of five copies. */
export function bandwidth(): number {
  const [from, to] = [new Float64Array(bytes / 8).fill(1), new Float64Array(bytes / 8)];
  let best = 0;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    to.set(from);
    best = Math.max(best, (2000 * bytes) / (performance.now() - start));
  }
  return best;
}
