/**
 * LiteRT.js on its WebAssembly backend (XNNPACK), in a page only: its loader wants `document` or `importScripts`. It reads
 * results into new arrays only.
 */
import { type Contender, type ContenderMaker, importPeer, type Prepared } from './contender.js';
import { tfliteOf } from './tflite.js';

interface Tensor {
  toTypedArray(): Float32Array;
  delete(): void;
}

interface Model {
  run(inputs: readonly Tensor[]): Promise<readonly Tensor[]>;
  delete(): void;
}

interface LiteRt {
  loadLiteRt(folder: string): Promise<unknown>;
  loadAndCompile(model: Uint8Array, options: { readonly accelerator: 'wasm' }): Promise<Model>;
  readonly Tensor: new (data: Float32Array, shape: readonly number[]) => Tensor;
}

/** `folder` is where the package's modules are served from. One thread. */
export function litertMaker(version: string, folder: string): ContenderMaker {
  return async (): Promise<Contender> => {
    const litert = await importPeer<LiteRt>('@litertjs/core');
    await litert.loadLiteRt(folder);
    return {
      version: `LiteRT.js ${version}`,
      prepare: async (task): Promise<Prepared> => {
        const { model, feeds, rounding } = await tfliteOf(task);
        const compiled = await litert.loadAndCompile(model, { accelerator: 'wasm' });
        const run = async (): Promise<Float32Array> => {
          const inputs = feeds.map(({ data, shape }) => new litert.Tensor(data, shape));
          const [output, ...others] = await compiled.run(inputs);
          if (!output || others.length > 0) throw new Error('one output is required');
          const data = output.toTypedArray();
          for (const tensor of [...inputs, output]) tensor.delete();
          return data;
        };
        return { run, isAsync: true, result: run, close: () => compiled.delete(), ...(rounding ? { rounding } : {}) };
      },
    };
  };
}
