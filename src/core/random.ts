/**
 * Counter-based random numbers: Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As
 * Easy as 1, 2, 3, SC 2011). A key and a counter give two words, with no state between them, so that the same numbers
 * come out on every backend and in any order.
 *
 * The counter of element i of a stream is (i >> 1, stream), and the element takes word i & 1 of the block. Streams
 * keep apart uses of one key: `dropout` counts its streams up from 0, the helpers below have theirs at the top.
 */

/** Two 32-bit words, signed or unsigned: who draws, and for the how manieth time (a training step, a variable's index). */
export type Key = readonly [seed: number, counter: number];

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const parity = 0x1bd11bda;

const uniformStream = 0xffffffff;
const normalStream = 0xfffffffe;
const shuffleStream = 0xfffffffd;

/** The two words of block (counter0, counter1) under `key`, unsigned. */
export function threefry(key: Key, counter0: number, counter1: number): [number, number] {
  const keys = [key[0] | 0, key[1] | 0, parity ^ key[0] ^ key[1]] as const;
  let x0 = (counter0 + keys[0]) | 0;
  let x1 = (counter1 + keys[1]) | 0;
  for (let group = 0; group < 5; group++) {
    const first = (group & 1) * 4;
    for (let round = first; round < first + 4; round++) {
      const rotation = rotations[round] as number;
      x0 = (x0 + x1) | 0;
      x1 = x0 ^ ((x1 << rotation) | (x1 >>> (32 - rotation)));
    }
    x0 = (x0 + (keys[(group + 1) % 3] as number)) | 0;
    x1 = (x1 + (keys[(group + 2) % 3] as number) + group + 1) | 0;
  }
  return [x0 >>> 0, x1 >>> 0];
}

/** A word as a float in [0, 1): its upper 24 bits, so that it is exact in float32. */
export const unitFloat = (word: number): number => (word >>> 8) * 2 ** -24;

/** Calls `take` with both words of the blocks of a stream, for `length` elements. */
function eachBlock(
  key: Key,
  stream: number,
  length: number,
  take: (at: number, words: [number, number]) => void,
): void {
  for (let at = 0; at < length; at += 2) take(at, threefry(key, at / 2, stream));
}

/** The first `length` words of a stream. */
export function randomWords(key: Key, stream: number, length: number): Uint32Array {
  const words = new Uint32Array(length);
  eachBlock(key, stream, length, (at, [first, second]) => {
    words[at] = first;
    words[at + 1] = second;
  });
  return words;
}

/** Floats drawn evenly from `low` to `high`. */
export function uniform(key: Key, length: number, low = 0, high = 1): Float32Array {
  const floats = new Float32Array(length);
  eachBlock(key, uniformStream, length, (at, [first, second]) => {
    floats[at] = low + (high - low) * unitFloat(first);
    floats[at + 1] = low + (high - low) * unitFloat(second);
  });
  return floats;
}

/** Floats from the normal distribution with mean 0 and deviation 1 (Box and Muller 1958). */
export function normal(key: Key, length: number): Float32Array {
  const floats = new Float32Array(length);
  eachBlock(key, normalStream, length, (at, [first, second]) => {
    const radius = Math.sqrt(-2 * Math.log(1 - unitFloat(first)));
    const angle = 2 * Math.PI * unitFloat(second);
    floats[at] = radius * Math.cos(angle);
    floats[at + 1] = radius * Math.sin(angle);
  });
  return floats;
}

/** Puts the items in random order, in place (Fisher and Yates, Durstenfeld's form). */
export function shuffle<T>(key: Key, items: { readonly length: number; [index: number]: T }): void {
  const words = randomWords(key, shuffleStream, items.length);
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor((words[last] as number) * 2 ** -32 * (last + 1));
    const item = items[other] as T;
    items[other] = items[last] as T;
    items[last] = item;
  }
}

/** The integers from 0 to `length - 1` in random order. */
export function permutation(key: Key, length: number): Int32Array {
  const order = Int32Array.from({ length }, (_, i) => i);
  shuffle(key, order);
  return order;
}
