/**
 * A process that goes from nothing to the first answer of a laid-out model, and prints how long that took. It imports
 * what the package exports as `quern/executor`.
 */
import { readFileSync } from 'node:fs';
import type { FirstAnswer } from './cold.js';

const [, , path = ''] = process.argv;
const start = performance.now();
const [{ openLaidOut, ndarray }, { chooseModule, compileModule }] = await Promise.all([
  import('../../edge/executor.js'),
  import('../../src/backend/wasm/modules-node.js'),
]);
const imported = performance.now();
const module = compileModule(chooseModule('infer'), false);
const { executable } = openLaidOut(readFileSync(path), { module });
const { output } = executable.runSync('predict', { image: ndarray('f32', [1, 28, 28, 1]) });
const answered = performance.now();
const answer: FirstAnswer = {
  importing: imported - start,
  answering: answered - imported,
  answer: Array.from(output?.data ?? []),
};
console.log(JSON.stringify(answer));
