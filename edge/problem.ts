/** What goes wrong with a request: an HTTP status, a stable code, and a message for whoever wrote the request. */
import { type ErrorCode, QuernError } from '../src/core/errors.js';

export type ProblemCode =
  ErrorCode | 'json' | 'media-type' | 'too-large' | 'busy' | 'not-found' | 'method' | 'not-ready' | 'internal';

/** A request that is answered with an error. Its message crosses the wire; nothing else of it does. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: ProblemCode,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = 'Problem';
  }
}

/** A 400 that names the field: `[inputs[0].shape] what was required. Received what.` */
export function invalid(code: ProblemCode, path: string, message: string): Problem {
  return new Problem(400, code, `[${path}] ${message}`);
}

/** Errors of a run that the request caused: its values, where its shape and types were right. */
const causedByRequest: ReadonlySet<ErrorCode> = new Set(['shape', 'dtype', 'argument', 'index']);

/** The problem for whatever was thrown. What is not the request's fault keeps its details to itself. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof QuernError && causedByRequest.has(error.code))
    return new Problem(400, error.code, error.message);
  return new Problem(500, 'internal', '[server] an internal error; the request was not answered.');
}
