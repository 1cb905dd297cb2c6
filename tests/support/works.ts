/** A row of the benchmark by its name. */
import { type Work, works } from '../../bench/tasks/work.js';

export function workOf(id: string): Work {
  const work = works.find((each) => each.id === id);
  if (!work) throw new Error(id);
  return work;
}
