/** A contender in a fresh process, of this Node unless said. */
import { type ForkOptions, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer } from './messages.js';
import type { Channel } from './player.js';
import { heardAnswer } from './wire.js';

const child = fileURLToPath(new URL('./child.js', import.meta.url));

/** Relaxed SIMD is behind a flag in Node 20 only. */
export const engineFlags = process.versions.node.startsWith('20.') ? ['--experimental-wasm-relaxed-simd'] : [];

/** `options` are of the process: another engine, its flags. `script` is that of another revision (default: this tree's). */
export function processChannel(options: ForkOptions = {}, script = child): Channel {
  const process = fork(script, [], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: engineFlags,
    ...options,
  });
  let ended: string | undefined;
  process.on('error', (error) => (ended ??= `does not start: ${error.message}`));
  process.on('exit', (code, signal) => (ended ??= `its process ended with ${signal ?? code}`));
  return {
    ask: (request) =>
      new Promise<Answer>((resolve) => {
        if (ended !== undefined) return resolve({ unable: ended });
        const done = (reply: Answer): void => {
          process.off('message', heard);
          process.off('exit', died);
          process.off('error', died);
          resolve(reply);
        };
        const heard = (message: unknown): void => done(heardAnswer(message));
        const died = (): void => done({ unable: ended ?? 'its process ended' });
        process.on('message', heard);
        process.on('exit', died);
        process.on('error', died);
        process.send(request, (error) => error && died());
      }),
    kill: () => void process.kill(),
  };
}
