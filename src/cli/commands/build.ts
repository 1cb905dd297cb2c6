/** `quern build`: a model file made ready for where it will be served. */
import { join } from 'node:path';
import { loadFile, saveFile } from '../../format/file.js';
import { jsonOption } from '../options.js';
import { bytes, outputOf, table } from '../output.js';
import { type Command, Option } from '../vendor.js';

interface BuildOptions {
  readonly out: string;
  readonly target: 'worker' | 'model';
  readonly module?: 'relaxed' | 'simd';
  readonly name?: string;
  readonly json?: boolean;
}

export function addBuild(program: Command): void {
  const target = new Option('--target <what>', 'a Worker with all that it carries, or the laid-out model alone');
  const module = new Option(
    '--module <simd>',
    'the engine that the Worker carries (default: relaxed, which Cloudflare takes)',
  );
  const command = program
    .command('build')
    .description('lay a model file out and build what serves it: a Cloudflare Worker, or a file for quern/executor')
    .argument('<file>', 'a model file')
    .requiredOption('--out <path>', "the Worker's folder, or the laid-out model's file")
    .addOption(target.choices(['worker', 'model']).default('worker'))
    .addOption(module.choices(['relaxed', 'simd']))
    .option('--name <name>', 'how requests call the model in the Worker; the name of the file unless said')
    .addOption(jsonOption())
    .action((file: string, options: BuildOptions) => {
      if (options.target === 'worker') return buildFolder(file, options);
      const given = (['module', 'name'] as const).find((option) => options[option] !== undefined);
      if (given) command.error(`error: --target model takes no --${given}: it serves every engine by any name`);
      return buildModel(file, options);
    });
}

async function buildFolder(modelPath: string, { out, module = 'relaxed', name, json }: BuildOptions): Promise<void> {
  const { buildWorker } = await import('../../../edge/build.js');
  const { config, sizes, ...built } = await buildWorker({ modelPath, outDir: out, module, ...(name ? { name } : {}) });
  const rows = Object.entries(sizes).map(([part, size]) => [part, `${bytes(size.gzip)} gzipped`] as const);
  const next = `Run it here:  npx workerd serve ${config}\nDeploy it:    npx wrangler deploy --config ${join(out, 'wrangler.jsonc')}`;
  outputOf(json).result({ out, config, ...built, sizes }, `${table(rows)}\n${next}`);
}

async function buildModel(path: string, { out, json }: BuildOptions): Promise<void> {
  const { layOutModel } = await import('../../backend/wasm/lay-out.js');
  const model = loadFile(path);
  const laidOut = layOutModel(model, { graphs: ['predict'] });
  saveFile(out, laidOut);
  const rows = [['model file', bytes(model.length)] as const, ['laid out', bytes(laidOut.length)] as const];
  outputOf(json).result({ out, bytes: laidOut.length }, table(rows));
}
