/** Records layers one after another on a tensor, as a model does. */
import type { Scope } from '../../src/graph/builder.js';
import { applyArchitecture, sequence } from '../../src/nn/architecture.js';
import type { Layer, Mode } from '../../src/nn/layer.js';
import type { Tensor } from '../../src/ops/tensor.js';

/** The output of the last layer; `visit` sees that of each. */
export function applyLayers(
  layers: readonly Layer[],
  x: Tensor,
  scope: Scope,
  mode: Mode,
  visit: (output: Tensor) => void = () => {},
): Tensor {
  const made = applyArchitecture(sequence(layers), { input: x }, scope, mode, (_, [output]) => visit(output as Tensor));
  return made['output'] as Tensor;
}
