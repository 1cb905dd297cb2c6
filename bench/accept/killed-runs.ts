/** Runs of `fit` that are killed at random moments and started again: all end with the bits of one that was not. */
import { killRuns } from '../../tests/support/killed-runs.js';
import { held, type Part, stated } from './row.js';

export const killedRunsPart: Part = {
  name: 'killed-runs',
  run: async (quick) => {
    const [asked, seed] = [quick ? 4 : 20, Date.now() % 2 ** 31];
    const { kills, resumed, identicalEnds } = await killRuns(asked, seed);
    return [
      stated('seed of the moments', `${seed}`),
      held('runs killed', kills, 0, { atLeast: asked }),
      stated('of these with a checkpoint to go on from', `${resumed}`),
      held('bit-identical ends', identicalEnds, 0, { atLeast: asked }),
    ];
  },
};
