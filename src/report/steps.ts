/** Times of single steps of training, taken where the backend runs them. */
import type { Backend, Executable } from '../backend/backend.js';

/** A backend, and the times of the steps that ran on it. */
export interface TimedBackend {
  /** Runs as the backend does that it was made of. */
  readonly backend: Backend;
  /** Milliseconds of every run of `trainStep` so far, its batch brought and its measures fetched. */
  readonly msPerStep: readonly number[];
}

/** A backend that takes the time of each step of training. */
export function timeSteps(backend: Backend): TimedBackend {
  const msPerStep: number[] = [];
  const timed = (executable: Executable): Executable => ({
    run: async (graph, feeds, options) => {
      const start = performance.now();
      const outputs = await executable.run(graph, feeds, options);
      if (graph === 'trainStep') msPerStep.push(performance.now() - start);
      return outputs;
    },
    time: (...given) => executable.time(...given),
    getVariable: (...given) => executable.getVariable(...given),
    setVariable: (...given) => executable.setVariable(...given),
    createSession: () => executable.createSession(),
    stats: () => executable.stats(),
    close: () => executable.close(),
  });
  const compile: Backend['compile'] = async (...given) => timed(await backend.compile(...given));
  return { backend: { name: backend.name, compile }, msPerStep };
}
