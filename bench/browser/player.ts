/** Contenders in a page of a browser that the report drives: it calls `answer` with one request at a time. */
import { litertMaker } from '../peers/litert.js';
import { Answering } from '../process/answering.js';
import type { Answer, Request } from '../process/messages.js';
import { modulesPlace } from '../process/modules-place.js';

declare global {
  var answer: (request: Request) => Promise<Answer>;
}

/** Where the driver serves what the page fetches, and the version of the peer. */
export interface Served {
  readonly modules: readonly string[];
  readonly litert?: { readonly version: string; readonly folder: string };
}

async function answeringOf({ modules, litert }: Served): Promise<Answering> {
  const compiled: Record<string, WebAssembly.Module> = {};
  for (const name of modules) {
    const bytes = await (await fetch(`/wasm/${name}.wasm`)).arrayBuffer();
    if (WebAssembly.validate(bytes)) compiled[name] = await WebAssembly.compile(bytes);
  }
  return new Answering(
    modulesPlace(compiled, litert ? { 'litert-js': litertMaker(litert.version, litert.folder) } : {}),
  );
}

const answering = fetch('/served.json').then(async (response) => answeringOf((await response.json()) as Served));

globalThis.answer = async (request) => (await answering).answer(request);
