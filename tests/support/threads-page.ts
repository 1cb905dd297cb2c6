/** What the test of threads in browsers runs in a page, and in a worker of the page. */
import { type OpenModel, ndarray, openModel, QuernError, webThreads, type WasmOptions } from '../../edge/index.js';

/** The word that counts workers asleep between runs. */
const SLEEPERS = 256;

type Threads = NonNullable<WasmOptions['threads']>;

export interface Differing {
  readonly wrong: number;
  readonly description: string;
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
}

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve();
    port2.postMessage(0);
  });

async function open(name: string, threads?: Threads): Promise<OpenModel> {
  const module = await WebAssembly.compileStreaming(fetch(`/wasm/${name}${threads ? '-threads' : ''}.wasm`));
  const model = await (await fetch('/model')).arrayBuffer();
  return openModel(model, { module, graphs: ['predict'], bounds: { batch: 8 }, ...(threads ? { threads } : {}) });
}

const values = Float32Array.from({ length: 8 * 784 }, (_, i) => Math.sin(i * i));
const image = ndarray('f32', [8, 28, 28, 1], values);

function bitsOf({ executable }: OpenModel): string {
  const [output] = Object.values(executable.runSync('predict', { image }));
  return String(output && new Uint32Array(output.data.buffer));
}

const refusalOf = (error: unknown): Refusal => {
  if (!(error instanceof QuernError)) throw error;
  return { code: error.code, message: error.message };
};

/** How many of `runs` runs on three threads differ from one thread's. */
export async function differing(name: string, runs: number): Promise<Differing> {
  const host = webThreads();
  let words = new Int32Array();
  const start: Threads['host']['start'] = (count, options) => {
    words = new Int32Array(options.memory.buffer);
    return host.start(count, options);
  };
  const [alone, together] = [await open(name), await open(name, { count: 3, host: { ...host, start } })];
  while (Atomics.load(words, SLEEPERS >> 2) < 2) await turn();
  const expected = bitsOf(alone);
  let wrong = 0;
  for (let run = 0; run < runs; run++) if (bitsOf(together) !== expected) wrong++;
  together.executable.close();
  return { wrong, description: together.executable.stats().description };
}

/** What a run says when the workers' script is not where it should be. */
export async function withoutScript(name: string): Promise<Refusal> {
  const together = await open(name, { count: 2, host: webThreads('/missing.js') });
  for (;;) {
    try {
      bitsOf(together);
    } catch (error) {
      return refusalOf(error);
    }
    await turn();
  }
}

export function refusal(): Refusal | undefined {
  try {
    webThreads();
    return undefined;
  } catch (error) {
    return refusalOf(error);
  }
}

if ('DedicatedWorkerGlobalScope' in globalThis) {
  addEventListener('message', ({ data }: MessageEvent<string>) => {
    differing(data, 50).then((result) => postMessage(result));
  });
}
