/**
 * Builds a Worker: a folder with its script, the engine, the model laid out for it, and the page, and the configurations
 * that workerd (`workerd serve config.capnp`) and wrangler (`wrangler deploy`) read. Runs on Node.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { IoError } from '../src/core/errors.js';
import { layOutModel } from '../src/backend/wasm/lay-out.js';
import { readBuilt } from './built.js';
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

/** The script as the build bundled it, with these names. */
async function scriptOf(model: string, engine: string): Promise<Uint8Array> {
  const bundled = await readBuilt('a Worker script', fileURLToPath(new URL('./worker.js', import.meta.url)));
  const named = new TextDecoder()
    .decode(bundled)
    .replace('"{{model}}"', () => JSON.stringify(model))
    .replaceAll('{{engine}}', engine);
  return new TextEncoder().encode(named);
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

/** Throws `IoError` when a file cannot be read or written, `FormatError` for what is no model. */
export async function buildWorker(options: WorkerOptions): Promise<BuiltWorker> {
  const { modelPath, outDir, module } = options;
  const name = options.name ?? basename(modelPath, extname(modelPath));
  const engineName = `infer-${module}`;
  const [script, engine, model, page] = await Promise.all([
    scriptOf(name, engineName),
    readBuilt('an engine module', fileURLToPath(new URL(`../wasm/${engineName}.wasm`, import.meta.url))),
    readBuilt('a model file', modelPath).then((bytes) => layOutModel(bytes, { graphs: ['predict'] })),
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
