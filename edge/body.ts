/**
 * Reading a JSON body that nobody vouches for. Bytes are counted while they arrive, whatever Content-Length says, and
 * the nesting and the number of values that cost memory are counted on the bytes, before `JSON.parse` builds anything.
 */
import { Problem, invalid } from './problem.js';

export interface Limits {
  /** Bytes of one body. */
  readonly bodyBytes: number;
  /** Bytes of all bodies that are being read at one time. */
  readonly bufferedBytes: number;
  /** Arrays and objects within one another. */
  readonly depth: number;
  /** Arrays, objects and members of objects in one body. */
  readonly nodes: number;
  /** Axes of one tensor. */
  readonly rank: number;
  /** Elements of one tensor. */
  readonly elements: number;
}

/** Chosen for an isolate of 128 MB: a body that passes them takes less than 40 MB once parsed (measured on V8). */
export const defaultLimits: Limits = {
  bodyBytes: 4 << 20,
  bufferedBytes: 16 << 20,
  depth: 32,
  nodes: 1 << 18,
  rank: 8,
  elements: 1 << 22,
};

/** Body bytes that a server holds at the moment. */
export interface Buffered {
  bytes: number;
}

const tooLarge = (limit: number, received: string): Problem =>
  new Problem(413, 'too-large', `[body] at most ${limit} bytes are accepted. Received ${received}.`);

/**
 * Reads what the client of a refused request is still sending, and forgets it: closing a connection under a client that
 * writes would take the answer from it. Not more than 16 bodies' worth; who sends more may miss the answer.
 */
export async function discardBody(request: Request, limits: Limits): Promise<void> {
  let left = 16 * limits.bodyBytes;
  if (request.body === null || request.body.locked || Number(request.headers.get('content-length')) > left) return;
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  try {
    while (left > 0) {
      const { done, value } = await reader.read();
      if (done) return;
      left -= value.byteLength;
    }
    await reader.cancel();
  } catch {
    // The client is gone: nobody waits for the answer either.
  }
}

/** The body's bytes. Throws a 413 `Problem` when there are too many, a 503 when too many bodies arrive at once. */
export async function readBody(request: Request, limits: Limits, buffered: Buffered): Promise<Uint8Array> {
  const declared = request.headers.get('content-length');
  if (declared !== null && Number(declared) > limits.bodyBytes) throw tooLarge(limits.bodyBytes, declared);
  if (request.body === null) return new Uint8Array(0);
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.byteLength;
      buffered.bytes += value.byteLength;
      if (length > limits.bodyBytes) throw tooLarge(limits.bodyBytes, `${length} or more`);
      if (buffered.bytes > limits.bufferedBytes) {
        throw new Problem(503, 'busy', '[server] too much is being sent at once; try again.', { 'retry-after': '1' });
      }
      chunks.push(value);
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw invalid('aborted', 'body', 'a complete body is required. Received one that broke off.');
  } finally {
    buffered.bytes -= length;
    reader.releaseLock();
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

const code = (character: string): number => character.charCodeAt(0);
const quote = code('"');
const backslash = code('\\');
const openArray = code('[');
const closeArray = code(']');
const openObject = code('{');
const closeObject = code('}');
const colon = code(':');

/** Bounds the work and memory of parsing. Only brackets, colons and strings matter here; `JSON.parse` judges the rest. */
function checkSize(bytes: Uint8Array, limits: Limits): void {
  let depth = 0;
  let nodes = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === quote) {
      for (i++; i < bytes.length && bytes[i] !== quote; i++) if (bytes[i] === backslash) i++;
    } else if (byte === openArray || byte === openObject) {
      nodes++;
      if (++depth > limits.depth) {
        throw invalid('json', 'body', `JSON nested at most ${limits.depth} deep is required. Received it deeper.`);
      }
    } else if (byte === closeArray || byte === closeObject) {
      depth--;
    } else if (byte === colon) {
      nodes++;
    }
    if (nodes > limits.nodes) {
      throw invalid('json', 'body', `at most ${limits.nodes} arrays, objects and members are accepted. Received more.`);
    }
  }
}

/** The value that the bytes spell. Throws a 400 `Problem` for what is not UTF-8, not JSON, too deep or too rich. */
export function parseJson(bytes: Uint8Array, limits: Limits): unknown {
  checkSize(bytes, limits);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalid('json', 'body', 'JSON in UTF-8 is required. Received something else.');
  }
}
