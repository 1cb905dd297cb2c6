/** A small classifier with weights drawn from a seed, as a model file and in the reference, for tests of what serves it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { referenceBackend } from '../../src/backend/reference/reference.js';
import { ndarray } from '../../src/core/ndarray.js';
import { writeModel } from '../../src/format/model.js';
import { ProgramBuilder } from '../../src/graph/builder.js';
import { add, matmul, relu, reshape, softmax } from '../../src/ops/functions.js';
import { gaussian, initialize } from './initial.js';

export interface SmallModel {
  readonly path: string;
  /** By the reference: the probabilities of 5 classes for a picture of 6 x 6. */
  classify(picture: readonly number[]): Promise<number[]>;
  remove(): void;
}

/** image FP32 [batch <= 4, 6, 6, 1] -> probabilities FP32 [batch, 5] */
export async function writeSmallModel(): Promise<SmallModel> {
  const builder = new ProgramBuilder({ symbols: { batch: 4 }, seed: 7 });
  builder.trace('predict', { image: { dtype: 'f32', shape: ['batch', 6, 6, 1] } }, ({ image }, scope) => {
    const kernel1 = scope.variable('hidden/kernel', { shape: [36, 16], initial: gaussian(0.4) });
    const bias1 = scope.variable('hidden/bias', { shape: [16], initial: gaussian(0.4) });
    const kernel2 = scope.variable('output/kernel', { shape: [16, 5], initial: gaussian(0.4) });
    const hidden = relu(add(matmul(reshape(image, ['batch', 36]), kernel1), bias1));
    return { probabilities: softmax(matmul(hidden, kernel2)) };
  });
  const program = builder.program();
  const variables = builder.initialValues();
  const folder = mkdtempSync(join(tmpdir(), 'quern-'));
  const path = join(folder, 'small.safetensors');
  writeFileSync(path, writeModel({ program, variables }));
  const executable = await referenceBackend.compile(program);
  initialize(executable, builder);
  return {
    path,
    async classify(picture) {
      const { probabilities } = await executable.run('predict', { image: ndarray('f32', [1, 6, 6, 1], picture) });
      return probabilities ? Array.from(probabilities.data) : [];
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
