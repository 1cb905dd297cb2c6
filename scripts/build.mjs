// Builds dist/: the modules from assembly/, and every TypeScript file as JavaScript beside its like. What has not changed
// is not built again. `--types` adds declarations. `--only=wasm|js` builds one half.
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { generateKernels } from './kernels.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const rooms = ['src', 'edge', 'bench', 'tests'];

/** Entries that ship as one file each. */
const bundled = ['edge/index.ts', 'edge/executor.ts'];

function files(folder, extension) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths)
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
      .update('\0');
  return hash.digest('hex');
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${args[1] ?? command} failed`))));
  });
}

function leb128(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

/** Adds a custom section to a module, as the WebAssembly core specification has it (5.5.3). */
function appendSection(path, name, text) {
  const body = Buffer.concat([leb128(name.length), Buffer.from(name), Buffer.from(text)]);
  appendFileSync(path, Buffer.concat([Buffer.of(0), leb128(body.length), body]));
}

/** Compiles the modules, as many at once as there are processors. */
async function buildModules() {
  const stamp = join(root, 'dist/wasm/stamp');
  const sources = files('assembly', '.ts').filter((path) => !path.startsWith('assembly/generated/'));
  const key = hashOf([...sources, ...files('scripts', '.mjs'), 'asconfig.json', 'package-lock.json']);
  const modules = ['infer', 'train', 'peak'].flatMap((entry) =>
    ['simd', 'relaxed'].flatMap((simd) =>
      (entry === 'peak' ? [''] : ['', '-threads']).map((threads) => ({ entry, target: `${simd}${threads}` })),
    ),
  );
  const built = modules.every(({ entry, target }) => existsSync(join(root, `dist/wasm/${entry}-${target}.wasm`)));
  if (built && existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return;
  rmSync(stamp, { force: true });
  mkdirSync(dirname(stamp), { recursive: true });
  const { generateTiles } = existsSync(join(root, 'scripts/tiles.mjs')) ? await import('./tiles.mjs') : {};
  generateTiles?.(root);
  const signatures = generateKernels(root);
  const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
  const queue = [...modules];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const out = `dist/wasm/${next.entry}-${next.target}.wasm`;
      await run(process.execPath, [
        asc,
        `assembly/${next.entry}.ts`,
        '--config',
        'asconfig.json',
        '--target',
        next.target,
        '-o',
        out,
      ]);
    }
  };
  await Promise.all(cpus().map(worker));
  // Variants of a module export the same; every Node reads that without relaxed SIMD.
  for (const [entry, kernels] of Object.entries(signatures)) {
    const module = new WebAssembly.Module(readFileSync(join(root, `dist/wasm/${entry}-simd.wasm`)));
    const exported = WebAssembly.Module.exports(module).filter(({ kind }) => kind === 'function');
    const lines = exported.map(({ name }) => kernels.get(name) ?? '-');
    const order = exported.filter(({ name }) => kernels.has(name)).map(({ name }) => name);
    if (order.join() !== [...kernels.keys()].join())
      throw new Error(`${entry}: kernels are not exported in their order`);
    for (const { target } of modules.filter((module) => module.entry === entry)) {
      const path = join(root, `dist/wasm/${entry}-${target}.wasm`);
      appendSection(path, 'quern.kernels', lines.join('\n'));
      appendSection(path, 'quern.engine', `${entry}-${key.slice(0, 12)}`);
    }
  }
  writeFileSync(stamp, key);
}

/** Transpiles every file; `vendor.ts` files take their packages in, so that nothing that ships depends on them. */
async function buildScripts() {
  const sources = rooms.flatMap((room) => files(room, '.ts'));
  const vendors = sources.filter((path) => path.endsWith('/vendor.ts'));
  const shared = {
    absWorkingDir: root,
    outdir: 'dist',
    outbase: '.',
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    sourcemap: 'linked',
    logLevel: 'warning',
  };
  await esbuild.build({
    ...shared,
    entryPoints: sources.filter((path) => ![...vendors, ...bundled].includes(path)),
  });
  const banner = { js: "import * as node from 'node:module'; const require = node.createRequire(import.meta.url);" };
  await esbuild.build({ ...shared, entryPoints: vendors, bundle: true, sourcemap: false, banner });
  // One file to fetch or read where there were a hundred, and the worker that it starts. The classes of errors stay
  // where they are: who has them from the other entry catches the same ones.
  for (const entry of [...bundled, 'src/backend/wasm/worker-web.ts']) {
    const outfile = `dist/edge/${basename(entry, '.ts')}.js`;
    const one = { ...shared, outdir: undefined, outfile, entryPoints: [entry] };
    await esbuild.build({ ...one, bundle: true, minify: true, plugins: [errorsBeside] });
  }
}

/** The errors stay an import of a file that is built by itself. */
const errorsBeside = {
  name: 'errors-beside',
  setup({ onResolve }) {
    onResolve({ filter: /\/core\/errors\.js$|^\.\/errors\.js$/ }, () => ({
      path: '../src/core/errors.js',
      external: true,
    }));
  },
};

/** They stay imports in the bundle: the runtime resolves them. */
const beside = {
  name: 'beside',
  setup({ onResolve }) {
    onResolve({ filter: /\.(wasm|bin|html)$/ }, ({ path }) => ({ path, external: true }));
  },
};

/** Bundles what is served: the Worker's script and the page, with room for the names of a model and an engine. */
async function buildServed() {
  const shared = { absWorkingDir: root, bundle: true, minify: true, write: false, legalComments: 'none' };
  const worker = await esbuild.build({
    ...shared,
    entryPoints: ['edge/cloudflare.ts'],
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    conditions: ['workerd'],
    define: { MODEL_NAME: '"{{model}}"', ENGINE_NAME: '"{{engine}}"' },
    plugins: [beside],
  });
  const page = await esbuild.build({
    ...shared,
    entryPoints: ['edge/page/page.ts', 'edge/page/style.css'],
    outdir: '.',
    format: 'iife',
    target: ['es2022', 'safari16.4'],
  });
  const bundled = (extension) => page.outputFiles.find(({ path }) => path.endsWith(extension)).text.trim();
  const parts = {
    '<link rel="stylesheet" href="style.css" />': `<style>${bundled('.css')}</style>`,
    '<script type="module" src="page.ts"></script>': `<script type="module">${bundled('.js')}</script>`,
  };
  let html = readFileSync(join(root, 'edge/page/index.html'), 'utf8').replace(/\s*\n\s*/g, '\n');
  for (const [from, to] of Object.entries(parts)) {
    if (!html.includes(from)) throw new Error(`'${from}' is required in index.html`);
    html = html.replace(from, () => to);
  }
  writeFileSync(join(root, 'dist/edge/worker.js'), worker.outputFiles[0].contents);
  writeFileSync(join(root, 'dist/edge/page.html'), html);
}

export async function build({ types = false, only = '' } = {}) {
  if (only !== 'js') await buildModules();
  if (only !== 'wasm') {
    await buildScripts();
    await buildServed();
  }
  if (types) {
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.', '--emitDeclarationOnly']);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice(7);
  await build({ types: process.argv.includes('--types'), only });
}
