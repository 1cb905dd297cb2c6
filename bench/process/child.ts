/** A contender's process: does what the parent asks, and nothing in between. */
import { readFileSync } from 'node:fs';
import { chooseModule, modulePath, type Simd } from '../../src/backend/wasm/modules-node.js';
import { benchmark } from '../measure/benchmark.js';
import { Peak } from '../measure/peak.js';
import { contenders, isContender } from '../peers/contenders.js';
import { Unable } from '../peers/contender.js';
import { Answering } from './answering.js';
import type { Request } from './messages.js';
import { encodeAnswer } from './wire.js';

const peakOf = (simd: Simd): Peak => new Peak(new WebAssembly.Module(readFileSync(modulePath(`peak-${simd}`))));

const answering = new Answering({
  maker: (name, threads) => {
    if (!isContender(name)) throw new Unable('no such contender');
    return contenders[name](threads);
  },
  peak: (name) => {
    if (name === 'quern-simd') return peakOf('simd');
    return name === 'quern' ? peakOf(chooseModule('infer') === 'infer-relaxed' ? 'relaxed' : 'simd') : undefined;
  },
  time: ({ run, isAsync }, seconds) => benchmark(run, isAsync, seconds),
});

process.on(
  'message',
  (request: Request) => void answering.answer(request).then((reply) => process.send?.(encodeAnswer(reply))),
);
