/**
 * The functions of floats against float64, at every float32 there is; those of two floats at 2^29 pairs. Holds the largest
 * errors to what docs/accuracy.md states, and says where each is.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { accuracy } from '../../tests/support/accuracy.js';
import type { Found, Share } from './accuracy-worker.js';
import { held, type Part, type Row, stated } from './row.js';

/** Shares of a function, so that none takes long. */
const SHARES = 256;

const sharesOf = (quick: boolean): Share[] =>
  accuracy.flatMap(({ name }) => Array.from({ length: SHARES }, (_, at) => ({ name, at, of: SHARES, quick })));

/** The largest error of each function on each module, by `name module`. */
async function measure(quick: boolean): Promise<ReadonlyMap<string, Found>> {
  const largest = new Map<string, Found>();
  const shares = sharesOf(quick);
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./accuracy-worker.js', import.meta.url));
      const next = (): void => {
        const share = shares.shift();
        if (share) worker.postMessage(share);
        else void worker.terminate().then(() => resolve());
      };
      worker.on('error', reject);
      worker.on('message', (all: readonly Found[]) => {
        for (const found of all) {
          const key = `${found.name} ${found.module}`;
          const before = largest.get(key);
          if (before === undefined || found.error > before.error) largest.set(key, found);
        }
        next();
      });
      next();
    });
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return largest;
}

export const accuracyPart: Part = {
  name: 'accuracy',
  run: async (quick) => {
    const largest = await measure(quick);
    return accuracy.flatMap((row): Row[] =>
      (['relaxed', 'simd'] as const).flatMap((module) => {
        const found = largest.get(`${row.name} ${module}`);
        if (!found) return [stated(`${row.name}, ${module}`, 'not on this engine')];
        const what = `${row.name}, ${module}, units in the last place`;
        return [held(what, found.error, 4, { atMost: row[module].error }), stated('  at', found.at.join(', '))];
      }),
    );
  },
};
