/** Contenders in a Worker: each POST asks one thing. One Worker is one contender, and keeps what was prepared. */
import inferRelaxed from './infer-relaxed.wasm';
import inferSimd from './infer-simd.wasm';
import peakRelaxed from './peak-relaxed.wasm';
import peakSimd from './peak-simd.wasm';
import { Answering } from '../process/answering.js';
import type { Request as Asked } from '../process/messages.js';
import { modulesPlace } from '../process/modules-place.js';
import { encodeAnswer } from '../process/wire.js';

let answering: Answering | undefined;

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method !== 'POST') return new Response('alive');
    // Not before the first request: until then the clock stands still.
    answering ??= new Answering(
      modulesPlace({
        'infer-relaxed': inferRelaxed,
        'infer-simd': inferSimd,
        'peak-relaxed': peakRelaxed,
        'peak-simd': peakSimd,
      }),
    );
    return new Response(encodeAnswer(await answering.answer((await request.json()) as Asked)));
  },
};
