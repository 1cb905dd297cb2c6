/** The small timer that runs where benchmark.js cannot, held against it: the same work by both, in turn. */
import { contenders } from '../peers/contenders.js';
import { benchmark } from '../measure/benchmark.js';
import { spreadOf } from '../measure/statistics.js';
import { time } from '../measure/timer.js';
import { held, type Part } from './row.js';

export const timerPart: Part = {
  name: 'timer',
  run: async () => {
    const contender = await contenders.quern(1)();
    const { run, close } = await contender.prepare({ kind: 'matmul', m: 128, k: 128, n: 128 });
    for (let i = 0; i < 2000; i++) run();
    const ratios: number[] = [];
    for (let round = 0; round < 15; round++) {
      const [own, other] = [await time(run), await benchmark(run, false, 0.2)];
      ratios.push(spreadOf(own).median / spreadOf(other).median);
    }
    close();
    const apart = Math.abs(spreadOf(ratios).median - 1);
    return [held('the timer and benchmark.js apart, as a share', apart, 4, { atMost: 0.03 })];
  },
};
