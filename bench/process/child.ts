/** A contender's process: does what the parent asks, and nothing in between. */
import { benchmark } from '../measure/benchmark.js';
import { Peak } from '../measure/peak.js';
import { contenders, isContender } from '../peers/contenders.js';
import { type Contender, type Prepared, Unable } from '../peers/contender.js';
import { type Work, works } from '../tasks/work.js';
import type { Answer, Request, Timed } from './messages.js';
import { chooseModule } from '../../src/backend/wasm/modules-node.js';

let contender: Contender | undefined;
let peak: Peak | undefined;
let current: { readonly work: Work; readonly prepared: Prepared } | undefined;

/** The engine's better compiler must have had its turn, alike for every contender. */
const warmCalls = 60;
const warmMilliseconds = 1500;

async function start(name: string, threads: number): Promise<Answer> {
  if (!isContender(name)) return { unable: 'no such contender' };
  contender = await contenders[name](threads)();
  if (name === 'quern-simd') peak = new Peak('simd');
  else if (name === 'quern') peak = new Peak(chooseModule('infer') === 'infer-relaxed' ? 'relaxed' : 'simd');
  return { version: contender.version };
}

async function prepare(id: string): Promise<Answer> {
  const work = works.find((each) => each.id === id);
  if (!work || !contender) return { unable: 'no such work' };
  const prepared = await contender.prepare(work.task);
  current = { work, prepared };
  const result = (await prepared.result()).slice();
  const begin = performance.now();
  for (let call = 0; call < warmCalls && performance.now() - begin < warmMilliseconds; call++) await prepared.run();
  return { result };
}

async function time(seconds: number): Promise<Timed> {
  if (!current) throw new Error('a prepared work is required');
  const { prepared, work } = current;
  const kind = work.task.kind === 'int8Matmul' ? 'dot' : 'float';
  const peaks = peak ? [peak.measure(kind)] : [];
  const samples = await benchmark(prepared.run, prepared.isAsync, seconds);
  return { samples, peaks: peak ? [...peaks, peak.measure(kind)] : [] };
}

async function answer(request: Request): Promise<Answer> {
  try {
    switch (request.ask) {
      case 'start':
        return await start(request.contender, request.threads);
      case 'prepare':
        return await prepare(request.work);
      case 'time':
        return { timed: await time(request.seconds) };
      case 'close':
        current?.prepared.close();
        current = undefined;
        return { closed: true };
    }
  } catch (error) {
    if (error instanceof Unable) return { unable: error.message };
    return { unable: `failed: ${error instanceof Error ? error.message : String(error)}` };
  }
}

process.on('message', (request: Request) => void answer(request).then((reply) => process.send?.(reply)));
