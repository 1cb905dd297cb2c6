/** How finely a clock tells time: browsers and Workers round theirs, from microseconds to a tenth of a second. */

/** Steps of a clock in a measured time at the least: so many make it right to 2 %. */
export const leastTicks = 50;

/** Calls after which a clock that has not moved is taken to stand still, as a deployed Worker's does while it computes. */
const patience = 20_000_000;

/** The smallest of five steps of the clock, in its unit; infinite where it stands still. */
export function resolutionOf(now: () => number = () => performance.now()): number {
  let least = Infinity;
  let before = now();
  for (let calls = 0, steps = 0; steps < 5 && calls < patience; calls++) {
    const at = now();
    if (at === before) continue;
    // The first step starts somewhere within a tick.
    if (steps > 0) least = Math.min(least, at - before);
    before = at;
    steps++;
  }
  return least;
}
