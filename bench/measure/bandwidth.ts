/** What memory gives: bytes a second, read and written, of copies. */

/** Far larger than any cache. */
const large = 256 * 2 ** 20;

/** The best of five copies that read and write `bytes` together; small ones are repeated for about `milliseconds`. */
export function bandwidth(bytes = large, milliseconds = 1): number {
  const length = Math.max(1, Math.round(bytes / 16));
  const [from, to] = [new Float64Array(length).fill(1), new Float64Array(length)];
  const repeats = Math.max(1, Math.round((1e7 * milliseconds) / (16 * length)));
  let best = 0;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    for (let repeat = 0; repeat < repeats; repeat++) to.set(from);
    best = Math.max(best, (1000 * repeats * 16 * length) / (performance.now() - start));
  }
  return best;
}
