/** What a loss is, and what losses share. */
import { Trace } from '../graph/trace.js';
import { maximum, minimum } from '../ops/binary.js';
import type { OpName } from '../ops/schema.js';
import type { Tensor, TensorType } from '../ops/tensor.js';

export interface Labels extends TensorType {
  /** Labels are indices below this. */
  readonly classes?: number;
}

/** A loss: a number for each example, from labels and predictions. */
export interface Loss {
  readonly name: string;
  /** The labels for predictions of a type. Throws `ShapeError` for predictions that the loss does not take. */
  readonly labels: (prediction: TensorType) => Labels;
  /** f32, of any shape. */
  readonly call: (labels: Tensor, prediction: Tensor) => Tensor;
}

/** Labels f32 of the predictions' shape. */
export const labelsAlike = ({ shape }: TensorType): Labels => ({ dtype: 'f32', shape });

/** What `op` was applied to where it made `tensor`. */
export function operandOf(op: OpName, tensor: Tensor): Tensor | undefined {
  const { recorder } = tensor;
  if (!(recorder instanceof Trace)) return undefined;
  const maker = recorder.nodes.findLast(({ outputs }) => outputs.includes(tensor.id));
  const [operand] = maker?.op === op ? maker.inputs : [];
  return operand === undefined ? undefined : recorder.tensor(operand);
}

/** Keras keeps probabilities this far from 0 and 1. */
export const epsilon = 1e-7;

export const clip = (probabilities: Tensor): Tensor => minimum(maximum(probabilities, epsilon), 1 - epsilon);
