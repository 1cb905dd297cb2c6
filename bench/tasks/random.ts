/** Random numbers for the arrays of a work: cheap, and the same in every contender's process. */

/** Numbers in [0, 1) by Mulberry32 (Tommy Ettinger, 2017, public domain). */
export function mulberry(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}
