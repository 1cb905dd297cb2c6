/** A worker thread of Node, Deno and Bun. */
import { workerData } from 'node:worker_threads';
import { serve } from './serve.js';
import type { WorkerStart } from './threads.js';

serve(workerData as WorkerStart);
