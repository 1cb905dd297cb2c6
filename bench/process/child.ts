/** A contender's process: does what the parent asks, and nothing in between. */
import { chooseModule } from '../../src/backend/wasm/modules-node.js';
import { benchmark } from '../measure/benchmark.js';
import { peakOf } from '../measure/peak-node.js';
import { contenders, isContender } from '../peers/contenders.js';
import { Unable } from '../peers/contender.js';
import { Answering } from './answering.js';
import type { Request } from './messages.js';
import { encodeAnswer } from './wire.js';

const answering = new Answering({
  maker: (name, threads) => {
    if (!isContender(name)) throw new Unable('no such contender');
    if (threads > 1 && typeof SharedArrayBuffer === 'undefined')
      throw new Unable('threads need shared memory, which this engine has not');
    return contenders[name](threads);
  },
  peak: (name) => {
    if (name === 'quern-simd') return peakOf('simd');
    return name === 'quern' ? peakOf(chooseModule('infer') === 'infer-relaxed' ? 'relaxed' : 'simd') : undefined;
  },
  time: ({ run, isAsync }, seconds, once) => benchmark(run, isAsync, seconds, once > seconds ? 1 : 3),
});

process.on(
  'message',
  (request: Request) => void answering.answer(request).then((reply) => process.send?.(encodeAnswer(reply))),
);
