/**
 * safetensors: an 8-byte length, a JSON header, then the tensors' bytes (little-endian, row-major). The reader enforces
 * every rule of the format and trusts no number of the file before it has been checked. Spec:
 * https://github.com/huggingface/safetensors#format
 */
import { FormatError } from '../core/errors.js';
import { brief, isList, isObject, type Json, parseJson } from './json.js';
import type { Reading } from './source.js';

/** Bits of one element. */
const bits = {
  ...{ F64: 64, I64: 64, U64: 64, C64: 64 },
  ...{ F32: 32, I32: 32, U32: 32 },
  ...{ F16: 16, BF16: 16, I16: 16, U16: 16 },
  ...{ F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8, I8: 8, U8: 8, BOOL: 8 },
  ...{ F6_E2M3: 6, F6_E3M2: 6, F4: 4 },
} as const;

export type SafetensorsDType = keyof typeof bits;

/** Where a tensor lies: `length` bytes from `offset` of the file. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

/** What a header says; the tensors in the order of their bytes. */
export interface Safetensors {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

export interface TensorBytes {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Longer headers are refused; the largest models need some hundred kilobytes. */
const maxHeaderBytes = 1 << 20;

/** Bytes before the header: its length. */
const prefix = 8;

const where = 'safetensors';

function broken(name: string, rule: string): FormatError {
  return new FormatError(where, `tensor '${brief(name)}': ${rule}`);
}

const print = (value: unknown): string => brief(JSON.stringify(value) ?? 'nothing');

const isSize = (value: Json | undefined): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0 && !Object.is(value, -0);

const isDType = (value: Json | undefined): value is SafetensorsDType =>
  typeof value === 'string' && Object.hasOwn(bits, value);

/** Bytes of a tensor; throws where a product leaves the exact integers or bits do not fill a byte. */
function bytesOf(name: string, dtype: SafetensorsDType, shape: readonly number[]): number {
  let total: number = bits[dtype];
  for (const extent of shape) {
    total *= extent;
    if (!Number.isSafeInteger(total)) throw broken(name, `its size must stay below 2^53 bits.`);
  }
  if (total % 8 !== 0) throw broken(name, `its elements must fill whole bytes. Received ${total} bits.`);
  return total / 8;
}

function parseEntry(name: string, value: Json, dataOffset: number, dataLength: number): TensorEntry {
  if (!isObject(value) || value.size !== 3) throw broken(name, 'exactly dtype, shape and data_offsets are required.');
  const dtype = value.get('dtype');
  const shape = value.get('shape');
  const range = value.get('data_offsets');
  if (!isDType(dtype)) throw broken(name, `a known dtype is required. Received ${print(dtype)}.`);
  if (!isList(shape) || !shape.every(isSize)) throw broken(name, 'its shape must list integers in [0, 2^53).');
  if (!isList(range) || !range.every(isSize)) throw broken(name, 'data_offsets must list integers in [0, 2^53).');
  const [begin, end] = range;
  if (range.length !== 2 || begin === undefined || end === undefined || begin > end || end > dataLength) {
    throw broken(name, `data_offsets must be a range within ${dataLength} bytes of data. Received ${print(range)}.`);
  }
  const length = bytesOf(name, dtype, shape);
  if (end - begin !== length) {
    throw broken(name, `${dtype} ${print(shape)} takes ${length} bytes. Received ${end - begin}.`);
  }
  return { name, dtype, shape, offset: dataOffset + begin, length };
}

function parseMetadata(value: Json): ReadonlyMap<string, string> {
  if (!isObject(value)) throw new FormatError(where, '__metadata__ must be an object.');
  const metadata = new Map<string, string>();
  for (const [key, entry] of value) {
    if (typeof entry !== 'string') throw new FormatError(where, `__metadata__ '${brief(key)}' must be a string.`);
    metadata.set(key, entry);
  }
  return metadata;
}

/** Checks and reads a header, the bytes between the length and the data of a file of `fileSize` bytes. */
export function parseHeader(header: Uint8Array, fileSize: number): Safetensors {
  if (header[0] !== 0x7b) throw new FormatError(where, "a header that starts with '{' is required.");
  const root = parseJson(`${where} header`, header, 3);
  if (!isObject(root)) throw new FormatError(where, 'a header that is an object is required.');
  const dataOffset = prefix + header.length;
  const dataLength = fileSize - dataOffset;
  const entries: TensorEntry[] = [];
  for (const [name, value] of root) {
    if (name !== '__metadata__') entries.push(parseEntry(name, value, dataOffset, dataLength));
  }
  entries.sort((a, b) => a.offset - b.offset || a.length - b.length);
  let end = dataOffset;
  for (const { name, offset, length } of entries) {
    if (offset !== end) {
      const defect = offset < end ? 'overlap its predecessor' : 'leave a hole before it';
      throw broken(
        name,
        `its bytes must not ${defect}. Received offset ${offset - dataOffset}, not ${end - dataOffset}.`,
      );
    }
    end += length;
  }
  if (end !== fileSize) {
    throw new FormatError(where, `tensors that cover the file are required. Received ${fileSize - end} bytes more.`);
  }
  return {
    metadata: parseMetadata(root.get('__metadata__') ?? new Map<string, Json>()),
    tensors: new Map(entries.map((entry) => [entry.name, entry])),
  };
}

/** Reads and checks the header of a file of `size` bytes; no tensor is read. */
export function* readHeader(size: number): Reading<Safetensors> {
  if (size < prefix) throw new FormatError(where, `a file of at least ${prefix} bytes is required. Received ${size}.`);
  const head = yield { offset: 0, length: prefix };
  const length = new DataView(head.buffer, head.byteOffset, prefix).getBigUint64(0, true);
  if (length > maxHeaderBytes) {
    throw new FormatError(where, `a header of at most ${maxHeaderBytes} bytes is required. Received ${length}.`);
  }
  if (prefix + Number(length) > size) {
    throw new FormatError(where, `a header within the file of ${size} bytes is required. Received ${length} bytes.`);
  }
  return parseHeader(yield { offset: prefix, length: Number(length) }, size);
}

/** The order of tensors in a file: by falling element size, then by name. Every tensor is so aligned to its elements. */
export function inFileOrder<T extends TensorBytes>(tensors: readonly T[]): T[] {
  return [...tensors].sort((a, b) => bits[b.dtype] - bits[a.dtype] || (a.name < b.name ? -1 : 1));
}

/** A file of `tensors`, whose data starts at a multiple of 64 bytes. The same tensors make the same bytes, in any order. */
export function writeSafetensors(tensors: readonly TensorBytes[], metadata: ReadonlyMap<string, string>): Uint8Array {
  const ordered = inFileOrder(tensors);
  let end = 0;
  const entries = ordered.map(({ name, dtype, shape, bytes }): [string, object] => {
    const begin = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  const all: readonly (readonly [string, object])[] = [['__metadata__', Object.fromEntries(metadata)], ...entries];
  // Written entry by entry: an object would reorder names that look like integers.
  const text = `{${all.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const json = new TextEncoder().encode(text);
  const dataOffset = Math.ceil((prefix + json.length) / 64) * 64;
  const header = new Uint8Array(dataOffset - prefix).fill(0x20);
  header.set(json);
  if (header.length > maxHeaderBytes) {
    throw new FormatError(where, `a header of at most ${maxHeaderBytes} bytes is required. Received ${header.length}.`);
  }
  // What is written is held against the reader's rules: names, sizes, cover.
  parseHeader(header, dataOffset + end);
  const file = new Uint8Array(dataOffset + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, prefix);
  let at = dataOffset;
  for (const { bytes } of ordered) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}
