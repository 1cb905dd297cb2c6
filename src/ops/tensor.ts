/**
 * The symbolic tensor and the one door through which every op passes. Inside a traced function users see tensors;
 * they carry a dtype and a shape, never data. Whoever made a tensor (a trace) records what is done with it.
 */
import type { DType } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import type { Shape } from '../core/shape.js';
import type { OpAttrs, OpName } from './schema.js';

/** An element type and a shape, whose dimensions may be symbols. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Records ops. A trace is the one implementation; gradient rules and layers see only this. */
export interface Recorder {
  record<N extends OpName>(op: N, attrs: OpAttrs[N], inputs: readonly Tensor[]): readonly Tensor[];
}

/** A value of the graph that `recorder` is recording. */
export class Tensor implements TensorType {
  constructor(
    readonly recorder: Recorder,
    readonly id: number,
    readonly dtype: DType,
    readonly shape: Shape,
  ) {}

  get rank(): number {
    return this.shape.length;
  }
}

/** Records `op` and returns all of its outputs. Every op goes through here. */
export function bindAll<N extends OpName>(op: N, attrs: OpAttrs[N], ...inputs: readonly Tensor[]): readonly Tensor[] {
  const recorder = inputs[0]?.recorder;
  if (!recorder) throw new ArgumentError(op, 'at least one tensor is required; use the recorder for sources.');
  for (const input of inputs) {
    if (input.recorder !== recorder) throw new ArgumentError(op, 'tensors of one trace are required. Received two.');
  }
  return recorder.record(op, attrs, inputs);
}

/** Records `op` and returns its only output. */
export function bind<N extends OpName>(op: N, attrs: OpAttrs[N], ...inputs: readonly Tensor[]): Tensor {
  return bindAll(op, attrs, ...inputs)[0] as Tensor;
}
