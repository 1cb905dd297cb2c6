/** Initial values for test programs. */
import { ndarray, sizeOf } from '../../src/core/ndarray.js';
import { normal } from '../../src/core/random.js';
import type { Initializer } from '../../src/graph/builder.js';
import type { Executable } from '../../src/backend/backend.js';
import type { ProgramBuilder } from '../../src/graph/builder.js';

/** Normal numbers of the given deviation. */
export const gaussian =
  (deviation = 1): Initializer =>
  (shape, key) =>
    ndarray(
      'f32',
      shape,
      normal(key, sizeOf(shape)).map((x) => x * deviation),
    );

export function initialize(executable: Executable, builder: ProgramBuilder): void {
  for (const [name, value] of builder.initialValues()) executable.setVariable(name, value);
}
