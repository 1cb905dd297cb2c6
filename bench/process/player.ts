/** A contender as the parent sees it: a fresh process that is asked one thing at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Request, Timed } from './messages.js';

const child = fileURLToPath(new URL('./child.js', import.meta.url));

/** Relaxed SIMD is behind a flag in Node 20 only. */
export const engineFlags = process.versions.node.startsWith('20.') ? ['--experimental-wasm-relaxed-simd'] : [];

export class Player {
  readonly #process: ChildProcess;
  #ended: string | undefined;

  /** `label` is the contender, and the number of its threads where that is not one: `quern@2`. */
  constructor(readonly label: string) {
    this.#process = fork(child, [], {
      serialization: 'advanced',
      execArgv: engineFlags,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#process.on('exit', (code, signal) => (this.#ended = `its process ended with ${signal ?? code}`));
  }

  /** The contender's version, or why it cannot take part. */
  async start(): Promise<{ readonly version: string } | { readonly unable: string }> {
    const [contender = '', threads = '1'] = this.label.split('@');
    const reply = await this.#ask({ ask: 'start', contender, threads: Number(threads) });
    return 'version' in reply || 'unable' in reply ? reply : { unable: 'no answer' };
  }

  async prepare(work: string): Promise<{ readonly result: Float32Array } | { readonly unable: string }> {
    const reply = await this.#ask({ ask: 'prepare', work });
    return 'result' in reply || 'unable' in reply ? reply : { unable: 'no answer' };
  }

  async time(seconds: number): Promise<Timed | { readonly unable: string }> {
    const reply = await this.#ask({ ask: 'time', seconds });
    return 'timed' in reply ? reply.timed : 'unable' in reply ? reply : { unable: 'no answer' };
  }

  async close(): Promise<void> {
    await this.#ask({ ask: 'close' });
  }

  kill(): void {
    this.#process.kill();
  }

  #ask(request: Request): Promise<Answer> {
    return new Promise((resolve) => {
      if (this.#ended !== undefined) return resolve({ unable: this.#ended });
      const done = (reply: Answer): void => {
        this.#process.off('message', done);
        this.#process.off('exit', died);
        resolve(reply);
      };
      const died = (): void => done({ unable: this.#ended ?? 'its process ended' });
      this.#process.on('message', done);
      this.#process.on('exit', died);
      this.#process.send(request, (error) => error && died());
    });
  }
}
