/** `quern serve`: a model file over HTTP. */
import { basename, extname } from 'node:path';
import { jsonOption, portOption } from '../options.js';
import { outputOf } from '../output.js';
import { requireFreePort } from '../port.js';
import type { Target } from '../serving.js';
import { type Command, Option } from '../vendor.js';

interface ServeOptions {
  readonly port: number;
  readonly target: Target;
  readonly name?: string;
  readonly json?: boolean;
}

export function addServe(program: Command): void {
  const target = new Option('--target <runtime>', 'workerd is the Cloudflare Workers runtime');
  program
    .command('serve')
    .description('serve a model file over HTTP (Open Inference Protocol v2) on 127.0.0.1 until stopped')
    .argument('<file>', 'a model file')
    .addOption(portOption())
    .addOption(target.choices(['workerd', 'node']).default('workerd'))
    .option('--name <name>', 'how requests call the model; the name of the file unless said')
    .addOption(jsonOption())
    .action(serve);
}

async function serve(model: string, { port, target, name, json }: ServeOptions): Promise<void> {
  await requireFreePort(port);
  const { serveModel } = await import('../serving.js');
  const called = name ?? basename(model, extname(model));
  const { url, inferUrl, ended } = await serveModel({ model, name: called, port, target });
  const text = `Serving '${called}' at ${url} until stopped (Ctrl-C).\n  metadata  ${url}/v2/models/${called}\n  infer     ${inferUrl}`;
  outputOf(json).result({ url, infer: inferUrl, name: called, target }, text);
  const error = await ended;
  if (error) throw error;
}
