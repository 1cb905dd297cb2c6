/**
 * Serving a model file on this machine: from the real Workers runtime, or from Node. Commands
 * import it when they serve.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHandler } from '../../edge/handler.js';
import { serveNode } from '../../edge/node.js';
import { buildPage } from '../../edge/page.js';
import { signatureOf } from '../../edge/signature.js';
import { buildWorker } from '../../edge/build.js';
import { startWorkerd } from '../../edge/workerd.js';
import { openModel } from '../backend/wasm/open.js';
import { chooseModule, compileModule } from '../backend/wasm/modules-node.js';
import { IoError } from '../core/errors.js';
import { loadFile } from '../format/file.js';

export type Target = 'node' | 'workerd';

export interface ServeOptions {
  readonly model: string;
  /** How requests call it. */
  readonly name: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly target: Target;
}

export interface Serving {
  readonly url: string;
  /** Where the model answers. */
  readonly inferUrl: string;
  /** Script and engine, gzipped; null where nothing is bundled. */
  readonly engineBytesGzip: number | null;
  /** Settles when it has ended: with what went wrong, or null. */
  readonly ended: Promise<IoError | null>;
  stop(): Promise<void>;
}

const inferUrl = (url: string, name: string): string => `${url}/v2/models/${encodeURIComponent(name)}/infer`;

async function serveWorkerd({ model, name, port }: ServeOptions): Promise<Serving> {
  const outDir = await mkdtemp(join(tmpdir(), 'quern-worker-'));
  try {
    const { config, engineBytesGzip } = await buildWorker({ modelPath: model, outDir, module: 'relaxed', name });
    // Once it answers, workerd has read all of it.
    const { url, ended, stop } = await startWorkerd({ config, port });
    return { url, inferUrl: inferUrl(url, name), engineBytesGzip, ended, stop };
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

async function serveFromNode({ model, name, port }: ServeOptions): Promise<Serving> {
  const bytes = loadFile(model);
  const load = async () => {
    const module = compileModule(chooseModule('infer'), false);
    const { program, executable } = await openModel(bytes, { module, graphs: ['predict'] });
    return { version: '1', signature: signatureOf(program), executable };
  };
  const loaded = await load();
  const page = await buildPage({ model: name, host: 'Node' });
  const handler = createHandler({ page, models: [{ name, load: async () => loaded }] });
  const { url, close } = await serveNode({ handler, port });
  let end: (error: null) => void = () => {};
  const ended = new Promise<null>((resolve) => (end = resolve));
  const stop = async (): Promise<void> => {
    await close();
    loaded.executable.close();
    end(null);
  };
  return { url, inferUrl: inferUrl(url, name), engineBytesGzip: null, ended, stop };
}

/** Starts to serve and returns once it answers. Throws `IoError` or `FormatError`. */
export const serveModel = (options: ServeOptions): Promise<Serving> =>
  options.target === 'node' ? serveFromNode(options) : serveWorkerd(options);
