/** The same as cold-quern.ts, by ONNX Runtime's WebAssembly. */
import { readFileSync } from 'node:fs';
import { importPeer } from '../peers/contender.js';
import type { Ort } from '../peers/onnxruntime.js';
import type { FirstAnswer } from './cold.js';

const [, , path = ''] = process.argv;
const start = performance.now();
const ort = await importPeer<Ort>('onnxruntime-web/wasm');
const imported = performance.now();
if (ort.env.wasm) ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(readFileSync(path), { executionProviders: ['wasm'] });
const { y } = await session.run({ image: new ort.Tensor('float32', new Float32Array(784), [1, 1, 28, 28]) });
const answered = performance.now();
const answer: FirstAnswer = {
  importing: imported - start,
  answering: answered - imported,
  answer: Array.from(y?.data instanceof Float32Array ? y.data : []),
};
console.log(JSON.stringify(answer));
