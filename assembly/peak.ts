// The most that registers alone give: loops without loads or stores, which benchmarks run beside a kernel to learn what
// share of this moment's peak it reached. Not part of what ships. Factors are arguments, so that no compiler knows them.

import { dot4, fma } from './simd';

/** `rounds` times 48 vector multiply-adds in 12 chains: 192 products of floats a round. */
export function peakFloat(rounds: i32, factor: f32, term: f32): f32 {
  const x = f32x4.splat(factor);
  const y = f32x4.splat(term);
  let a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
  for (; rounds > 0; rounds--) {
    a = fma(a, x, y); b = fma(b, x, y); c = fma(c, x, y); d = fma(d, x, y); e = fma(e, x, y); f = fma(f, x, y);
    g = fma(g, x, y); h = fma(h, x, y); i = fma(i, x, y); j = fma(j, x, y); k = fma(k, x, y); l = fma(l, x, y);
    a = fma(a, x, y); b = fma(b, x, y); c = fma(c, x, y); d = fma(d, x, y); e = fma(e, x, y); f = fma(f, x, y);
    g = fma(g, x, y); h = fma(h, x, y); i = fma(i, x, y); j = fma(j, x, y); k = fma(k, x, y); l = fma(l, x, y);
    a = fma(a, x, y); b = fma(b, x, y); c = fma(c, x, y); d = fma(d, x, y); e = fma(e, x, y); f = fma(f, x, y);
    g = fma(g, x, y); h = fma(h, x, y); i = fma(i, x, y); j = fma(j, x, y); k = fma(k, x, y); l = fma(l, x, y);
    a = fma(a, x, y); b = fma(b, x, y); c = fma(c, x, y); d = fma(d, x, y); e = fma(e, x, y); f = fma(f, x, y);
    g = fma(g, x, y); h = fma(h, x, y); i = fma(i, x, y); j = fma(j, x, y); k = fma(k, x, y); l = fma(l, x, y);
  }
  const left = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(e, f));
  const right = f32x4.add(f32x4.add(f32x4.add(g, h), f32x4.add(i, j)), f32x4.add(k, l));
  return f32x4.extract_lane(f32x4.add(left, right), 0);
}

/** `rounds` times 24 four-byte dot products in 12 chains: 384 products of bytes a round. None without relaxed SIMD. */
export function peakDot(rounds: i32, signed: i32, unsigned: i32): i32 {
  const x = i32x4.splat(signed);
  const y = i32x4.splat(unsigned);
  let a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
  for (; rounds > 0; rounds--) {
    a = dot4(x, y, a); b = dot4(x, y, b); c = dot4(x, y, c); d = dot4(x, y, d); e = dot4(x, y, e); f = dot4(x, y, f);
    g = dot4(x, y, g); h = dot4(x, y, h); i = dot4(x, y, i); j = dot4(x, y, j); k = dot4(x, y, k); l = dot4(x, y, l);
    a = dot4(x, y, a); b = dot4(x, y, b); c = dot4(x, y, c); d = dot4(x, y, d); e = dot4(x, y, e); f = dot4(x, y, f);
    g = dot4(x, y, g); h = dot4(x, y, h); i = dot4(x, y, i); j = dot4(x, y, j); k = dot4(x, y, k); l = dot4(x, y, l);
  }
  const left = i32x4.add(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)), i32x4.add(e, f));
  const right = i32x4.add(i32x4.add(i32x4.add(g, h), i32x4.add(i, j)), i32x4.add(k, l));
  return i32x4.extract_lane(i32x4.add(left, right), 0);
}
