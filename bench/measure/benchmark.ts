/** benchmark.js, as a promise of its samples. */
import Benchmark from 'benchmark';
import type { Runnable } from './timer.js';

interface Deferred {
  resolve(): void;
}

/** Seconds of one call, a number for each of benchmark.js's cycles, which together take at least `seconds`. */
export function benchmark(fn: Runnable, isAsync: boolean, seconds: number, minSamples = 3): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const run = isAsync
      ? (deferred: Deferred): void => void Promise.resolve(fn()).then(() => deferred.resolve(), reject)
      : fn;
    const bench = new Benchmark('', run as () => void, {
      defer: isAsync,
      async: true,
      maxTime: seconds,
      minSamples,
    });
    bench.on('complete', () => {
      const { error } = bench;
      if (error) reject(error);
      else resolve(bench.stats.sample);
    });
    bench.run();
  });
}
