/**
 * Batches that a worker thread makes ahead of who takes them. The worker is told how many it may make: some at first, and
 * one more for each that was taken. It ends with the iteration.
 */
import { Worker } from 'node:worker_threads';
import { AbortedError, type ErrorCode, errorOf } from '../core/errors.js';
import type { WorkerPlan } from './pipeline.js';
import type { DataBatch } from './source.js';

/** What the worker says: a batch, that there are no more, or what went wrong. */
export type Answer =
  { readonly batch: DataBatch } | { readonly done: true } | { readonly code?: ErrorCode; readonly message: string };

export async function* prefetch(plan: WorkerPlan, count: number): AsyncGenerator<DataBatch, void, void> {
  const worker = new Worker(new URL('./prefetch-worker-node.js', import.meta.url), { workerData: plan });
  const answers: Answer[] = [];
  let wake = (): void => {};
  const hear = (answer: Answer): void => {
    answers.push(answer);
    wake();
  };
  worker.on('message', hear);
  worker.on('error', ({ message }) => hear({ message }));
  worker.on('exit', (code) => hear({ message: `the thread ended with exit code ${code}` }));
  try {
    for (let i = 0; i < count; i++) worker.postMessage('next');
    for (;;) {
      const answer = answers.shift();
      if (!answer) {
        await new Promise<void>((resolve) => (wake = resolve));
      } else if ('batch' in answer) {
        worker.postMessage('next');
        yield answer.batch;
      } else if ('done' in answer) {
        return;
      } else {
        const { code, message } = answer;
        throw code
          ? errorOf(code, message)
          : new AbortedError('prefetch', `a batch is required. Its thread failed: ${message}.`);
      }
    }
  } finally {
    await worker.terminate();
  }
}
