/**
 * The timer for engines that refuse generated code (workerd, strict pages), where benchmark.js cannot run: repeats a
 * function until a sample takes long enough for the clock, and gives the seconds of one call for each sample. Its median is
 * held against that of benchmark.js by a test.
 */

export interface TimerOptions {
  /** Seconds that all samples together take at least (default 0.25). */
  readonly seconds?: number;
  /** Seconds of a sample (default 0.05): as long as those of benchmark.js, so that both hold as much garbage collection. */
  readonly sample?: number;
  /** Samples at the least (default 5). */
  readonly least?: number;
  /** Milliseconds since some moment. */
  readonly now?: () => number;
}

export type Runnable = () => unknown;

/** Seconds of one call, a number for each sample. Results that are promises are waited for. */
export async function time(fn: Runnable, options: TimerOptions = {}): Promise<number[]> {
  const { seconds = 0.25, sample = 0.05, least = 5, now = () => performance.now() } = options;
  const measure = async (calls: number): Promise<number> => {
    const start = now();
    for (let i = 0; i < calls; i++) {
      const result = fn();
      if (result instanceof Promise) await result;
    }
    return (now() - start) / 1000;
  };
  let calls = 1;
  let elapsed = await measure(calls);
  while (elapsed < sample) {
    calls = Math.max(calls + 1, Math.ceil(calls * Math.min(10, (1.2 * sample) / Math.max(elapsed, 1e-6))));
    elapsed = await measure(calls);
  }
  const samples = [elapsed / calls];
  for (let total = elapsed; total < seconds || samples.length < least; total += elapsed) {
    elapsed = await measure(calls);
    samples.push(elapsed / calls);
  }
  return samples;
}
