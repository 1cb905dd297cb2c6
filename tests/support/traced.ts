/** Runs a traced function on arrays, in the reference. */
import { referenceBackend } from '../../src/backend/reference/reference.js';
import type { NDArray } from '../../src/core/ndarray.js';
import type { Named } from '../../src/core/tree.js';
import { ProgramBuilder, type Scope } from '../../src/graph/builder.js';
import type { Tensor } from '../../src/ops/tensor.js';

type Traced = (inputs: Readonly<Record<string, Tensor>>, scope: Scope) => Named<Tensor>;

/** The outputs, and the first values of the variables that the function declares. */
export async function runTraced(
  feeds: Named<NDArray>,
  fn: Traced,
  seed = 0,
): Promise<{ outputs: Record<string, NDArray>; variables: Map<string, NDArray> }> {
  const builder = new ProgramBuilder({ seed });
  builder.trace('main', feeds, fn);
  const executable = await referenceBackend.compile(builder.program());
  const variables = builder.initialValues();
  for (const [name, value] of variables) executable.setVariable(name, value);
  return { outputs: await executable.run('main', feeds), variables };
}

/** The elements of the only output. */
export async function computed(
  feeds: Named<NDArray>,
  fn: (inputs: Readonly<Record<string, Tensor>>) => Tensor,
): Promise<number[]> {
  const { outputs } = await runTraced(feeds, (inputs) => ({ y: fn(inputs) }));
  return Array.from(outputs['y']?.data ?? []);
}
