/** The integer kernels' records. (Helper "hot kernels": this file is yours to write; plan.ts calls `lowerCluster`.) */
import { UnsupportedError } from '../../../core/errors.js';
import type { ValueId } from '../../../graph/program.js';
import type { IntegerCluster } from '../integer.js';
import type { Emitter, Operand } from '../lowering.js';

/** Emits one integer matmul or convolution. `operand` gives the place of a value of the graph. */
export function lowerCluster(cluster: IntegerCluster, _operand: (value: ValueId) => Operand, _emit: Emitter): void {
  throw new UnsupportedError(cluster.root.name, 'integer kernels are not built yet.');
}
