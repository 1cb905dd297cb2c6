/** Quern itself on Node, on a module of its choice. */
import { wasmBackend } from '../../src/backend/wasm/backend.js';
import { chooseModule, type Simd } from '../../src/backend/wasm/modules-node.js';
import { ndarray } from '../../src/core/ndarray.js';
import { mnistCnn } from '../../src/models/mnist-cnn.js';
import { integers, normals, type Task } from '../tasks/work.js';
import type { Contender, Prepared } from './contender.js';
import { f32, mnistVariables, prepared, prepareTraced } from './traced.js';

export interface QuernOptions {
  /** The best that the engine takes unless said. */
  readonly simd?: Simd;
  readonly threads: number;
}

export function quernMaker({ simd, threads }: QuernOptions) {
  return async (): Promise<Contender> => {
    const moduleOf = (purpose: 'infer' | 'train') =>
      simd === undefined ? chooseModule(purpose) : (`${purpose}-${simd}` as const);
    const inferring = wasmBackend({ threads, module: moduleOf('infer') });
    const training = wasmBackend({ training: true, threads, module: moduleOf('train') });

    async function prepare(task: Task): Promise<Prepared> {
      if (task.kind === 'mnist' || task.kind === 'mnistStep') {
        const { batch } = task;
        const model = mnistCnn({ backend: training });
        model.setVariables(mnistVariables());
        const image = f32([batch, 28, 28, 1], normals(batch * 784, 1));
        if (task.kind === 'mnist') {
          const { program, variables } = model.contents();
          const executable = await inferring.compile(program, { graphs: ['predict'], bounds: { batch } });
          for (const [name, value] of variables) executable.setVariable(name, value);
          return prepared(executable, 'predict', { image });
        }
        const labels = ndarray('i32', [batch], integers(batch, 2, 0, 10));
        const fit = async (): Promise<number> => {
          const { history } = await model.fit(image, labels, { batchSize: batch, shuffle: false, verbose: 0 });
          return history['loss']?.[0] ?? NaN;
        };
        return {
          run: fit,
          isAsync: true,
          result: async () => {
            const losses = [await fit(), await fit()];
            return Float32Array.from(losses);
          },
          close: () => model.close(),
        };
      }
      return prepareTraced(task, (program) => inferring.compile(program));
    }

    const instead = simd === undefined && moduleOf('infer') !== 'infer-relaxed';
    const version = inferring.name.replace('wasm infer-', 'Quern, ');
    return { version: instead ? `${version}; this engine has no relaxed SIMD` : version, prepare };
  };
}
