/** A client of the Open Inference Protocol v2 over JSON. */
import { IoError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { rowsOf, sliceRows } from '../data/rows.js';

/** The body of an inference request for f32 data. */
export function requestBody(input: string, { shape, data }: NDArray): string {
  return JSON.stringify({ inputs: [{ name: input, shape, datatype: 'FP32', data: Array.from(data) }] });
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'number');

/** The numbers of the first output of a response. */
function firstOutput(body: unknown): number[] | undefined {
  if (typeof body !== 'object' || body === null || !('outputs' in body) || !Array.isArray(body.outputs))
    return undefined;
  const output: unknown = body.outputs[0];
  const data = typeof output === 'object' && output !== null && 'data' in output ? output.data : undefined;
  return isNumbers(data) ? data : undefined;
}

/** Sends one request. Throws `IoError` for any answer but an output. */
async function infer(url: string, body: string): Promise<number[]> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const text = await response.text();
  const output = response.ok ? firstOutput(JSON.parse(text)) : undefined;
  if (output) return output;
  throw new IoError('infer', `an output is required of ${url}. Received ${response.status}: ${text.slice(0, 200)}`);
}

/** The index of the largest. */
export function largest(scores: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if ((scores[i] ?? 0) > (scores[best] ?? 0)) best = i;
  return best;
}

/** The outputs that a server gives the rows of x, one request for each, a few at a time. */
export async function servedOutputs(url: string, input: string, x: NDArray): Promise<number[][]> {
  const outputs: number[][] = [];
  const rows = Array.from({ length: rowsOf(x) }, (_, row) => row).values();
  const worker = async (): Promise<void> => {
    for (const row of rows) outputs[row] = await infer(url, requestBody(input, sliceRows(x, row, row + 1)));
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return outputs;
}
