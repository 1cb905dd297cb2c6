/** ONNX Runtime: its WebAssembly build, and the native one as the yardstick of what this machine can do. */
import { type Contender, type ContenderMaker, importPeer, type Prepared } from './contender.js';
import { type Feed, onnxOf } from './onnx.js';

interface Session {
  run(feeds: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, { readonly data: unknown }>>>;
  release(): Promise<void>;
}

export interface Ort {
  readonly env: { readonly versions: Readonly<Record<string, string>>; readonly wasm?: { numThreads?: number } };
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: string, data: Feed['data'], shape: readonly number[]) => unknown;
}

interface OrtModule extends Ort {
  readonly default?: Ort;
}

export function onnxruntimeMaker(kind: 'web' | 'node', threads: number): ContenderMaker {
  return async (): Promise<Contender> => {
    const module = await importPeer<OrtModule>(kind === 'web' ? 'onnxruntime-web/wasm' : 'onnxruntime-node');
    const ort = module.default?.InferenceSession ? module.default : module;
    if (ort.env.wasm) ort.env.wasm.numThreads = threads;
    const options = {
      executionProviders: [kind === 'web' ? 'wasm' : 'cpu'],
      intraOpNumThreads: threads,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    };
    return {
      version: `onnxruntime-${kind} ${ort.env.versions[kind] ?? ''}`,
      prepare: async (task): Promise<Prepared> => {
        const { model, feeds, ordered } = await onnxOf(task);
        const session = await ort.InferenceSession.create(model, options);
        const tensors = Object.entries(feeds).map(([name, { type, shape, data }]) => {
          return [name, new ort.Tensor(type, data, shape)] as const;
        });
        const run = () => session.run(Object.fromEntries(tensors));
        const result = async (): Promise<Float32Array> => {
          const output = (await run())['y']?.data;
          if (!(output instanceof Float32Array)) throw new Error('an output of floats is required');
          return ordered(output);
        };
        return { run, isAsync: true, result, close: () => void session.release() };
      },
    };
  };
}
