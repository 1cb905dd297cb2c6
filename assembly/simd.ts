// The vector vocabulary. `ASC_FEATURE_RELAXED_SIMD` is tested only here.

/** x * y + z; fused where the module is relaxed. */
// @ts-ignore: decorator
@inline
export function fma(x: v128, y: v128, z: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(x, y, z) : f32x4.add(f32x4.mul(x, y), z);
}

/** z - x * y; fused where the module is relaxed. */
// @ts-ignore: decorator
@inline
export function fnma(x: v128, y: v128, z: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_nmadd(x, y, z) : f32x4.sub(z, f32x4.mul(x, y));
}

/** The sum of the four lanes, always in the order (0 + 2) + (1 + 3). */
// @ts-ignore: decorator
@inline
export function hsum(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Whether the module has `dot4`; whether the engine's is right is for `probeDot` to say. */
export const HAS_DOT: bool = ASC_FEATURE_RELAXED_SIMD;

/** sums[i] += the four products of signed bytes in x with unsigned bytes in y, in each lane of 32 bits. */
// @ts-ignore: decorator
@inline
export function dot4(x: v128, y: v128, sums: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i32x4.relaxed_dot_i8x16_i7x16_add_s(x, y, sums) : sums;
}

/** 1 where `dot4` is exact for all bytes: some engines saturate pairs of products, others take y as signed. */
export function probeDot(): i32 {
  if (!HAS_DOT) return 0;
  // Words that no compiler knows: the bytes below 64 stay zero.
  const zero = v128.load32_splat(0);
  const unsigned = v128.not(zero);
  const most = dot4(v128.xor(i8x16.splat(127), zero), unsigned, zero);
  const least = dot4(v128.xor(i8x16.splat(-128), zero), unsigned, most);
  const mixed = dot4(v128.xor(i32x4.splat(0x7f80_7f80), zero), v128.xor(i32x4.splat(0x80ff_ff01), zero), least);
  const sum = 4 * 255 * (127 - 128) + (-128 * 1 + 127 * 255 - 128 * 255 + 127 * 128);
  return i32x4.all_true(i32x4.eq(mixed, i32x4.splat(sum))) && i32x4.all_true(i32x4.eq(most, i32x4.splat(4 * 255 * 127))) ? 1 : 0;
}

/** Rows of a float tile that keep the vector registers full: see scripts/tiles.mjs. */
export const TILE_ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 5;

/** The first `count` of four floats; the others are 0. Reads no byte beyond them. */
export function loadPart(from: usize, count: i32): v128 {
  if (count >= 4) return v128.load(from);
  if (count <= 0) return f32x4.splat(0);
  if (count == 1) return v128.load32_zero(from);
  const pair = v128.load64_zero(from);
  return count == 2 ? pair : f32x4.replace_lane(pair, 2, load<f32>(from, 8));
}

/** Stores the first `count` of four floats. */
export function storePart(to: usize, x: v128, count: i32): void {
  if (count >= 4) {
    v128.store(to, x);
  } else if (count == 1) {
    v128.store32_lane(to, x, 0);
  } else if (count >= 2) {
    v128.store64_lane(to, x, 0);
    if (count == 3) v128.store32_lane(to, x, 2, 8);
  }
}

/** The first `count` of eight bytes; the others are 0. Reads no byte beyond them. */
export function loadBytes(from: usize, count: i32): v128 {
  if (count >= 8) return v128.load64_zero(from);
  let word: u64 = 0;
  for (let i = count - 1; i >= 0; i--) word = (word << 8) | load<u8>(from + i);
  return i64x2.replace_lane(i64x2.splat(0), 0, word);
}

/** Stores the first `count` of sixteen bytes. */
export function storeBytes(to: usize, x: v128, count: i32): void {
  if (count >= 16) {
    v128.store(to, x);
    return;
  }
  if (count & 8) {
    v128.store64_lane(to, x, 0);
    x = v128.shuffle<i64>(x, x, 1, 0);
    to += 8;
  }
  if (count & 4) {
    v128.store32_lane(to, x, 0);
    x = i64x2.shr_u(x, 32);
    to += 4;
  }
  if (count & 2) {
    v128.store16_lane(to, x, 0);
    x = i64x2.shr_u(x, 16);
    to += 2;
  }
  if (count & 1) v128.store8_lane(to, x, 0);
}
