/**
 * The typed errors. Every message reads `[where] what was required. Received what.` and, where there is a fix, names it.
 * Catch by class; `code` is the stable name that crosses HTTP and worker boundaries.
 */

export type ErrorCode =
  | 'shape'
  | 'dtype'
  | 'argument'
  | 'index'
  | 'format'
  | 'unsupported'
  | 'memory'
  | 'numerics'
  | 'graph'
  | 'aborted'
  | 'io';

/** The base of all errors that Quern throws on purpose. */
export class QuernError extends Error {
  constructor(
    readonly code: ErrorCode,
    where: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`[${where}] ${message}`, options);
    this.name = new.target.name;
  }
}

/** Shapes that do not fit together, or an array whose shape is not the one the graph asks for. */
export class ShapeError extends QuernError {
  constructor(where: string, message: string) {
    super('shape', where, message);
  }
}

/** An element type that an operation, a file or a request does not take. */
export class DTypeError extends QuernError {
  constructor(where: string, message: string) {
    super('dtype', where, message);
  }
}

/** An argument outside its documented range. */
export class ArgumentError extends QuernError {
  constructor(where: string, message: string) {
    super('argument', where, message);
  }
}

/** An index, taken from data, that is out of range. */
export class IndexError extends QuernError {
  constructor(where: string, message: string) {
    super('index', where, message);
  }
}

/** A file or message that breaks its format. */
export class FormatError extends QuernError {
  constructor(where: string, message: string, options?: ErrorOptions) {
    super('format', where, message, options);
  }
}

/** Something valid that this backend, module or version does not do. */
export class UnsupportedError extends QuernError {
  constructor(where: string, message: string) {
    super('unsupported', where, message);
  }
}

interface MemoryFigures {
  readonly required?: number | undefined;
  readonly limit?: number | undefined;
}

/** A model that does not fit the memory it was given. Thrown when it is loaded, never during a run. */
export class MemoryError extends QuernError {
  /** The bytes that it takes, where they are known. */
  readonly required: number | undefined;
  /** The bytes that it may take. */
  readonly limit: number | undefined;

  constructor(where: string, message: string, { required, limit }: MemoryFigures = {}) {
    super('memory', where, message);
    this.required = required;
    this.limit = limit;
  }
}

/** A NaN or an infinity where a finite number is required. */
export class NumericsError extends QuernError {
  constructor(where: string, message: string) {
    super('numerics', where, message);
  }
}

/** A graph that breaks its own rules: a defect of the code that made it. */
export class GraphError extends QuernError {
  constructor(where: string, message: string) {
    super('graph', where, message);
  }
}

/** A run that ended because a thread failed, or because the caller asked for it. */
export class AbortedError extends QuernError {
  constructor(where: string, message: string) {
    super('aborted', where, message);
  }
}

/** A file that cannot be read or written. */
export class IoError extends QuernError {
  constructor(where: string, message: string, options?: ErrorOptions) {
    super('io', where, message, options);
  }
}

const classes: { readonly [C in ErrorCode]: new (where: string, message: string) => QuernError } = {
  shape: ShapeError,
  dtype: DTypeError,
  argument: ArgumentError,
  index: IndexError,
  format: FormatError,
  unsupported: UnsupportedError,
  memory: MemoryError,
  numerics: NumericsError,
  graph: GraphError,
  aborted: AbortedError,
  io: IoError,
};

/** The error that has this code and this whole message: what an error becomes that crossed from another thread. */
export function errorOf(code: ErrorCode, message: string): QuernError {
  const [, where = 'thread', rest = message] = /^\[([^\]]*)\] ([^]*)$/.exec(message) ?? [];
  return new classes[code](where, rest);
}
