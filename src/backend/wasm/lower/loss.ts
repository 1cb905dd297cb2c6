/** Cross-entropy from logits, and its gradient. */
import { one, three, two } from '../../../ops/rules.js';
import type { LoweringFacet } from '../lowering.js';
import { ROW_SCRATCH, rowsOf } from './normalize.js';

/** Only training modules have kernels for these. */
export const lowerTraining = {
  sparseCategoricalCrossentropy: ({ inputs, outputs }, emit) => {
    const [logits, labels] = two('sparseCategoricalCrossentropy', inputs);
    const loss = one('sparseCategoricalCrossentropy', outputs);
    const { units, ...rows } = rowsOf(logits, emit);
    emit.threadScratch(ROW_SCRATCH);
    emit.record('crossentropy', units, { loss: loss.at, logits: logits.at, labels: labels.at, ...rows });
  },
  sparseCategoricalCrossentropyGrad: ({ inputs, outputs }, emit) => {
    const [logits, labels, dloss] = three('sparseCategoricalCrossentropyGrad', inputs);
    const dlogits = one('sparseCategoricalCrossentropyGrad', outputs);
    const { units, ...rows } = rowsOf(logits, emit);
    emit.inPlace(dlogits, logits);
    const args = { dlogits: dlogits.at, logits: logits.at, labels: labels.at, dloss: dloss.at, ...rows };
    emit.record('crossentropyGrad', units, args);
  },
} satisfies LoweringFacet<'sparseCategoricalCrossentropy' | 'sparseCategoricalCrossentropyGrad'>;
