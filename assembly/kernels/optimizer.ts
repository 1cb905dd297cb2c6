// Optimizer updates in one pass over their operands; outputs may be their inputs. A unit is BLOCK elements.

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
  const last = elementsBefore(end, count);
  for (let i = elementsBefore(begin, count); i < last; i += 4) {
    const at = <usize>i << 2;
    const n = last - i;
    storeLanes(out + at, fma(descent, loadLanes(gradient + at, n), loadLanes(parameter + at, n)), n);
  }
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
  const last = elementsBefore(end, count);
  for (let i = elementsBefore(begin, count); i < last; i += 4) {
    const at = <usize>i << 2;
    const n = last - i;
    const step = f32x4.mul(descent, loadLanes(gradient + at, n));
    const speed = fma(friction, loadLanes(velocity + at, n), step);
    const move = nesterov ? fma(friction, speed, step) : speed;
    const next = f32x4.add(loadLanes(parameter + at, n), move);
    storeLanes(outVelocity + at, speed, n);
    storeLanes(out + at, next, n);
  }
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
  const first = f32x4.splat(decay1);
  const second = f32x4.splat(decay2);
  const floor = f32x4.splat(epsilon);
  const last = elementsBefore(end, count);
  for (let i = elementsBefore(begin, count); i < last; i += 4) {
    const at = <usize>i << 2;
    const n = last - i;
    const g = loadLanes(gradient + at, n);
    const oldM = loadLanes(m + at, n);
    const oldV = loadLanes(v + at, n);
    const newM = fma(f32x4.sub(g, oldM), first, oldM);
    const newV = fma(f32x4.sub(f32x4.mul(g, g), oldV), second, oldV);
    const move = f32x4.div(f32x4.mul(rate, newM), f32x4.add(f32x4.sqrt(newV), floor));
    const next = f32x4.sub(loadLanes(parameter + at, n), move);
    storeLanes(outM + at, newM, n);
    storeLanes(outV + at, newV, n);
    storeLanes(out + at, next, n);
  }
}
