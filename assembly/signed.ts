// How the engine's four-byte dot product reads bytes, and what makes it exact where it reads all of them as signed.
//
// Unsigned bytes u are then given as u - 128, which flips their highest bit. Engines for ARM may add the products of two
// neighbours in 16 bits first (V8's baseline compiler does where its optimizing one has `sdot`), which wraps for no bytes
// but (-128)(-128) twice. Panels of weights with two such neighbours are marked when they are packed, and split: the even
// bytes first, then the odd ones, each with zeros between.
import { dot4, HAS_DOT } from './simd';

/** Two neighbouring bytes of -128. */
const LOWEST_PAIR: i16 = -32640;

/** What unsigned bytes for `dot4` are flipped with: 128 where it reads them as signed, so as 128 less; otherwise 0. */
export function dotFlip(): i32 {
  // A word that no compiler knows: the bytes below 64 stay zero.
  const zero = v128.load32_splat(0);
  return i32x4.extract_lane(dot4(v128.not(zero), v128.not(zero), zero), 0) > 0 ? 128 : 0;
}

/**
 * Whether `dot4` is exact for the bytes that it is given: 1 where it reads those of y as unsigned, 2 where as signed; 0
 * where it is not, because it saturates.
 */
export function probeDot(): i32 {
  if (!HAS_DOT) return 0;
  const zero = v128.load32_splat(0);
  const flip = dotFlip();
  const none = i8x16.splat(<i8>flip);
  const full = v128.not(none);
  const most = dot4(v128.xor(i8x16.splat(127), zero), full, zero);
  const least = dot4(v128.xor(i8x16.splat(-128), zero), full, most);
  const lowest = dot4(v128.xor(i32x4.splat(0x8180_8180), zero), none, least);
  const mixed = dot4(v128.xor(i32x4.splat(0x7f80_7f80), zero), v128.xor(i32x4.splat(0x80ff_ff01), none), lowest);
  // What all weights make of the bytes as they were, and their own sum, 128 less for each byte where it is flipped.
  const sum = 4 * (127 - 128) * 255 + (-128 * 1 + 127 * 255 - 128 * 255 + 127 * 128) - (4 * (127 - 128) - 2 * (128 + 127) - 2) * flip;
  const exact = v128.and(i32x4.eq(most, i32x4.splat(4 * 127 * 255 - 4 * 127 * flip)), i32x4.eq(mixed, i32x4.splat(sum)));
  return i32x4.all_true(exact) ? 1 + (flip >> 7) : 0;
}

/** Writes whether a panel has neighbours of -128. */
export function markPanel(mark: usize, panel: usize, bytes: usize): void {
  if (!HAS_DOT) return;
  let found = i16x8.splat(0);
  for (const end = panel + bytes; panel < end; panel += 16) {
    found = v128.or(found, i16x8.eq(v128.load(panel), i16x8.splat(LOWEST_PAIR)));
  }
  store<i32>(mark, v128.any_true(found));
}

/** A panel's even bytes, then its odd bytes, each as long as the panel. */
export function splitPanel(to: usize, panel: usize, bytes: usize): void {
  if (!HAS_DOT) return;
  for (const end = panel + bytes; panel < end; panel += 16) {
    const weights = v128.load(panel);
    const even = v128.and(weights, i16x8.splat(255));
    v128.store(to, even);
    v128.store(to + bytes, v128.xor(weights, even));
    to += 16;
  }
}
