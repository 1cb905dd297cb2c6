/**
 * ONNX Runtime: its WebAssembly build, and the native one as the yardstick of what this machine can do. The native one
 * writes outputs into the tensors that a run is given as `fetches`, though it makes new arrays beside them. The WebAssembly
 * build takes these too, but returns them as they were, without the results (1.30): there every run's outputs are new.
 */
import { mapNamed, type Named } from '../../src/core/tree.js';
import { type Contender, type ContenderMaker, importPeer, type Prepared } from './contender.js';
import { type Feed, onnxOf } from './onnx.js';

interface Output {
  readonly data: unknown;
  readonly dims: readonly number[];
}

interface Session {
  run(feeds: Named<unknown>, fetches?: Named<unknown>): Promise<Named<Output>>;
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

function outputOf({ y }: Named<Output>): { readonly data: Float32Array; readonly dims: readonly number[] } {
  if (!(y?.data instanceof Float32Array)) throw new Error('an output of floats is required');
  return { data: y.data, dims: y.dims };
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
        const tensors = mapNamed(feeds, ({ type, shape, data }) => new ort.Tensor(type, data, shape));
        const first = outputOf(await session.run(tensors));
        const written = kind === 'node' ? new Float32Array(first.data.length) : undefined;
        const fetches = written && { y: new ort.Tensor('float32', written, first.dims) };
        const run = () => session.run(tensors, fetches);
        const result = async (): Promise<Float32Array> => {
          written?.fill(NaN);
          const { data } = outputOf(await run());
          return ordered(written ?? data);
        };
        return { run, isAsync: true, result, close: () => void session.release() };
      },
    };
  };
}
