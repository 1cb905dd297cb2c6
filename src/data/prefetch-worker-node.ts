/** A worker thread that makes batches: one for each message that asks for the next. */
import { parentPort, workerData } from 'node:worker_threads';
import { QuernError } from '../core/errors.js';
import { imageRows } from './images/folder.js';
import { planned, type WorkerPlan } from './pipeline.js';
import type { Answer } from './prefetch-node.js';
import { arrayRows, type Rows } from './source.js';

const plan = workerData as WorkerPlan;

const rowsOf = ({ rows }: WorkerPlan): Rows =>
  rows.kind === 'arrays' ? arrayRows(rows.examples) : imageRows(rows.files);

const batches = planned(rowsOf(plan), plan);

async function answer(): Promise<Answer> {
  try {
    const { done, value } = await batches.next();
    return done ? { done } : { batch: value };
  } catch (error) {
    if (error instanceof QuernError) return { code: error.code, message: error.message };
    return { message: error instanceof Error ? error.message : String(error) };
  }
}

// A generator hands out its values in the order in which they were asked for.
parentPort?.on('message', () => void answer().then((made) => parentPort?.postMessage(made)));
