/** What a contender answers wherever it runs: a process, a page, a Worker. The place says what it has. */
import type { Peak } from '../measure/peak.js';
import { type Contender, type ContenderMaker, type Prepared, Unable } from '../peers/contender.js';
import { type Work, works } from '../tasks/work.js';
import type { Answer, Request, Timed } from './messages.js';

export interface Place {
  /** Throws `Unable` for a contender that is not known here. */
  readonly maker: (contender: string, threads: number) => ContenderMaker;
  /** The register loop of a contender's instructions; undefined for other engines. */
  readonly peak: (contender: string) => Peak | undefined;
  /** Seconds of one run, a number for each sample. `once` is what a run took while it was warmed. */
  readonly time: (prepared: Prepared, seconds: number, once: number) => Promise<readonly number[]>;
}

/** A run of more seconds is timed once, while it is warmed. */
const longest = 0.5;

/** The engine's better compiler must have had its turn, alike for every contender. */
const warmCalls = 60;
const warmMilliseconds = 1500;

export class Answering {
  #contender: Contender | undefined;
  #peak: Peak | undefined;
  #current: { readonly work: Work; readonly prepared: Prepared; readonly once: number } | undefined;

  constructor(private readonly place: Place) {}

  async answer(request: Request): Promise<Answer> {
    try {
      switch (request.ask) {
        case 'start':
          return await this.#start(request.contender, request.threads);
        case 'prepare':
          return await this.#prepare(request.work);
        case 'time':
          return { timed: await this.#time(request.seconds) };
        case 'close':
          this.#current?.prepared.close();
          this.#current = undefined;
          return { closed: true };
      }
    } catch (error) {
      if (error instanceof Unable) return { unable: error.message };
      return { unable: `failed: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  async #start(name: string, threads: number): Promise<Answer> {
    this.#contender = await this.place.maker(name, threads)();
    this.#peak = this.place.peak(name);
    return { version: this.#contender.version };
  }

  async #prepare(id: string): Promise<Answer> {
    const work = works.find((each) => each.id === id);
    if (!work || !this.#contender) return { unable: 'no such work' };
    const prepared = await this.#contender.prepare(work.task);
    this.#current = { work, prepared, once: 0 };
    const result = (await prepared.result()).slice();
    const begin = performance.now();
    let calls = 0;
    for (; calls < warmCalls && performance.now() - begin < warmMilliseconds; calls++) await prepared.run();
    const once = (performance.now() - begin) / 1000 / calls;
    this.#current = { work, prepared, once };
    return {
      result,
      ...(prepared.rounding ? { rounding: prepared.rounding } : {}),
      ...(once > longest ? { once } : {}),
    };
  }

  async #time(seconds: number): Promise<Timed> {
    if (!this.#current) throw new Error('a prepared work is required');
    const { prepared, work, once } = this.#current;
    const kind = work.task.kind === 'int8Matmul' ? 'dot' : 'float';
    const peaks = this.#peak ? [this.#peak.measure(kind)] : [];
    const samples = await this.place.time(prepared, seconds, once);
    return { samples, peaks: this.#peak ? [...peaks, this.#peak.measure(kind)] : [] };
  }
}
