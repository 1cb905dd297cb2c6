/**
 * The messages of the Open Inference Protocol, version 2, over JSON: the model metadata, and the inference request and
 * response. Requests are read field by field against the model's signature; nothing in them is believed.
 * https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
 */
import { allocate, type DType } from '../src/core/dtype.js';
import { type NDArray, sizeOf } from '../src/core/ndarray.js';
import { type Dim, evaluateDim, printShape, type Shape, symbolsOf } from '../src/core/shape.js';
import type { Named } from '../src/core/tree.js';
import type { Stats } from '../src/backend/backend.js';
import type { TensorType } from '../src/ops/tensor.js';
import type { Limits } from './body.js';
import { invalid } from './problem.js';
import type { Signature } from './signature.js';

const datatypes: Readonly<Record<DType, string>> = { f32: 'FP32', i32: 'INT32', u8: 'UINT8', i8: 'INT8', bool: 'BOOL' };

interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** -1 for a dimension that a request chooses. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  /** What runs the model, and the bytes of memory that it holds. */
  readonly properties: { readonly engine: string; readonly peak_bytes: string };
}

export function metadataOf(name: string, version: string, signature: Signature, stats: Stats): ModelMetadata {
  const list = (types: Named<TensorType>): TensorMetadata[] =>
    Object.entries(types).map(([tensor, { dtype, shape }]) => ({
      name: tensor,
      datatype: datatypes[dtype],
      shape: shape.map((dim) => (typeof dim === 'number' ? dim : -1)),
    }));
  return {
    name,
    versions: [version],
    platform: 'quern',
    inputs: list(signature.inputs),
    outputs: list(signature.outputs),
    properties: { engine: stats.description, peak_bytes: String(stats.peakBytes) },
  };
}

/** A request that fits the signature. */
export interface InferenceRequest {
  readonly id: string | undefined;
  readonly feeds: Record<string, NDArray>;
  /** The outputs to return, in order. */
  readonly outputs: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isFields(value)) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

function fieldsAt(path: string, value: unknown): Fields {
  if (isFields(value)) return value;
  throw invalid('argument', path, `an object is required. Received ${describe(value)}.`);
}

function arrayAt(path: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid('argument', path, `an array is required. Received ${describe(value)}.`);
}

function stringAt(path: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalid('argument', path, `a string is required. Received ${describe(value)}.`);
}

/** Parameters are allowed everywhere and none is known; their form is checked all the same. */
function checkParameters(path: string, value: unknown): void {
  if (value !== undefined && value !== null) fieldsAt(path, value);
}

function shapeAt(path: string, value: unknown, limits: Limits): number[] {
  const list = arrayAt(path, value);
  if (list.length > limits.rank) {
    throw invalid('shape', path, `at most ${limits.rank} dimensions are accepted. Received ${list.length}.`);
  }
  const shape = list.map((extent, axis) => {
    if (typeof extent === 'number' && Number.isSafeInteger(extent) && extent >= 0) return extent;
    throw invalid('shape', `${path}[${axis}]`, `a non-negative integer is required. Received ${describe(extent)}.`);
  });
  if (sizeOf(shape) > limits.elements) {
    throw invalid('shape', path, `at most ${limits.elements} elements are accepted. Received ${printShape(shape)}.`);
  }
  return shape;
}

const isPlainSymbol = (dim: Dim): dim is string => typeof dim === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(dim);

/** Holds a shape against the signature's and learns what its symbols stand for; other inputs must agree. */
function matchShape(
  path: string,
  shape: readonly number[],
  wanted: Shape,
  { symbols }: Signature,
  extents: Map<string, number>,
): void {
  const refuse = (at: string, required: string): never => {
    throw invalid('shape', at, `${required} is required. Received ${printShape(shape)}.`);
  };
  if (shape.length !== wanted.length) refuse(path, printShape(wanted));
  wanted.forEach((dim, axis) => {
    const extent = shape[axis];
    if (extent === undefined) return;
    const at = `${path}[${axis}]`;
    if (isPlainSymbol(dim)) {
      const max = symbols[dim]?.max;
      if (max !== undefined && extent > max) refuse(at, `${printShape(wanted)} with ${dim} <= ${max}`);
      const known = extents.get(dim) ?? extent;
      if (extent !== known) refuse(at, `${printShape(wanted)} with ${dim} = ${known}, as in the inputs before,`);
      extents.set(dim, extent);
    } else if (symbolsOf(dim).every((symbol) => extents.has(symbol))) {
      if (extent !== evaluateDim(dim, Object.fromEntries(extents))) refuse(at, printShape(wanted));
    }
  });
}

/** What an element of each type may be in JSON, and the number that stands for it; undefined for anything else. */
const elements: Readonly<
  Record<DType, { readonly what: string; readonly read: (value: unknown) => number | undefined }>
> = {
  f32: {
    what: 'a finite FP32',
    read: (v) => (typeof v === 'number' && Number.isFinite(Math.fround(v)) ? v : undefined),
  },
  i32: integers(-(2 ** 31), 2 ** 31 - 1),
  u8: integers(0, 255),
  i8: integers(-128, 127),
  bool: { what: 'true or false', read: (v) => (v === true ? 1 : v === false ? 0 : undefined) },
};

