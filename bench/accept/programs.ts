/** The programs of the zoo: what each reaches on examples that it has not seen, as a mean over three seeds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wasmBackend } from '../../src/backend/wasm/backend.js';
import { crossValidateIris } from '../../src/models/iris.js';
import { type ModelProgram, type ModelProgramName, modelPrograms } from '../../src/models/programs.js';
import { each, held, mean, type Part, stated } from './row.js';

const seeds = [0, 1, 2];

/** What is asked of a short run: one seed, one epoch, perhaps on the first examples only. */
interface Quick {
  readonly limit: number;
  readonly atLeast: number;
}

function accuracyPart(name: ModelProgramName, atLeast: number, quickly: Quick): Part {
  const program: ModelProgram = modelPrograms[name];
  return {
    name,
    run: async (quick) => {
      const backend = wasmBackend({ training: true, threads: 'auto' });
      const out = mkdtempSync(join(tmpdir(), 'quern-accept-'));
      const short = quick ? { epochs: 1, limit: quickly.limit } : {};
      const used = quick ? [0] : seeds;
      const accuracies: number[] = [];
      try {
        for (const seed of used) {
          const { measured, served } = await program.train({ backend, out, seed, verbose: 0, ...short });
          accuracies.push(measured['accuracy'] ?? NaN);
          served.close();
        }
      } finally {
        rmSync(out, { recursive: true, force: true });
      }
      return [
        stated(`test accuracy of seeds ${used.join(', ')}`, each(accuracies)),
        held('test accuracy, mean', mean(accuracies), 4, { atLeast: quick ? quickly.atLeast : atLeast }),
      ];
    },
  };
}

/** Seeds 0, 100 and 200, since a repetition takes the next seed. */
const irisPart: Part = {
  name: 'iris',
  run: async (quick) => {
    const backend = wasmBackend({ training: true, threads: 1 });
    const accuracies: number[] = [];
    for (const seed of quick ? [0] : [0, 100, 200]) {
      accuracies.push(await crossValidateIris({ backend, seed, verbose: 0 }));
    }
    return [
      stated('accuracy of each, stratified 5-fold, 5 times', each(accuracies)),
      held('accuracy, mean', mean(accuracies), 4, { atLeast: 0.95 }),
    ];
  },
};

export const programParts: readonly Part[] = [
  accuracyPart('mnist-mlp', 0.975, { limit: 60_000, atLeast: 0.95 }),
  accuracyPart('imaging-cnn', 0.992, { limit: 60_000, atLeast: 0.97 }),
  accuracyPart('residual-cnn', 0.994, { limit: 12_000, atLeast: 0.95 }),
  irisPart,
];
