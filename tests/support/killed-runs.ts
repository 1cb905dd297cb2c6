/** The long run in processes of their own, which are sent signals or killed at moments drawn from a seed. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomWords } from '../../src/core/random.js';
import { loadModel } from '../../src/train/model.js';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
  readonly milliseconds: number;
}

/** Runs the long run in a process of its own; `begin` returns what hears of its output, and may send it signals. */
export function runChild(
  path: string,
  begin: (send: (signal: NodeJS.Signals) => void) => (output: string) => void,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const script = fileURLToPath(new URL('./long-run.js', import.meta.url));
    const start = performance.now();
    const child = spawn(process.execPath, [...process.execArgv, script, path], { stdio: ['ignore', 'pipe', 'pipe'] });
    const hear = begin((signal) => child.kill(signal));
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk) => hear((output += chunk)));
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, output, errors, milliseconds: performance.now() - start }),
    );
  });
}

export const undisturbed = () => () => {};

/** The digest that a run ended with. */
export const endOf = ({ output }: Ended): string | undefined => /^end (\w+)$/m.exec(output)?.[1];

export interface KilledRuns {
  readonly kills: number;
  /** Kills that left a checkpoint behind, which was read. */
  readonly resumed: number;
  /** Runs that were killed, started again and ended, each with the digest of one that nobody disturbed. */
  readonly identicalEnds: number;
}

/**
 * Kills as many runs as asked, each once, starts them again and compares their ends. The moments are drawn from the seed, up
 * to the time that an undisturbed run takes; a run that ends before its moment does not count.
 */
export async function killRuns(kills: number, seed: number): Promise<KilledRuns> {
  const folder = mkdtempSync(join(tmpdir(), 'quern-killed-'));
  try {
    const whole = await runChild(join(folder, 'whole'), undisturbed);
    const expected = endOf(whole);
    if (expected === undefined) throw new Error(`a run that ends is required: ${whole.errors}`);
    let [killed, resumed, identicalEnds] = [0, 0, 0];
    for (const [i, word] of randomWords([seed, 0], 0, kills * 10).entries()) {
      if (killed === kills) break;
      const path = join(folder, `run-${i}`);
      const delay = word * 2 ** -32 * whole.milliseconds;
      const first = await runChild(path, (send) => {
        setTimeout(() => send('SIGKILL'), delay).unref();
        return () => {};
      });
      if (first.signal !== 'SIGKILL') continue;
      killed++;
      if (existsSync(path)) {
        await loadModel(path);
        resumed++;
      }
      if (endOf(await runChild(path, undisturbed)) === expected) identicalEnds++;
    }
    return { kills: killed, resumed, identicalEnds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
