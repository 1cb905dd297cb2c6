/**
 * Builds a Worker: a folder with its script, the engine, the model and the page, and the configurations that workerd
 * (`workerd serve config.capnp`) and wrangler (`wrangler deploy`) read. Runs on Node.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';
import { IoError } from '../src/core/errors.js';
import { buildPage } from './page.js';

export interface WorkerOptions {
  readonly modelPath: string;
  readonly outDir: string;
  /** `relaxed` for Cloudflare and today's engines; `simd` for those without relaxed SIMD. */
  readonly module: 'relaxed' | 'simd';
  /** How requests call the model; the file's name unless said. */
  readonly name?: string;
}

export interface Size {
  readonly bytes: number;
  readonly gzip: number;
}

export interface BuiltWorker {
  readonly name: string;
  /** The workerd configuration. */
  readonly config: string;
  readonly sizes: { readonly script: Size; readonly engine: Size; readonly page: Size; readonly model: Size };
  /** What the Worker carries besides the model and the page: script and engine, each gzipped. */
  readonly engineBytesGzip: number;
}

const compatibilityDate = '2026-07-01';

/** The files beside the script, and what workerd makes of each. */
const modules = { 'engine.wasm': 'wasm', 'model.bin': 'data', 'page.html': 'text' } as const;

/** They stay imports in the bundle: the runtime resolves them. */
const beside: Plugin = {
  name: 'beside',
  setup({ onResolve }) {
    onResolve({ filter: /\.(wasm|bin|html)$/ }, ({ path }) => ({ path, external: true }));
  },
};

async function bundle(entry: string, define: Record<string, string>): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    conditions: ['workerd'],
    define,
    plugins: [beside],
    write: false,
    legalComments: 'none',
    logLevel: 'silent',
  });
  return outputFiles[0]?.contents ?? new Uint8Array(0);
}

async function read(what: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new IoError('build', `${what} that can be read is required. Received '${path}': ${reason}.`, { cause });
  }
}

const workerdConfig = (script: string): string => `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [
    (name = "${script}", esModule = embed "${script}"),
${Object.entries(modules)
  .map(([name, kind]) => `    (name = "${name}", ${kind} = embed "${name}"),`)
  .join('\n')}
  ],
  compatibilityDate = "${compatibilityDate}",
);
`;

const wranglerConfig = (name: string, script: string): string =>
  `${JSON.stringify({ name: name.toLowerCase().replace(/[^a-z0-9]+/g, '-'), main: script, compatibility_date: compatibilityDate }, null, 2)}\n`;

/** Throws `IoError` when a file cannot be read or written. */
export async function buildWorker(options: WorkerOptions): Promise<BuiltWorker> {
  const { modelPath, outDir, module } = options;
  const name = options.name ?? basename(modelPath, extname(modelPath));
  const engineName = `infer-${module}`;
  const define = { MODEL_NAME: JSON.stringify(name), ENGINE_NAME: JSON.stringify(engineName) };
  const [script, engine, model, page] = await Promise.all([
    bundle(fileURLToPath(new URL('./cloudflare.js', import.meta.url)), define),
    read('an engine module', fileURLToPath(new URL(`../wasm/${engineName}.wasm`, import.meta.url))),
    read('a model file', modelPath),
    buildPage({ model: name, host: 'Worker' }).then((html) => new TextEncoder().encode(html)),
  ]);
  const files = {
    'worker.js': script,
    'engine.wasm': engine,
    'model.bin': model,
    'page.html': page,
    'config.capnp': workerdConfig('worker.js'),
    'wrangler.jsonc': wranglerConfig(name, 'worker.js'),
  };
  try {
    await mkdir(outDir, { recursive: true });
    await Promise.all(Object.entries(files).map(([file, contents]) => writeFile(join(outDir, file), contents)));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new IoError('build', `a folder that can be written is required. Received '${outDir}': ${reason}.`, { cause });
  }
  const sizeOf = (bytes: Uint8Array): Size => ({ bytes: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length });
  const sizes = { script: sizeOf(script), engine: sizeOf(engine), page: sizeOf(page), model: sizeOf(model) };
  return {
    name,
    config: join(outDir, 'config.capnp'),
    sizes,
    engineBytesGzip: sizes.script.gzip + sizes.engine.gzip,
  };
}