function integers(low: number, high: number): { what: string; read: (value: unknown) => number | undefined } {
  return {
    what: `an integer from ${low} to ${high}`,
    read: (v) => (typeof v === 'number' && Number.isInteger(v) && v >= low && v <= high ? v : undefined),
  };
}

/** The elements of a tensor, which JSON gives flat in row-major order or nested as its shape says. */
function dataAt(path: string, value: unknown, dtype: DType, shape: readonly number[]): NDArray {
  const list = arrayAt(path, value);
  const nested = shape.length > 1 && Array.isArray(list[0]);
  const size = sizeOf(shape);
  if (!nested && list.length !== size) {
    throw invalid('shape', path, `${size} elements are required by the shape. Received ${list.length}.`);
  }
  const data = allocate(dtype, size);
  const { what, read } = elements[dtype];
  let filled = 0;
  const fill = (row: readonly unknown[], at: string): void => {
    for (let i = 0; i < row.length; i++) {
      const element = read(row[i]);
      if (element === undefined) {
        throw invalid('dtype', `${at}[${i}]`, `${what} is required. Received ${describe(row[i])}.`);
      }
      data[filled++] = element;
    }
  };
  const descend = (row: readonly unknown[], axis: number, at: string): void => {
    if (row.length !== shape[axis]) {
      throw invalid('shape', at, `${shape[axis]} entries are required by the shape. Received ${row.length}.`);
    }
    if (axis === shape.length - 1) fill(row, at);
    else row.forEach((inner, i) => descend(arrayAt(`${at}[${i}]`, inner), axis + 1, `${at}[${i}]`));
  };
  if (nested) descend(list, 0, path);
  else fill(list, path);
  return { dtype, shape, data };
}

/** Reads an inference request. Throws a 400 `Problem` that names the first field that does not fit the signature. */
export function readInferenceRequest(body: unknown, signature: Signature, limits: Limits): InferenceRequest {
  const request = fieldsAt('body', body);
  const id = request['id'] === undefined || request['id'] === null ? undefined : stringAt('id', request['id']);
  checkParameters('parameters', request['parameters']);

  const feeds = new Map<string, NDArray>();
  const extents = new Map<string, number>();
  arrayAt('inputs', request['inputs']).forEach((entry, i) => {
    const path = `inputs[${i}]`;
    const input = fieldsAt(path, entry);
    const name = stringAt(`${path}.name`, input['name']);
    const wanted = Object.hasOwn(signature.inputs, name) ? signature.inputs[name] : undefined;
    if (!wanted) {
      const names = Object.keys(signature.inputs).join(', ');
      throw invalid(
        'argument',
        `${path}.name`,
        `an input of the model (${names}) is required. Received ${describe(name)}.`,
      );
    }
    if (feeds.has(name)) {
      throw invalid('argument', `${path}.name`, `each input once is required. Received '${name}' again.`);
    }
    const datatype = stringAt(`${path}.datatype`, input['datatype']);
    if (datatype !== datatypes[wanted.dtype]) {
      throw invalid(
        'dtype',
        `${path}.datatype`,
        `${datatypes[wanted.dtype]} is required. Received ${describe(datatype)}.`,
      );
    }
    checkParameters(`${path}.parameters`, input['parameters']);
    const shape = shapeAt(`${path}.shape`, input['shape'], limits);
    matchShape(`${path}.shape`, shape, wanted.shape, signature, extents);
    feeds.set(name, dataAt(`${path}.data`, input['data'], wanted.dtype, shape));
  });
  const missing = Object.keys(signature.inputs).filter((name) => !feeds.has(name));
  if (missing.length > 0)
    throw invalid('argument', 'inputs', `every input is required. Missing: ${missing.join(', ')}.`);

  return { id, feeds: Object.fromEntries(feeds), outputs: readOutputs(request['outputs'], signature) };
}

function readOutputs(value: unknown, signature: Signature): string[] {
  const names = Object.keys(signature.outputs);
  if (value === undefined || value === null) return names;
  const wanted = arrayAt('outputs', value).map((entry, i) => {
    const output = fieldsAt(`outputs[${i}]`, entry);
    const name = stringAt(`outputs[${i}].name`, output['name']);
    if (!names.includes(name)) {
      const path = `outputs[${i}].name`;
      throw invalid(
        'argument',
        path,
        `an output of the model (${names.join(', ')}) is required. Received ${describe(name)}.`,
      );
    }
    checkParameters(`outputs[${i}].parameters`, output['parameters']);
    return name;
  });
  return wanted.length > 0 ? [...new Set(wanted)] : names;
}

export interface InferenceResponse {
  readonly model_name: string;
  readonly model_version: string;
  readonly id?: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    /** Flat, in row-major order. */
    readonly data: readonly (number | boolean)[];
  }[];
}

/** One output as JSON carries it. JSON has no NaN and no infinity: the caller checks `data` for them. */
export function outputOf(name: string, { dtype, shape, data }: NDArray): InferenceResponse['outputs'][number] {
  const values = dtype === 'bool' ? Array.from(data, (byte) => byte !== 0) : Array.from(data);
  return { name, datatype: datatypes[dtype], shape, data: values };
}
