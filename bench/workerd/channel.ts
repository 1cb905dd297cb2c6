/** A contender in a Worker of its own, in the real Cloudflare runtime on this machine, whose clock runs while it computes. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type RunningWorker, startWorkerd } from '../../edge/workerd.js';
import { modulePath } from '../../src/backend/wasm/modules-node.js';
import { moduleNames } from '../page/modules.js';
import type { Answer } from '../process/messages.js';
import type { Channel } from '../process/player.js';
import { decodeAnswer } from '../process/wire.js';

const config = `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
${moduleNames.map((name) => `    (name = "${name}.wasm", wasm = embed "${name}.wasm"),`).join('\n')}
  ],
  compatibilityDate = "2026-07-01",
);
`;

async function open(folder: string): Promise<RunningWorker> {
  const path = join(folder, 'config.capnp');
  writeFileSync(path, config);
  for (const name of moduleNames) copyFileSync(modulePath(name), join(folder, `${name}.wasm`));
  await build({
    entryPoints: [fileURLToPath(new URL('./worker.js', import.meta.url))],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['*.wasm'],
  });
  return startWorkerd({ config: path, port: 0, log: () => undefined });
}

export function workerdChannel(): Channel {
  const folder = mkdtempSync(join(tmpdir(), 'quern-bench-'));
  let opened: Promise<RunningWorker> | undefined;
  let ended: string | undefined;
  const fail = (error: unknown): Answer => {
    ended ??= error instanceof Error ? error.message : String(error);
    return { unable: ended };
  };
  return {
    ask: async (request): Promise<Answer> => {
      if (ended !== undefined) return { unable: ended };
      try {
        const { url } = await (opened ??= open(folder));
        const response = await fetch(url, { method: 'POST', body: JSON.stringify(request) });
        const text = await response.text();
        return response.ok ? decodeAnswer(text) : { unable: `the Worker answered ${response.status}: ${text}` };
      } catch (error) {
        return fail(error);
      }
    },
    kill: () =>
      void Promise.resolve(opened)
        .then((worker) => worker?.stop(), fail)
        .finally(() => rmSync(folder, { recursive: true, force: true })),
  };
}
