/**
 * A process that goes from nothing to the first answer of a model file, and prints how long that took. It imports what
 * the package exports as `quern/edge`.
 */
import { readFileSync } from 'node:fs';
import type { FirstAnswer } from './cold.js';

const [, , path = ''] = process.argv;
const start = performance.now();
const [{ openModel, ndarray }, { chooseModule, compileModule }] = await Promise.all([
  import('../../edge/index.js'),
  import('../../src/backend/wasm/modules-node.js'),
]);
const imported = performance.now();
const module = compileModule(chooseModule('infer'), false);
const { executable } = await openModel(readFileSync(path), { module, graphs: ['predict'] });
const { output } = executable.runSync('predict', { image: ndarray('f32', [1, 28, 28, 1]) });
const answered = performance.now();
const answer: FirstAnswer = {
  importing: imported - start,
  answering: answered - imported,
  answer: Array.from(output?.data ?? []),
};
console.log(JSON.stringify(answer));
