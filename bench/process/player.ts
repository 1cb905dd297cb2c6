/** A contender as the report sees it: it runs somewhere else and is asked one thing at a time. */
import type { Answer, Request, Timed } from './messages.js';

/** The way to a contender: a fresh process, page or Worker. Answers `unable` for good once that has ended. */
export interface Channel {
  ask(request: Request): Promise<Answer>;
  kill(): void;
}

export class Player {
  /**
   * `label` is what the report calls it. Its first word is the contender, and the number of its threads where that is not
   * one: `quern@2`, `quern in deno`, `quern at abc1234`.
   */
  constructor(
    readonly label: string,
    private readonly channel: Channel,
  ) {}

  /** The contender's version, or why it cannot take part. */
  async start(): Promise<{ readonly version: string } | { readonly unable: string }> {
    const [name = ''] = this.label.split(' ');
    const [contender = '', threads = '1'] = name.split('@');
    const reply = await this.channel.ask({ ask: 'start', contender, threads: Number(threads) });
    return 'version' in reply || 'unable' in reply ? reply : { unable: 'no answer' };
  }

  async prepare(work: string): Promise<Extract<Answer, { result: Float32Array }> | { readonly unable: string }> {
    const reply = await this.channel.ask({ ask: 'prepare', work });
    return 'result' in reply || 'unable' in reply ? reply : { unable: 'no answer' };
  }

  async time(seconds: number): Promise<Timed | { readonly unable: string }> {
    const reply = await this.channel.ask({ ask: 'time', seconds });
    return 'timed' in reply ? reply.timed : 'unable' in reply ? reply : { unable: 'no answer' };
  }

  async close(): Promise<void> {
    await this.channel.ask({ ask: 'close' });
  }

  kill(): void {
    this.channel.kill();
  }
}
