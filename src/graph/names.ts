/** Names of inputs, outputs, variables and graphs, and how types print. Names are keys of plain objects and of files. */
import { GraphError } from '../core/errors.js';
import { printShape } from '../core/shape.js';
import type { TensorType } from '../ops/tensor.js';

const pattern = /^[A-Za-z0-9][A-Za-z0-9_.:/-]*$/;

/** Letters, digits and `_ . : / -`, at most 256, starting with a letter or digit; no property of every object. */
export const isName = (name: unknown): name is string =>
  typeof name === 'string' && name.length <= 256 && pattern.test(name) && !(name in Object.prototype);

export function checkName(where: string, what: string, name: string): void {
  if (isName(name)) return;
  throw new GraphError(
    where,
    `the name of ${what} is letters, digits and _ . : / -, starting with a letter or digit. Received '${name}'.`,
  );
}

/** `f32 [batch, 10]` */
export const printType = ({ dtype, shape }: TensorType): string => `${dtype} ${printShape(shape)}`;
