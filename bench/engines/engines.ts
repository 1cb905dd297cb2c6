/** Deno and Bun: those that DENO and BUN name, else pinned ones of the registry, installed here when first asked for. */
import { type ForkOptions, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface Engine {
  /** In the folder of installed packages. */
  readonly binary: string;
  readonly flags: readonly string[];
}

const engines = {
  deno: {
    binary: process.platform === 'win32' ? 'deno/deno.exe' : 'deno/deno',
    flags: ['run', '--allow-all', '--node-modules-dir=manual'],
  },
  bun: { binary: 'bun/bin/bun.exe', flags: [] },
} as const satisfies Readonly<Record<string, Engine>>;

export type EngineName = keyof typeof engines;

const here = new URL('./', import.meta.url);
const pinned = new URL('../../../bench/engines/', import.meta.url);
const lists = ['package.json', 'package-lock.json'];

const named = (name: EngineName): string | undefined => process.env[name.toUpperCase()];

/** How to run a file in an engine; undefined where it is not there. */
export function engineOf(name: EngineName): Pick<ForkOptions, 'execPath' | 'execArgv'> | undefined {
  const { binary, flags } = engines[name];
  const execPath = named(name) ?? fileURLToPath(new URL(`node_modules/${binary}`, here));
  return existsSync(execPath) ? { execPath, execArgv: [...flags] } : undefined;
}

/** Installs what is missing of these. Where that fails the report's rows say so. */
export function installEngines(names: readonly string[]): void {
  const wanted = names.filter((name): name is EngineName => Object.hasOwn(engines, name));
  if (wanted.every((name) => named(name) ?? engineOf(name)) || !existsSync(pinned)) return;
  const isCurrent = lists.every((list) => {
    const copy = new URL(list, here);
    return existsSync(copy) && readFileSync(copy).equals(readFileSync(new URL(list, pinned)));
  });
  if (isCurrent && existsSync(new URL('node_modules', here))) return;
  console.error('Installing Deno and Bun (about 200 MB) ...');
  mkdirSync(here, { recursive: true });
  for (const list of lists) copyFileSync(new URL(list, pinned), new URL(list, here));
  const args = ['ci', '--no-fund', '--no-audit', '--loglevel=error'];
  const cwd = fileURLToPath(here);
  const { status } = spawnSync('npm', args, { cwd, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (status !== 0) console.error('They could not be installed: the report will say so in every row.');
}
