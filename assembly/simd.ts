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

/** x * y + z of two float64 lanes; fused where the module is relaxed. */
// @ts-ignore: decorator
@inline
export function fmaDouble(x: v128, y: v128, z: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f64x2.relaxed_madd(x, y, z) : f64x2.add(f64x2.mul(x, y), z);
}

/** z - x * y of two float64 lanes; fused where the module is relaxed. */
// @ts-ignore: decorator
@inline
export function fnmaDouble(x: v128, y: v128, z: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f64x2.relaxed_nmadd(x, y, z) : f64x2.sub(z, f64x2.mul(x, y));
}

/** The larger of each two lanes; NaN where one of them is. */
// @ts-ignore: decorator
@inline
export function largest(x: v128, y: v128): v128 {
  return v128.or(f32x4.pmax(x, y), f32x4.pmax(y, x));
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

/**
 * sums[i] += the four products of signed bytes in x with bytes in y, in each lane of 32 bits. Some engines read the bytes
 * of y as unsigned (x64), others as signed (ARM): see signed.ts.
 */
// @ts-ignore: decorator
@inline
export function dot4(x: v128, y: v128, sums: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i32x4.relaxed_dot_i8x16_i7x16_add_s(x, y, sums) : sums;
}

/** Rows of a float tile that keep the vector registers full: see scripts/tiles.mjs. */
export const TILE_ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 5;
