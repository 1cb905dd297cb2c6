// Optimizer updates in one pass over their operands; outputs may be their inputs. A unit is BLOCK elements. What is done
// to `n` elements, at most four, is written once: for whole vectors, and for the last elements.

import { loadLanes, storeLanes } from '../lanes';
import { fma } from '../simd';
import { elementsBefore } from '../templates';

/** x to the power n, n >= 0, in float64: bias corrections lose most of their digits in float32. */
function power(x: f64, n: i32): f64 {
  let result: f64 = 1;
  for (; n > 0; n >>= 1) {
    if (n & 1) result *= x;
    x *= x;
  }
  return result;
}

// @ts-ignore: decorator
@inline
function descend(out: usize, parameter: usize, gradient: usize, descent: v128, n: i32): void {
  storeLanes(out, fma(descent, loadLanes(gradient, n), loadLanes(parameter, n)), n);
}

/** parameter - learningRate * gradient */
export function sgd(
  begin: i32,
  end: i32,
  out: usize,
  parameter: usize,
  gradient: usize,
  learningRate: usize,
  count: i32,
): void {
  const descent = f32x4.neg(v128.load32_splat(learningRate));
  let at = <usize>elementsBefore(begin, count) << 2;
  let n = elementsBefore(end, count) - elementsBefore(begin, count);
  for (; n >= 4; n -= 4) {
    descend(out + at, parameter + at, gradient + at, descent, 4);
    at += 16;
  }
  if (n > 0) descend(out + at, parameter + at, gradient + at, descent, n);
}

// @ts-ignore: decorator
@inline
function roll(
  out: usize,
  outVelocity: usize,
  parameter: usize,
  gradient: usize,
  velocity: usize,
  descent: v128,
  friction: v128,
  nesterov: i32,
  n: i32,
): void {
  const step = f32x4.mul(descent, loadLanes(gradient, n));
  const speed = fma(friction, loadLanes(velocity, n), step);
  const move = nesterov ? fma(friction, speed, step) : speed;
  const next = f32x4.add(loadLanes(parameter, n), move);
  storeLanes(outVelocity, speed, n);
  storeLanes(out, next, n);
}

/** velocity' = momentum * velocity - learningRate * gradient; the parameter moves by it, or by what Nesterov looks ahead. */
export function sgdMomentum(
  begin: i32,
  end: i32,
  out: usize,
  outVelocity: usize,
  parameter: usize,
  gradient: usize,
  velocity: usize,
  learningRate: usize,
  count: i32,
  momentum: f32,
  nesterov: i32,
): void {
  const descent = f32x4.neg(v128.load32_splat(learningRate));
  const friction = f32x4.splat(momentum);
  let at = <usize>elementsBefore(begin, count) << 2;
  let n = elementsBefore(end, count) - elementsBefore(begin, count);
  for (; n >= 4; n -= 4) {
    roll(out + at, outVelocity + at, parameter + at, gradient + at, velocity + at, descent, friction, nesterov, 4);
    at += 16;
  }
  if (n > 0) {
    roll(out + at, outVelocity + at, parameter + at, gradient + at, velocity + at, descent, friction, nesterov, n);
  }
}

// @ts-ignore: decorator
@inline
function adapt(
  out: usize,
  outM: usize,
  outV: usize,
  parameter: usize,
  gradient: usize,
  m: usize,
  v: usize,
  rate: v128,
  decay1: v128,
  decay2: v128,
  epsilon: v128,
  n: i32,
): void {
  const g = loadLanes(gradient, n);
  const oldM = loadLanes(m, n);
  const oldV = loadLanes(v, n);
  const newM = fma(f32x4.sub(g, oldM), decay1, oldM);
  const newV = fma(f32x4.sub(f32x4.mul(g, g), oldV), decay2, oldV);
  const move = f32x4.div(f32x4.mul(rate, newM), f32x4.add(f32x4.sqrt(newV), epsilon));
  const next = f32x4.sub(loadLanes(parameter, n), move);
  storeLanes(outM, newM, n);
  storeLanes(outV, newV, n);
  storeLanes(out, next, n);
}

/**
 * Adam as in Keras 3. `decay1` and `decay2` are 1 - beta1 and 1 - beta2, which float32 holds to its full precision where
 * beta itself would lose it.
 */
export function adam(
  begin: i32,
  end: i32,
  out: usize,
  outM: usize,
  outV: usize,
  parameter: usize,
  gradient: usize,
  m: usize,
  v: usize,
  learningRate: usize,
  step: usize,
  count: i32,
  decay1: f32,
  decay2: f32,
  epsilon: f32,
): void {
  const t = load<i32>(step);
  const correction = sqrt(1 - power(1 - <f64>decay2, t)) / (1 - power(1 - <f64>decay1, t));
  const rate = f32x4.splat(<f32>(<f64>load<f32>(learningRate) * correction));
  const d1 = f32x4.splat(decay1);
  const d2 = f32x4.splat(decay2);
  const least = f32x4.splat(epsilon);
  let at = <usize>elementsBefore(begin, count) << 2;
  let n = elementsBefore(end, count) - elementsBefore(begin, count);
  for (; n >= 4; n -= 4) {
    adapt(out + at, outM + at, outV + at, parameter + at, gradient + at, m + at, v + at, rate, d1, d2, least, 4);
    at += 16;
  }
  if (n > 0) {
    adapt(out + at, outM + at, outV + at, parameter + at, gradient + at, m + at, v + at, rate, d1, d2, least, n);
  }
}
